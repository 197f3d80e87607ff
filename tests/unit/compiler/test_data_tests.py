"""Data tests: the SQL counts exactly the rows that a loop in Python counts."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler.data_tests import unique_sql
from mlproj.diagnostics import ProjectError
from mlproj.state import CompiledTest, GroupNode
from tests.compilation import compile_folder, write_files

SOURCE = {
    "name": "people", "path": "people.csv",
    "columns": {"id": "BIGINT", "age": "BIGINT", "wage": "DOUBLE", "job": "VARCHAR", "born": "DATE", "n": "INTEGER",
    "ok": "BOOLEAN"},
}  # fmt: skip
COLUMNS: dict[str, str] = dict(SOURCE["columns"])  # type: ignore[call-overload]


def compiled(
    folder: Path, feature: str, *tests: Any, table_tests: tuple[Any, ...] = (), **about: Any
) -> list[CompiledTest]:
    group = {
        "name": "income", "primary_key": ["id"], "tests": list(table_tests),
        "features": [{"name": feature, "tests": list(tests), **about}],
    }  # fmt: skip
    text = yaml.safe_dump({"sources": [SOURCE], "feature_groups": [group]}, allow_unicode=True)
    root = write_files(folder / "p", {"all.yml": text, "income.v1.sql": "select * from {{ source('people') }}"})
    node = compile_folder(root, folder / "cache").nodes["feature_group:income@1"]
    assert isinstance(node, GroupNode)
    return list(node.tests)


_ENGINE = duckdb.connect()


def run(test: CompiledTest, columns: dict[str, str], rows: list[tuple[Any, ...]]) -> tuple[int, list[tuple[Any, ...]]]:
    """The number of failing rows, and the rows that are shown."""
    engine = _ENGINE
    engine.execute(f"create or replace table t ({', '.join(f'{n} {t}' for n, t in columns.items())})")
    if rows:
        engine.executemany(f"insert into t values ({', '.join('?' * len(columns))})", rows)
    count = engine.execute(f"select {test.failures} from t").fetchone()
    assert count is not None
    return int(count[0]), engine.execute(test.rows.replace("{relation}", "t")).fetchall()


DOUBLES = st.lists(st.sampled_from([None, 0.0, 0.1, 0.1 + 2**-57, 0.3, 1.0, -1.0, math.inf, -math.inf]), max_size=10)


@pytest.mark.parametrize(
    ("bounds", "holds"),
    [
        ({"min": 0.1}, lambda x: x >= 0.1), ({"max": 0.1}, lambda x: x <= 0.1),
        ({"min": 0, "max": 1}, lambda x: 0 <= x <= 1),
        ({"min": 0.1, "max": 0.3}, lambda x: 0.1 <= x <= 0.3),
    ],
)  # fmt: skip
def test_between(tmp_path: Path, bounds: dict[str, Any], holds: Any) -> None:
    (test,) = compiled(tmp_path, "wage", {"between": bounds})

    @settings(deadline=None, max_examples=30)
    @given(DOUBLES)
    def compare(values: list[Any]) -> None:
        failing = [v for v in values if v is not None and not holds(v)]
        count, shown = run(test, {"wage": "DOUBLE"}, [(v,) for v in values])
        assert count == len(failing)
        assert sorted(v for (v,) in shown) == sorted(failing)

    compare()


def test_between_of_dates(tmp_path: Path) -> None:
    (test,) = compiled(tmp_path, "born", {"between": {"min": "2000-01-01", "max": "2020-12-31"}})
    days = [date(1999, 12, 31), date(2000, 1, 1), date(2020, 12, 31), date(2021, 1, 1), None]

    assert run(test, {"born": "DATE"}, [(d,) for d in days]) == (2, [(days[0],), (days[3],)])


TEXTS = st.lists(st.sampled_from([None, "a", "A", "it's", "{relation}", " a", ""]), max_size=10)


def test_accepted_values(tmp_path: Path) -> None:
    (test,) = compiled(tmp_path, "job", {"accepted_values": ["a", "it's", ""]})

    @settings(deadline=None, max_examples=30)
    @given(TEXTS)
    def compare(values: list[Any]) -> None:
        failing = [v for v in values if v is not None and v not in {"a", "it's", ""}]
        count, shown = run(test, {"job": "VARCHAR"}, [(v,) for v in values])
        assert (count, sorted(v for (v,) in shown)) == (len(failing), sorted(failing))

    compare()


@pytest.mark.parametrize(
    ("feature", "values"), [("age", [1, 2]), ("wage", [0.1, 0.2]), ("ok", [True]), ("born", ["2020-01-01"])]
)
def test_accepted_values_of_every_kind(tmp_path: Path, feature: str, values: list[Any]) -> None:
    (test,) = compiled(tmp_path, feature, {"accepted_values": values})
    rows = [
        (v,) for v in [*values, None, 9 if feature in {"age", "wage"} else False if feature == "ok" else "2021-01-01"]
    ]

    assert run(test, {feature: COLUMNS[feature]}, rows)[0] == 1


def test_not_null(tmp_path: Path) -> None:
    for tests, about in ((("not_null",), {}), ((), {"nullable": False}), (("not_null",), {"nullable": False})):
        (test,) = compiled(tmp_path, "wage", *tests, **about)
        assert run(test, {"wage": "DOUBLE"}, [(None,), (math.nan,), (0.0,), (None,)])[0] == 2


KEYS = st.lists(st.tuples(st.sampled_from([None, 1, 2]), st.sampled_from([None, "a", "b", "a,b"])), max_size=12)


@pytest.mark.parametrize("columns", [["id"], ["id", "job"], ["job", "n"], ["n"]])
def test_unique(columns: list[str]) -> None:
    """A row with a null is not compared; each further row of the same values fails."""
    failures, rows_sql = unique_sql(columns)
    test = CompiledTest(id="x", description="x", failures=failures, rows=rows_sql)
    types = {name: COLUMNS[name] for name in ("id", "job", "n")}

    @settings(deadline=None, max_examples=30)
    @given(KEYS)
    def compare(keys: list[tuple[Any, Any]]) -> None:
        rows = [(a, b, a) for a, b in keys]
        picked = [tuple(row[list(types).index(name)] for name in columns) for row in rows]
        counts = Counter(key for key in picked if None not in key)
        count, shown = run(test, types, rows)
        assert count == sum(n - 1 for n in counts.values())
        assert {row[: len(columns)]: row[-1] for row in shown} == {k: n for k, n in counts.items() if n > 1}

    compare()


def test_all_tests_of_a_group_are_found_under_names_of_their_own(tmp_path: Path) -> None:
    tests = compiled(
        tmp_path, "age", "unique", {"between": {"min": 0}}, {"accepted_values": [1]}, nullable=False,
        table_tests=({"unique": ["id", "age"]}, {"unique": ["age"]}),
    )  # fmt: skip
    assert [t.id for t in tests] == [
        "income@1.age.nullable", "income@1.age.unique", "income@1.age.between", "income@1.age.accepted_values",
        "income@1.unique(id, age)", "income@1.unique(age)",
    ]  # fmt: skip
    assert all(t.span and t.span.path == "all.yml" for t in tests)


def test_two_tests_of_a_kind_have_two_names(tmp_path: Path) -> None:
    tests = compiled(tmp_path, "age", {"between": {"min": 0}}, {"between": {"max": 120}})

    assert len({t.id for t in tests}) == 2


@pytest.mark.parametrize(
    ("feature", "test"),
    [
        ("age", {"accepted_values": ["a"]}), ("job", {"between": {"min": 1}}), ("born", {"between": {"min": 2020}}),
        ("ok", {"between": {"min": 0}}), ("age", {"unique": ["nosuch"]}), ("born", {"between": {"min": "yesterday"}}),
        ("born", {"accepted_values": ["2020-13-01"]}), ("age", {"between": {"min": 0.5, "max": "x"}}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(tmp_path: Path, feature: str, test: Any) -> None:
    with pytest.raises(ProjectError) as caught:
        compiled(tmp_path, feature, test)
    assert [d.code for d in caught.value.diagnostics] == ["E414"]
