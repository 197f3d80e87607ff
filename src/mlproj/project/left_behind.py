"""A project in which a change of one node leaves others behind that no longer compile.

That is what a breaking change looks like while it is being made: the feature is gone from the group, and the view still
names it. The plan then says what the change breaks, rather than that the view has an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlproj.compiler import DoesNotCompile, Manifest
from mlproj.compiler.graph import topological
from mlproj.diagnostics import Diagnostic, ProjectError
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


def dangling(error: DoesNotCompile, state: TargetState) -> ProjectError:
    """The same errors; where one refers to what was published and is deleted, it says so (versions.md rule 16)."""
    gone = {n.partition(":")[2]: n for n in state.published.keys() - error.partial.nodes.keys() - error.failed}
    return ProjectError([_dangling(d, gone) for d in error.diagnostics], error.exit_code)


def _dangling(diagnostic: Diagnostic, gone: Mapping[str, str]) -> Diagnostic:
    if diagnostic.code != "E301":  # "unknown feature group 'income@1'"
        return diagnostic
    kind, _, rest = diagnostic.message.partition("unknown ")[2].partition(" '")
    name, kept = rest.partition("'")[0], f"{kind.replace(' ', '_')}:"
    named = [r for r in sorted(gone) if gone[r].startswith(kept) and name in (r, r.partition("@")[0])]
    if not named:
        return diagnostic
    relation = named[-1]
    message = f"{diagnostic.message}: {relation} was published and is deleted, while this refers to it (dangling)"
    hint = f"put {relation} back; it may be deleted when nothing refers to it, and after its `deprecated_after:`"
    return replace(diagnostic, message=message, hint=hint)
