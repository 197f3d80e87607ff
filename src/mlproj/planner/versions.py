"""Whether version numbers are as they should be: without gaps, and only where something breaks."""

from __future__ import annotations

from collections.abc import Iterator

from mlproj.compiler.manifest import Manifest
from mlproj.diagnostics import Diagnostic
from mlproj.planner.group_rules import compare_groups
from mlproj.planner.model_rules import compare_models
from mlproj.planner.plan import Reason
from mlproj.planner.view_rules import compare_views
from mlproj.state import GroupNode, ModelNode, Node, Published, SourceNode, TargetState, ViewNode

# What is worth a version of its own. A model is trained anew for less than a break, and keeps the old one beside it.
_WORTH = {"feature_group": {"breaking"}, "feature_view": {"breaking"}, "model": {"breaking", "stale"}}


def check_versions(manifest: Manifest, state: TargetState) -> Iterator[Diagnostic]:
    """E512 for a new version that leaves a number out, W502 for one that breaks nobody who reads the one before."""
    known = {*manifest.nodes, *state.published}
    for node in manifest.nodes.values():
        if isinstance(node, SourceNode) or node.id in state.published:
            continue
        gap = _gap(node, known)
        if gap is not None:
            before = node.version - 1
            yield Diagnostic(
                "E512",
                f"{node.relation} comes after {node.name}@{gap}: {node.name}@{before} was never there",
                node.span,
                f"write `version: {gap + 1}`, or `derived_from: {before}` where that was there and is retired",
                node=node.id,
            )
        elif node.derived_from is not None and not _breaks(node, manifest, state):
            origin = f"{node.name}@{node.derived_from}"
            yield Diagnostic(
                "W502",
                f"{node.relation} breaks nobody who reads {origin}: it needs no version of its own",
                node.span,
                f"make the change in {origin} itself; the plan then says what it is",
                "warning",
                node.id,
            )


def _gap(node: GroupNode | ViewNode | ModelNode, known: set[str]) -> int | None:
    """The version below a gap that this one leaves, None where there is no gap."""
    stem = node.id.rpartition("@")[0]
    if node.version == 1 or f"{stem}@{node.version - 1}" in known or node.derived_from == node.version - 1:
        return None
    lower = [int(n.rpartition("@")[2]) for n in known if n.rpartition("@")[0] == stem]
    return max((v for v in lower if v < node.version), default=None)


def _breaks(node: GroupNode | ViewNode | ModelNode, manifest: Manifest, state: TargetState) -> bool:
    """Whether it would be breaking as a change of the version it was copied from; taken for so where that is gone."""
    origin = f"{node.id.rpartition('@')[0]}@{node.derived_from}"
    published = state.published.get(origin)
    if published is None and origin in manifest.nodes:
        published = Published(node=manifest.nodes[origin], build_id="", published_at="")
    return published is None or any(r.change in _WORTH[node.kind] for r in _compared(published, node))


def _compared(published: Published, node: Node) -> list[Reason]:
    old = published.node
    if isinstance(old, GroupNode) and isinstance(node, GroupNode):
        return compare_groups(node, published)
    if isinstance(old, ViewNode) and isinstance(node, ViewNode):
        return compare_views(old, node)
    if isinstance(old, ModelNode) and isinstance(node, ModelNode):
        return compare_models(old, node)
    return []
