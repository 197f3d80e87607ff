"""`ports.LakeUpkeep`: what is dropped is gone, what is kept reads as before; the fake and DuckLake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DuckLake
from mlproj.adapters.ducklake_upkeep import DuckLakeUpkeep
from mlproj.ports import CommitInfo, EngineError, LakeUpkeep, TableWrite
from tests.contracts.fake_upkeep import FakeLakeUpkeep

INFO = CommitInfo("ada", "upkeep", '{"build": "b1"}')


class Bench(Protocol):
    """A lake whose tables hold numbers."""

    upkeep: LakeUpkeep

    def append(self, table: str, rows: Iterable[int]) -> int: ...

    def clear(self, table: str) -> int: ...

    def read(self, table: str, commit: int) -> list[int]:
        """Raises `LookupError`."""

    def query(self, rows: Iterable[int]) -> str: ...


class _Fake:
    def __init__(self) -> None:
        self.upkeep = FakeLakeUpkeep()

    def append(self, table: str, rows: Iterable[int]) -> int:
        return self.upkeep.append(table, rows)

    def clear(self, table: str) -> int:
        return self.upkeep.clear(table)

    def read(self, table: str, commit: int) -> list[int]:
        return self.upkeep.read(table, commit)

    def query(self, rows: Iterable[int]) -> str:
        return " ".join(str(row) for row in rows)


class _DuckLake:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._open()

    def _open(self) -> None:
        self.engine = DuckDBEngine(2)
        self.lake = DuckLake(self.engine, "sqlite:catalog.sqlite", "lake", self._root)
        self.upkeep = DuckLakeUpkeep(self.engine, self.lake, (self._root / "lake").resolve())

    def query(self, rows: Iterable[int]) -> str:
        return f"select unnest({[*rows]}::BIGINT[]) as id"

    def append(self, table: str, rows: Iterable[int]) -> int:
        name, query = self.lake.relation(table), self.query(rows)
        there = self.lake.has_table(table)
        statement = f"insert into {name} {query}" if there else f"create table {name} as {query}"
        return self.lake.change(lambda cursor: cursor.execute(statement) and None, INFO)

    def clear(self, table: str) -> int:
        return self.lake.change(
            lambda cursor: cursor.execute(f"delete from {self.lake.relation(table)}") and None, INFO
        )

    def read(self, table: str, commit: int) -> list[int]:
        # As another process sees it: this one remembers what the catalog said.
        self.engine.close()
        self._open()
        try:
            return sorted(row[0] for row in self.engine.rows(f"from {self.lake.relation(table, commit)}"))
        except EngineError as error:
            raise LookupError(error.message) from error


@pytest.fixture(params=["fake", "ducklake"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "fake":
        yield _Fake()
        return
    found = _DuckLake(tmp_path)
    yield found
    found.engine.close()


def _id(bench: Bench, table: str) -> int:
    return next(t.id for t in bench.upkeep.inventory().tables if t.name == table)


def test_the_inventory_lists_what_there_is(bench: Bench) -> None:
    first = bench.append("a", [1, 2])
    second = bench.append("b", [3])

    found = bench.upkeep.inventory()

    assert [(t.name, t.begin, t.end) for t in found.tables] == [("a", first, None), ("b", second, None)]
    assert sorted((f.begin, f.end, f.small) for f in found.files) == [(first, None, True), (second, None, True)]
    assert [c.id for c in found.commits][-2:] == [first, second]
    assert found.loose == ()


def test_a_dropped_table_reads_at_its_commits_until_they_go(bench: Bench) -> None:
    pinned = bench.append("a", [1, 2])
    bench.append("b", [3])
    gone = bench.upkeep.drop(["a"], INFO)
    with pytest.raises(LookupError):
        bench.read("a", gone)
    assert bench.read("a", pinned) == [1, 2]

    bench.upkeep.expire([], {_id(bench, "a"): None})

    with pytest.raises(LookupError):
        bench.read("a", pinned)
    assert bench.read("b", gone) == [3]
    assert len(bench.upkeep.inventory().files) == 1
    assert bench.upkeep.inventory().loose
    bench.upkeep.sweep()
    assert bench.upkeep.inventory().loose == ()


def test_below_its_floor_a_table_is_not_there(bench: Bench) -> None:
    """`b` is needed at the old commit, and `a` only at a later one, of another schema version."""
    bench.append("a", [1])
    old = bench.append("b", [2])
    bench.clear("a")
    bench.append("c", [0])
    new = bench.append("a", [5])

    bench.upkeep.expire([], {_id(bench, "a"): new})

    with pytest.raises(LookupError):
        bench.read("a", old)
    assert bench.read("b", old) == [2]
    assert bench.read("a", new) == [5]
    assert len([f for f in bench.upkeep.inventory().files if f.table == _id(bench, "a")]) == 1


def test_expired_commits_are_gone_and_the_newest_never(bench: Bench) -> None:
    first = bench.append("a", [1])
    second = bench.append("a", [2])
    third = bench.append("a", [3])

    bench.upkeep.expire([first, third], {})

    with pytest.raises(LookupError):
        bench.read("a", first)
    assert bench.read("a", second) == [1, 2]
    assert bench.read("a", third) == [1, 2, 3]


def test_merged_files_read_as_before_at_every_commit(bench: Bench) -> None:
    commits = [bench.append("a", [number]) for number in range(4)]

    newest = bench.upkeep.merge("a")
    bench.upkeep.sweep()

    assert [bench.read("a", c) for c in commits] == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert bench.read("a", newest) == [0, 1, 2, 3]
    assert len(bench.upkeep.inventory().files) == 1


def test_files_from_below_a_floor_are_merged(bench: Bench) -> None:
    for number in range(3):
        bench.append("a", [number])
    bench.append("b", [0])
    floor = bench.append("a", [3])
    bench.upkeep.expire([], {_id(bench, "a"): floor})
    assert bench.read("a", floor) == [0, 1, 2, 3]

    newest = bench.upkeep.merge("a")
    bench.upkeep.sweep()

    assert bench.read("a", newest) == bench.read("a", floor) == [0, 1, 2, 3]
    assert len([f for f in bench.upkeep.inventory().files if f.table == _id(bench, "a")]) == 1


def test_a_rewritten_table_leaves_nothing_of_the_old_one(bench: Bench) -> None:
    old = bench.append("a", [1, 2, 3])
    other = bench.append("b", [9])

    new = bench.upkeep.rewrite([TableWrite("a", bench.query([1, 3]))], INFO)
    ended = [t.id for t in bench.upkeep.inventory().tables if t.name == "a" and t.end is not None]
    bench.upkeep.expire([], dict.fromkeys(ended))
    bench.upkeep.sweep()

    assert bench.read("a", new) == [1, 3]
    assert bench.read("b", other) == [9]
    with pytest.raises(LookupError):
        bench.read("a", old)
    assert len(bench.upkeep.inventory().files) == 2
