"""A view while it is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mlproj.compiler.point_in_time import Way
from mlproj.compiler.windows import stored_relation
from mlproj.loader import Loaded
from mlproj.specs import FeatureView, Join
from mlproj.state import GroupNode, OnDemand

Role = Literal["key", "event_time", "feature", "label", "passenger"]


class Named(NamedTuple):
    """What a name stands for: SQL, type, and the column that it comes from, as `income@1.age`."""

    sql: str
    type: str
    origin: str


@dataclass
class Joined:
    """A join that holds: `sides` say what the names stand for that its `on` has on the left.

    `carries` are columns that no feature needs, but the key of a later join.
    """

    join: Join
    group: GroupNode
    number: int
    way: Way
    on: dict[str, str]
    sides: dict[str, Named] = field(default_factory=dict)
    carries: list[str] = field(default_factory=list)

    @property
    def alias(self) -> str:
        return f"j{self.number}"


@dataclass
class Draft:
    """What each output name stands for, what it is for, and the joins around it; `groups` are all of the project."""

    view: Loaded[FeatureView]
    node: str
    base: GroupNode
    groups: Mapping[str, GroupNode]
    joined: list[Joined] = field(default_factory=list)
    names: dict[str, Named] = field(default_factory=dict)
    wanted: dict[str, Role] = field(default_factory=dict)
    on_demand: dict[str, OnDemand] = field(default_factory=dict)
    leakage: dict[str, str] = field(default_factory=dict)  # features that may be computed from the label → why

    def tables(self) -> list[str]:
        """What its SQL reads, as the type checker knows it."""
        events = [stored_relation(joined.group) for joined in self.joined if joined.way == "window"]
        return [*self.parents(), *dict.fromkeys(events)]

    def parents(self) -> list[str]:
        return list(dict.fromkeys([self.base.id, *(joined.group.id for joined in self.joined)]))
