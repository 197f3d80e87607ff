"""Unit tests: a query on fixtures in scratch space, and what it gives beside what it has to give."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from mlproj.compiler.text import identifier, identifiers
from mlproj.ports import Engine, EngineError
from mlproj.state import CompiledUnitTest, TestRun

Row = tuple[Any, ...]
_SHOWN = 3
_RESULT = "unit test"
_CLOSE = 1e-9  # relative, between numbers with a fraction


def run_unit_test(test: CompiledUnitTest, engine: Engine, fill: Callable[[str], str]) -> TestRun:
    """What came of a test. `engine` may hold tables of other tests; `fill` puts values of the environment in."""
    columns = identifiers(test.columns)
    passed = TestRun(id=test.id, description=test.description, status="passed", failures=0, span=test.span)
    try:
        for fixture in test.given:
            engine.create_table(fixture.relation, fill(fixture.sql))
        # Whole, as a build would: what goes wrong in a column that nobody compares goes wrong all the same.
        engine.create_table(_RESULT, fill(test.sql))
        found = engine.rows(f"select {columns} from {identifier(_RESULT)}")
        expected = engine.rows(f"select {columns} from (\n{fill(test.expected)}\n) as q")
    except EngineError as error:
        said = f"it could not run: {error.message}"
        return passed.model_copy(update={"status": "error", "failures": None, "message": said})
    missing, surplus = unmatched(expected, found)
    if not missing and not surplus:
        return passed
    parts = [
        _told(missing, test.columns, ("1 expected row is missing", "{} expected rows are missing")),
        _told(surplus, test.columns, ("1 row is not expected", "{} rows are not expected")),
    ]
    message = "; ".join(part for part in parts if part)
    return passed.model_copy(update={"status": "failed", "failures": len(missing) + len(surplus), "message": message})


def unmatched(expected: Sequence[Row], found: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of each that have no equal one of their own on the other side, whatever their order."""
    left, missing = list(found), []
    for row in expected:
        equal = next((i for i, other in enumerate(left) if _equal(row, other)), None)
        if equal is None:
            missing.append(row)
        else:
            left.pop(equal)
    return missing, left


def _equal(one: Any, other: Any) -> bool:
    """Nulls are equal, NaN too; numbers with a fraction are where they are as close as arithmetic leaves them."""
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=_CLOSE, abs_tol=1e-12)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)


def _told(rows: Sequence[Row], columns: Sequence[str], words: tuple[str, str]) -> str:
    if not rows:
        return ""
    count = words[0] if len(rows) == 1 else words[1].format(len(rows))
    shown = ", ".join(
        "(" + ", ".join(f"{name}: {_shown(value)}" for name, value in zip(columns, row, strict=True)) + ")"
        for row in rows[:_SHOWN]
    )
    return f"{count}: {shown}" + (" …" if len(rows) > _SHOWN else "")


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "…"
