"""Whom a change touches.

Dependants that use a changed feature, with the path to them, and those that do not, with why.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlproj.compiler.manifest import Manifest
from mlproj.planner.plan import Affected, Reason, Unaffected
from mlproj.state import GroupNode, Node, ViewNode

# Rules that speak of the whole node touch every feature of it.
_WHOLE = {
    "key_changed",
    "removed",
    "base_changed",
    "filter_changed",
    "join_changed",
    "label_changed",
    "features_reordered",
    "join_version_changed",
}


def impact(
    node_id: str, reasons: Iterable[Reason], nodes: dict[str, Node], manifest: Manifest
) -> tuple[tuple[Affected, ...], tuple[Unaffected, ...]]:
    """Dependants of a node that is breaking, nearest first.

    `nodes` may hold published definitions beside the manifest's.
    """
    breaking = [r for r in reasons if r.change == "breaking"]
    whole = any(r.rule in _WHOLE or r.feature is None for r in breaking)
    features = None if whole else sorted({r.feature for r in breaking if r.feature})
    reached: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {node_id: (tuple(features or ()), (_label(node_id),))}
    all_features: set[str] = {node_id} if whole else set()
    spared: dict[str, str] = {}
    for child_id in manifest.order:
        child = nodes[child_id]
        for parent in child.depends_on:
            if parent not in reached or child_id == node_id or child_id in reached:
                continue
            used = _used(child, parent, reached[parent][0], parent in all_features)
            if used is None:
                spared[child_id] = f"reads none of {', '.join(reached[parent][0])}"
                continue
            reached[child_id] = (used, (*reached[parent][1], _label(child_id)))
            spared.pop(child_id, None)
            # SQL is taken to use all of a group for each of its own features, whatever these are called.
            if isinstance(child, GroupNode):
                all_features.add(child_id)
    del reached[node_id]
    _spare_below(manifest, reached, spared)
    return (
        tuple(Affected(node=n, features=f, path=p) for n, (f, p) in reached.items()),
        tuple(Unaffected(node=n, why=why) for n, why in spared.items() if n not in reached),
    )


def _used(child: Node, parent: str, features: tuple[str, ...], whole: bool) -> tuple[str, ...] | None:
    """The changed features that a dependant uses, None for none.

    SQL is taken to use all of a group; a view says what it reads.
    """
    if not isinstance(child, ViewNode):
        return features
    relation = parent.partition(":")[2]
    read = {source.rpartition(".")[2] for source in child.reads if source.rpartition(".")[0] == relation}
    used = tuple(sorted(read)) if whole else tuple(f for f in features if f in read)
    return used or None


def _spare_below(
    manifest: Manifest, reached: dict[str, tuple[tuple[str, ...], tuple[str, ...]]], spared: dict[str, str]
) -> None:
    """What stands only below spared nodes is spared too, and says through whom."""
    for child_id in manifest.order:
        below = [p for p in manifest.nodes[child_id].depends_on if p in spared]
        if below and child_id not in reached and child_id not in spared:
            spared[child_id] = f"reads {_label(below[0])}, which {spared[below[0]]}"


def _label(node_id: str) -> str:
    kind, _, relation = node_id.partition(":")
    return f"{relation} (view)" if kind == "feature_view" else relation
