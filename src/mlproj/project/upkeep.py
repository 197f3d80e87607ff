"""`mlproj gc`: looks at the lake and at every target that uses it, and removes what none of them needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.diagnostics import fail
from mlproj.executor.upkeep import UpkeepAdapters, collect
from mlproj.planner.garbage import needed, retained_builds, survey
from mlproj.specs import Retention, Target
from mlproj.state.garbage import Garbage, Inventory

if TYPE_CHECKING:
    from mlproj.adapters.ducklake_upkeep import DuckLakeUpkeep
    from mlproj.adapters.file_artifacts import FileArtifacts
    from mlproj.adapters.sql_state.upkeep import SqlUpkeep
    from mlproj.project.project import Project


def gc(
    project: Project, older_than: Retention | None, agreed: Callable[[Garbage], bool], *, wait: float = 0
) -> tuple[Garbage, bool]:
    """What nothing needs, and whether it was removed: `agreed` is asked first, unless there is nothing.

    `older_than` stands in for every `retention:`. Raises E525 where a target is unknown that published to this lake.
    """
    project.state()  # completes what a killed build left
    session = project.session
    session.lease.acquire(wait)
    try:
        upkeep = Upkeep(project, older_than)
        garbage = upkeep.garbage()
        done = not garbage.empty and agreed(garbage)
        if done:
            collect(garbage, upkeep.adapters)
    finally:
        session.lease.release()
    project.close()  # what was read of the catalog is out of date
    return garbage, done


class Upkeep:
    """The lake of a project's target, and the states of all targets that share it."""

    def __init__(self, project: Project, older_than: Retention | None = None) -> None:
        from mlproj.project.session import author, utc_now

        session = project.session
        self._project, self._older_than, self._root = project, older_than, project.root
        self._sharing = self._targets()
        self.lake = self._lake()
        self.states = {name: self._state(target) for name, target in self._sharing.items()}
        self.adapters = UpkeepAdapters(self.lake, self.states, session.artifacts, author(), utc_now())

    def garbage(self) -> Garbage:
        inventory = self.lake.inventory()
        self.refuse_strangers(inventory)
        holdings = [state.holdings(name) for name, state in self.states.items()]
        default = self._older_than or self._project.files.spec.retention
        rules = self._rules()
        now = self.adapters.now
        pins = {h.target: needed(h, rules, default, now) for h in holdings}
        builds = {h.target: retained_builds(h.publications, default, now) for h in holdings}
        found = survey(inventory, holdings, pins, builds)
        records = {c.record for c in inventory.commits if c.record and c.id not in found.commits}
        return found.model_copy(update=self._artifacts(records.union(*(h.files for h in holdings))))

    def refuse_strangers(self, inventory: Inventory) -> None:
        """Raises E525: what nobody here knows to be needed may be needed there."""
        unknown = sorted({c.publishes for c in inventory.commits if c.publishes} - self._sharing.keys())
        if unknown:
            message = f"target '{unknown[0]}' published to this lake, and this project does not know it"
            hint = "declare it under targets, with its state: what it needs is not known otherwise"
            raise fail("E525", message, hint=hint, exit_code=1)

    def artifacts(self, target: str) -> FileArtifacts:
        """Where a target keeps its artifacts."""
        from mlproj.adapters.file_artifacts import FileArtifacts

        return FileArtifacts(self._root / self._sharing[target].artifacts)

    def _rules(self) -> dict[str, Retention]:
        """Retention by group name; of several versions the longest."""
        if self._older_than:
            return {}
        found: dict[str, Retention] = {}
        for group in self._project.files.feature_groups:
            if group.spec.retention:
                rule, other = group.spec.retention, found.get(group.spec.name)
                found[group.spec.name] = _longer(rule, other) if other else rule
        return found

    def _targets(self) -> dict[str, Target]:
        own = self._project.session.target.catalog
        targets = self._project.files.spec.targets
        same = {n: t for n, t in targets.items() if self._place(t.catalog) == self._place(own)}
        return {**same, self._project.target_name: self._project.session.target}

    def _artifacts(self, used: set[str]) -> dict[str, object]:
        """What is stored and used by nobody. A folder outside the project may be shared with others, and is left."""
        session = self._project.session
        folder = (self._root / session.target.artifacts).resolve()
        others = [t for n, t in self._project.files.spec.targets.items() if n not in self._sharing]
        shared = any((self._root / t.artifacts).resolve() == folder for t in others)
        if shared or not folder.is_relative_to(self._root):
            return {}
        found = {sha: size for sha, size in session.artifacts.stored().items() if sha not in used}
        return {"artifacts": tuple(found), "artifact_bytes": sum(found.values())}

    def _place(self, catalog: str) -> Path:
        return (self._root / catalog.removeprefix("sqlite:")).resolve()

    def _lake(self) -> DuckLakeUpkeep:
        from mlproj.adapters.ducklake_upkeep import DuckLakeUpkeep

        session = self._project.session
        return DuckLakeUpkeep(session.engine, session.lake, (self._root / session.target.data).resolve())

    def _state(self, target: Target) -> SqlUpkeep:
        from mlproj.adapters.sql_state.upkeep import SqlUpkeep

        return SqlUpkeep(target.state, self._root)


def _longer(a: Retention, b: Retention) -> Retention:
    days = max((r.days for r in (a, b) if r.days is not None), default=None)
    commits = max((r.commits for r in (a, b) if r.commits is not None), default=None)
    return Retention(commits=commits, days=days)
