"""`plan --out FILE`, review, `build FILE`: exactly what was reviewed, or a refusal.

A saved plan is not executed. What was asked is planned again, and done where that gives the very same plan: so nothing
that anybody wrote into the file is done, and nothing that has moved on since is overlooked.
"""

from __future__ import annotations

from pathlib import Path

from mlproj.diagnostics import fail
from mlproj.planner import Plan

_MAKE = "make one: mlproj plan --out FILE"
_HINT = "plan again: mlproj plan --out FILE"
_MOVED = {
    "manifest": "the project's files",
    "sources": "the sources' data",
    "state": "what the target holds",
    "settings": "the target's on_breaking",
    "others": "what failed builds and other targets have made",
}


def read_saved(path: Path) -> Plan:
    """A plan from a file. Raises E502 where it is none, or one of a comparison."""
    try:
        plan = Plan.model_validate_json(path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        hint = f"{_MAKE}; a node is named with --select {path.name}"
        raise fail("E502", f"cannot read the plan {path.name}: {reason}", hint=hint) from error
    except ValueError as error:
        message = f"{path.name} is no whole plan of this version of mlproj"
        raise fail("E502", message, hint=_MAKE) from error
    if plan.against is not None:
        raise fail("E502", f"{path.name} compares with {plan.against}; it cannot be built", hint=_HINT)
    return plan


def refuse_foreign(saved: Plan, project: str, target: str, mlproj: str) -> None:
    """Raises E502 for a plan of another project, target or mlproj: that can be said before planning again."""
    if saved.project != project:
        raise fail("E502", f"this plan is for project '{saved.project}', not '{project}'", hint=_HINT)
    if saved.target != target:
        raise fail("E502", f"this plan is for target '{saved.target}', not '{target}'", hint=f"--target {saved.target}")
    by = saved.basis.get("mlproj")
    if by != mlproj:
        raise fail("E502", f"this plan was made by mlproj {by or '?'}, this is {mlproj}", hint=_HINT)


def refuse_other(saved: Plan, plan: Plan) -> None:
    """Raises E502 where planning again does not give the saved plan."""
    moved = [said for name, said in _MOVED.items() if saved.basis.get(name) != plan.basis.get(name)]
    # Whose work can be taken over follows from all else.
    moved = moved[:-1] if len(moved) > 1 and moved[-1] == _MOVED["others"] else moved
    if moved == [_MOVED["others"]] and _done(saved) != _done(plan):
        moved = []  # another selection takes over other work
    if moved:
        raise fail("E502", f"{' and '.join(moved)} changed since this plan was made", hint=_HINT)
    if saved != plan:
        raise fail("E502", "this plan was edited: planning again gives another one", hint=_HINT)


def _done(plan: Plan) -> list[tuple[str, str]]:
    return [(step.node, step.action) for step in plan.steps]
