"""`ports.Lake`: versioned tables, views that pin commits, and readers beside the writer."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DuckLake
from mlproj.adapters.ducklake_catalog import FORMAT
from mlproj.diagnostics import ProjectError
from mlproj.ports import CommitInfo, EngineError, Merge, TableWrite
from mlproj.state import ViewMove

CATALOG, DATA = "sqlite:.mlproj/catalog.sqlite", ".mlproj/lake"
INFO = CommitInfo("Zoë O'Hara", "first; it's\nhere", '{"build": "b1"}')


def published(build: str, lake_format: int = FORMAT) -> CommitInfo:
    record = {"format": lake_format, "publication": {"build_id": build}}
    return CommitInfo("me", f"publish {build}", json.dumps(record))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pro ject [1] d'é"
    folder.mkdir()
    return folder


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(2)
    yield made
    made.close()


@pytest.fixture
def lake(engine: DuckDBEngine, root: Path) -> DuckLake:
    return DuckLake(engine, CATALOG, DATA, root)


def rows(engine: DuckDBEngine, lake: DuckLake, table: str, commit: int | None = None) -> list[tuple[object, ...]]:
    return engine.rows(f"select * from {lake.relation(table, commit)} order by all")


def test_writes_and_reads_every_commit(engine: DuckDBEngine, lake: DuckLake) -> None:
    first = lake.write(
        [TableWrite("t__v1", "select range as k from range(3)"), TableWrite("u", "select 'x' as s;")], INFO
    )
    second = lake.write([TableWrite("t__v1", "select 7 as k")], INFO)
    assert second > first
    assert rows(engine, lake, "t__v1", first) == [(0,), (1,), (2,)]
    assert rows(engine, lake, "t__v1", second) == rows(engine, lake, "t__v1") == [(7,)]
    assert rows(engine, lake, "u", second) == [("x",)]


def test_writes_scratch_tables_of_any_size(engine: DuckDBEngine, lake: DuckLake) -> None:
    for size in (0, 1, 50_000):
        engine.create_table("income@1", f"select range as k, 'é' as t from range({size})")
        commit = lake.write([TableWrite(f"t{size}", 'from "income@1"')], INFO)
        assert engine.rows(f"select count(*), min(t) from {lake.relation(f't{size}', commit)}") == [
            (size, "é" if size else None)
        ]


def test_columns_are_matched_by_name(engine: DuckDBEngine, lake: DuckLake) -> None:
    lake.write([TableWrite("t", "select 1 as a, 2 as b")], INFO)
    lake.write([TableWrite("t", "select 3 as b, 4 as a")], INFO)
    assert engine.rows(f"select a, b from {lake.relation('t')}") == [(4, 3)]


def test_rows_are_replaced_with_a_change_feed(engine: DuckDBEngine, lake: DuckLake) -> None:
    first = lake.write([TableWrite("t", "select range as k from range(20)")], INFO)
    second = lake.write([TableWrite("t", "select range as k from range(5)")], INFO)
    feed = f"select change_type, count(*) from lake.table_changes('t', {first + 1}, {second}) group by all order by 1"
    engine.cursor().execute("use lake.mlproj_data")
    assert engine.rows(feed) == [("delete", 20), ("insert", 5)]


def test_other_columns_replace_an_orphan(engine: DuckDBEngine, lake: DuckLake) -> None:
    first = lake.write([TableWrite("t", "select 1 as a")], INFO)
    lake.write([TableWrite("t", "select 'x' as a, 2 as b")], INFO)
    assert rows(engine, lake, "t") == [("x", 2)]
    assert rows(engine, lake, "t", first) == [(1,)]


def test_partitions_are_folders(engine: DuckDBEngine, lake: DuckLake, root: Path) -> None:
    query = "select 'a b' as \"the day\", range as k from range(20)"
    for _ in range(2):
        lake.write([TableWrite("t", query, ("the day",))], INFO)
    assert len(rows(engine, lake, "t")) == 20
    assert {p.parent.name for p in (root / DATA).rglob("*.parquet")} == {"the%20day=a%20b"}


def test_one_failing_table_undoes_all(engine: DuckDBEngine, lake: DuckLake) -> None:
    first = lake.write([TableWrite("t", "select 1 as k")], INFO)
    with pytest.raises(EngineError) as caught:
        lake.write([TableWrite("t", "select 2 as k"), TableWrite("new", "select 'x'::BIGINT as k")], INFO)
    assert caught.value.kind == "Conversion"
    assert rows(engine, lake, "t") == [(1,)]
    assert not lake.has_table("new")
    assert lake.commits()[-1][0] == first
    assert lake.write([TableWrite("t", "select 3 as k")], INFO) > first


def test_views_pin_commits_and_move_at_once(engine: DuckDBEngine, lake: DuckLake) -> None:
    first = lake.write([TableWrite("t", "select 1 as k")], INFO)
    view = f"select k from {lake.relation('t', first)}"
    moves = [ViewMove(name="income_v1", sql=view), ViewMove(name='größe "x"', sql=view)]
    lake.publish("dev", moves, published("b1"))
    lake.write([TableWrite("t", "select 2 as k")], INFO)
    assert engine.rows("from lake.dev.income_v1") == engine.rows('from lake.dev."größe ""x"""') == [(1,)]
    lake.publish(
        "dev", [ViewMove(name="income_v1", sql=None), ViewMove(name="other", sql="select 5 as k")], published("b2")
    )
    assert engine.rows("from lake.dev.other") == [(5,)]
    with pytest.raises(EngineError, match="income_v1 does not exist"):
        engine.rows("from lake.dev.income_v1")


