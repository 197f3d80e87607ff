"""Tests on what stands: published groups and registered models."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor.data_tests import test_rows, test_source
from mlproj.executor.metrics import check_bounds
from mlproj.executor.results import RunResults, run_results
from mlproj.executor.workspace import Workspace
from mlproj.project.planning import select_nodes
from mlproj.project.unit_testing import unit_test_results
from mlproj.ports import EngineError
from mlproj.state import GroupNode, ModelNode, ModelVersion, Node, SourceNode, StepResult, TestRun

if TYPE_CHECKING:
    from mlproj.project.project import Project

Failed = Callable[[list[Diagnostic]], None]


def test_published(project: Project, select: Sequence[str], exclude: Sequence[str], failed: Failed) -> RunResults:
    """Results of the data tests of selected sources and published groups, of the tests of newest model versions, and of
    unit tests.
    """
    manifest, state = project.manifest, project.state()
    chosen = select_nodes(project, (), select, exclude)
    space = Workspace(manifest, state, project.session.adapters(), {}, "")
    results: list[StepResult] = []
    for node_id in [n for n in manifest.order if n in chosen]:
        node = manifest.nodes[node_id]
        started = time.perf_counter()
        try:
            if isinstance(node, SourceNode) and node.tests:
                results.append(test_source(node, space, failed))
            elif isinstance(node, GroupNode) and node_id in state.published and (node.tests or node.unique_key):
                results.append(test_rows(node, space, failed))
            elif isinstance(node, ModelNode) and node_id in state.model_versions and node.tests:
                results.append(_test_metrics(node, state.model_versions[node_id], failed))
        except (ProjectError, EngineError) as error:
            wrong = error.diagnostics if isinstance(error, ProjectError) else [_unreadable(node, error, space)]
            failed(wrong)
            message = "; ".join(d.message for d in wrong)
            seconds = time.perf_counter() - started
            results.append(
                StepResult(node=node_id, action="test", status="failed", seconds=seconds, message=message)
            )  # fmt: skip
    for result, told in unit_test_results(manifest, chosen):
        if told:
            failed(told)
        results.append(result)
    return run_results("", results)


test_published.__test__ = False  # type: ignore[attr-defined]  # no test function, whatever pytest thinks of its name


def _unreadable(node: Node, error: EngineError, space: Workspace) -> Diagnostic:
    if isinstance(node, SourceNode):
        message, hint = space.adapters.explain_read_error(space.filled(node), error)
        if message:
            return Diagnostic("E603", message, node.span, hint, node=node.id)
    return Diagnostic("E603", f"{node.name} cannot be read: {space.said(error, node.id)}", node.span, node=node.id)


def _test_metrics(node: ModelNode, version: ModelVersion, failed: Failed) -> StepResult:
    """The tests of a model on what was measured of its newest version."""
    started = time.perf_counter()
    runs = [
        TestRun(
            id=f"{node.relation}.{bound.name}.{bound.split}",
            description=outcome.description,
            status="passed" if outcome.passed else "failed",
            message="" if outcome.passed else f"{version.id}: {outcome.description}, but it is {outcome.value}",
            span=node.span,
        )
        for bound, outcome in zip(node.tests, check_bounds(node.tests, version.evaluation.metrics), strict=True)
    ]
    wrong = [run.message for run in runs if run.status == "failed"]
    if wrong:
        failed([Diagnostic("E608", message, node.span, node=node.id) for message in wrong])
    passed = f"{len(runs)} {'test' if len(runs) == 1 else 'tests'} passed"
    return StepResult(
        node=node.id,
        action="test",
        status="failed" if wrong else "ok",
        seconds=time.perf_counter() - started,
        message="; ".join(wrong) or passed,
        model_version=version.id,
        tests=tuple(runs),
    )
