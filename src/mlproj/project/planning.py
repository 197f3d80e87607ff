"""From a project to a plan: observes the sources, reads the state, and hands both to the planner."""

from __future__ import annotations

from functools import partial
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.adapters.git import changed_files
from mlproj.compiler import DoesNotCompile, Manifest
from mlproj.compiler.fingerprints import fingerprint
from mlproj.diagnostics import Collector, Diagnostic, ProjectError, Span, fail
from mlproj.loader.environment import fill_environment
from mlproj.planner import Change, Options, Plan, Reason, accept, diff, make_plan
from mlproj.planner.acceptance import ON_BREAKING
from mlproj.planner.equivalents import misdirected
from mlproj.planner.retry import selection, was_forced
from mlproj.planner.selectors import Selector
from mlproj.planner.versions import check_versions
from mlproj.project.node_names import breaking_node
from mlproj.project.left_behind import dangling, explained_by, with_published
from mlproj.state import BuildRecord, SourceNode, TargetState

if TYPE_CHECKING:
    from mlproj.project.project import Project


def make(
    project: Project,
    select: Sequence[str],
    exclude: Sequence[str],
    *,
    full_refresh: bool,
    as_of_date: str,
    accept_breaking: Mapping[str, str] | None = None,
    saved: Plan | None = None,
    retried: tuple[BuildRecord, frozenset[str]] | None = None,
) -> tuple[Plan, TargetState, dict[str, str]]:
    """The plan, the state that it was made from, and the versions of the sources' content.

    `accept_breaking` maps nodes, as the user writes them, to why their breaking changes are let through. A `saved` plan
    is returned as it stands, or refused with E502 where files or state moved on. `retried` is a build and what it left
    undone: the plan is of that.
    """
    full_refresh = saved.full_refresh if saved else full_refresh or bool(retried and was_forced(retried[0]))
    state = _settled(project, project.state(), full_refresh=full_refresh, retried=retried[0] if retried else None)
    manifest, error = _manifest(project, state)
    numbers = list(check_versions(manifest, state))
    if any(d.severity == "error" for d in numbers):
        raise ProjectError(numbers)
    versions, missing = source_versions(project, manifest)
    basis = _basis(manifest, state, versions)
    if saved is not None:
        _check_basis(saved, basis, project.target_name)
        return saved, state, versions
    changes = diff(manifest, state, versions, as_of_date=as_of_date)
    because = {"*": ON_BREAKING} if project.on_breaking == "warn" else {}
    known = {**manifest.nodes, **state.published}
    because |= {breaking_node(changes, known, text): why for text, why in (accept_breaking or {}).items()}
    changes = accept(changes, because)
    if error and not explained_by(changes, error):
        raise error
    chosen = Selector(manifest, changes, partial(changed_files, project.root))
    selected = frozenset(chosen.select(select, exclude)) if select or exclude else None
    if retried:
        selected = selection(retried[1], changes, manifest)
    options = Options(
        target=project.target_name,
        as_of_date=as_of_date,
        selected=selected,
        full_refresh=full_refresh,
        basis=basis,
        diagnostics=(*missing, *misdirected(manifest, state), *numbers, *(error.diagnostics if error else ())),
    )
    return make_plan(changes, manifest, state, options), state, versions


def _basis(manifest: Manifest, state: TargetState, versions: Mapping[str, str]) -> dict[str, str]:
    """What a plan is made from, to see whether that has moved on."""
    return {
        "manifest": fingerprint([[n.id, n.fingerprints] for n in manifest.nodes.values()]),
        "sources": fingerprint(versions),
        "state": fingerprint(
            sorted([n, p.build_id, p.commit] for n, p in state.published.items()),
            sorted(v.id for v in state.model_versions.values()),
        ),
    }


def _settled(project: Project, state: TargetState, *, full_refresh: bool, retried: BuildRecord | None) -> TargetState:
    """The state, with rows that were kept unpublished where the lake has them still.

    Whoever wants all computed anew wants none of them, but for what the build made that is retried.
    """
    if full_refresh:
        own = {step.node for step in retried.steps if step.made} if retried else set()
        state = state.model_copy(update={"kept": {n: made for n, made in state.kept.items() if n in own}})
    if not state.kept:
        return state
    from mlproj.executor.journal import settled

    return settled(state, project.session.lake.commits())


