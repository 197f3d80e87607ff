"""The first rows of what a node gives, as values that are safe in text and JSON."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from mlproj.compiler.connections import filled
from mlproj.diagnostics import ProjectError, fail
from mlproj.planner.masking import hidden_columns, masked_rows, said
from mlproj.ports import EngineError
from mlproj.state import SourceNode

if TYPE_CHECKING:
    from mlproj.project.project import Project


def source_preview(project: Project, node: SourceNode, limit: int) -> dict[str, Any] | None:
    """The first rows of a source's files; None where there are none."""
    with reading(project, node):
        query = source_query(project, node) if limit else None
        return None if query is None else _preview(project, query, limit, frozenset(node.pii))


@contextmanager
def reading(project: Project, node: SourceNode) -> Iterator[None]:
    """Around reading a source: what the engine says of it is E603."""
    try:
        yield
    except EngineError as error:
        found = filled(node, os.environ, project.manifest.env_defaults)
        message, hint = project.session.sources.explain_read_error(found, error)
        message = message or f"source '{node.name}': {said(error, node.pii)}"
        raise fail("E603", message, span=node.span, hint=hint, exit_code=1) from None


def source_query(project: Project, node: SourceNode) -> str | None:
    """All rows of a source; None where there are no files."""
    found = filled(node, os.environ, project.manifest.env_defaults)
    if found.location is None and project.session.sources.version(found) == "missing":
        return None
    relation = project.session.sources.relation(found)
    return f"select * from {relation}"


def preview(project: Project, query: str, limit: int, hidden: frozenset[str]) -> dict[str, Any] | None:
    """The first rows, as text-safe values; those of `hidden` columns masked."""
    if not limit:
        return None
    with unquoted(hidden):
        return _preview(project, query, limit, hidden)


def _preview(project: Project, query: str, limit: int, hidden: frozenset[str]) -> dict[str, Any]:
    engine = project.session.engine
    columns = [c.name for c in engine.describe(query)]
    rows = engine.rows(f"select * from ({query}) as t limit {limit}")
    shown = masked_rows(columns, rows, hidden)
    return {"columns": columns, "rows": [[plain(v) for v in row] for row in shown]}


@contextmanager
def unquoted(hidden: frozenset[str]) -> Iterator[None]:
    """Around reading rows: what the engine says of them quotes no value where columns are hidden."""
    try:
        yield
    except EngineError as error:
        # Without its cause, whose words are the ones that are not to be seen.
        raise EngineError(said(error, hidden), error.kind) from None


def hidden_of(project: Project, node_id: str) -> frozenset[str]:
    """The columns of a node whose values are not shown: marked now, or when it was published."""
    row, now = project.state().published.get(node_id), None
    # What is marked in files that do not compile is not known; all else can still be looked at.
    with suppress(ProjectError):
        now = project.manifest.nodes.get(node_id)
    return hidden_columns(row.node if row else None, now)


def hidden_anywhere(project: Project) -> frozenset[str]:
    """What any published node hides, by name: for rows of the user's own, which belong to no node."""
    return hidden_columns(*(row.node for row in project.state().published.values()))


def count_rows(project: Project, query: str) -> int:
    """Rows of a query."""
    return int(project.session.engine.rows(f"select count(*) from ({query}) as t")[0][0])


def plain(value: Any) -> Any:
    """A value as JSON has it; what JSON has no word for, as text."""
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
