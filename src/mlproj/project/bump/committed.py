"""Released definitions as the last commit of git writes them: a comment that was added since is no other definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlproj.diagnostics import ProjectError
from mlproj.project.against import manifest_at
from mlproj.state import Node, Published, TargetState

if TYPE_CHECKING:
    from mlproj.project.project import Project


def as_committed(project: Project, state: TargetState) -> TargetState:
    """The state with the texts of HEAD, of each definition that is there what was published.

    The state as it is where the folder is in no repository, or HEAD has no project that compiles.
    """
    try:
        manifest = manifest_at(project, "HEAD")
    except ProjectError:
        return state
    published = {n: _written_as(row, manifest.nodes.get(n)) for n, row in state.published.items()}
    return state.model_copy(update={"published": published})


def _written_as(row: Published, committed: Node | None) -> Published:
    if committed is None or _own(committed) != _own(row.node):
        return row
    node = row.node.model_copy(update={"source_text": committed.source_text})
    return row.model_copy(update={"node": node})


def _own(node: Node) -> tuple[str, str]:
    """What a definition is by itself, whatever stands above it."""
    return node.fingerprints.local, node.fingerprints.metadata
