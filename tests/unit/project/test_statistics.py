"""Statistics of a table, column by column, to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.cli.context import Context
from mlproj.cli.render.cards import card_lines
from mlproj.ports import EngineError
from mlproj.project.statistics import statistics_of

ROWS = """
select i as id, case when i > 0 then i * 0.5 end as pay, ['b', 'a', 'b'][i % 3 + 1] as city, 'n' || i as name,
  timestamp '2026-01-01' + to_days(i::int) as seen
from range(300) r(i)
"""


@pytest.fixture(scope="module")
def project() -> Iterator[Any]:
    engine = DuckDBEngine(1)
    yield SimpleNamespace(session=SimpleNamespace(engine=engine), target_name="dev")
    engine.close()


@pytest.mark.parametrize("simple", [True, False])
def test_each_column_has_what_its_type_allows(project: Any, simple: bool) -> None:
    found = {str(c["column"]): c for c in statistics_of(project, ROWS, ["id"], frozenset(), simple=simple)}

    assert (found["pay"]["count"], found["pay"]["nulls"], found["pay"]["distinct"]) == (299, 1, 299)
    assert (found["pay"]["min"], found["pay"]["max"], found["pay"]["mean"]) == (0.5, 149.5, 75.0)
    assert (found["pay"]["p25"], found["pay"]["p50"], found["pay"]["p75"]) == (37.75, 75.0, 112.25)
    assert found["city"]["top"] == [["b", 200], ["a", 100]]
    assert "top" not in found["name"]
    assert (found["seen"]["min"], found["seen"]["max"]) == ("2026-01-01 00:00:00", "2026-10-27 00:00:00")


def test_of_many_values_the_most_frequent_are_listed(project: Any) -> None:
    query = "select i as id, 'v' || least(i % 20, 10) as v from range(2000) r(i)"

    (_id, found) = statistics_of(project, query, ["id"], frozenset())

    assert found["distinct"] == 11
    assert found["top"] == [["v10", 1000], ["v0", 100], ["v1", 100], ["v2", 100], ["v3", 100]]


def test_a_table_without_rows_has_statistics(project: Any) -> None:
    found = statistics_of(project, f"select * from ({ROWS}) as t where false", ["id"], frozenset())

    assert [(c["count"], c["nulls"], c["distinct"]) for c in found] == [(0, 0, 0)] * 5


def test_an_error_in_the_rows_is_told_without_their_values(project: Any) -> None:
    query = "select i as id, ('hush ' || i)::int as n from range(3) r(i)"

    with pytest.raises(EngineError) as caught:
        statistics_of(project, query, ["id"], frozenset({"n"}), simple=False)

    assert "a value cannot be converted" in caught.value.message
    assert "hush" not in caught.value.message + caught.value.detail
    assert caught.value.__suppress_context__
    with pytest.raises(EngineError, match="hush"):
        statistics_of(project, query, ["id"], frozenset(), simple=False)


@pytest.mark.parametrize("output", ["text", "markdown"])
def test_they_stand_side_by_side(project: Any, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Context, "width", 200)
    found = statistics_of(project, ROWS, ["id"], frozenset({"pay"}))
    document = {"artifact": "show", "version": 1, "node": "feature_group:x@1", "column_statistics": found}

    lines = card_lines(document, Context(Path(), None, None, output, quiet=False, debug=False))

    (head,) = [line for line in lines if "nulls" in line]
    assert all(name in head for name in ("column", "type", "count", "distinct", "min", "max", "mean", "std", "top"))
    assert any("city" in line and "b (200), a (100)" in line for line in lines)
