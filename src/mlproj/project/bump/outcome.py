"""What a bump did, as a noun."""

from __future__ import annotations

from typing import Literal

from mlproj.state.noun import Noun


class Bumped(Noun):
    """A definition that was copied to its next version, and put back as it was released."""

    node: str
    to: str
    path: str
    sql_path: str | None = None


class FileChange(Noun):
    path: str
    change: Literal["added", "changed"]


class Bump(Noun):
    """`pinned` and `repointed` are nodes of which references alone were written; `diff` is given for a dry run."""

    artifact: Literal["bump"] = "bump"
    version: Literal[1] = 1
    project: str
    target: str
    bumped: tuple[Bumped, ...]
    pinned: tuple[str, ...] = ()
    repointed: tuple[str, ...] = ()
    files: tuple[FileChange, ...] = ()
    dry_run: bool = False
    diff: str = ""
    next: str = "mlproj plan"
