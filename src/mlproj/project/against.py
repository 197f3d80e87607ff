"""`plan --against git:REF`: the project in the files compared with the one of another revision; no state, no lake."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.adapters.estimators import ChildProcessEstimators
from mlproj.adapters.git import changed_files, check_out
from mlproj.adapters.sources import Sources
from mlproj.compiler import DoesNotCompile, Manifest, Surroundings, compile_project
from mlproj.diagnostics import Diagnostic, ProjectError, fail
from mlproj.loader import LoadedProject, load
from mlproj.planner import Change, Options, Plan, accept, diff, review_plan
from mlproj.planner.acceptance import ON_BREAKING
from mlproj.planner.as_published import SOURCE_VERSION, as_published
from mlproj.planner.selectors import Selector
from mlproj.ports import SourceError, SourceSpec
from mlproj.project.inputs import cache_dir, memory
from mlproj.project.left_behind import explained_by, with_published
from mlproj.project.planning import wrong
from mlproj.state import Column

if TYPE_CHECKING:
    from mlproj.adapters.duckdb_engine import DuckDBEngine
    from mlproj.project.project import Project

_TOLD = 10  # of what does not compile at the other revision


def plan_against(
    project: Project, against: str, select: Sequence[str], exclude: Sequence[str], *, as_of_date: str
) -> Plan:
    """What differs from `git:REF`, as a plan without steps. Raises E505, and E510 for a revision without a project."""
    revision = against.removeprefix("git:")
    if revision == against:
        raise fail("E505", f"'{against}' is nothing to compare with", hint="--against git:REF, as git:main")
    manifest, error = _declared(project)
    state = as_published(manifest_at(project, revision), project.target_name, against)
    if error:
        whole = with_published(error, state)
        if whole is None:
            raise error
        manifest = whole
    versions = {n: SOURCE_VERSION for n in manifest.nodes if n.startswith("source:")}
    because = {"*": ON_BREAKING} if project.on_breaking == "warn" else {}
    found = accept(diff(manifest, state, versions, as_of_date=as_of_date), because)
    changes = tuple(map(_without_artifacts, found))
    if error and not explained_by(changes, error):
        raise error
    selector = Selector(manifest, changes, partial(changed_files, project.root))
    selected = frozenset(selector.select(select, exclude)) if select or exclude else None
    diagnostics = tuple(wrong(project, manifest, selected, error))
    options = Options(target=project.target_name, as_of_date=as_of_date, selected=selected, diagnostics=diagnostics)
    return review_plan(changes, manifest, options, against)


def _declared(project: Project) -> tuple[Manifest, DoesNotCompile | None]:
    try:
        return project.manifest, None
    except DoesNotCompile as error:
        return error.partial, error


def _without_artifacts(change: Change) -> Change:
    """Training datasets and model versions are what a target holds, and none was asked."""
    affected = (a.model_copy(update={"training_datasets": (), "model_versions": ()}) for a in change.affected)
    return change.model_copy(update={"affected": tuple(affected)})


def manifest_at(project: Project, revision: str) -> Manifest:
    """The project of a revision, compiled from a temporary copy of its files."""
    with tempfile.TemporaryDirectory(prefix="mlproj-") as name:
        folder = Path(name).resolve()
        commit = check_out(project.root, revision, folder)
        if not (folder / "mlproj.yml").is_file():
            hint = "compare with a revision in which the project was there, in the same folder"
            raise fail("E510", f"there is no mlproj.yml in this folder at git:{revision} ({commit[:10]})", hint=hint)
        try:
            return _compiled(project, folder)
        except ProjectError as error:
            raise _explained(error, revision) from error


def _compiled(project: Project, folder: Path) -> Manifest:
    session = project.session
    estimators = ChildProcessEstimators(cache_dir(project.root), folder)
    loaded = _loaded(project, folder)
    estimators.prefetch(m.spec.estimator for m in loaded.models)
    sources = _Sources(folder, session.sources, lambda: session.engine)
    return compile_project(loaded, Surroundings(DuckDBBinder(), sources, estimators, memory(project.root)))


def _loaded(project: Project, folder: Path) -> LoadedProject:
    """For the same target where the revision has it; where things are kept changes no definition."""
    try:
        return load(folder, target=project.target_name, vars=project.variables, environment=os.environ)
    except ProjectError as error:
        if {d.code for d in error.diagnostics if d.severity == "error"} != {"E205"}:
            raise
        return load(folder, vars=project.variables, environment=os.environ)


def _explained(error: ProjectError, revision: str) -> ProjectError:
    """Its places are those of another revision's files, so that no line of today's is drawn beside them."""
    wrong = [d for d in error.diagnostics if d.severity == "error"]
    where = f"at git:{revision}"
    found = [
        Diagnostic("E510", f"{where}{f' {d.span}' if d.span else ''}: {d.code} {d.message}", hint=d.hint)
        for d in wrong[:_TOLD]
    ]
    if len(wrong) > _TOLD:
        found.append(Diagnostic("E510", f"{where}: {len(wrong) - _TOLD} more errors", hint="compare with another"))
    return ProjectError(found)


class _Sources(Sources):
    """Sources of a revision: files that are not kept in git are looked at where they are now."""

    def __init__(self, folder: Path, today: Sources, engine: Callable[[], DuckDBEngine]) -> None:
        super().__init__(folder, cache_dir(folder), engine)
        self._today = today

    def columns(self, source: SourceSpec) -> tuple[Column, ...]:
        try:
            return super().columns(source)
        except SourceError as error:
            if error.code != "E407":
                raise
        return self._today.columns(source)
