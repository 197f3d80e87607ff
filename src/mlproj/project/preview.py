"""The first rows of what a node gives, as values that are safe in text and JSON."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from mlproj.loader.environment import fill_environment
from mlproj.state import SourceNode

if TYPE_CHECKING:
    from mlproj.project.project import Project


def source_preview(project: Project, node: SourceNode, limit: int) -> dict[str, Any] | None:
    """The first rows of a source's files; None where there are none."""
    path = fill_environment(node.path, os.environ, project.manifest.env_defaults)
    if not limit or project.session.sources.version(path) == "missing":
        return None
    relation = project.session.sources.relation(node.model_copy(update={"path": path}))
    return preview(project, f"select * from {relation}", limit)


def preview(project: Project, query: str, limit: int) -> dict[str, Any] | None:
    """The first rows, as text-safe values."""
    if not limit:
        return None
    engine = project.session.engine
    columns = [c.name for c in engine.describe(query)]
    rows = engine.rows(f"select * from ({query}) as t limit {limit}")
    return {"columns": columns, "rows": [[plain(v) for v in row] for row in rows]}


def count_rows(project: Project, query: str) -> int:
    """Rows of a query."""
    return int(project.session.engine.rows(f"select count(*) from ({query}) as t")[0][0])


def plain(value: Any) -> Any:
    """A value as JSON has it; what JSON has no word for, as text."""
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
