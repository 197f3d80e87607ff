"""The value of a watermark in place of the subquery that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.executor.newest import with_newest

THIS = '"this:pay@1"'


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(1)
    made.create_table("this:pay@1", "select 7 as id, timestamptz '2026-01-01 12:00:00.5+00' as seen, 'x' as word")
    made.create_table("this:none@1", "select 7 as id where false")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("subquery", "value"),
    [
        (f"(select max(id) from {THIS})", "'7'::INTEGER"),
        (f"( SELECT Min( seen )\n FROM {THIS} )", "'2026-01-01 12:00:00.5+00'::TIMESTAMP WITH TIME ZONE"),
        ('(select max("id") from "this:none@1")', "NULL::INTEGER"),
        (f"(select max(word) from {THIS})", None),
        (f"(select max(id) + 1 from {THIS})", None),
        (f"(select max(id) from {THIS} where id < 3)", None),
        (f"'(select max(id) from {THIS})'", None),
    ],
)
def test_what_is_known_before_is_written_as_a_value(engine: DuckDBEngine, subquery: str, value: str | None) -> None:
    this = '"this:none@1"' if "none" in subquery else THIS
    query = f"select * from x where a >= {subquery}"
    assert with_newest(query, this, engine) == query.replace(subquery, value or subquery)
