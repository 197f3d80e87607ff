"""Aliases of model versions: `income_model@champion`, every move of which is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from mlproj.diagnostics import fail
from mlproj.planner.rollback import BACK, Move, Rollback, alias_goal, nowhere
from mlproj.project.model_names import resolve_model
from mlproj.project.session import author, utc_now
from mlproj.state import Event, ModelVersion
from mlproj.state.noun import Noun

if TYPE_CHECKING:
    from mlproj.project.project import Project

_LABEL = re.compile(r"[a-z][a-z0-9_-]*")


class Promotion(Noun):
    """What an alias meant and means; `moved` is false where it meant that before."""

    artifact: Literal["promotion"] = "promotion"
    version: Literal[1] = 1
    alias: str
    before: str | None
    after: str
    because: str
    forced: bool = False
    moved: bool = True


def promote(project: Project, reference: str, label: str, *, because: str, force: bool) -> Promotion:
    """Let `name@label` mean a version. Raises E507, E535 for one whose tests failed, E536."""
    if not _LABEL.fullmatch(label):
        raise fail("E536", f"'{label}' cannot be an alias", hint="lower-case letters, digits, - and _: champion")
    version = resolve_model(project, reference, champion="@" in reference)
    _refuse_failed(version, because if force else "")
    alias = f"{version.name}@{label}"
    before = project.state().aliases.get(alias)
    done = Promotion(
        alias=alias, before=before, after=version.id, because=because, forced=force, moved=before != version.id
    )
    if done.moved:
        _move(project, alias, version.id, because, "force" if force else "promote")
    return done


def roll_back_alias(project: Project, alias: str, to: str | None, *, because: str | None, dry_run: bool) -> Rollback:
    """Put an alias back where it was before, or on a version that is named. Waits for no build. Raises E534, E535."""
    state = project.state()
    now = state.aliases.get(alias)
    goal = (
        alias_goal(alias, now, project.session.reader.events(state.target))
        if to is None
        else _version(project, alias, to)
    )
    if goal == now:
        raise (
            nowhere(alias, goal)
            if to is None
            else fail("E534", f"{alias} is {goal} already", hint="`mlproj models` lists versions and aliases")
        )
    message = f"{alias} back to {goal}" + (f": {because}" if because else "")
    if not dry_run:
        _move(project, alias, goal, because or "", BACK)
    move = Move(node=alias, what="alias", before=now, after=goal)
    return Rollback(target=state.target, scope="alias", to=goal, message=message, dry_run=dry_run, moves=(move,))


def _version(project: Project, alias: str, to: str) -> str:
    name = alias.partition("@")[0]
    version = resolve_model(project, to if "@" in to else f"{name}@{to}")
    if version.name != name:
        raise fail("E507", f"{version.id} is no version of {name}", hint=f"registered: mlproj models {name}")
    _refuse_failed(version, "")
    return version.id


def _refuse_failed(version: ModelVersion, because: str) -> None:
    if version.status == "failed" and not because:
        hint = "its evidence: `mlproj show`; to use it all the same: mlproj promote … --force --because TEXT"
        raise fail("E535", f"the tests of {version.id} failed", hint=hint, exit_code=1)


def _move(project: Project, alias: str, to: str, because: str, how: str) -> None:
    event = Event(
        at=utc_now(),
        target=project.target_name,
        who=author(),
        what="alias_moved",
        subject=alias,
        detail={"to": to, "because": because, "how": how},
    )
    project.session.store.move_alias(alias, event)
