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
_COMPARED = 100  # rows of each side that are looked at for what is meant by which
_RESULT = "unit test"
_CLOSE = 1e-9  # relative, between numbers with a fraction


def run_unit_test(test: CompiledUnitTest, engine: Engine, fill: Callable[[str], str]) -> TestRun:
    """What came of a test. `engine` may hold tables of other tests; `fill` puts values of the environment in."""
    selected = identifiers(test.columns)
    passed = TestRun(id=test.id, description=test.description, status="passed", failures=0, span=test.span)
    try:
        for fixture in test.given:
            engine.create_table(fixture.relation, fill(fixture.sql))
        # Whole, as a build would: what goes wrong in a column that nobody compares goes wrong all the same.
        engine.create_table(_RESULT, fill(test.sql))
        found = engine.rows(f"select {selected} from {identifier(_RESULT)}")
        expected = engine.rows(f"select {selected} from (\n{fill(test.expected)}\n) as q")
    except EngineError as error:
        said = f"it could not run: {error.message}"
        return passed.model_copy(update={"status": "error", "failures": None, "message": said})
    missing, surplus = unmatched(expected, found)
    if not missing and not surplus:
        return passed
    failures = len(missing) + len(surplus)
    pairs = _pairs(missing, surplus)
    alone = [row for i, row in enumerate(missing) if all(i != pair[0] for pair in pairs)]
    too_many = [row for j, row in enumerate(surplus) if all(j != pair[1] for pair in pairs)]
    columns = test.columns
    parts = [
        _told([_difference(missing[i], surplus[j], columns) for i, j in pairs], ("1 row differs", "{} rows differ")),
        _told([_row(row, columns) for row in alone], ("1 expected row is missing", "{} expected rows are missing")),
        _told([_row(row, columns) for row in too_many], ("1 row is not expected", "{} rows are not expected")),
    ]
    message = "; ".join(part for part in parts if part)
    return passed.model_copy(update={"status": "failed", "failures": failures, "message": message})


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


def _pairs(missing: Sequence[Row], surplus: Sequence[Row]) -> list[tuple[int, int]]:
    """Numbers of rows that are meant to be the same: those first that have most values in common."""
    common = {
        (i, j): sum(map(_equal, expected, row))
        for i, expected in enumerate(missing[:_COMPARED])
        for j, row in enumerate(surplus[:_COMPARED])
    }
    found: dict[int, int] = {}
    for i, j in sorted(common, key=lambda pair: (-common[pair], pair)):
        if common[i, j] and i not in found and j not in found.values():
            found[i] = j
    return sorted(found.items())


def _difference(expected: Row, row: Row, columns: Sequence[str]) -> str:
    """`(id: 1) has age: 30, not 31`."""
    same, other = [], []
    for name, wanted, value in zip(columns, expected, row, strict=True):
        if _equal(wanted, value):
            same.append(f"{name}: {_shown(value)}")
        else:
            other.append(f"{name}: {_shown(value)}, not {_shown(wanted)}")
    return f"({', '.join(same)}) has {' and '.join(other)}"


def _row(row: Row, columns: Sequence[str]) -> str:
    return "(" + ", ".join(f"{name}: {_shown(value)}" for name, value in zip(columns, row, strict=True)) + ")"


def _told(rows: Sequence[str], words: tuple[str, str]) -> str:
    if not rows:
        return ""
    count = words[0] if len(rows) == 1 else words[1].format(len(rows))
    return f"{count}: {', '.join(rows[:_SHOWN])}" + (" …" if len(rows) > _SHOWN else "")


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "…"
