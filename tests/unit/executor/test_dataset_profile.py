"""Digests and figures of a training dataset."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.executor import dataset_profile
from mlproj.executor.dataset_profile import column_digest, column_digests, profile
from mlproj.state import Column


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    found = DuckDBEngine(threads=2)
    yield found
    found.close()


@pytest.mark.parametrize(
    "values", [["a", None, "ä漢", ""], [None], [], ["x" * 5000] * 3, [date(2026, 1, 2), None], [True, False, None]]
)
def test_texts_hash_one_after_the_other_each_with_an_end(values: list[Any]) -> None:
    """As the recipe has been from the first, so that datasets made before compare."""
    array = pa.array(values, pa.string() if not values or values == [None] else None)
    table = pa.table({"x": pa.chunked_array([array, array[:1]])})
    digest = blake2b(f"x:{array.type}:{len(table)};".encode(), digest_size=16)
    digest.update(bytes(int(v is None) for v in table.column(0).to_pylist()))
    for text in table.column(0).cast(pa.string()).to_pylist():
        digest.update(b"\0" if text is None else text.encode() + b"\1")

    assert column_digest(table) == digest.hexdigest()


def test_numbers_hash_without_what_lies_under_a_null() -> None:
    def digest(array: pa.Array) -> str:
        return column_digest(pa.table({"x": array}))

    hidden = [pa.Array.from_buffers(pa.int64(), 3, [pa.array([1, None, 3]).buffers()[0], pa.array(v).buffers()[1]])
              for v in ([1, 7, 3], [1, 9, 3])]  # fmt: skip
    assert digest(hidden[0]) == digest(hidden[1]) != digest(pa.array([1, 0, 3]))
    assert digest(pa.array([1.0, 2.0])) != digest(pa.array([2.0, 1.0]))


def test_columns_are_digested_one_by_one(engine: DuckDBEngine) -> None:
    engine.create_table("t", "select i, i / 3 as x, 'v' || i as s from range(5000) r(i)")
    columns = [Column(name=n, type="") for n in ("i", "x", "s")]
    whole = engine.arrow("select * from t")

    assert column_digests(columns, engine, "t") == {n: column_digest(whole.select([n])) for n in ("i", "x", "s")}


def test_figures_leave_out_what_is_infinite(engine: DuckDBEngine) -> None:
    engine.create_table(
        "t",
        "select * from (values (1.0::DOUBLE, 'a', 'training'), ('inf', 'b', 'training'), (3, null, 'training'), "
        "(null, 'a', 'training'), (99, 'z', 'test')) v(x, s, split)",
    )
    found = profile(["x", "s"], engine.describe("from t"), engine, "t", 5, ["s"])

    assert found["x"] == {
        "count": 3, "nulls": 1, "distinct": 3, "min": 1.0, "max": 3.0, "mean": 2.0, "std": 1.0, "p25": 1.5, "p50": 2.0,
        "p75": 2.5,
    }  # fmt: skip
    assert found["s"] == {"count": 3, "nulls": 1, "distinct": 2}


def test_quartiles_of_many_rows_are_those_of_some_whatever_their_order(
    engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_profile, "_QUARTILE_ROWS", 1000)
    rows = "select i, (hash(i) % 1000000) / 1e6 as x, 'training' as split from range(20000) r(i)"
    engine.create_table("t", rows)
    engine.create_table("u", f"{rows} order by x")
    found, other = (profile(["x"], engine.describe("from t"), engine, name, 20000, ["i"])["x"] for name in "tu")

    assert found["count"] == 20000
    assert found["p50"] == pytest.approx(0.5, abs=0.05)
    assert [found[p] for p in ("p25", "p50", "p75")] == [other[p] for p in ("p25", "p50", "p75")]


def test_rows_out_of_order_are_digested_in_order(engine: DuckDBEngine) -> None:
    rows = "select i, i / 3 as x, case when i % 3 > 0 then 'v' || i end as s from range(5000) r(i)"
    engine.create_table("t", rows)
    engine.create_table("u", f"{rows} order by hash(i)")
    columns = [Column(name=n, type="") for n in ("i", "x", "s")]
    expected = column_digests(columns, engine, "t")

    assert column_digests(columns, engine, "u", "i") == expected == column_digests(columns, engine, "t", "i")
    assert column_digests(columns, engine, "u") != expected
