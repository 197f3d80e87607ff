"""From a project to a plan: observes the sources, reads the state, and hands both to the planner."""

from __future__ import annotations

from functools import partial
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mlproj.adapters.git import changed_files
from mlproj.compiler import DoesNotCompile, Manifest
from mlproj.compiler.connections import filled
from mlproj.compiler.fingerprints import fingerprint
from mlproj.diagnostics import Collector, Diagnostic, ProjectError, Span, fail
from mlproj.planner import Asked, Change, Options, Plan, Reason, accept, diff, make_plan
from mlproj.planner.acceptance import ON_BREAKING
from mlproj.planner.backfills import reached
from mlproj.planner.equivalents import misdirected
from mlproj.planner.freshness import held_nodes
from mlproj.planner.retry import selection, was_forced
from mlproj.planner.reuse import explain
from mlproj.planner.selectors import Selector
from mlproj.planner.versions import check_versions
from mlproj.ports import SourceError
from mlproj.project.left_behind import dangling, explained_by, with_published
from mlproj.project.node_names import breaking_node, matching
from mlproj.project.unit_testing import FAILED, failing_unit_tests
from mlproj.state import BuildRecord, SourceNode, TargetState
from mlproj.state.content import UNKNOWN
from mlproj.version import __version__

if TYPE_CHECKING:
    from mlproj.project.project import Project


def make(
    project: Project, asked: Asked, retried: tuple[BuildRecord, frozenset[str]] | None = None
) -> tuple[Plan, TargetState, dict[str, str]]:
    """The plan, the state that it was made from, and the versions of the sources' content.

    `retried` is a build and what it left undone: the plan is of that.
    """
    if retried and was_forced(retried[0]):
        asked = asked.model_copy(update={"full_refresh": True})
    compiled = _compiled(project)  # first: reading the state is the faster for it
    state = _settled(project, project.state(), full_refresh=asked.full_refresh, retried=retried[0] if retried else None)
    manifest, error = _filled_up(compiled, state)
    numbers = list(check_versions(manifest, state))
    if any(d.severity == "error" for d in numbers):
        raise ProjectError(numbers)
    versions, missing = source_versions(project, manifest)
    resumed = [resumed_node(manifest, state, text) for text in asked.resume]
    changes = diff(manifest, state, versions, as_of_date=asked.as_of_date, resumed=resumed)
    because = {"*": ON_BREAKING} if project.on_breaking == "warn" else {}
    known = {**manifest.nodes, **state.published}
    because |= {breaking_node(changes, known, text): why for text, why in asked.accept_breaking.items()}
    changes = accept(changes, because)
    if error and not explained_by(changes, error):
        raise error
    chosen = Selector(manifest, changes, partial(changed_files, project.root))
    selected = frozenset(chosen.select(asked.select, asked.exclude)) if asked.select or asked.exclude else None
    if retried:
        selected = selection(retried[1], changes, manifest)
    part = asked.backfill
    reach = reached(part, manifest, state, selected, full_refresh=asked.full_refresh) if part else frozenset()
    options = Options(
        target=project.target_name,
        as_of_date=asked.as_of_date,
        selected=selected,
        full_refresh=asked.full_refresh,
        backfill=part,
        backfilled=reach,
        basis=_basis(manifest, state, versions, project.on_breaking),
        held=held_nodes(manifest, state, resumed),
        diagnostics=(*missing, *misdirected(manifest, state), *numbers, *wrong(project, manifest, selected, error)),
    )
    plan = make_plan(changes, manifest, state, options).model_copy(update={"asked": asked})
    return _explained(plan, manifest, state, versions), state, versions


def wrong(
    project: Project, manifest: Manifest, selected: Collection[str] | None, error: DoesNotCompile | None
) -> list[Diagnostic]:
    """What does not compile, though the plan says why, and unit tests that fail."""
    return [*(error.diagnostics if error else ()), *failing_unit_tests(project.root, manifest, selected)]


def _explained(plan: Plan, manifest: Manifest, state: TargetState, versions: Mapping[str, str]) -> Plan:
    """The plan, saying whose work it takes over; that others have made it is part of what it was made from."""
    plan = explain(plan, manifest, state, versions)
    reasons = fingerprint([[step.node, step.action, step.reason] for step in plan.steps])
    return plan.model_copy(update={"basis": {**plan.basis, "others": reasons}})


