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

from tests.point_in_time import HOUR, Types, compiled_views, literal_rows

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
        found = []
        for b in base:
            candidates = [r for r in rows if self._sees(b, r)]
            row = greatest(candidates, self.created)
            if row is not None:
                found.append((b.id, row.x, row.y))
            elif self.kind == "left":
                found.append((b.id, None, None))
        return sorted(found, key=repr)

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


keys = st.sampled_from([1, 1, 2, None])
places = st.sampled_from(["a", "a", "b", None])
hours = st.one_of(st.none(), st.sampled_from([0, 0, 1, 12, 23, 24, 25, 47, 48, 49, 72]).map(lambda h: h * HOUR))
values = st.one_of(st.none(), st.sampled_from([0.0, 1.0, -1.0, math.nan]))
texts = st.sampled_from(["", "p", "q", None])
observations = st.lists(st.tuples(keys, places, hours), max_size=8).map(
    lambda rows: [Observation(i, *row) for i, row in enumerate(rows)]
)
group_rows = st.lists(st.builds(Row, keys, places, hours, hours, values, texts), max_size=12)


def shown(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    return sorted(map(repr, rows))


@settings(max_examples=250, deadline=None)
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