def test_a_view_that_does_not_bind_publishes_nothing(engine: DuckDBEngine, lake: DuckLake) -> None:
    lake.publish("dev", [ViewMove(name="a", sql="select 1 as k")], published("b1"))
    with pytest.raises(EngineError):
        lake.publish(
            "dev", [ViewMove(name="a", sql="select 2 as k"), ViewMove(name="b", sql="select nocol")], published("b2")
        )
    assert engine.rows("from lake.dev.a") == [(1,)]
    found = lake.last_publication()
    assert found is not None
    assert json.loads(found[1])["publication"]["build_id"] == "b1"


@pytest.mark.parametrize("moves", [[], [ViewMove(name="absent", sql=None)]])
def test_a_publication_without_moves_is_kept(lake: DuckLake, moves: list[ViewMove]) -> None:
    first = lake.publish("dev", moves, published("b1"))
    second = lake.publish("dev", moves, published("b2"))
    assert second > first
    found = lake.last_publication()
    assert found is not None
    assert (found[0], json.loads(found[1])["publication"]["build_id"]) == (second, "b2")


def test_publishing_the_same_again_is_a_commit(lake: DuckLake) -> None:
    moves = [ViewMove(name="a", sql="select 1 as k")]
    first = lake.publish("dev", moves, published("b1"))
    assert lake.publish("dev", moves, published("b2")) > first


def test_the_last_publication_is_read_attached_or_not(engine: DuckDBEngine, lake: DuckLake, root: Path) -> None:
    assert lake.last_publication() is None
    assert not (root / ".mlproj").exists()
    lake.write([TableWrite("t", "select 1 as k")], INFO)
    assert lake.last_publication() is None
    commit = lake.publish("dev", [], published("b1"))
    lake.write([TableWrite("t", "select 2 as k")], CommitInfo("me", "m", '{"note": "no \\"publication\\""}'))
    attached = lake.last_publication()
    history = lake.commits()
    engine.close()
    assert attached is not None
    assert attached[0] == commit
    other = DuckLake(DuckDBEngine(1), CATALOG, DATA, root)
    assert other.last_publication() == attached
    assert other.commits() == history