def _manifest(project: Project, state: TargetState) -> tuple[Manifest, DoesNotCompile | None]:
    """The manifest; where nodes no longer compile, with their published definitions, and the error."""
    try:
        return project.manifest, None
    except DoesNotCompile as error:
        manifest = with_published(error, state)
        if manifest is None:
            raise dangling(error, state) from error
        return manifest, error


def source_versions(project: Project, manifest: Manifest) -> tuple[dict[str, str], list[Diagnostic]]:
    """The content version of every source, and a warning for each whose files are not there."""
    import os

    found: dict[str, str] = {}
    collector = Collector()
    for node in manifest.nodes.values():
        if isinstance(node, SourceNode):
            path = fill_environment(node.path, os.environ, manifest.env_defaults)
            found[node.id] = project.session.sources.version(path)
            if found[node.id] == "missing":
                collector.warn(
                    "W601",
                    f"source '{node.name}': there is no file {node.path}",
                    node.span,
                    "a build that reads it will fail",
                    node.id,
                )
    return found, collector.warnings


def select_nodes(
    project: Project, changes: Sequence[Change], select: Sequence[str], exclude: Sequence[str]
) -> frozenset[str]:
    """Node ids for the selectors. Raises E503."""
    return frozenset(
        Selector(project.manifest, changes, lambda revision: changed_files(project.root, revision)).select(
            select, exclude
        )
    )


def refuse_breaking(plan: Plan) -> None:
    """Raise E501 where a breaking change is left over: one diagnostic for each of its reasons."""
    found = [
        Diagnostic(
            "E501", f"{change.node.partition(':')[2]}: {message} ({rule})", span, bump_hint(change), node=change.node
        )
        for change in plan.breaking
        for rule, message, span in told_once([r for r in change.reasons if r.change == "breaking"])
    ]
    if found:
        raise ProjectError(found, exit_code=4)


def told_once(reasons: Sequence[Reason]) -> Iterator[tuple[str, str, Span | None]]:
    """(rule, message, place) of each reason; a change of SQL of which no more is known than that is one message."""
    changed = [r for r in reasons if r.rule == "meaning_changed" and r.old == r.new]
    for reason in reasons:
        if reason not in changed or len(changed) == 1:
            yield reason.rule, reason.message, reason.span
        elif reason is changed[0]:
            names = ", ".join(r.feature or "" for r in changed)
            yield reason.rule, f"its SQL changed, and any of {names} may mean something else", reason.span


def bump_hint(change: Change) -> str:
    """What to do about a breaking change."""
    relation = change.node.partition(":")[2]
    name = relation.partition("@")[0]
    if any(r.rule == "removed" for r in change.reasons):
        return "restore it, or publish it with `deprecated_after:` first"
    return f"make it {name}@{change.bump_to}, beside {relation} as it was published: mlproj bump {name}"


def check_saved(path: Path) -> Plan:
    """A plan from a file. Raises E502 where it is none."""
    try:
        return Plan.model_validate_json(path.read_bytes())
    except OSError as error:
        raise fail(
            "E502", f"cannot read the plan {path.name}: {error.strerror}", hint="make one: mlproj plan --out FILE"
        ) from error
    except ValueError as error:
        raise fail(
            "E502", f"{path.name} is no plan of this version of mlproj", hint="make one: mlproj plan --out FILE"
        ) from error


def _check_basis(saved: Plan, basis: dict[str, str], target: str) -> None:
    if saved.target != target:
        raise fail("E502", f"this plan is for target '{saved.target}', not '{target}'", hint=f"--target {saved.target}")
    names = {"manifest": "the project's files", "sources": "the sources' data", "state": "what the target holds"}
    moved = [names[n] for n, value in basis.items() if saved.basis.get(n) != value]
    if moved:
        raise fail(
            "E502", f"{' and '.join(moved)} changed since this plan was made", hint="plan again: mlproj plan --out FILE"
        )
