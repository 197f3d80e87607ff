"""`rollback --build B`: everything that a target held after a build comes back together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from mlproj.diagnostics import ProjectError, did_you_mean, fail
from mlproj.executor.publication import view_moves
from mlproj.executor.rollback import roll_back_build
from mlproj.planner.rollback import Rollback
from mlproj.planner.standing import Difference, Standing, difference, standing
from mlproj.project.session import author, new_build_id, utc_now
from mlproj.state import Publication, Published

if TYPE_CHECKING:
    from mlproj.project.project import Project

_SHOWN = 3


def back_to_build(project: Project, build: str, *, because: str | None, dry_run: bool) -> Rollback:
    """What stood after a build, again. Raises E530, E532, E537."""
    past = _Past(project)
    if build in gone_builds(project):
        raise gone([f"what stood after build {build}"])
    then, state = past.standing(build), project.state()
    if then is None:
        raise _unknown(project, build, past)
    found = difference(state, then)
    if not found.moves:
        raise fail("E530", f"what build {build} published is what stands", hint="`mlproj history` lists the builds")
    _refuse_gone(project, found, then)
    message = f"rolled back to build {build}" + (f": {because}" if because else "")
    done = Rollback(target=state.target, scope="build", to=build, message=message, dry_run=dry_run, moves=found.moves)
    if dry_run:
        return done
    publication = Publication(
        build_id=new_build_id(),
        target=state.target,
        at=utc_now(),
        author=author(),
        published={n: row.model_dump(mode="json") for n, row in found.published.items()},
        removed=found.removed,
        kind="rollback",
        message=message,
        current=found.current,
        aliases=found.aliases,
    )
    moves = list(view_moves(then.published, found.published, found.removed, past.within))
    commit = roll_back_build(found, publication, moves, project.session.adapters())
    return done.model_copy(update={"build": publication.build_id, "commit": commit})


def gone_builds(project: Project) -> set[str]:
    """Builds that published, whose record was removed: what is left of one is not what stood after it."""
    reader, target = project.session.reader, project.target_name
    published = {e.subject.removeprefix("build ") for e in reader.events(target) if e.what == "published"}
    return published - {p.build_id for p in reader.publications(target)}


class _Past:
    """The record of a target, read once."""

    def __init__(self, project: Project) -> None:
        session, target = project.session, project.target_name
        project.state()
        self._log = session.store.publications(target)
        self._events = session.store.events(target)
        self._known: dict[str, Standing | None] = {}

    def standing(self, build: str) -> Standing | None:
        if build not in self._known:
            self._known[build] = standing(build, self._log, self._events)
        return self._known[build]

    def within(self, row: Published) -> Mapping[str, Published]:
        """What a row's parents were when it was published: a view pins them as of then."""
        # A record that was removed left its rows to the next one.
        found = self.standing(next((p.build_id for p in self._log if _has(p, row)), row.build_id))
        return found.published if found else {}

    @cached_property
    def builds(self) -> Sequence[str]:
        """Ids of all builds that published, oldest first."""
        return [p.build_id for p in self._log]


def _has(publication: Publication, row: Published) -> bool:
    published = publication.published.get(row.node.id)
    return published is not None and Published.model_validate(published).build_id == row.build_id


def _refuse_gone(project: Project, found: Difference, then: Standing) -> None:
    """Raises E532 where the lake no longer has what is to come back."""
    tables, lost = project.session.tables, []
    for node_id, row in found.published.items():
        if row.table is not None and not tables.holds(row.table, row.commit or 0):
            lost.append(f"commit {row.commit} of {node_id.partition(':')[2]}")
    for view in [n for n in found.current if n in then.datasets]:
        datasets = project.session.store.training_datasets(project.target_name, view)
        wanted = next((d for d in datasets if d.number == then.datasets[view]), None)
        if wanted is None or not tables.holds(wanted.table, wanted.commit):
            lost.append(f"{view.partition(':')[2]}/td{then.datasets[view]}")
    if lost:
        raise gone(lost)


def gone(what: Sequence[str]) -> ProjectError:
    """E532: what was asked for is no longer in the lake."""
    hint = "gc removed it, or it was forgotten; `mlproj history` lists what there is"
    return fail("E532", f"{', '.join(what)} can no longer be read", hint=hint, exit_code=1)


def _unknown(project: Project, build: str, past: _Past) -> ProjectError:
    """E537: a build that left nothing to go back to."""
    records = {b.id: b.status for b in project.session.store.builds(project.target_name, limit=1000)}
    newest = ", ".join(past.builds[-_SHOWN:][::-1])
    hint = did_you_mean(build, past.builds) or (f"the last that published: {newest}" if newest else "mlproj build")
    what = f"build {build} published nothing: it is {records[build]}" if build in records else f"no build is '{build}'"
    return fail("E537", what, hint=hint)