def test_reading_does_not_load_the_engine(root: Path, lake: DuckLake, engine: DuckDBEngine) -> None:
    lake.publish("dev", [], published("b1"))
    engine.close()
    code = f"""
import sys
from pathlib import Path
from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DuckLake
assert DuckLake(DuckDBEngine(), {CATALOG!r}, {DATA!r}, Path(sys.argv[1])).last_publication()
assert "duckdb" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(root)], check=True)


CHANGED = "select unnest([1, null, 9]) as k0"


def merged(lake: DuckLake, query: str, since: int, keys: str = CHANGED) -> int:
    return lake.write([TableWrite("t", query, merge=Merge(keys, ("k",), since))], INFO)


def feed(lake: DuckLake, engine: DuckDBEngine, commit: int) -> list[tuple[str, int]]:
    lake.relation("t")
    sql = f"select change_type, count(*) from ducklake_table_changes('lake', 'mlproj_data', 't', {commit}, {commit})"
    return engine.rows(f"{sql} group by 1 order by 1")


def test_a_merge_writes_the_rows_of_the_keys_that_differ(lake: DuckLake, engine: DuckDBEngine) -> None:
    first = lake.write([TableWrite("t", "select unnest([1, 1, 2, null]) as k, 'old' as v")], INFO)
    second = merged(lake, "select v, k from (select unnest([1, 2, null, 9]) as k, 'new' as v) as q", first)

    read = "select k, v from {} order by k, v"
    assert engine.rows(read.format(lake.relation("t"))) == [(1, "new"), (2, "old"), (9, "new"), (None, "new")]
    assert engine.rows(read.format(lake.relation("t", first))) == [(1, "old"), (1, "old"), (2, "old"), (None, "old")]
    assert feed(lake, engine, second) == [("delete", 3), ("insert", 3)]


def test_a_table_that_moved_meanwhile_is_not_merged_but_replaced(lake: DuckLake, engine: DuckDBEngine) -> None:
    first = lake.write([TableWrite("t", "select 1 as k, 'old' as v")], INFO)
    lake.write([TableWrite("t", "select 2 as k, 'astray' as v")], INFO)
    lake.write([TableWrite("u", "select 2 as k, 'other' as v")], INFO)

    merged(lake, "select unnest([1, 5]) as k, 'new' as v", first, "select 1 as k0")

    assert engine.rows(f"from {lake.relation('t')} order by k") == [(1, "new"), (5, "new")]


def test_writes_to_other_tables_do_not_keep_from_merging(lake: DuckLake, engine: DuckDBEngine) -> None:
    first = lake.write([TableWrite("t", "select unnest([1, 2]) as k, 'old' as v")], INFO)
    lake.write([TableWrite("u", "select 2 as k, 'other' as v")], INFO)
    second = merged(lake, "select unnest([1, 2]) as k, 'new' as v", first, "select 1 as k0")

    assert feed(lake, engine, second) == [("delete", 1), ("insert", 1)]


def test_a_merge_into_a_table_of_other_columns_replaces_it(lake: DuckLake, engine: DuckDBEngine) -> None:
    first = lake.write([TableWrite("t", "select 1 as k, 'old' as v")], INFO)
    merged(lake, "select unnest([1, 2]) as k, 7 as w", first, "select 1 as k0")
    assert engine.rows(f"from {lake.relation('t')} order by k") == [(1, 7), (2, 7)]


def test_commits_carry_author_message_and_time(lake: DuckLake) -> None:
    assert lake.commits() == []
    commit = lake.write([TableWrite("t", "select 1 as k")], INFO)
    number, at, author, message = lake.commits()[-1]
    assert (number, author, message) == (commit, INFO.author, INFO.message)
    assert datetime.fromisoformat(at).utcoffset() == timedelta(0)
    assert [c[0] for c in lake.commits()] == sorted(c[0] for c in lake.commits())


def test_a_newer_format_is_refused_with_the_cure(lake: DuckLake) -> None:
    lake.publish("dev", [], published("b1", lake_format=FORMAT + 1))
    with pytest.raises(ProjectError) as caught:
        lake.last_publication()
    found = caught.value.diagnostics[0]
    assert (found.code, caught.value.exit_code) == ("E611", 1)
    assert "upgrade" in (found.hint or "")


def test_the_format_of_a_pre_release_is_refused_with_the_cure(lake: DuckLake) -> None:
    lake.publish("dev", [], published("b1", lake_format=1))
    with pytest.raises(ProjectError) as caught:
        lake.last_publication("dev")
    found = caught.value.diagnostics[0]
    assert (found.code, caught.value.exit_code) == ("E611", 1)
    assert "build anew" in (found.hint or "")


def test_a_damaged_catalog_is_refused(lake: DuckLake, root: Path) -> None:
    (root / ".mlproj").mkdir()
    (root / ".mlproj" / "catalog.sqlite").write_bytes(b"this is no database" * 100)
    for act in (lake.last_publication, lake.commits, lambda: lake.relation("t"), lambda: lake.write([], INFO)):
        with pytest.raises(ProjectError) as caught:
            act()
        assert [d.code for d in caught.value.diagnostics] == ["E612"]
        assert "catalog.sqlite" in caught.value.diagnostics[0].message


@pytest.mark.parametrize("catalog", ["postgres:host=x", "sqlite:", "catalog.sqlite", ""])
def test_other_catalogs_are_refused(engine: DuckDBEngine, root: Path, catalog: str) -> None:
    with pytest.raises(ProjectError) as caught:
        DuckLake(engine, catalog, DATA, root)
    assert caught.value.diagnostics[0].code == "E612"


def test_an_extension_that_cannot_be_had(lake: DuckLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlproj.adapters.ducklake_extension._WHEELS", {"no_such_extension": "no_such_wheel"})
    with pytest.raises(ProjectError) as caught:
        lake.relation("t")
    found = caught.value.diagnostics[0]
    assert (found.code, caught.value.exit_code) == ("E614", 1)
    assert (found.hint or "").startswith("pip install no-such-wheel==")


def test_the_catalog_is_in_wal_mode_from_its_first_moment(engine: DuckDBEngine, lake: DuckLake, root: Path) -> None:
    lake.relation("t")
    engine.close()
    connection = sqlite3.connect(root / ".mlproj" / "catalog.sqlite")
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_project_folder_may_move(engine: DuckDBEngine, lake: DuckLake, root: Path, tmp_path: Path) -> None:
    lake.write([TableWrite("t", "select range as k from range(30)")], INFO)
    engine.close()
    moved = tmp_path / "elsewhere"
    root.rename(moved)
    there = DuckLake(engine, CATALOG, DATA, moved)
    assert len(rows(engine, there, "t")) == 30
    there.write([TableWrite("t", "select 1 as k")], INFO)
    assert rows(engine, there, "t") == [(1,)]
    assert not root.exists()


def test_two_lakes_of_one_process_see_one_another(engine: DuckDBEngine, lake: DuckLake, root: Path) -> None:
    other_engine = DuckDBEngine(1)
    other = DuckLake(other_engine, CATALOG, DATA, root)
    for number in range(5):
        commit = lake.write([TableWrite("t", f"select {number} as k")], INFO)
        assert other.commits()[-1][0] == commit
        assert rows(other_engine, other, "t") == [(number,)]
        assert other.publish("dev", [], published(f"b{number}")) > commit
        assert lake.last_publication() == other.last_publication()
    other_engine.close()
    engine.close()
    connection = sqlite3.connect(root / ".mlproj" / "catalog.sqlite")
    assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    connection.close()


# What the programs below know of this module.
NAMES = f"CATALOG, DATA = {CATALOG!r}, {DATA!r}"

READER = """
import sys
from pathlib import Path
from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DuckLake
root, stop = Path(sys.argv[1]), Path(sys.argv[2])
engine = DuckDBEngine(1)
lake = DuckLake(engine, CATALOG, DATA, root)
reads = 0
last = 0
while not stop.exists() or reads < 20:
    if reads % 5 == 0:
        engine.close()
        assert lake.last_publication() is not None
    relation = lake.relation("t")
    (shown,), = engine.rows("select max(k) from lake.dev.t_v1")
    (low, high), = engine.rows("select min(k), max(k) from " + relation)
    assert low == high and low >= last and shown <= high, (low, high, shown, last)
    last = low
    reads += 1
