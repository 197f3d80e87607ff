"""A project in which a change of one node leaves others behind that no longer compile.

That is what a breaking change looks like while it is being made: the feature is gone from the group, and the view still
names it. The plan then says what the change breaks, rather than that the view has an error.
"""

from __future__ import annotations

from mlproj.compiler import DoesNotCompile, Manifest
from mlproj.compiler.graph import topological
from mlproj.planner import Change
from mlproj.state import Node, SourceNode, TargetState

_KINDS = ("source", "feature_group", "feature_view", "model")


def with_published(error: DoesNotCompile, state: TargetState) -> Manifest | None:
    """The manifest with the published definitions of the nodes that failed; None where one was never published."""
    if not error.failed or not error.failed <= state.published.keys():
        return None
    nodes: dict[str, Node] = {**error.partial.nodes, **{n: state.published[n].node for n in error.failed}}
    if any(parent not in nodes for node in nodes.values() for parent in node.depends_on):
        return None
    order, _cycles = topological({n: node.depends_on for n, node in nodes.items() if not isinstance(node, SourceNode)})
    by_kind = [n for kind in _KINDS[1:] for n in order if nodes[n].kind == kind]
    sources = sorted(n for n, node in nodes.items() if isinstance(node, SourceNode))
    return error.partial.model_copy(update={"nodes": dict(sorted(nodes.items())), "order": (*sources, *by_kind)})


def explained_by(changes: tuple[Change, ...], error: DoesNotCompile) -> bool:
    """Whether everything that failed stands downstream of a breaking change that nobody accepted."""
    touched = {affected.node for change in changes if change.needs_bump for affected in change.affected}
    return error.failed <= touched
