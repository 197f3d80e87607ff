"""features.md §1: a Python loop says what a point-in-time join is, and the compiled SQL gives the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.point_in_time import HOUR, Types, compiled_chain, compiled_views, literal_marks, literal_rows

DAY = 24 * HOUR


class Observation(NamedTuple):
    id: int
    k: int | None
    place: str | None
    at: int | None  # microseconds, UTC


class Row(NamedTuple):
    """Of the joined group; its key is (who, place), which the base calls (k, place)."""

    who: int | None
    place: str | None
    at: int | None
    loaded: int | None
    x: float | None
    y: str | None


def lowest(value: Any) -> tuple[Any, ...]:
    """Nulls are lowest, NaN is greatest."""
    if value is None:
        return (0,)
    return (2,) if isinstance(value, float) and math.isnan(value) else (1, value)


def greatest(rows: Iterable[Row], created: bool) -> Row | None:
    order: Callable[[Row], Any] = lambda r: (  # noqa: E731
        r.at, lowest(r.loaded) if created else (), lowest(r.x), lowest(r.y),
    )  # fmt: skip
    return max(rows, key=order, default=None)


@dataclass(frozen=True)
class Case:
    """`types` are those of the base's time, of the group's, and of its created_time."""

    types: Types
    kind: str
    max_age: int | None
    known_at: bool
    created: bool
    timed: bool = True

    def joined(self, base: list[Observation], rows: list[Row]) -> list[tuple[Any, ...]]:
        """The definition."""
        found = [(b.id, self.found(b, rows)) for b in base]
        return [(i, *((r.x, r.y) if r else (None, None))) for i, r in found if r or self.kind == "left"]

    def found(self, observation: Observation, rows: list[Row]) -> Row | None:
        return greatest((r for r in rows if self._sees(observation, r)), self.created)

    def _sees(self, b: Observation, r: Row) -> bool:
        if None in (b.k, b.place, r.who, r.place, r.at) or (b.k, b.place) != (r.who, r.place):
            return False
        assert r.at is not None
        if not self.timed:
            return True
        if b.at is None or r.at > b.at or (self.max_age is not None and r.at < b.at - self.max_age):
            return False
        return not self.known_at or (r.loaded is not None and r.loaded <= b.at)


PLAIN, ZONED, DATE, FINE = "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE", "TIMESTAMP_NS"
TYPES = [
    Types(PLAIN, PLAIN, PLAIN), Types(ZONED, ZONED, ZONED), Types(PLAIN, ZONED, PLAIN), Types(ZONED, PLAIN, ZONED),
    Types(DATE, PLAIN, DATE), Types(PLAIN, DATE, ZONED), Types(FINE, PLAIN, ZONED), Types(ZONED, FINE, FINE),
]  # fmt: skip
CASES = [
    Case(types, kind, age, known_at, created)
    for types, kind, age, (known_at, created) in product(
        TYPES, ("left", "inner"), (None, DAY), ((False, False), (False, True), (True, True))
    )
] + [Case(TYPES[0], kind, None, known_at=False, created=created, timed=False) for kind in ("left", "inner")
     for created in (False, True)]  # fmt: skip


@cache
def sql_of() -> dict[Case, str]:
    """Compiled once, all in one project."""
    return compiled_views(CASES)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": "1"}) as connection:
        yield connection


# Few values, so that keys meet, times tie, and ages end where they may.
keys = st.sampled_from([1, 1, 1, 1, 2, None])
places = st.sampled_from(["a", "a", "a", "a", "b", None])
hours = st.sampled_from([None, *(h * HOUR for h in (0, 24, 24, 24, 25, 47, 48, 48))])
values = st.sampled_from([None, 0.0, 1.0, math.nan])
texts = st.sampled_from([None, "", "p", "q"])
observations = st.lists(st.tuples(keys, places, hours), min_size=3, max_size=8).map(
    lambda rows: [Observation(i, *row) for i, row in enumerate(rows)]
)
group_rows = st.lists(st.builds(Row, keys, places, hours, hours, values, texts), min_size=6, max_size=12) | st.just([])


def shown(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    return sorted(map(repr, rows))


@settings(max_examples=200, deadline=None)
@given(
    case=st.sampled_from(CASES), base=observations, rows=group_rows, twice=st.booleans(),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
)  # fmt: skip
def test_the_sql_gives_what_the_loop_says(
    engine: duckdb.DuckDBPyConnection, case: Case, base: list[Observation], rows: list[Row], twice: bool, zone: str
) -> None:
    base, rows = [case.types.rounded(b) for b in base], [case.types.rounded(r) for r in rows]
    base += base if twice else []
    engine.execute(f"set TimeZone = '{zone}'")
    for statement in literal_rows(case.types, base, rows):
        engine.execute(statement)

    assert shown(engine.execute(sql_of()[case]).fetchall()) == shown(case.joined(base, rows))


class Mark(NamedTuple):
    """Of a group that is joined through `y` of the other one."""

    name: str | None
    at: int | None
    z: float | None


marks = st.lists(st.builds(Mark, texts, hours, values), min_size=4, max_size=8)
CHAINS = [case for case in CASES if case.types == TYPES[0] and case.timed and case.max_age is None]


@cache
def chain_of(case: Case) -> str:
    return compiled_chain(case)


@settings(max_examples=60, deadline=None)
@given(case=st.sampled_from(CHAINS), base=observations, rows=group_rows, others=marks)
def test_a_join_goes_through_the_row_that_another_found(
    engine: duckdb.DuckDBPyConnection, case: Case, base: list[Observation], rows: list[Row], others: list[Mark]
) -> None:
    expected = []
    for b in base:
        row = case.found(b, rows)
        name = row.y if row else None
        seen = [m for m in others if None not in (m.name, m.at, b.at) and m.name == name and m.at <= b.at]
        mark = max(seen, key=lambda m: (m.at, lowest(m.z)), default=None)
        if (row and mark) or case.kind == "left":
            expected.append((b.id, row.x if row else None, mark.z if mark else None))
    for statement in (*literal_rows(case.types, base, rows), literal_marks(others)):
        engine.execute(statement)

    found = engine.execute(f"select id, x, z from (\n{chain_of(case)}\n) as v").fetchall()
    assert shown(found) == shown(expected)
