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
from mlproj.loader.strings import has_jinja
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
        return node if before[1] == keys[1] else deepened(node, deep_columns)


def group_keys(
    group: Loaded[FeatureGroup],
    rendered: Rendered,
    texts: tuple[str, str],
    checker: TypeChecker,
    nodes: Mapping[str, Node],
    current_version: int | None,
) -> Keys | None:
    """What decides a group's node: its texts and their places; what it reads (of `nodes`), and what that means.

    None where its YAML speaks of another part of the file, whose place nobody keeps, or a test of another group.
    """
    if "*" in group.text or "<<" in group.text or has_relationships(group.spec):
        return None
    # Without Jinja the text alone says what the spec is.
    spec = group.spec.model_dump_json() if has_jinja(group.text) else None
    personal = [nodes[parent].pii for parent in rendered.parents]
    own = fingerprint(
        "group", group.path, group.start, group.text, spec, texts, rendered.sql,
        rendered.increment and rendered.increment.sql,
        checker.key(rendered.private_sql, rendered.parents), current_version, personal,
    )  # fmt: skip
    return own, fingerprint([nodes[parent].fingerprints.deep for parent in rendered.parents])
