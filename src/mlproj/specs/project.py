"""mlproj.yml: the project's name, its targets and variables."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from mlproj.specs.connection import Connection
from mlproj.specs.retention import Retention
from mlproj.specs.base import Name, Spec, Version


class Target(Spec):
    """Where one environment keeps its lake, state and artifacts; paths are relative to the project's folder.

    The engine holds at most `memory` (`4GB`, `700MB`) at a time, and what does not fit waits in `target/scratch`;
    without it the engine takes up to four fifths of the machine's.
    """

    engine: Literal["duckdb"] = "duckdb"
    catalog: str = Field(default="sqlite:.mlproj/catalog.sqlite", pattern=r"^sqlite:.+")
    data: str = ".mlproj/lake"
    state: str = Field(default="sqlite:///.mlproj/state.sqlite", pattern=r"^sqlite:///.+")
    artifacts: str = ".mlproj/artifacts"
    on_breaking: Literal["error", "warn"] = "error"
    memory: str | None = Field(default=None, pattern=r"^[1-9]\d*(\.\d+)? ?([KMGT]i?B)$")


class ProjectSpec(Spec):
    """The smallest mlproj.yml is `name: census`; without `targets` there is one, `dev`, all defaults.

    `connections` are databases, by the name that sources call them.
    `current_version` pins the version that `<target>.<name>` shows, of the groups named; of others it is the highest.
    """

    name: Name
    description: str = ""
    mlproj_version: str | None = None
    default_target: Name = "dev"
    vars: dict[Name, JsonValue] = {}
    targets: dict[Name, Target] = {"dev": Target()}
    connections: dict[Name, Connection] = {}
    current_version: dict[Name, Version] = {}
    retention: Retention = Retention(days=30)