print(reads)
"""


def test_readers_beside_a_writer_see_no_error(lake: DuckLake, root: Path, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    first = lake.write([TableWrite("t", "select 0 as k from range(100)")], INFO)
    view = "select k from " + lake.relation("t", first)
    lake.publish("dev", [ViewMove(name="t_v1", sql=view)], published("b0"))
    command = [sys.executable, "-c", NAMES + READER, str(root), str(stop)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for number in range(1, 21):
            commit = lake.write([TableWrite("t", f"select {number} as k from range(100)")], INFO)
            if number % 4 == 0:
                view = "select k from " + lake.relation("t", commit)
                lake.publish("dev", [ViewMove(name="t_v1", sql=view)], published(f"b{number}"))
    finally:
        stop.touch()
        ended = [reader.communicate(timeout=120) for reader in readers]
    assert [(reader.returncode, err) for reader, (_, err) in zip(readers, ended, strict=True)] == [(0, "")] * 2
    assert all(int(out) >= 20 for out, _ in ended)


WRITER = """
import sys
from pathlib import Path
from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DuckLake
from mlproj.ports import CommitInfo, TableWrite
engine = DuckDBEngine(1)
lake = DuckLake(engine, CATALOG, DATA, Path(sys.argv[1]))
number = 0
while True:
    number += 1
    query = f"select {number} as k from range(100)"
    lake.write([TableWrite("t", query), TableWrite("u", query)], CommitInfo("w", str(number), "{}"))
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_whole_commits(engine: DuckDBEngine, lake: DuckLake, root: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", NAMES + WRITER, str(root)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(3):
        writer.stdout.readline()
    writer.kill()
    writer.communicate(timeout=60)
    before = rows(engine, lake, "t")
    assert len(before) == 100
    assert len(set(before)) == 1
    assert rows(engine, lake, "u") == before
    lake.write([TableWrite("t", "select 0 as k")], INFO)
    assert rows(engine, lake, "t") == [(0,)]
