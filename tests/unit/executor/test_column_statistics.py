"""Statistics of columns by group, against the same figures of numpy; and what is said of hidden columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.executor.column_statistics import column_statistics

TYPES = {"x": "DOUBLE", "city": "VARCHAR", "at": "TIMESTAMP", "name": "VARCHAR", "list": "BIGINT[]"}


@pytest.fixture(scope="module")
def engine() -> DuckDBEngine:
    found = DuckDBEngine(threads=1)
    found.create_table(
        "t",
        "select range as id, case when range % 4 = 0 then 'test' else 'training' end as split, "
        "case when range % 10 = 3 then null else range * 0.5 end as x, "
        "case when range % 7 = 0 then 'b' else 'a' end as city, "
        "timestamp '2026-01-01' + to_days((range % 30)::INTEGER) as at, 'n' || range as name, [range] as list "
        "from range(400)",
    )
    return found


def found(engine: DuckDBEngine, **rest: Any) -> dict[str, dict[str, dict[str, Any]]]:
    return column_statistics(engine, "t", TYPES, ["id"], "split", "training", **rest).by_group


def test_numbers_are_those_of_numpy_in_every_split(engine: DuckDBEngine) -> None:
    statistics = found(engine)
    assert set(statistics) == {"test", "training"}
    for split, columns in statistics.items():
        values = np.array([i * 0.5 for i in range(400) if (i % 4 == 0) == (split == "test") and i % 10 != 3])
        x = columns["x"]
        assert x["count"] == x["distinct"] == len(values)
        assert x["nulls"] == (100 if split == "test" else 300) - len(values)
        assert (x["min"], x["max"]) == (values.min(), values.max())
        assert x["mean"] == pytest.approx(values.mean())
        assert x["std"] == pytest.approx(values.std())
        for name, q in {"p01": 1, "p25": 25, "p50": 50, "p99": 99}.items():
            assert x[name] == pytest.approx(np.percentile(values, q))
        assert sum(x["histogram"]["counts"]) == len(values)


def test_bars_are_the_same_in_every_split(engine: DuckDBEngine) -> None:
    statistics = found(engine)
    bounds = statistics["training"]["x"]["histogram"]["bounds"]

    assert statistics["test"]["x"]["histogram"]["bounds"] == bounds
    values = [i * 0.5 for i in range(0, 400, 4)]
    expected = [sum(low < v <= high for v in values) for low, high in zip([-1.0, *bounds], bounds, strict=False)]
    assert statistics["test"]["x"]["histogram"]["counts"] == [*expected, sum(v > bounds[-1] for v in values)]


def test_frequent_values_where_values_repeat(engine: DuckDBEngine) -> None:
    training = found(engine)["training"]
    b = sum(i % 4 != 0 and i % 7 == 0 for i in range(400))

    assert training["city"]["top"] == [["a", 300 - b], ["b", b]]
    assert "top" not in training["name"]
    assert (training["at"]["min"], training["at"]["max"]) == ("2026-01-01 00:00:00", "2026-01-30 00:00:00")
    assert set(training["list"]) == {"count", "nulls", "distinct"}


def test_of_hidden_columns_there_are_counts_alone(engine: DuckDBEngine) -> None:
    training = found(engine, hidden=("x", "city"))["training"]

    assert set(training["x"]) == set(training["city"]) == {"count", "nulls", "distinct"}


def test_of_many_rows_a_part_is_looked_at_that_is_the_same_each_time(engine: DuckDBEngine) -> None:
    rows = "select range as id, 'training' as split, range % 1000 as x, (range % 3)::VARCHAR as c from range(300000)"
    big = f"({rows}) as r"
    types = {"x": "BIGINT", "c": "VARCHAR"}
    twice = [column_statistics(engine, big, types, ["id"], "split", "training").by_group for _ in "ab"]
    x, c = twice[0]["training"]["x"], twice[0]["training"]["c"]

    assert twice[0] == twice[1]
    assert (x["count"], x["min"], x["max"]) == (300_000, 0, 999)
    looked_at = int(str(x["looked_at"]))
    assert abs(looked_at - 100_000) < 3000
    assert x["p50"] == pytest.approx(499.5, abs=15)
    assert sum(count for _value, count in c["top"]) == looked_at  # type: ignore[union-attr]


@pytest.mark.parametrize("odd", ["'nan'", "'inf'", "'-inf'", "1e300"])
def test_values_that_no_mean_can_take_are_left_out_of_it(engine: DuckDBEngine, odd: str) -> None:
    rows = f"(select 'training' as split, unnest([1.0, 3.0, {odd}::DOUBLE, null]) as x, 1 as id) as r"
    looked = column_statistics(engine, rows, {"x": "DOUBLE"}, ["id"], "split", "training")
    x = looked.by_group["training"]["x"]

    assert looked.unusual == {"x"}

    assert (x["count"], x["nulls"], x["mean"], x["std"]) == (3, 1, 2.0, 1.0)
    assert (x["min"], x["max"]) == (1.0, 1e300 if odd == "1e300" else 3.0)


def test_whole_numbers_that_are_few_are_listed_as_classes(engine: DuckDBEngine) -> None:
    rows = "(select 'training' as split, id, (id % 4 = 0)::BIGINT as y from t) as r"
    types = {"y": "BIGINT", "id": "BIGINT"}
    statistics = column_statistics(engine, rows, types, ["id"], "split", "training").by_group["training"]

    assert statistics["y"]["top"] == [["0", 300], ["1", 100]]
    assert "top" not in statistics["id"]
