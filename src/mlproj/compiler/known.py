"""Groups of the last compilation, taken over where all that decides them stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import deepened
from mlproj.compiler.relationships import has_relationships
from mlproj.compiler.render import Rendered
from mlproj.loader import Loaded
from mlproj.specs import FeatureGroup
from mlproj.state import GroupNode, Node


Keys = tuple[str, str]  # of the group itself, and of what it reads, down to source columns


@dataclass(frozen=True)
class KnownGroups:
    """`nodes` of last time by id, with the `keys` of what they were made from; `found` are the keys of this time."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    found: dict[str, Keys] = field(default_factory=dict)

    def take(self, node_id: str, keys: Keys | None, deep_columns: Mapping[str, str]) -> GroupNode | None:
        """The group of last time, if nothing was to be said of it then and its own definition stands."""
        node, before = self.nodes.get(node_id), self.keys.get(node_id)
        if keys is None or before is None or before[0] != keys[0] or not isinstance(node, GroupNode):
            return None
        self.found[node_id] = keys
        # Whether its key must be unique is found out anew, from the views that rely on it.
        node = node.model_copy(update={"unique_key": node.counts_on_key})
        return node if before[1] == keys[1] else deepened(node, deep_columns)


def group_keys(
    group: Loaded[FeatureGroup],
    rendered: Rendered,
    texts: tuple[str, str],
    checker: TypeChecker,
    deep_columns: Mapping[str, str],
    current_version: int | None,
) -> Keys | None:
    """What decides a group's node: its texts and their places; what it reads, and what that means.

    None where its YAML speaks of another part of the file, whose place nobody keeps, or a test of another group.
    """
    if "*" in group.text or "<<" in group.text or has_relationships(group.spec):
        return None
    reads = checker.relations(rendered.parents)
    deep = [[deep_columns[f"{r}.*"], *(deep_columns[f"{r}.{c.name}"] for c in cs)] for r, cs in reads.items()]
    own = fingerprint(
        "group", group.path, group.start, group.text, group.spec.model_dump_json(), texts, rendered.sql,
        rendered.increment and rendered.increment.sql,
        checker.key(rendered.private_sql, rendered.parents), current_version,
    )  # fmt: skip
    return own, fingerprint(deep)
