"""Data tests of a group, or a source: one pass over its rows, and what is said and kept of those that fail."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal

from mlproj.compiler.data_test_sql import not_null
from mlproj.compiler.text import identifier
from mlproj.diagnostics import Diagnostic
from mlproj.executor.anomalies import compared, fraction, past_values
from mlproj.executor.groups import refuse_duplicates
from mlproj.executor.workspace import Workspace
from mlproj.planner.masking import hidden_columns, masked_rows
from mlproj.planner.reuse import tests_fingerprint
from mlproj.ports import EngineError
from mlproj.state import (
    Band, CompiledTest, FailedRows, GroupNode, Publication, SourceNode, StepResult, TestRun,
)  # fmt: skip

KEPT = 100  # of the rows that a test fails for
_SHOWN = 3
_HOLDS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<>": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
Failed = Callable[[list[Diagnostic]], None]


def test_source(node: SourceNode, space: Workspace, failed: Failed) -> StepResult:
    """Run the tests of a source on its files as they are now."""
    space.provide(node.id)
    return _tested(node, space, failed, time.perf_counter())


def test_rows(node: GroupNode, space: Workspace, failed: Failed) -> StepResult:
    """Run all data tests of a group. `failed` is told of each that is an error; warnings are the result's."""
    started = time.perf_counter()
    outcome = space.outcomes.get(node.id)
    if outcome and all(_lasts(test) for test in node.tests) and outcome.tested == tests_fingerprint(node):
        return StepResult(node=node.id, action="test", status="reused", message=f"passed in build {outcome.by}")
    space.provide(node.id)
    refuse_duplicates(node, space)
    for group in dict.fromkeys(g for test in node.tests for g in test.reads):
        space.provide(group)
    return _tested(node, space, failed, started)


def _tested(node: GroupNode | SourceNode, space: Workspace, failed: Failed, started: float) -> StepResult:
    tester = _Tester(node, space)
    runs = tester.runs()
    space.adapters.keep_failed_rows(node.id, tester.kept)
    wrong = [run for run in runs if run.status in ("failed", "error")]
    if wrong:
        failed([_diagnostic(run, node, tester) for run in wrong])
    return StepResult(
        node=node.id,
        action="test",
        status="failed" if wrong else "ok",
        seconds=time.perf_counter() - started,
        message="; ".join(f"{run.id}: {run.message}" for run in wrong) or _passed(runs),
        warnings=tuple(f"{run.id}: {run.message}" for run in runs if run.status == "warned"),
        tests=tuple(runs),
    )


test_source.__test__ = False  # type: ignore[attr-defined]
test_rows.__test__ = False  # type: ignore[attr-defined]  # no test function, whatever pytest thinks of its name


def _lasts(test: CompiledTest) -> bool:
    """Whether rows that passed once pass for ever, without a word: what others hold, and the clock, moves on."""
    return not (test.reads or test.clock or test.band) and (test.severity, test.error_if) == ("error", "!= 0")


def _passed(runs: Sequence[TestRun]) -> str:
    count = sum(run.status == "passed" for run in runs)
    return f"{count} {'test' if count == 1 else 'tests'} passed" if runs else "keys are unique"


def verdict(test: CompiledTest, failures: int) -> Literal["passed", "warned", "failed"]:
    """What a number of failing rows means: first for `error_if`, unless its severity is a warning, then `warn_if`."""
    if test.severity == "error" and _holds(test.error_if, failures):
        return "failed"
    return "warned" if _holds(test.warn_if, failures) else "passed"


def _holds(condition: str, failures: int) -> bool:
    digits = condition.lstrip("=!<> ")
    return _HOLDS[condition[: len(condition) - len(digits)].strip()](failures, int(digits))


