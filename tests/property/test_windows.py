"""features.md §2: a Python loop says what windows are; the compiled SQL gives the same, in every plan."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler import Manifest
from mlproj.compiler.point_in_time import from_clause
from mlproj.compiler.text import identifier
from mlproj.compiler.view_joins import joinings
from mlproj.compiler.windows import stored_relation, stored_sql
from mlproj.compiler.windows.plans import Plan, possible
from mlproj.compiler.windows.rows import rows_sql
from mlproj.state import Aggregation, ViewNode
from tests.windows import COLUMNS, DAY, FEATURES, HOUR, LONG, Event, compiled, inside, row_times, table, value

TYPES = ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "DATE"]
STEPS: dict[str, int | None] = {"event": None, "6 hours": 6 * HOUR, "1 day": DAY}
PLANS: tuple[Plan | None, ...] = (None, "range", "join", "sums")

keys = st.sampled_from([1, 1, 1, 2, None])
places = st.sampled_from(["a", "a", "a", "ß", None])
times = st.sampled_from([None, *(h * HOUR for h in (-30, 0, 1, 2, 2, 3, 23, 24, 24, 48, 50, 72, 24 * 40))])
near = st.sampled_from([0, 0, 0, 1, -1])
numbers = st.sampled_from([None, -3, 0, 1, 1, 2, 2**53 + 1])
texts = st.sampled_from([None, "", "p", "q", "q"])
fractions = st.sampled_from([None, -1.5, 0.0, 0.1, 0.2, 1e6])
moments = st.builds(lambda t, e: None if t is None else t + e, times, near)
events = st.lists(
    st.builds(Event, keys, places, numbers, numbers.filter(lambda n: n != 2**53 + 1), fractions, texts, moments),
    max_size=12,
)
observations = st.lists(st.tuples(st.sampled_from([1, 1, 1, 2, 3, None]), places, moments), max_size=8)


@cache
def project() -> Manifest:
    return compiled(TYPES, list(STEPS))


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": "1"}) as connection:
        yield connection


def same(one: Any, other: Any) -> bool:
    """Numbers with a fraction as near as 1e-9; all else exactly."""
    if isinstance(one, Decimal):
        one = float(one)
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def assert_same(found: Iterable[Sequence[Any]], expected: Iterable[Sequence[Any]]) -> None:
    found, expected = sorted(found, key=lambda r: repr(r[:3])), sorted(expected, key=lambda r: repr(r[:3]))
    assert [r[:3] for r in found] == [r[:3] for r in expected]
    names = [f.name for f in FEATURES]
    for row, other in zip(found, expected, strict=True):
        wrong = [(n, a, b) for n, a, b in zip(names, row[3:], other[3:], strict=False) if not same(a, b)]
        assert not wrong, (row[:3], wrong)


def fill(engine: duckdb.DuckDBPyConnection, i: int, given_events: list[Event], zone: str) -> list[Event]:
    """Makes the source; the events as it has them: days where it holds dates."""
    if TYPES[i] == "DATE":
        given_events = [e._replace(at=None if e.at is None else e.at // DAY * DAY) for e in given_events]
    engine.execute(f"set TimeZone = '{zone}'")
    engine.execute(table(f"source:e{i}", given_events, {**COLUMNS, "at": TYPES[i]}))
    return given_events


def exact(aggregation: Aggregation, plan: Plan | None) -> Aggregation:
    """Without the windows that a plan cannot compute."""
    kept = tuple(w for w in aggregation.windows if plan is None or plan in possible([w]))
    return aggregation.model_copy(update={"windows": kept})


ZONES = st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"])
GROUPS = st.tuples(st.integers(0, len(TYPES) - 1), st.integers(0, len(STEPS) - 1))


@settings(max_examples=70, deadline=None)
@given(which=GROUPS, plan=st.sampled_from(PLANS), rows=events, zone=ZONES)
def test_rows_of_a_group_are_what_the_loop_says(
    engine: duckdb.DuckDBPyConnection, which: tuple[int, int], plan: Plan | None, rows: list[Event], zone: str
) -> None:
    i, j = which
    rows, step = fill(engine, i, rows, zone), [*STEPS.values()][j]
    node = project().group(f"feature_group:g{i}_{j}@1")
    assert node.aggregate is not None
    aggregation = exact(node.aggregate, plan)
    features = [f for f in FEATURES if f.name in {w.name for w in aggregation.windows}]
    # The reach of a grid is that of all windows.
    sql = node.sql if plan is None else rows_sql(aggregation, plan)
    longest = max(f.window for f in features)
    names = ", ".join(identifier(f.name) for f in features)
    found = engine.execute(f'select k, place, epoch_us("at"), {names} from (\n{sql}\n) as q').fetchall()

    expected = [
        (*key, t, *(value(f, inside(rows, key, t, f.window, grid=step is not None)) for f in features))
        for key, t in row_times(rows, step, longest)
    ]
    by_name = [f.name for f in FEATURES]
    places_of = [by_name.index(f.name) for f in features]

    def spread(row: Sequence[Any]) -> list[Any]:
        whole: list[Any] = [*row[:3], *([None] * len(FEATURES))]
        for place, v in zip(places_of, row[3:], strict=True):
            whole[3 + place] = v
        return whole

    assert_same([spread(r) for r in found], [spread(r) for r in expected])


def view_sql(view: ViewNode, plan: Plan | None) -> str:
    """The view's own SQL; by a plan that is asked for, that of its join."""
    names = ", ".join(f'"{f.name}"' for f in FEATURES)
    if plan is None:
        return f"select id, who, epoch_us(seen) as t, {names} from (\n{view.sql}\n) as v"
    base = project().group(view.base)
    groups = {join.group: project().group(join.group) for join in view.joins}
    types = {f.name: f.type for f in base.features}
    found = [replace(j, plan=plan) for j in joinings(view.joins, groups, types)]
    if plan == "sums":
        found = [replace(j, columns=tuple(w.name for w in exact(j.windows, plan).windows)) for j in found if j.windows]
    shared, rows = from_clause(base.relation, found)
    columns = ", ".join(f"j1.{identifier(n)}" if n in found[0].columns else "null" for n in (f.name for f in FEATURES))
    return f"{shared}select b.id, b.who, epoch_us(b.seen) as t, {columns}\n{rows}"


