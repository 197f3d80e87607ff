"""Tests on what stands: published groups and registered models."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor.groups import test_rows
from mlproj.executor.results import RunResults, run_results
from mlproj.executor.workspace import Workspace
from mlproj.executor.metrics import check_bounds
from mlproj.project.planning import select_nodes
from mlproj.state import GroupNode, ModelNode, StepResult

if TYPE_CHECKING:
    from mlproj.project.project import Project


def test_published(
    project: Project, select: Sequence[str], exclude: Sequence[str], failed: Callable[[list[Diagnostic]], None]
) -> RunResults:
    """Results of all data tests of selected published groups, and of the tests of their newest model versions."""
    manifest, state = project.manifest, project.state()
    chosen = select_nodes(project, (), select, exclude)
    space = Workspace(manifest, state, project.session.adapters(), {}, "")
    results: list[StepResult] = []
    for node_id in [n for n in manifest.order if n in chosen]:
        node = manifest.nodes[node_id]
        started = time.perf_counter()
        try:
            if isinstance(node, GroupNode) and node_id in state.published and (node.tests or node.unique_key):
                results.append(test_rows(node, space))
            elif isinstance(node, ModelNode) and node_id in state.model_versions and node.tests:
                version = state.model_versions[node_id]
                outcomes = check_bounds(node.tests, version.evaluation.metrics)
                wrong = [
                    Diagnostic("E608", f"{version.id}: {o.description}, but it is {o.value}", node.span, node=node_id)
                    for o in outcomes
                    if not o.passed
                ]
                if wrong:
                    raise ProjectError(wrong, exit_code=1)
                results.append(
                    StepResult(
                        node=node_id,
                        action="test",
                        status="ok",
                        seconds=time.perf_counter() - started,
                        message=f"{len(outcomes)} {'test' if len(outcomes) == 1 else 'tests'} passed",
                        model_version=version.id,
                    )
                )
        except ProjectError as error:
            failed(error.diagnostics)
            message = "; ".join(d.message for d in error.diagnostics)
            results.append(
                StepResult(
                    node=node_id, action="test", status="failed", seconds=time.perf_counter() - started, message=message
                )
            )
    return run_results("", results)


test_published.__test__ = False  # type: ignore[attr-defined]  # no test function, whatever pytest thinks of its name
