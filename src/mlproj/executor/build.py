"""The apply pass: data first, all of it tested; then one publication; then training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock

from mlproj.compiler.manifest import Manifest
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor.adapters import Adapters
from mlproj.executor.backfills import backfill
from mlproj.executor.data_tests import test_rows
from mlproj.executor.groups import materialise
from mlproj.executor.increments import add_rows
from mlproj.executor.journal import Journal
from mlproj.executor.publication import publish
from mlproj.executor.lost_file import hint_of
from mlproj.executor.results import RunResults, run_results
from mlproj.executor.rows import trace_inputs, unwritten, write_rows
from mlproj.executor.scheduler import run_units
from mlproj.executor.training import test_model, train
from mlproj.executor.training_data import make_dataset
from mlproj.executor.workspace import Workspace
from mlproj.planner import Plan
from mlproj.planner.backfills import meant
from mlproj.ports import EngineError
from mlproj.state import GroupNode, ModelNode, StepResult, TargetState, TrainingDataset
from mlproj.state.runs import ROW_ACTIONS, Action

Progress = Callable[[StepResult], None]
Key = tuple[str, Action]
_MAKES = (*ROW_ACTIONS, "train_data")


@dataclass(frozen=True)
class BuildOptions:
    """`progress` is called with every step as it ends, `failed` with the diagnostics of those that fail.

    `interrupt` stops the queries that are running, when the user stops the build.
    """

    build_id: str
    threads: int = 2
    fail_fast: bool = False
    progress: Progress = lambda _result: None
    failed: Callable[[list[Diagnostic]], None] = lambda _diagnostics: None
    interrupt: Callable[[], None] = lambda: None


def apply(
    plan: Plan,
    manifest: Manifest,
    state: TargetState,
    source_versions: Mapping[str, str],
    adapters: Adapters,
    options: BuildOptions,
) -> RunResults:
    """Do what a plan says. The caller holds the lease. Failures are results, not exceptions.

    A plan without steps leaves no trace in history.
    """
    if not plan.steps:
        return run_results(options.build_id, ())
    space = Workspace(manifest, state, adapters, source_versions, options.build_id, plan.full_refresh)
    journal = Journal(plan, space)
    space.intend, space.tell = journal.intend, options.progress
    space.backfills = {s.node: scope for s in plan.steps if s.action == "merge" and (scope := meant(s.reason))}
    journal.begin()
    try:
        results = _Build(plan, space, options, journal).run()
    except KeyboardInterrupt:
        journal.end("failed")
        raise
    journal.end(results.status)
    return results


class _Build:
    def __init__(self, plan: Plan, space: Workspace, options: BuildOptions, journal: Journal) -> None:
        self._plan, self._space, self._options, self._journal = plan, space, options, journal
        self._results: dict[Key, StepResult] = {}
        self._wanted: dict[str, list[Action]] = {}
        self._lock = Lock()
        for step in plan.steps:
            self._wanted.setdefault(step.node, []).append(step.action)

    def run(self) -> RunResults:
        try:
            data_ok = self._data()
        except KeyboardInterrupt:
            self._keep()
            raise
        if not data_ok:
            self._keep()
        if not (data_ok and self._attempt_publication()):
            self._skip_rest("nothing is published, because a step before failed")
        else:
            made = {n: d.dataset for n, d in self._space.datasets.items()}
            self._models({**self._space.state.training_datasets, **made})
        return run_results(self._options.build_id, [self._results[s.node, s.action] for s in self._plan.steps])

    def _data(self) -> bool:
        """Materialise, test and freeze in scratch space, in dependency order."""
        units = [
            n
            for n, actions in self._wanted.items()
            if n in self._space.manifest.nodes and set(actions) & {*_MAKES, "test"} and not n.startswith("model:")
        ]
        parents = {n: list(self._space.manifest.nodes[n].depends_on) for n in units}
        options = self._options
        ok = run_units(
            parents,
            self._unit,
            self._skip,
            threads=options.threads,
            fail_fast=options.fail_fast,
            interrupt=options.interrupt,
        )
        return self._relationships(units, stop=options.fail_fast and not ok) and ok

    def _relationships(self, units: list[str], *, stop: bool) -> bool:
        """Test the groups whose tests look at other groups: these need not come before them, so they come last."""
        ok = True
        for node_id in [n for n in units if self._looks_elsewhere(n) and "test" in self._wanted[n]]:
            made = [self._results[node_id, a] for a in ROW_ACTIONS if (node_id, a) in self._results]
            if stop or any(result.status in {"failed", "skipped"} for result in made):
                self._record(StepResult(node=node_id, action="test", status="skipped"))
            else:
                ok = self._test(node_id) and ok
        return ok

    def _looks_elsewhere(self, node_id: str) -> bool:
        node = self._space.manifest.nodes[node_id]
        return node.kind == "feature_group" and any(test.reads for test in node.tests)

    def _test(self, node_id: str) -> bool:
        group = self._space.manifest.group(node_id)
        return self._step(node_id, "test", lambda: test_rows(group, self._space, self._options.failed))

    def _unit(self, node_id: str) -> bool:
        actions = self._wanted[node_id]
        node = self._space.manifest.nodes[node_id]
        if node.kind == "feature_view":
            view = self._space.manifest.view(node_id)
            return "train_data" not in actions or self._step(
                node_id, "train_data", lambda: make_dataset(view, self._space)
            )
        group = self._space.manifest.group(node_id)
        making = next((a for a in actions if a in ROW_ACTIONS), None)
        if making and not self._step(node_id, making, lambda: self._rows(group, making)):
            if not self._looks_elsewhere(node_id):
                self._record(StepResult(node=node_id, action="test", status="skipped"), known=actions)
            return False
        return "test" not in actions or self._looks_elsewhere(node_id) or self._test(node_id)

    def _rows(self, group: GroupNode, action: Action) -> StepResult:
        if group.id in self._space.backfills:
            return backfill(group, self._space.backfills[group.id], self._space)
        return materialise(group, self._space) if action == "materialize" else add_rows(group, action, self._space)

    def _step(self, node_id: str, action: Action, work: Callable[[], StepResult]) -> bool:
        started = time.perf_counter()
        try:
            result = work()
        except ProjectError as error:
            self._fail(node_id, action, error.diagnostics, started)
            return False
        except EngineError as error:
            self._fail(
                node_id,
                action,
                [Diagnostic("E602", f"{node_id.partition(':')[2]}: {self._space.said(error, node_id)}", node=node_id)],
                started,
            )
            return False
        self._record(result)
        return result.status != "failed"

    def _fail(self, node_id: str, action: Action, diagnostics: list[Diagnostic], started: float) -> None:
        self._options.failed(diagnostics)
        message = "; ".join(d.message for d in diagnostics)
        self._record(
            StepResult(
                node=node_id, action=action, status="failed", seconds=time.perf_counter() - started, message=message
            )
        )

    def _skip(self, node_id: str) -> None:
        for action in self._wanted[node_id]:
            if action in _MAKES or (action == "test" and not self._looks_elsewhere(node_id)):
                self._record(StepResult(node=node_id, action=action, status="skipped"))

    def _record(self, result: StepResult, known: list[Action] | None = None) -> None:
        if known is not None and result.action not in known:
            return
        with self._lock:
            self._results[result.node, result.action] = result
        self._options.progress(result)

    def _keep(self) -> None:
        """Write the rows of what succeeded, unpublished, so that nobody has to compute them again."""
        done = {n for (n, action), r in self._results.items() if action in _MAKES and r.status in {"ok", "reused"}}
        rows = unwritten(self._space, done)
        try:
            self._journal.note(self._results, rows.info.message)
            write_rows(self._space, rows)
        except EngineError as error:
            hint = hint_of(error, "what succeeded is computed again by the next build")
            self._options.failed(
                [Diagnostic("E618", f"the lake refused the rows: {self._space.said(error)}", hint=hint)]
            )

    def _attempt_publication(self) -> bool:
        nodes = [s.node for s in self._plan.steps if s.action == "publish"]
        dropped = [s.node for s in self._plan.steps if s.action == "drop"]
        rows = unwritten(self._space, self._wanted)
        self._journal.note(self._results, rows.info.message)
        started = time.perf_counter()
        try:
            write_rows(self._space, rows)
            trace_inputs(self._space)
            done = {s.node for s in self._plan.steps}
            accepted = [c for c in self._plan.changes if c.node in done]
            if nodes or dropped or any(c.accepted for c in accepted):
                publish(self._space, nodes, dropped, accepted)
        except (EngineError, ProjectError) as error:
            found = (
                error.diagnostics
                if isinstance(error, ProjectError)
                else [
                    Diagnostic(
                        "E618",
                        f"the lake refused the publication: {self._space.said(error)}",
                        hint=hint_of(error, "nothing was published; the next build takes up what was computed"),
                    )
                ]
            )
            self._fail((nodes + dropped)[0], "publish" if nodes else "drop", found, started)
            return False
        seconds = time.perf_counter() - started
        self._after_writing(nodes, dropped, seconds)
        return True

    def _after_writing(self, nodes: list[str], dropped: list[str], seconds: float) -> None:
        for (node, action), result in list(self._results.items()):
            outcome = self._space.outcomes.get(node)
            if action in ROW_ACTIONS and outcome:
                self._results[node, action] = result.model_copy(update={"commit": outcome.commit})
        for node in nodes:
            outcome = self._space.outcomes.get(node)
            self._record(
                StepResult(
                    node=node,
                    action="publish",
                    status="ok",
                    seconds=seconds / len(nodes),
                    rows=outcome.rows if outcome else None,
                    commit=outcome.commit if outcome else None,
                )
            )
        for node in dropped:
            self._record(StepResult(node=node, action="drop", status="ok"))
        self._journal.close(self._results)

    def _skip_rest(self, message: str) -> None:
        for step in self._plan.steps:
            if (step.node, step.action) not in self._results:
                self._record(StepResult(node=step.node, action=step.action, status="skipped", message=message))
        self._journal.note(self._results)

    def _models(self, datasets: Mapping[str, TrainingDataset]) -> None:
        """Train one after another.

        A library uses all cores by itself, and its results must not depend on who else runs.
        """
        for step in self._plan.steps:
            if step.action != "train" and not (step.action == "test" and step.node.startswith("model:")):
                continue
            model = self._space.manifest.model(step.node)
            self._step(model.id, step.action, partial(self._model, model, step.action, datasets))
            result = self._results[step.node, step.action]
            self._journal.note({(result.node, result.action): result})
            if result.status == "failed" and result.model_version:
                self._tell_failed_model(model, result)
            if result.status == "failed" and self._options.fail_fast:
                self._skip_rest("--fail-fast")
                return

    def _model(self, model: ModelNode, action: Action, datasets: Mapping[str, TrainingDataset]) -> StepResult:
        space, dataset = self._space, datasets.get(model.feature_view)
        if dataset is None or dataset.label != model.label:
            view = model.feature_view.partition(":")[2]
            message = f"{view} has no training dataset yet" if dataset is None else f"{dataset.name} has another label"
            hint = f"build it too: --select +{model.name}"
            raise ProjectError([Diagnostic("E504", message, model.span, hint, node=model.id)], exit_code=1)
        if action == "train":
            return train(model, dataset, space.manifest, space.state, space.adapters, self._options.build_id)
        return test_model(model, dataset, space.state, space.adapters, self._options.build_id)

    def _tell_failed_model(self, model: ModelNode, result: StepResult) -> None:
        message = f"{result.model_version} is registered as failed: {result.message}"
        hint = f"its evidence: `mlproj show {result.model_version}`"
        self._options.failed([Diagnostic("E608", message, model.span, hint, node=model.id)])