@settings(max_examples=70, deadline=None)
@given(
    which=GROUPS, kind=st.sampled_from(["left", "left", "inner"]), plan=st.sampled_from(PLANS), rows=events,
    asked=observations, zone=ZONES,
)  # fmt: skip
def test_a_view_computes_windows_at_the_time_of_each_observation(
    engine: duckdb.DuckDBPyConnection, which: tuple[int, int], kind: str, plan: Plan | None, rows: list[Event],
    asked: list[tuple[Any, ...]], zone: str,
) -> None:  # fmt: skip
    i, j = which
    rows, step = fill(engine, i, rows, zone), [*STEPS.values()][j]
    node, view = project().group(f"feature_group:g{i}_{j}@1"), project().view(f"feature_view:{kind}_{i}_{j}@1")
    observed = [(n, *o) for n, o in enumerate(asked)]
    if TYPES[i] == "DATE":
        observed = [(*o[:3], None if o[3] is None else o[3] // DAY * DAY) for o in observed]
    types = {"id": "BIGINT", "who": "BIGINT", "place": "VARCHAR", "seen": TYPES[i]}
    engine.execute(table(f"o{i}@1", observed, types))
    # What is stored is all that a view reads.
    engine.execute(f"create or replace table {identifier(stored_relation(node))} as {stored_sql(node)}")
    engine.execute(f"drop table {identifier(f'source:e{i}')}")
    found = engine.execute(view_sql(view, plan)).fetchall()

    read = {f.name for f in FEATURES}
    if plan == "sums":
        assert node.aggregate is not None
        read = {w.name for w in exact(node.aggregate, plan).windows}
    expected = []
    for n, who, place, t in observed:
        known = None not in (who, place, t)
        own = inside(rows, (who, place), t, 10**18, grid=step is not None) if known else []
        if own or kind == "left":
            values = [
                value(f, inside(own, (who, place), t, f.window, grid=step is not None))
                if known and f.name in read
                else None
                for f in FEATURES
            ]
            expected.append((n, who, t, *values))
    assert_same(found, expected)


def test_no_observation_is_read_at_the_last_event(engine: duckdb.DuckDBPyConnection) -> None:
    rows = [Event(1, "a", 5, 5, 1.0, "p", 0)]
    fill(engine, 0, rows, "UTC")
    node, view = project().group("feature_group:g0_0@1"), project().view("feature_view:left_0_0@1")
    types = {"id": "BIGINT", "who": "BIGINT", "place": "VARCHAR", "seen": "TIMESTAMP"}
    engine.execute(table("o0@1", [(1, 1, "a", LONG - 1), (2, 1, "a", LONG)], types))
    engine.execute(f"create or replace table {identifier(stored_relation(node))} as {stored_sql(node)}")

    found = engine.execute(f"select id, n_long, events from (\n{view.sql}\n) as v order by id").fetchall()

    assert found == [(1, 5, 1), (2, None, 0)]
