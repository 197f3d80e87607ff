"""Rollbacks of a project's target: what is meant, under the lease, and what came of it.

The project's files are not read: what is published can be taken back whatever state they are in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlproj.diagnostics import fail
from mlproj.executor.rollback import group_rollback, roll_back_group
from mlproj.planner.rollback import Rollback, group_goal
from mlproj.project.aliases import roll_back_alias
from mlproj.project.build_rollback import back_to_build, gone
from mlproj.project.inputs import write_text
from mlproj.project.node_names import matching, near
from mlproj.project.session import new_build_id
from mlproj.state import Published, TargetState

if TYPE_CHECKING:
    from mlproj.project.project import Project


def roll_back(
    project: Project,
    node: str | None,
    to: str | None,
    build: str | None,
    *,
    because: str | None,
    dry_run: bool,
    wait: float,
) -> Rollback:
    """A group's data to a commit, an alias to where it was before, or all that a build left.

    Raises E508, E509 where not exactly one of node and build is given, E530 to E537.
    """
    if (node is None) == (build is None) or (build and to):
        raise fail("E509", "name what is rolled back: a node, or --build B", hint="mlproj rollback --help")
    state = project.state()
    alias = _alias(state, node) if node else None
    if alias:
        found = roll_back_alias(project, alias, to, because=because, dry_run=dry_run)
    else:
        if node:
            _named(state, node)
            if to is None:
                hint = f"--to C; its commits: mlproj history {node}"
                raise fail("E530", f"where is {node} to go back to?", hint=hint)

        def work() -> Rollback:
            if node is not None and to is not None:
                return _group(project, node, to, because=because, dry_run=dry_run)
            return back_to_build(project, build or "", because=because, dry_run=dry_run)

        found = _in_turn(project, work, wait, dry_run=dry_run)
    write_text(project.root / "target" / "rollback.json", found.model_dump_json())
    return found


def _in_turn(project: Project, work: Callable[[], Rollback], wait: float, *, dry_run: bool) -> Rollback:
    """Nobody else writes meanwhile; looking needs no turn."""
    if dry_run:
        return work()
    project.session.lease.acquire(wait)
    try:
        return work()
    finally:
        project.session.lease.release()


def _group(project: Project, node: str, to: str, *, because: str | None, dry_run: bool) -> Rollback:
    session, state = project.session, project.state()
    row = _named(state, node)
    log = session.store.publications(state.target)
    old = group_goal(row, to, log, session.reader.history(row.node.id, state.target))
    if not session.tables.holds(old.table or "", old.commit or 0):
        raise gone([f"commit {old.commit} of {row.node.id.partition(':')[2]}"])
    message = f"rolled back to commit {old.commit}" + (f": {because}" if because else "")
    if dry_run:
        return group_rollback(
            row, old, state.target, message, session.tables.difference(row.table or "", old.commit or 0)
        )
    return roll_back_group(row, old, state, session.adapters(), new_build_id(), message)


def _named(state: TargetState, text: str) -> Published:
    """The published group that a text means: the highest version where it names none. Raises E508."""
    others = matching(state.published, text)
    groups = [n for n in others if n.startswith("feature_group:")]
    if groups:
        return state.published[max(groups, key=lambda n: int(n.rpartition("@")[2]))]
    if others:
        kind, _, name = others[-1].partition(":")
        hint = f"{name} may be rolled back with all that was published: rollback --build B"
        raise fail("E508", f"a {kind.replace('_', ' ')} has no data of its own to roll back", hint=hint)
    hint = near(state.published, text) or "`mlproj ls` lists the nodes"
    raise fail("E508", f"'{text}' is not published in target '{state.target}'", hint=hint)


def _alias(state: TargetState, text: str) -> str | None:
    """`name@alias` where the text names a model, with an alias or without; None where it names something else."""
    name, _, rest = text.removeprefix("model:").partition("@")
    models = {n.partition(":")[2].partition("@")[0] for n in state.published if n.startswith("model:")}
    if name not in models or any(n.startswith("feature_group:") for n in matching(state.published, text)):
        return None
    if rest[:1].isdecimal():
        hint = f"name the alias, as {name}@champion; --to says which version it goes back to"
        raise fail("E508", f"{text} is a version: only an alias of a model is rolled back", hint=hint)
    return f"{name}@{rest or 'champion'}"
