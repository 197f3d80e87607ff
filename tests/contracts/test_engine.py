"""`ports.Engine`: what every engine does in its scratch space."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.ports import Engine, EngineError
from mlproj.state import Column


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(2, tmp_path / "new" / "folder")
    yield made
    made.close()


def test_a_table_is_made_and_replaced(engine: Engine) -> None:
    assert engine.create_table("income@1", "select range as k from range(10)") == 10
    assert engine.create_table("income@1", "select 'x' as other") == 1
    assert engine.rows('from "income@1"') == [("x",)]


def test_a_table_may_follow_a_view_and_a_view_a_table(engine: Engine) -> None:
    engine.create_view("g", "select 1 as a")
    assert engine.create_table("g", "select 2 as a") == 1
    assert engine.rows("from g") == [(2,)]
    engine.create_view("g", "select 3 as a -- the last")
    assert engine.rows("from g") == [(3,)]


def test_a_table_may_be_made_from_itself(engine: Engine) -> None:
    engine.create_table("g", "select 1 as a")
    engine.create_table("g", "select a + 1 as a from g")
    assert engine.rows("from g") == [(2,)]


def test_memory_is_held_to_what_it_is_given() -> None:
    engine = DuckDBEngine(memory="64MiB")
    assert engine.rows("select current_setting('memory_limit')") == [("64.0 MiB",)]
    engine.close()


def test_rows_keep_their_order(engine: Engine) -> None:
    engine.create_table("g", "select range as k from range(300000)")
    assert [row[0] for row in engine.rows("from g")] == list(range(300000))


def test_describes(engine: Engine) -> None:
    assert engine.describe("select 1::BIGINT as a, 'x' as \"b c\"") == (
        Column(name="a", type="BIGINT"), Column(name="b c", type="VARCHAR"),
    )  # fmt: skip


def test_arrow(engine: Engine) -> None:
    table = engine.arrow("select range as a, null::VARCHAR as b from range(3)")
    assert table.to_pydict() == {"a": [0, 1, 2], "b": [None, None, None]}


def test_time_zone_is_utc_in_every_thread(engine: Engine) -> None:
    found: list[object] = []
    sql = "select timestamptz '2026-01-01 12:00:00+02' as z, [timestamptz '2026-01-01 12:00:00'] as l, 1::DECIMAL(3,1)"

    def ask() -> None:
        found.extend(engine.rows(sql))
        found.extend(engine.rows("select (timestamptz '2026-01-01 12:00:00+02')::VARCHAR"))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    row, text = found
    assert isinstance(row, tuple)
    assert row[:2] == (datetime(2026, 1, 1, 10, tzinfo=UTC), [datetime(2026, 1, 1, 12, tzinfo=UTC)])
    assert text == ("2026-01-01 10:00:00+00",)


@pytest.mark.parametrize(
    ("sql", "kind", "message"),
    [
        ("select 'abc'::BIGINT", "Conversion", "Could not convert string 'abc' to INT64"),
        ("select 9223372036854775807 + 1", "OutOfRange", "Overflow in addition of INT64 (9223372036854775807 + 1)"),
        ("select * from nosuch", "Catalog", "Table with name nosuch does not exist"),
        ("select error('boom')", "InvalidInput", "boom"),
        ("selec 1", "Parser", 'syntax error at or near "selec"'),
    ],
)
def test_failures_are_plain(engine: Engine, sql: str, kind: str, message: str) -> None:
    for act in (engine.rows, engine.arrow, lambda text: engine.create_table("t", text)):
        with pytest.raises(EngineError) as caught:
            act(sql)
        assert (caught.value.kind, caught.value.message) == (kind, message)


def test_a_failed_table_leaves_the_old_one(engine: Engine) -> None:
    engine.create_table("g", "select 1 as a")
    with pytest.raises(EngineError):
        engine.create_table("g", "select 'x'::BIGINT as a")
    assert engine.rows("from g") == [(1,)]


def test_variables_of_the_calling_code_are_no_tables(engine: Engine) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(EngineError, match="frame does not exist"):
        engine.rows("from frame")
    assert len(frame) == 1


def test_many_threads(engine: Engine) -> None:
    errors: list[EngineError] = []

    def work(number: int) -> None:
        try:
            for _ in range(20):
                engine.create_table(f"t{number}", f"select range as k from range({number + 1})")
                assert len(engine.rows(f"from t{number}")) == number + 1
        except EngineError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_copies_to_a_file(engine: Engine, tmp_path: Path, file_format: str) -> None:
    path = tmp_path / "d é's" / f"train.{file_format}"
    assert engine.copy_to("select range as k, 'a,\"b' as t from range(3) order by k;", path, file_format) == 3
    again = engine.rows(f"from '{str(path).replace(chr(39), chr(39) * 2)}'")
    assert again == [(n, 'a,"b') for n in range(3)]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_copies_to_an_arrow_file_of_several_batches(engine: Engine, tmp_path: Path) -> None:
    path, query = tmp_path / "d" / "train.arrow", "select range as k, range::VARCHAR as t from range(250000) order by k"
    assert engine.copy_to(query, path, "arrow") == 250000
    with pa.ipc.open_file(path) as file:
        assert file.num_record_batches > 1
        assert file.read_all().equals(engine.arrow(query))
    with pytest.raises(EngineError, match="boom"):
        engine.copy_to("select case when range < 2e5 then 1 else error('boom') end from range(200001)", path, "arrow")
    assert [p.name for p in path.parent.iterdir()] == ["train.arrow"]
    with pa.ipc.open_file(path) as file:
        assert file.read_all().num_rows == 250000


def test_a_failed_copy_leaves_the_old_file(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        engine.copy_to("select case when range < 200000 then 1 else error('boom') end from range(200001)", path, "csv")
    assert caught.value.message == "boom"
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp")) == []


def test_a_copy_to_an_impossible_place(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match=r"cannot write 'x\.csv'"):
        engine.copy_to("select 1", tmp_path / "file" / "x.csv", "csv")
    with pytest.raises(EngineError, match="unknown file format 'xml'"):
        engine.copy_to("select 1", tmp_path / "x.xml", "xml")


def test_spills_to_its_own_folder_and_nowhere_else(
    engine: DuckDBEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine.rows("select 1")
    engine.database().execute("set memory_limit = '60MB'")
    assert engine.create_table("big", "select range as a, hash(range)::VARCHAR as b from range(3000000)") == 3000000
    assert (tmp_path / "new" / "folder").is_dir()
    assert not (tmp_path / ".tmp").exists()


def test_interrupt_stops_what_is_running(engine: DuckDBEngine) -> None:
    caught: list[EngineError] = []

    def work() -> None:
        try:
            engine.rows("select sum(sin(a.range * b.range)) from range(1000000) a, range(1000000) b")
        except EngineError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until = time.monotonic() + 20
    while thread.is_alive() and time.monotonic() < until:
        engine.interrupt()
        thread.join(0.05)
    assert [error.kind for error in caught] == ["Interrupt"]


def test_closing_forgets_and_opens_anew(engine: DuckDBEngine) -> None:
    engine.create_table("g", "select 1 as a")
    engine.close()
    with pytest.raises(EngineError):
        engine.rows("from g")
    assert engine.rows("select 2") == [(2,)]
