"""`Project`: everything that the command line does, from Python."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mlproj.project.inputs import Inputs, cache_dir, read_json, state_marker, write_text

if TYPE_CHECKING:
    from mlproj.compiler import Manifest
    from mlproj.diagnostics import Diagnostic, ProjectError
    from mlproj.executor import RunResults
    from mlproj.loader import LoadedProject
    from mlproj.planner import Asked, Plan
    from mlproj.planner.rollback import Rollback
    from mlproj.project.as_of import AsOf
    from mlproj.project.bump import Bump
    from mlproj.project.handles import FeatureGroup, FeatureView, Model
    from mlproj.project.manifest_text import NodeTexts
    from mlproj.project.session import Session
    from mlproj.state import ModelVersion, StepResult, TargetState

    Planned = tuple[Plan, TargetState, dict[str, str]]
    Part = tuple[str, str] | Mapping[str, str]


class Project:
    """A project's folder, for one target.

    `vars` override those of mlproj.yml. Methods raise `mlproj.diagnostics.ProjectError` for whatever is wrong with the
    project or the call. Use it as a context manager, or call `close()`.
    """

    def __init__(
        self,
        project_dir: str | Path = ".",
        *,
        target: str | None = None,
        vars: Mapping[str, Any] | None = None,  # noqa: A002  (the name of the option)
    ) -> None:
        self.root = Path(project_dir).resolve()
        self._target, self._vars = target, dict(vars or {})
        self._inputs = Inputs(self.root, target, self._vars)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened; the object may be used again."""
        session = self.__dict__.pop("session", None)
        if session:
            session.close()

    @cached_property
    def _loaded(self) -> LoadedProject:
        return self._inputs.load()

    @property
    def files(self) -> LoadedProject:
        """The specs as they are written."""
        return self._loaded

    def at(self, root: Path) -> Project:
        """The same target and vars, in another folder."""
        return Project(root, target=self._target, vars=self._vars)

    @cached_property
    def _settings(self) -> LoadedProject:
        """mlproj.yml alone: all that is needed where the manifest of last time stands."""
        return self._inputs.load(resources=False)

    @cached_property
    def session(self) -> Session:
        """The adapters of the target."""
        from mlproj.project.session import Session

        return Session(self.root, self._settings.target)

    @property
    def manifest(self) -> Manifest:
        """The compiled project; unchanged inputs give the one of last time."""
        return self._compiled.manifest

    @cached_property
    def _compiled(self) -> NodeTexts:
        from mlproj.project.compilation import cached, compile_and_remember

        return cached(self._inputs) or compile_and_remember(self._inputs, self._loaded, self.session)

    def state(self) -> TargetState:
        """What the target holds; completes first what a killed build left between lake and state."""
        session = self.session
        catalog = self.root / session.database_files()[1]
        there = catalog.is_file() and catalog.stat().st_size > 0
        compiled: NodeTexts | None = self.__dict__.get("_compiled")
        # Most nodes stand as they were published: what was parsed of the manifest is not parsed once more.
        state = session.reader.load(self._settings.target_name, compiled.of if compiled else None)
        if there:
            from mlproj.executor.recovery import missing_publications

            missing = missing_publications(session.lake, state, session.artifacts)
            for publication, commit in missing:
                session.store.apply_publication(publication, commit)
            if missing:
                state = session.store.load(self._settings.target_name)
        if not there and any(p.commit is not None for p in state.published.values()):
            raise _lost(session.target.catalog)
        return state

    def plan(
        self,
        *,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        full_refresh: bool = False,
        as_of_date: str | None = None,
        accept_breaking: Mapping[str, str] | None = None,
        resume: Sequence[str] = (),
        backfill: Part | None = None,
        against: str | None = None,
    ) -> Plan:
        """What changed, whether it breaks anyone, and what a build would do. Writes nothing but target/.

        `accept_breaking` maps nodes to why their breaking changes are let through. With `against`, as `git:main`, what
        differs from that revision, whatever the target holds: a plan without steps. `backfill` is the part that is to
        be computed anew of the selected incremental groups: two times, or a partition as column → value.
        """
        if against is not None:
            from mlproj.project.against import plan_against

            return plan_against(self, against, select, exclude, as_of_date=as_of_date or _today())
        from mlproj.planner import Asked, scope_of
        from mlproj.project.planning import make

        asked = Asked(
            select=tuple(select), exclude=tuple(exclude), full_refresh=full_refresh, as_of_date=as_of_date or _today(),
            accept_breaking=dict(accept_breaking or {}), resume=tuple(resume), backfill=scope_of(backfill),
        )  # fmt: skip
        plan, _state, _versions = make(self, asked)
        write_text(self.root / "target" / "plan.json", plan.model_dump_json())
        return plan

    def plan_document(
        self,
        *,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        full_refresh: bool = False,
        as_of_date: str | None = None,
        accept_breaking: Mapping[str, str] | None = None,
        resume: Sequence[str] = (),
        backfill: Part | None = None,
    ) -> dict[str, Any]:
        """`plan` as JSON.

        Where neither files nor state moved it is the answer of last time, and nothing heavy is imported.
        """
        from mlproj.project.compilation import known_key

        day, because = as_of_date or _today(), dict(accept_breaking or {})
        part = dict(backfill) if isinstance(backfill, Mapping) else backfill and list(backfill)
        asked = [list(select), list(exclude), full_refresh, day, because, list(resume), part]
        path = cache_dir(self.root) / f"plan.{self._target or 'default'}.json"
        known = read_json(path)
        key, _record = known_key(self._inputs)
        if isinstance(known, dict) and [known.get("key"), known.get("asked"), known.get("state")] == [
            key,
            asked,
            state_marker(self.root, known.get("files", [])),
        ]:
            document: dict[str, Any] = known["plan"]
            return document
        plan = self.plan(
            select=select, exclude=exclude, full_refresh=full_refresh, as_of_date=as_of_date,
            accept_breaking=accept_breaking, resume=resume, backfill=backfill,
        )  # fmt: skip
        files = self.session.database_files()
        self.close()
        document = plan.model_dump(mode="json")
        key, _record = known_key(self._inputs)
        record = {"key": key, "asked": asked, "files": files, "state": state_marker(self.root, files), "plan": document}
        write_text(path, json.dumps(record, separators=(",", ":")))
        return document

    def build(
        self,
        plan_file: Path | None = None,
        *,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        threads: int | None = None,
        fail_fast: bool = False,
        full_refresh: bool = False,
        resume: Sequence[str] = (),
        backfill: Part | None = None,
        wait: float = 0,
        accept_breaking: Mapping[str, str] | None = None,
        progress: Callable[[StepResult], None] | None = None,
        failed: Callable[[list[Diagnostic]], None] | None = None,
    ) -> RunResults:
        """Plan, then apply it.

        Raises E501 (exit code 4), doing nothing at all, where a breaking change is left over.
        """
        from mlproj.planner import Asked, scope_of

        asked = Asked(
            select=tuple(select), exclude=tuple(exclude), full_refresh=full_refresh, as_of_date=_today(),
            accept_breaking=dict(accept_breaking or {}), resume=tuple(resume), backfill=scope_of(backfill),
        )  # fmt: skip

        def planned() -> Planned:
            return self._planned(asked, plan_file)

        return self._apply(planned, threads, fail_fast=fail_fast, wait=wait, progress=progress, failed=failed)

    def retry(
        self,
        *,
        threads: int | None = None,
        fail_fast: bool = False,
        wait: float = 0,
        accept_breaking: Mapping[str, str] | None = None,
        progress: Callable[[StepResult], None] | None = None,
        failed: Callable[[list[Diagnostic]], None] | None = None,
    ) -> RunResults:
        """Build what the last build that failed or was killed left undone, from the files as they are now.

        What succeeded then is not computed again. No results where there is nothing to retry. Raises E501 as `build`.
        """
        from mlproj.executor.results import run_results
        from mlproj.project.retrying import retry_plan

        planned = retry_plan(self, accept_breaking or {}, _today())
        if planned is None:
            return run_results("", ())
        return self._apply(planned, threads, fail_fast=fail_fast, wait=wait, progress=progress, failed=failed)

    def _apply(
        self,
        planned: Callable[[], Planned],
        threads: int | None,
        *,
        fail_fast: bool,
        wait: float,
        progress: Callable[[StepResult], None] | None,
        failed: Callable[[list[Diagnostic]], None] | None,
    ) -> RunResults:
        from mlproj.executor import BuildOptions, apply
        from mlproj.project.planning import refuse_breaking
        from mlproj.project.session import new_build_id

        adapters = self.session.adapters()
        self.session.lease.acquire(wait)
        try:
            plan, state, versions = planned()
            refuse_breaking(plan)
            options = BuildOptions(
                build_id=new_build_id(),
                threads=threads or min(os.cpu_count() or 1, 4),
                fail_fast=fail_fast,
                progress=progress or (lambda _r: None),
                failed=failed or (lambda _d: None),
                interrupt=self.session.engine.interrupt,
            )
            results = apply(plan, self.manifest, state, versions, adapters, options)
        finally:
            self.session.lease.release()
        write_text(self.root / "target" / "run_results.json", results.model_dump_json())
        return results

    def _planned(self, asked: Asked, plan_file: Path | None) -> tuple[Plan, TargetState, dict[str, str]]:
        """What is asked, or what was asked of a saved plan. Raises E502 where that has moved on."""
        from mlproj.project.planning import make
        from mlproj.project.saved_plans import read_saved, refuse_foreign, refuse_other
        from mlproj.version import __version__

        if plan_file is None:
            return make(self, asked)
        saved = read_saved(plan_file)
        refuse_foreign(saved, self._settings.spec.name, self.target_name, __version__)
        found = make(self, saved.asked)
        refuse_other(saved, found[0])
        return found

    def bump(self, name: str, *, with_dependants: bool = False, dry_run: bool = False) -> Bump:
        """Make the next version from a definition that was changed in place, and put back what was published of it."""
        from mlproj.project.bump import bump

        return bump(self, name, with_dependants=with_dependants, dry_run=dry_run, as_of_date=_today())

    def rollback(
        self,
        node: str | None = None,
        *,
        to: str | None = None,
        build: str | None = None,
        because: str | None = None,
        dry_run: bool = False,
        wait: float = 0,
    ) -> Rollback:
        """Put a group's data, a model's alias, or with `build` all that stood after a build, back where it was.

        `node` is a feature group, which goes back to the commit, build or time `to`, and is held from then on; or
        `model@alias` (the champion, where only a model is named), which goes back to where it was before, or to the
        version `to`.
        """
        from mlproj.project.rollback import roll_back

        return roll_back(self, node, to, build, because=because, dry_run=dry_run, wait=wait)

    def test(
        self,
        *,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        failed: Callable[[list[Diagnostic]], None] | None = None,
    ) -> RunResults:
        """Run the tests of sources, published groups and registered models on what stands, and unit tests."""
        from mlproj.project.testing import test_published

        return test_published(self, select, exclude, failed or (lambda _d: None))

    def models(self, name: str | None = None) -> list[ModelVersion]:
        """Registered model versions, by name, version and run."""
        self.state()
        return self.session.reader.model_versions(self._settings.target_name, name)

    def feature_group(self, name: str, version: int | None = None) -> FeatureGroup:
        """A published feature group; the highest version where none is given."""
        from mlproj.project.handles import FeatureGroup

        return FeatureGroup(self, name, version)

    def feature_view(self, name: str, version: int | None = None, *, as_of: AsOf | None = None) -> FeatureView:
        """A published feature view; the highest version where none is given. `as_of` as in `FeatureGroup`."""
        from mlproj.project.handles import FeatureView

        return FeatureView(self, name, version, as_of=as_of)

    def model(self, reference: str) -> Model:
        """A model version by `name@version.run`, `name@alias`, `name@version` or `name`: see `Model`."""
        from mlproj.project.handles import Model

        return Model(self, reference)

    @property
    def target_name(self) -> str:
        return self._settings.target_name

    @property
    def variables(self) -> Mapping[str, Any]:
        """What overrides the vars of mlproj.yml."""
        return self._vars

    @property
    def lake_mates(self) -> frozenset[str]:
        """Other targets of mlproj.yml whose lake and state are this one's: what they made can be taken over."""
        own, targets = self._settings.target, self._settings.spec.targets
        same = {n for n, t in targets.items() if (t.catalog, t.data, t.state) == (own.catalog, own.data, own.state)}
        return frozenset(same - {self.target_name})

    @property
    def on_breaking(self) -> str:
        return self._settings.target.on_breaking


def _lost(catalog: str) -> ProjectError:
    from mlproj.diagnostics import fail

    return fail(
        "E612",
        f"what was published is in the lake, and its catalog '{catalog.removeprefix('sqlite:')}' is gone",
        hint="restore it from a copy; to start anew, move the state's file away too",
        exit_code=1,
    )


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