class _Tester:
    """Runs the tests of one group; `kept` are the rows to look at, and `examples` some of them in words, by test."""

    def __init__(self, node: GroupNode | SourceNode, space: Workspace) -> None:
        self._node, self._space = node, space
        self._relation = identifier(node.id if isinstance(node, SourceNode) else node.relation)
        self._hidden = hidden_columns(node)
        self.kept: list[FailedRows] = []
        self.examples: dict[str, str] = {}

    def runs(self) -> list[TestRun]:
        tests = self._node.tests
        try:
            counts = dict(zip((t.id for t in tests), self._counts(tests), strict=True))
        except EngineError:
            return [self._alone(test) for test in tests]  # to tell which of them cannot run
        return [self._run(test, *counts[test.id]) for test in tests]

    def _alone(self, test: CompiledTest) -> TestRun:
        try:
            return self._run(test, *self._counts([test])[0])
        except EngineError as error:
            message = f"a test could not run: {self._space.said(error, self._node.id)}"
            return TestRun(
                id=test.id, description=test.description, status="error", message=message, span=test.span
            )  # fmt: skip

    def _counts(self, tests: Sequence[CompiledTest]) -> list[tuple[int, str]]:
        """For each the number of failing rows, and what was found; all aggregates that are not known in one pass."""
        found = {t.id: (self._nulls[t.failures], "") for t in tests if t.failures in self._nulls}
        aggregates = [t for t in tests if t.failures and t.id not in found]
        columns = [sql for t in aggregates for sql in (t.failures, t.found or "''")]
        row: Sequence[Any] = self._rows(f"select {', '.join(columns)} from {self._relation}")[0] if columns else ()
        found |= {t.id: (int(row[2 * i]), str(row[2 * i + 1])) for i, t in enumerate(aggregates)}
        for test in tests:
            if not test.failures:
                found[test.id] = (int(self._rows(f"select count(*) from ({self._failing(test)}) as q")[0][0]), "")
        return [found[test.id] for test in tests]

    @cached_property
    def _nulls(self) -> dict[str, int]:
        """Counts of nulls that are known of these rows, by the aggregate that would count them."""
        outcome = self._space.outcomes.get(self._node.id)
        return {not_null(name).failures: count for name, count in outcome.null_counts.items()} if outcome else {}

    def _run(self, test: CompiledTest, failures: int, found: str) -> TestRun:
        if test.band is not None:
            failures, found = self._compared(test.band, failures, found)
        status = verdict(test, failures)
        message = ""
        if status != "passed":
            rows = "1 row fails" if failures == 1 else f"{failures} rows fail"
            # What was found of hidden values is one of them, or is told by them.
            told = not any(identifier(name) in test.found for name in self._hidden)
            message = f"{(found if told else '') or rows}: {test.description}"
            self._keep(test, failures)
        return TestRun(
            id=test.id, description=test.description, status=status, failures=failures, message=message, span=test.span
        )  # fmt: skip

    def _compared(self, band: Band, counted: int, rows: str) -> tuple[int, str]:
        """1 where what was counted is not as in builds before, else 0; and what was found."""
        space, node_id = self._space, self._node.id
        row = space.outcomes.get(node_id) or space.state.published.get(node_id)
        past = past_values(band, self._publications, node_id, row.commit if row else None)
        return compared(band, counted if band.feature is None else fraction(counted, int(rows)), past)

    @cached_property
    def _publications(self) -> list[Publication]:
        return self._space.adapters.log.publications(self._space.state.target)

    def _keep(self, test: CompiledTest, failures: int) -> None:
        if not test.rows:
            return
        query = f"select * from ({self._failing(test)}) as q limit {KEPT}"
        columns = tuple(c.name for c in self._space.adapters.engine.describe(self._space.fill(query)))
        rows = masked_rows(columns, self._rows(query), self._hidden)
        shown = ["(" + ", ".join(_shown(v) for v in row) + ")" for row in rows[:_SHOWN]]
        self.examples[test.id] = "for example " + "; ".join(shown)
        self.kept.append(
            FailedRows(
                test=test.id,
                description=test.description,
                failures=failures,
                columns=columns,
                rows=tuple(tuple(_plain(value) for value in row) for row in rows),
            )
        )

    def _failing(self, test: CompiledTest) -> str:
        # Once: the values that a test accepts may be called so too.
        return test.rows.replace("{relation}", self._relation, 1)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._space.adapters.engine.rows(self._space.fill(sql))


def _diagnostic(run: TestRun, node: GroupNode | SourceNode, tester: _Tester) -> Diagnostic:
    example = tester.examples.get(run.id)
    hint = f"{example}. See them: mlproj failures '{run.id}'" if example else None
    return Diagnostic("E601", f"{run.id}: {run.message}", run.span or node.span, hint, node=node.id)


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "…"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
