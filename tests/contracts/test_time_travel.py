"""What `ports.TimeTravel` promises, asked of the fake and of a DuckLake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DuckLake
from mlproj.adapters.ducklake_past import DuckLakePast
from mlproj.ports import CommitInfo, Lake, TableWrite, TimeTravel
from mlproj.state import ViewMove
from tests.contracts.fake_lake import MemoryLake

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Two:
    """A lake, and what it says of its past."""

    lake: Lake
    past: TimeTravel

    def write(self, value: int, build: str = "b1") -> int:
        info = CommitInfo("ada", "write", f'{{"build": "{build}"}}')
        return self.lake.write([TableWrite("t", f"select {value} as k")], info)

    def publish(self, commit: int | None, build: str = "b1", schema: str = "dev") -> int:
        sql = None if commit is None else f"select k from {self.lake.relation('t', commit)}"
        info = CommitInfo("ada", "publish", f'{{"format": 2, "publication": {{"build_id": "{build}"}}}}')
        return self.lake.publish(schema, [ViewMove(name="v", sql=sql)], info)


@pytest.fixture(params=["memory", "ducklake"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Two]:
    if request.param == "memory":
        lake = MemoryLake()
        yield Two(lake, lake)
    else:
        engine = DuckDBEngine(2)
        real = DuckLake(engine, "sqlite:c.sqlite", "data", tmp_path)
        yield Two(real, DuckLakePast(real))
        engine.close()


def test_an_absent_lake_has_no_past(two: Two) -> None:
    assert two.past.newest_commit() is None
    assert two.past.commit_at(datetime.now(UTC)) is None
    assert two.past.view_at("dev", "v", 3) is None
    assert two.past.publication_of(3) == 3
    assert two.past.published_by("b1") is None
    assert not two.past.is_there(3)


def test_the_commit_at_a_moment_is_the_newest_until_then(two: Two) -> None:
    first, second = two.write(1), two.write(2)
    times = {number: datetime.fromisoformat(at) for number, at, *_rest in two.lake.commits()}

    assert two.past.newest_commit() == second
    assert two.past.commit_at(EPOCH) is None
    assert two.past.commit_at(times[first]) == first
    assert two.past.commit_at(times[second] - timedelta(microseconds=1)) == first
    assert two.past.commit_at(times[second] + timedelta(days=1)) == second
    assert two.past.is_there(first)
    assert two.past.is_there(second)
    assert not two.past.is_there(second + 1)


def test_a_commit_of_data_belongs_to_the_publication_of_its_build(two: Two) -> None:
    first = two.write(1, "b1")
    more = two.write(2, "b1")
    published = two.publish(more, "b1")
    lost = two.write(3, "killed")
    other = two.publish(more, "b3")

    assert [two.past.publication_of(c) for c in (first, more, published)] == [published] * 3
    assert two.past.publication_of(lost) == lost
    assert two.past.publication_of(other) == other
    assert [two.past.published_by(build) for build in ("b1", "b3", "killed")] == [published, other, None]


def test_a_view_is_what_it_was_at_each_commit(two: Two) -> None:
    first = two.write(1)
    shown = two.publish(first)
    second = two.write(2)
    moved = two.publish(second)
    dropped = two.publish(None)

    assert two.past.view_at("dev", "v", first) is None
    for commit, pinned in ((shown, first), (second, first), (moved, second)):
        sql = two.past.view_at("dev", "v", commit)
        assert sql is not None
        assert f"version => {pinned}" in sql.lower()
        assert "lake.mlproj_data" in sql
    assert two.past.view_at("dev", "v", dropped) is None
    assert two.past.view_at("prod", "v", moved) is None
    assert two.past.view_at("dev", "w", moved) is None
