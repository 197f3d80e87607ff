"""Two relations side by side: what is said where a side is empty, shares nothing, or moved; and the page made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.cli.context import Context
from mlproj.cli.render.diff import diff_lines
from mlproj.cli.render.diff_page import diff_page
from mlproj.ports import Engine
from mlproj.project.diff import Difference, DiffSide, compare
from mlproj.project.diff import statistics as stats
from mlproj.project.diff.sides import Side
from mlproj.project.diff.statistics import psi


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(1)
    yield made
    made.close()


def side(engine: DuckDBEngine, name: str, sql: str, key: tuple[str, ...] = ("k",)) -> Side:
    rows = engine.create_table(name, sql)
    types = {c.name: c.type for c in engine.describe(f"from {name}")}
    return Side(DiffSide(name=name, target="dev", rows=rows), name, types, tuple(n for n in key if n in types))


def difference(engine: DuckDBEngine, old: str, new: str, key: tuple[str, ...] = ("k",)) -> Difference:
    found = compare(side(engine, "a", old, key), side(engine, "b", new, key), engine)
    assert json.loads(json.dumps(found.model_dump(mode="json"), allow_nan=False)) == found.model_dump(mode="json")
    assert diff_page(found)
    return found


def notes(found: Difference) -> dict[str, tuple[str, ...]]:
    return {c.name: c.notes for c in found.columns if c.notes}


def test_empty_tables_are_compared(engine: DuckDBEngine) -> None:
    empty, some = "select 1 as k, 2.5 as x, 'a' as t where false", "select 1 as k, 2.5 as x, 'a' as t"

    assert difference(engine, empty, empty).rows.model_dump() == {"added": 0, "changed": 0, "deleted": 0}
    assert difference(engine, empty, some).rows.model_dump() == {"added": 1, "changed": 0, "deleted": 0}
    gone = difference(engine, some, empty)
    assert gone.rows.model_dump() == {"added": 0, "changed": 0, "deleted": 1}
    assert [c.psi for c in gone.columns] == [None] * 3


def test_a_column_whose_values_are_equal_has_not_moved(engine: DuckDBEngine) -> None:
    """Threads add up in another order each time: the last digits of a mean say nothing."""
    measured, calls = stats.statistics, iter([0.0, 1e-12])

    def in_another_order(one: Side, by: Engine) -> dict[str, dict[str, JsonValue]]:
        found, off = measured(one, by), next(calls)
        return {n: {m: v + off if m == "mean" else v for m, v in values.items()} for n, values in found.items()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stats, "statistics", in_another_order)
        same = "select k, k / 3 as x from range(10) r(k)"
        document = difference(engine, same, same).model_dump(mode="json")

    context = Context(Path(), None, None, "text", quiet=False, debug=False)
    assert diff_lines(document, context)[-1] == "unchanged: x"


def test_sides_without_a_common_key_are_all_deleted_and_added(engine: DuckDBEngine) -> None:
    found = difference(engine, "select 1 as a, 2 as x", "select unnest([3, 4]) as k, 5 as y")

    assert (found.key, found.rows.added, found.rows.changed, found.rows.deleted) == ((), 2, 0, 1)
    assert [c.name for c in found.columns_added] == ["k", "y"]
    assert [c.name for c in found.columns_removed] == ["a", "x"]
    assert {c.name: (c.old is None, c.new is None) for c in found.columns}["x"] == (False, True)


def test_a_key_alone_is_enough(engine: DuckDBEngine) -> None:
    found = difference(engine, "select unnest([1, 2]) as k", "select unnest([2, 3]) as k")
    assert found.rows.model_dump() == {"added": 1, "changed": 0, "deleted": 1}


def test_values_that_are_no_numbers_do_not_spoil_the_statistics(engine: DuckDBEngine) -> None:
    odd = "select k, [1.0, 'nan', 'inf', '-inf', 1e300, null][k]::DOUBLE as x from range(1, 7) r(k)"
    found = difference(engine, odd, odd)

    assert found.rows.changed == 0
    x = found.columns[1]
    assert x.old == x.new
    assert x.old is not None
    assert (x.old["count"], x.old["nulls"], x.old["min"], x.old["max"]) == (5, 1, 1.0, 1e300)
    assert (x.old["mean"], x.old["std"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    "value",
    ["{'a': k, 'b': [k]}", "[k, null]", "date '2026-01-01' + k::INT", "k::DECIMAL(10, 2)", "interval (k) day",
     "timestamptz '2026-01-01 00:00:00+00'", "uuid()", "k::VARCHAR::BLOB", "time '12:00'", "map {'a': k}"],
)  # fmt: skip
def test_every_type_can_be_compared(engine: DuckDBEngine, value: str) -> None:
    engine.create_table("same", f"select k, {value} as x from range(50) r(k)")
    assert difference(engine, "from same", "from same").rows.changed == 0
    found = difference(engine, "from same", "select k, case when k < 49 then x end as x from same")
    assert found.rows.changed == 1
    assert found.columns[1].changed == 1


def test_what_moved_is_noted_and_what_did_not_is_not(engine: DuckDBEngine) -> None:
    old = "select k, k % 10 as level, 'a' as place, k * 1.0 as x, k % 7 as same from range(200) r(k)"
    new = (
        "select k, case when k % 10 > 0 then k % 10 end as level, case when k < 20 then 'b' else 'a' end as place, "
        "(k + 80)::BIGINT as x, k % 7 as same from range(200) r(k)"
    )
    found = notes(difference(engine, old, new))

    assert found["level"] == ("nulls 0.0% → 10.0%", "PSI 1.38")
    assert found["place"][0] == "new value 'b' (10.0%)"
    assert found["x"][:2] == ("DECIMAL(21,1) → BIGINT", "mean moved by +1.39 std")
    assert "same" not in found
    assert "k" not in found


def test_large_tables_are_looked_at_in_part_and_counted_in_full(engine: DuckDBEngine) -> None:
    old = "select k, k % 1000 / 10 as x, hash(k) % 60 as h from range(300000) r(k)"
    new = "select k, case when k = 7 then -5 else k % 1000 / 10 end as x, hash(k) % 60 as h from range(300000) r(k)"
    found = difference(engine, old, new)

    assert found.rows.model_dump() == {"added": 0, "changed": 1, "deleted": 0}
    x, h = found.columns[1], found.columns[2]
    assert x.new is not None
    assert (x.new["min"], x.new["count"]) == (-5.0, 300000)
    assert 90_000 < sum(b.old for b in x.bars) < 110_000
    assert abs(float(str(x.new["p50"])) - 50) < 1
    assert h.psi == 0
    assert notes(found) == {}


def test_psi_is_the_sum_over_shares() -> None:
    expected = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.75 - 0.5) * math.log(0.75 / 0.5)
    assert psi([2, 2], [1, 3]) == pytest.approx(expected)
    assert psi([5, 5], [50, 50]) == 0
    assert psi([], []) is None
    assert psi([1], [0]) is None


def test_a_page_escapes_what_comes_from_data_and_stays_small(engine: DuckDBEngine) -> None:
    columns = ", ".join(f"(hash(k, {i}) % 97) / 3.0 + {{0}} as feature_number_{i}" for i in range(200))
    old, new = (f"select k, {columns.format(shift)} from range(500) r(k)" for shift in (0, 11))
    wide = compare(side(engine, "a", old), side(engine, "b", new), engine)
    assert len(diff_page(wide).encode()) < 500_000

    nasty = """select 1 as k, '<script>alert("x")</script>' as t"""
    page = diff_page(difference(engine, nasty, "select 1 as k, '<img src=x>' as t"))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_of_hidden_columns_there_are_counts_and_no_values(engine: DuckDBEngine) -> None:
    """Hidden on either side is hidden: the mark may have been set between the two."""
    old = side(engine, "a", "select k, k * 7919 as n, 'name ' || k % 3 as t from range(30) r(k)")
    new = side(engine, "b", "select k, k * 7927 as n, 'word ' || k % 3 as t from range(30) r(k)")

    found = compare(replace(old, hidden=frozenset({"n"})), replace(new, hidden=frozenset({"t"})), engine)

    told = [set(c.new or {}) for c in found.columns if c.name in "nt"]
    assert told == [{"count", "nulls", "distinct"}] * 2
    assert not any(c.bars or c.notes for c in found.columns if c.name in "nt")
    assert [set(row.values.values()) for row in found.sample] == [{("***", "***")}] * 5
    assert not any(text in diff_page(found) for text in ("name 1", "word 1", "7919", "7927"))
