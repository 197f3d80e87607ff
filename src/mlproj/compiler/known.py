"""Groups of the last compilation, taken over where all that decides them stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.render import Rendered
from mlproj.loader import Loaded
from mlproj.specs import FeatureGroup
from mlproj.state import GroupNode, Node


@dataclass(frozen=True)
class KnownGroups:
    """`nodes` of last time by id, with the `keys` of what they were made from; `found` are the keys of this time."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)

    def take(self, node_id: str, key: str | None) -> GroupNode | None:
        """The group of last time, if nothing was to be said of it then and all stands."""
        node = self.nodes.get(node_id) if key is not None and self.keys.get(node_id) == key else None
        if key is None or not isinstance(node, GroupNode):
            return None
        self.found[node_id] = key
        # Whether its key must be unique is found out anew, from the views that rely on it.
        return node.model_copy(update={"unique_key": node.online})


def group_key(
    group: Loaded[FeatureGroup],
    rendered: Rendered,
    texts: tuple[str, str],
    checker: TypeChecker,
    deep_columns: Mapping[str, str],
    current_version: int | None,
) -> str | None:
    """What decides a group's node: its texts and their places, what it reads and what that means.

    None where its YAML speaks of another part of the file, whose place nobody keeps.
    """
    if "*" in group.text or "<<" in group.text:
        return None
    reads = checker.relations(rendered.parents)
    deep = [[deep_columns[f"{r}.*"], *(deep_columns[f"{r}.{c.name}"] for c in cs)] for r, cs in reads.items()]
    bound = checker.key(rendered.private_sql, rendered.parents)
    return fingerprint(
        "group", group.path, group.start, group.text, group.spec.model_dump(mode="json"), texts, rendered.sql, bound,
        deep, current_version,
    )  # fmt: skip