def _basis(manifest: Manifest, state: TargetState, versions: Mapping[str, str], on_breaking: str) -> dict[str, str]:
    """What a plan is made from; the keys are those of `saved_plans`."""
    return {
        "mlproj": __version__,
        "settings": on_breaking,
        "manifest": fingerprint([[n.id, n.fingerprints] for n in manifest.nodes.values()]),
        "sources": fingerprint(versions),
        "state": fingerprint(
            state.last_publication,
            sorted([n, p.build_id, p.commit] for n, p in state.published.items()),
            sorted([v.id, v.evaluation.build_id] for v in state.model_versions.values()),
            sorted(d.name for d in state.training_datasets.values()),
        ),
    }


def resumed_node(manifest: Manifest, state: TargetState, text: str) -> str:
    """The group that `--resume` names. Raises E533 where it is not held."""
    held = [h.node for h in held_nodes(manifest, state)]
    found = matching(held, text)
    if len(found) == 1:
        return found[0]
    names = ", ".join(n.partition(":")[2] for n in found or held)
    hint = f"held: {names}" if names else "no group is held: leave --resume out"
    raise fail("E533", f"'{text}' may be {names}" if found else f"'{text}' is not held", hint=hint)


def _settled(project: Project, state: TargetState, *, full_refresh: bool, retried: BuildRecord | None) -> TargetState:
    """The state, with rows that were kept unpublished, and those of other targets, where this lake has them.

    Whoever wants all computed anew wants none of them, but for what the build made that is retried.
    """
    if full_refresh:
        own = {step.node for step in retried.steps if step.made} if retried else set()
        kept = {n: made for n, made in state.kept.items() if n in own}
        state = state.model_copy(update={"kept": kept, "neighbours": ()})
    if not state.kept and not state.neighbours:
        return state
    from mlproj.executor.journal import settled

    return settled(state, project.session.lake.commits(), project.lake_mates)


def _compiled(project: Project) -> Manifest | DoesNotCompile:
    try:
        return project.manifest
    except DoesNotCompile as error:
        return error


def _filled_up(compiled: Manifest | DoesNotCompile, state: TargetState) -> tuple[Manifest, DoesNotCompile | None]:
    """The manifest; where nodes no longer compile, with their published definitions, and the error."""
    if isinstance(compiled, Manifest):
        return compiled, None
    manifest = with_published(compiled, state)
    if manifest is None:
        raise dangling(compiled, state) from compiled
    return manifest, compiled


def source_versions(project: Project, manifest: Manifest) -> tuple[dict[str, str], list[Diagnostic]]:
    """The content version of every source, and a warning for each that is not there or cannot be asked.

    Raises `ProjectError` E444 for tables that are no longer what was compiled.
    """
    import os

    found: dict[str, str] = {}
    collector = Collector()
    for node in manifest.nodes.values():
        if not isinstance(node, SourceNode):
            continue
        try:
            found[node.id] = project.session.sources.version(filled(node, os.environ, manifest.env_defaults))
        except SourceError as error:
            found[node.id] = UNKNOWN
            if error.code == "E443":
                collector.warn("W602", error.message, node.span, error.hint, node.id)
            else:
                collector.error(error.code, error.message, node.span, error.hint, node.id)
        if found[node.id] == "missing":
            where = node.path or (node.location.settings["path"] if node.location else "")
            message = f"source '{node.name}': there is no file {where}"
            collector.warn("W601", message, node.span, "a build that reads it will fail", node.id)
    collector.raise_if_errors()
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
    """Raise E501 where a breaking change is left over: one diagnostic for each of its reasons. Raises E625 before that
    where a unit test fails.
    """
    failing = [d for d in plan.diagnostics if d.code == FAILED]
    if failing:
        raise ProjectError(failing, exit_code=1)
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
    rows = {r.of for r in reasons if r.rule == "equivalent" and r.feature is None}
    for reason in reasons:
        if reason.rule == "equivalent" and reason.feature and reason.of in rows:
            continue  # what was said of the rows
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
    if change.node.startswith("model:") and any(r.rule == "type_widened" for r in change.reasons):
        return "bump the group whose type changed, or accept it: whoever calls the model has to send the new type"
    if change.elsewhere:
        return (
            f"{relation} is written as it was published: put back what changed (a macro, a var, a transformation, a "
            f"source), give the change a name of its own, use that in {name}, and then: mlproj bump {name}"
        )
    return f"make it {name}@{change.bump_to}, beside {relation} as it was published: mlproj bump {name}"
