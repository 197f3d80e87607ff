"""What `retry` plans: the last build that failed or was killed, as far as it was left undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mlproj.planner import Asked, Plan
from mlproj.planner.retry import part_of, unfinished
from mlproj.project.planning import make
from mlproj.state import TargetState

if TYPE_CHECKING:
    from mlproj.project.project import Project

# How far it looks back.
_BUILDS = 100


def retry_plan(
    project: Project, accept_breaking: Mapping[str, str], today: str
) -> Callable[[], tuple[Plan, TargetState, dict[str, str]]] | None:
    """Makes the plan, once the lease is held; None where there is nothing to retry."""
    retried = unfinished(project.session.reader.builds(project.target_name, limit=_BUILDS))
    if retried is None:
        return None
    part = part_of(*retried)
    asked = Asked(as_of_date=today, accept_breaking=dict(accept_breaking), backfill=part)
    return lambda: make(project, asked, retried)
