"""`ports.TableHistory`: back to an old commit, row for row, writing only what differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DuckLake
from mlproj.adapters.ducklake_history import DuckLakeHistory
from mlproj.ports import CommitInfo, EngineError, RowsBack, TableWrite

INFO = CommitInfo("ada", "back", "{}")


class Lake:
    """A lake in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.engine = DuckDBEngine(2)
        self.lake = DuckLake(self.engine, "sqlite:catalog.sqlite", "data", root)
        self.history = DuckLakeHistory(self.engine, self.lake)

    def write(self, query: str, table: str = "t") -> int:
        return self.lake.write([TableWrite(table, query)], INFO)

    def rows(self, commit: int | None = None) -> list[tuple[object, ...]]:
        return sorted(self.engine.rows(f"select * from {self.lake.relation('t', commit)}"), key=repr)


@pytest.fixture(params=["by the change feed", "by comparison"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    if request.param == "by comparison":
        monkeypatch.setattr(DuckLakeHistory, "_fed_up_to", lambda *_: None)
    found = Lake(tmp_path)
    yield found
    found.engine.close()


def test_only_what_differs_is_written(lake: Lake, tmp_path: Path) -> None:
    first = lake.write("select range as k, range % 7 as place from range(20000)")
    lake.write("select range as k, case when range % 100 = 0 then -1 else range % 7 end as place from range(20000)")
    before = {p: p.stat().st_size for p in (tmp_path / "data").rglob("*.parquet")}

    assert lake.history.difference("t", first) == RowsBack(200, 200)
    commit, done = lake.history.restore("t", first, INFO)

    assert done == RowsBack(200, 200)
    assert lake.rows() == lake.rows(commit) == lake.rows(first)
    written = [p.stat().st_size for p in (tmp_path / "data").rglob("*.parquet") if p not in before]
    assert 0 < sum(written) < max(before.values()) / 5


def test_nothing_is_written_where_nothing_differs(lake: Lake) -> None:
    first = lake.write("select 1 as k")
    second = lake.write("select 1 as k")

    commit, done = lake.history.restore("t", first, INFO)

    assert done == RowsBack(0, 0)
    assert commit >= second
    assert lake.rows(commit) == [(1,)]


VALUES = st.lists(st.tuples(st.sampled_from([0, 1, None]), st.sampled_from(["a", "", None])), max_size=6)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=VALUES, new=VALUES)
def test_rows_that_repeat_and_nulls_come_back_too(lake: Lake, old: list[object], new: list[object]) -> None:
    commits = [lake.write(_values(rows)) for rows in (old, new)]

    commit, _done = lake.history.restore("t", commits[0], INFO)

    assert lake.rows(commit) == lake.rows(commits[0]) == sorted(old, key=repr)


def _values(rows: list[object]) -> str:
    listed = ", ".join("(" + ", ".join("null" if v is None else repr(v) for v in row) + ")" for row in rows)  # type: ignore[attr-defined]
    empty = "select null::INTEGER as a, null::VARCHAR as b where false"
    return empty if not rows else f"select a::INTEGER as a, b::VARCHAR as b from (values {listed}) as v(a, b)"


def test_nested_and_special_values_come_back(lake: Lake) -> None:
    special = (
        "select [1, null] as l, {'a': 'nan'::DOUBLE, 'b': null} as s, map([1], ['x']) as m, '2026-01-01'::DATE as d"
    )
    first = lake.write(special)
    lake.write(special.replace("[1, null]", "[2, null]"))

    assert lake.history.restore("t", first, INFO)[1] == RowsBack(1, 1)
    assert lake.history.difference("t", first) == RowsBack(0, 0)


def test_a_commit_is_there_or_not(lake: Lake) -> None:
    assert not lake.history.holds("t", 1)
    other = lake.write("select 1 as k", "other")
    first = lake.write("select 1 as k")
    assert lake.history.holds("t", first)
    assert not lake.history.holds("t", other), "the table came later"
    assert not lake.history.holds("t", first + 1)
    assert not lake.history.holds("none", first)


def test_what_cannot_be_read_is_an_engine_error_and_changes_nothing(lake: Lake) -> None:
    first = lake.write("select 1 as k")
    with pytest.raises(EngineError):
        lake.history.restore("none", first, INFO)
    assert lake.rows() == [(1,)]


def test_rows_that_came_and_went_in_between_count_for_nothing(lake: Lake) -> None:
    first = lake.write("select range as k from range(10)")
    lake.write("select range as k from range(20)")
    lake.write("select range as k from range(5, 10)")
    lake.write("select range as k from range(5, 12)")

    commit, done = lake.history.restore("t", first, INFO)

    assert done == RowsBack(2, 5)
    assert lake.rows(commit) == [(i,) for i in range(10)]
    assert lake.history.restore("t", first, INFO)[1] == RowsBack(0, 0)


def test_a_feed_with_a_hole_is_not_used(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    first = lake.write("select range as k from range(10)")
    lake.write("select range as k from range(20)")
    between = lake.write("select range as k from range(5)")
    lake.write("select range as k from range(8)")
    lake.engine.rows(f"call ducklake_expire_snapshots('lake', versions => [{between}])")

    commit, _done = lake.history.restore("t", first, INFO)

    assert lake.rows(commit) == [(i,) for i in range(10)]
    lake.engine.close()
