"""What a diff counts is what a naive comparison in Python counts, on tables with repeated and missing keys and NaN."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.project.diff import Difference, DiffSide, compare
from mlproj.project.diff.sides import Side

Row = tuple[Any, ...]
KEYS = st.one_of(st.none(), st.integers(0, 4))
WHOLE = st.one_of(st.none(), st.integers(-2, 2), st.sampled_from([2**53, 2**53 + 1]))
FLOATS = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 1.5, -2.0, math.nan, math.inf, float(2**53), 1e300]))
TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "b", "<i>", "Ä"]))
COLUMNS = {"k": pa.int64(), "i": pa.int64(), "f": pa.float64(), "t": pa.string()}


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(1)
    yield made
    made.close()


def side(
    engine: DuckDBEngine, name: str, rows: list[Row], types: dict[str, Any], key: tuple[str, ...] = ("k",)
) -> Side:
    columns = [pa.array([row[i] for row in rows], type=kind) for i, kind in enumerate(types.values())]
    engine.cursor().register("given", pa.table(columns, names=list(types)))
    engine.create_table(name, "select * from given")
    found = {c.name: c.type for c in engine.describe(f"from {name}")}
    return Side(DiffSide(name=name, target="dev", rows=len(rows)), name, found, key)


def plain(value: Any) -> Any:
    """Equal where the engine says so: NaN equals itself, and an integer is no float that is near it."""
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def naive(old: list[Row], new: list[Row]) -> tuple[int, int, int]:
    """Added, changed and deleted rows: equal rows of a key stand for each other, of the rest as many as both have."""
    added = changed = deleted = 0
    sides = [Counter(tuple(map(plain, row)) for row in rows) for rows in (old, new)]
    for key in {row[0] for rows in (old, new) for row in rows}:
        before, after = (Counter({r: n for r, n in counter.items() if r[0] == key}) for counter in sides)
        left, come = (before - after).total(), (after - before).total()
        changed += min(left, come)
        added += max(come - left, 0)
        deleted += max(left - come, 0)
    return added, changed, deleted


def counts(found: Difference) -> tuple[int | None, int | None, int | None]:
    return found.rows.added, found.rows.changed, found.rows.deleted


TABLE = st.lists(st.tuples(KEYS, WHOLE, FLOATS, TEXTS), max_size=8)


@settings(max_examples=60, deadline=None)
@given(old=TABLE, new=TABLE)
def test_counts_are_those_of_a_naive_comparison(engine: DuckDBEngine, old: list[Row], new: list[Row]) -> None:
    found = compare(side(engine, "a", old, COLUMNS), side(engine, "b", new, COLUMNS), engine, limit=50)

    assert counts(found) == naive(old, new)
    assert Counter(row.kind for row in found.sample) == Counter(
        {
            k: n
            for k, n in (("added", counts(found)[0]), ("changed", counts(found)[1]), ("deleted", counts(found)[2]))
            if n
        }
    )
    differ = Counter(name for row in found.sample for name in row.values)
    assert {c.name: c.changed for c in found.columns if c.changed} == dict(differ)
    assert all(row.values for row in found.sample if row.kind == "changed"), "a changed row shows what changed"


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 99), WHOLE), max_size=6, unique_by=lambda r: r[0]))
def test_whole_numbers_equal_the_same_as_floats_and_no_others(engine: DuckDBEngine, rows: list[Row]) -> None:
    floats = [(k, None if v is None else float(v)) for k, v in rows]
    changed = sum(v is not None and int(float(v)) != v for _k, v in rows)

    old = side(engine, "a", rows, {"k": pa.int64(), "v": pa.int64()})
    new = side(engine, "b", floats, {"k": pa.int32(), "v": pa.float64()})
    found = compare(old, new, engine)

    assert counts(found) == (0, changed, 0)
    assert [(r.name, r.old, r.new) for r in found.columns_retyped] == [
        ("k", "BIGINT", "INTEGER"),
        ("v", "BIGINT", "DOUBLE"),
    ]
