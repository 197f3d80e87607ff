"""Data tests: the SQL counts exactly the rows that a loop in Python counts."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler import Manifest
from mlproj.compiler.data_test_sql import unique
from mlproj.diagnostics import ProjectError
from mlproj.executor.data_tests import verdict
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
    found = unique(columns)
    test = CompiledTest(id="x", description="x", failures=found.failures, rows=found.rows)
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


DAYS = [date(1999, 12, 31), date(2500, 1, 1), None]


def value(test: CompiledTest, columns: dict[str, str], rows: list[tuple[Any, ...]]) -> tuple[int, str]:
    """The number of failing rows, and what was found in words."""
    run(test.model_copy(update={"rows": "select 1"}), columns, rows)
    found = _ENGINE.execute(f"select {test.failures}, {test.found} from t").fetchone()
    assert found is not None
    return int(found[0]), str(found[1])


@pytest.mark.parametrize("pattern", ["^a", "a$", "[0-9]{2}", "it's"])
def test_matches(tmp_path: Path, pattern: str) -> None:
    (test,) = compiled(tmp_path, "job", {"matches": pattern})
    texts = ["a", "ba", "ab", "12", "it's", "", None]
    failing = [t for t in texts if t is not None and not re.search(pattern, t)]

    count, shown = run(test, {"job": "VARCHAR"}, [(t,) for t in texts])

    assert (count, [t for (t,) in shown]) == (len(failing), failing)


def test_not_in_future(tmp_path: Path) -> None:
    (test,) = compiled(tmp_path, "born", "not_in_future")

    assert run(test, {"born": "DATE"}, [(d,) for d in [*DAYS, datetime.now(UTC).date()]]) == (1, [(DAYS[1],)])


@pytest.mark.parametrize(("most", "nulls", "rows", "fails"), [
    (0.29, 29, 100, False), (0.29, 30, 100, True), (0.1, 3, 30, False), (0, 1, 9, True), (0.5, 0, 0, False),
])  # fmt: skip
def test_null_fraction_is_exact(tmp_path: Path, most: float, nulls: int, rows: int, fails: bool) -> None:
    (test,) = compiled(tmp_path, "wage", {"null_fraction": most})

    found = value(test, {"wage": "DOUBLE"}, [(None,)] * nulls + [(1.0,)] * (rows - nulls))

    assert found == (nulls if fails else 0, f"{nulls} of {rows} rows have no wage")


@pytest.mark.parametrize(
    ("bounds", "values", "fails"),
    [
        ({"min": 2, "max": 2}, [1.0, None, 3.0], False), ({"min": 2.1}, [1.0, 3.0], True), ({"max": 1}, [], False),
        ({"max": 1}, [None], False), ({"max": 1e9}, [math.inf], True), ({"max": 1e9}, [math.nan], True),
    ],
)  # fmt: skip
def test_mean_between(tmp_path: Path, bounds: dict[str, Any], values: list[Any], fails: bool) -> None:
    (test,) = compiled(tmp_path, "wage", {"mean_between": bounds})

    assert value(test, {"wage": "DOUBLE"}, [(v,) for v in values])[0] == int(fails)


@pytest.mark.parametrize(
    ("bounds", "where", "fails"),
    [({"min": 3}, None, False), ({"min": 4}, None, True), ({"max": 2}, None, True), ({"max": 2}, "n > 1", False),
     ({"min": 0, "max": 0}, "n > 9 -- nobody", False)],
)  # fmt: skip
def test_row_count(tmp_path: Path, bounds: dict[str, Any], where: str | None, fails: bool) -> None:
    (test,) = compiled(tmp_path, "n", table_tests=({"row_count": {**bounds, **({"where": where} if where else {})}},))

    assert value(test, {"n": "INTEGER"}, [(1,), (2,), (3,)])[0] == int(fails)


def test_an_expression_fails_for_rows_that_it_is_false_of(tmp_path: Path) -> None:
    (test,) = compiled(tmp_path, "n", table_tests=({"expression": "n > age -- strictly"},))

    assert run(test, {"n": "INTEGER", "age": "BIGINT"}, [(2, 1), (1, 1), (None, 1)]) == (1, [(1, 1)])
    assert test.id == "income@1.expression"


def test_recency_is_of_the_newest_row(tmp_path: Path) -> None:
    (test,) = compiled(tmp_path, "born", table_tests=({"recency": {"within": "2 days", "column": "born"}},))
    today = datetime.now(UTC).date()

    for days, fails in ([1], 0), ([0, 90], 0), ([3, 4], 1), ([], 1):
        rows = [(today - timedelta(days=d),) for d in days]
        assert value(test, {"born": "DATE"}, rows)[0] == fails, days
    assert test.clock
    assert value(test, {"born": "DATE"}, [])[1] == "the newest born is none"


def test_freshness_has_two_ages(tmp_path: Path) -> None:
    bounds = {"warn_after": "1 day", "error_after": "3 days", "column": "born"}
    (test,) = compiled(tmp_path, "born", table_tests=({"freshness": bounds},))
    today = datetime.now(UTC).date()

    for days, level in ([1], 1), ([0], 0), ([2, 9], 1), ([4], 2), ([], 2):
        assert value(test, {"born": "DATE"}, [(today - timedelta(days=d),) for d in days])[0] == level, days
    assert [verdict(test, level) for level in (0, 1, 2)] == ["passed", "warned", "failed"]
    assert test.description == "the newest born is at most 1 day old"


def source(folder: Path, freshness: dict[str, Any]) -> Manifest:
    text = yaml.safe_dump({"sources": [{**SOURCE, "freshness": freshness}]})
    return compile_folder(write_files(folder / "p", {"all.yml": text}), folder / "cache")


def test_a_source_has_freshness_too(tmp_path: Path) -> None:
    (test,) = source(tmp_path, {"column": "born", "error_after": "3 days"}).source("source:people").tests

    assert (test.id, test.clock, test.span and test.span.path) == ("people.freshness", True, "all.yml")
    assert value(test, {"born": "DATE"}, [(date(2020, 1, 1),)]) == (2, "the newest born is 2020-01-01")


@pytest.mark.parametrize(
    ("freshness", "code", "said"),
    [
        ({"column": "bron", "warn_after": "1 day"}, "E414", "bron"), ({"warn_after": "1 day"}, "E414", "column"),
        ({"column": "job", "warn_after": "1 day"}, "E414", "VARCHAR"), ({"column": "born"}, "E202", "needed"),
        ({"column": "born", "warn_after": "2 days", "error_after": "1 day"}, "E202", "longer"),
    ],
)  # fmt: skip
def test_freshness_of_a_source_is_checked(tmp_path: Path, freshness: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(ProjectError) as caught:
        source(tmp_path, freshness)
    (found,) = caught.value.diagnostics
    assert (found.code, said in found.message) == (code, True)


def test_an_anomaly_is_of_nulls_or_of_rows(tmp_path: Path) -> None:
    nulls, rows = compiled(
        tmp_path, "wage", {"anomaly": {"builds": 7}}, table_tests=({"anomaly": {"sigma": 2, "tolerance": 0}},)
    )
    assert (nulls.band and nulls.band.feature, nulls.band and nulls.band.builds) == ("wage", 7)
    assert (rows.band and rows.band.feature, rows.band and rows.band.sigma) == (None, 2.0)
    assert value(nulls, {"wage": "DOUBLE"}, [(None,), (1.0,)]) == (1, "2")


def test_where_says_which_rows_are_tested(tmp_path: Path) -> None:
    rows = [(None, "a"), (1, "a"), (1, "b"), (1, "b")]
    for said, count in (
        ({"not_null": {"where": "job = 'b'"}}, 0), ({"not_null": {"where": "job = 'a'"}}, 1),
        ({"unique": {"where": "job = 'a'"}}, 0), ({"unique": {"where": "job = 'b' or job = 'a'"}}, 2),
        ({"between": {"min": 2, "max": 3, "where": "job = 'a'"}}, 1),
    ):  # fmt: skip
        (test,) = compiled(tmp_path, "age", said)
        assert run(test, {"age": "BIGINT", "job": "VARCHAR"}, rows)[0] == count, said
    assert test.description == "age between 2 and 3 where job = 'a'"


def test_severity_and_thresholds_are_as_they_are_written(tmp_path: Path) -> None:
    first, second, third = compiled(
        tmp_path, "age", "not_null", {"unique": {"severity": "warn", "warn_if": ">  3"}},
        {"between": {"min": 0, "warn_if": "> 0", "error_if": ">= 10"}},
    )  # fmt: skip
    assert [(t.severity, t.warn_if, t.error_if) for t in (first, second, third)] == [
        ("error", "!= 0", "!= 0"), ("warn", "> 3", "!= 0"), ("error", "> 0", ">= 10"),
    ]  # fmt: skip
    # Guarantees that others build on are those that no row may break.
    assert compiled(tmp_path, "age", "unique")[0].unique == ("age",)
    assert not second.unique


def _group(name: str = "income", *tests: Any, **about: Any) -> dict[str, Any]:
    return {"name": name, "primary_key": ["id"], "tests": list(tests), **about}


@pytest.mark.parametrize(
    ("test", "code", "said"),
    [
        ({"expression": "agge > 0"}, "E402", "agge"), ({"expression": "age +"}, "E401", "expression"),
        ({"expression": "age + 1"}, "E402", "BIGINT"), ({"expression": "sum(age) > 1"}, "E402", "aggregates"),
        ({"expression": "true) or (true"}, "E401", "expression"),
        ({"expression": 'id in (select id from "other@1")'}, "E402", "other@1"),
        ({"row_count": {"min": 1, "where": "nosuch"}}, "E402", "nosuch"),
        ({"unique": ["nosuch"]}, "E414", "nosuch"), ({"unique": {}}, "E414", "columns"),
        ("not_null", "E414", "feature"),
        ({"recency": "2 days"}, "E414", "event_time"),
        ({"recency": {"within": "2 days", "column": "job"}}, "E414", "job"),
        ({"recency": {"within": "2 days", "column": "bron"}}, "E414", "bron"),
        ({"relationships": {"to": "others"}}, "E301", "others"),
        ({"relationships": {"to": "other@2"}}, "E301", "other@2"),
        ({"relationships": {"to": "other", "field": "nosuch", "column": "id"}}, "E414", "nosuch"),
        ({"relationships": {"to": "other", "column": "nosuch"}}, "E414", "nosuch"),
        ({"relationships": {"to": "other", "column": "job"}}, "E414", "VARCHAR"),
        ({"row_count": {}}, "E202", "needed"), ({"row_count": {"min": 3, "max": 2}}, "E202", "more than"),
        ({"row_count": {"min": 1, "error_if": "10"}}, "E204", "comparison"),
        ({"row_count": {"min": 1, "severity": "warn", "error_if": "> 1"}}, "E202", "error_if"),
        ({"row_count": {"min": 1, "warn_if": "> 1"}}, "E202", "warn_if"),
        ({"anomaly": {"where": "age > 1"}}, "E202", "all rows"), ({"anomaly": {"builds": 3}}, "E202", "at_least"),
        ({"freshness": {"warn_after": "1 day"}}, "E414", "event_time"),
        ({"freshness": {"warn_after": "1 day", "severity": "warn", "column": "born"}}, "E202", "how bad"),
        ({"row_cuont": {"min": 1}}, "E203", "row_cuont"), ({"recency": "2 moons"}, "E202", "number and a unit"),
    ],
)  # fmt: skip
def test_a_test_of_a_group_that_does_not_fit_is_refused(tmp_path: Path, test: Any, code: str, said: str) -> None:
    text = yaml.safe_dump({"sources": [SOURCE], "feature_groups": [_group("income", test), _group("other")]})
    files = {f"{n}.v1.sql": "select * from {{ source('people') }}" for n in ("income", "other")}
    root = write_files(tmp_path / "p", {"all.yml": text, **files})
    with pytest.raises(ProjectError) as caught:
        compile_folder(root, tmp_path / "cache")
    (found,) = caught.value.diagnostics
    assert (found.code, found.span and found.span.path) == (code, "all.yml")
    assert said in found.message
    assert found.span
    assert found.span.line > text.splitlines().index("  tests:") + 1


@pytest.mark.parametrize(
    ("feature", "test", "said"),
    [
        ("job", {"matches": "("}, "missing"), ("age", {"matches": "a"}, "matches"), ("age", "not_in_future", "BIGINT"),
        ("job", {"mean_between": {"min": 1}}, "VARCHAR"), ("age", {"row_count": {"min": 1}}, "whole group"),
        ("age", {"relationships": {"to": "income", "column": "id"}}, "column"),
    ],
)  # fmt: skip
def test_a_test_of_a_feature_that_does_not_suit_it_is_refused(
    tmp_path: Path, feature: str, test: Any, said: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        compiled(tmp_path, feature, test)
    assert [d.code for d in caught.value.diagnostics] == ["E414"]
    assert said in caught.value.diagnostics[0].message


def test_settings_beside_a_test_are_told_where_they_belong(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        compiled(tmp_path, "age", {"not_null": {}, "severity": "warn"})
    assert caught.value.diagnostics[0].hint == "it stands within the test: {not_null: {severity: …}}"


def test_a_relationship_counts_what_the_other_group_does_not_have(tmp_path: Path) -> None:
    (test,) = compiled(tmp_path, "n", {"relationships": {"to": "income"}})
    _ENGINE.execute('create or replace table "income@1" as select * from (values (1), (2), (null)) as t (id)')
    _ENGINE.execute("create or replace table t as select * from (values (1), (3), (3), (null)) as t (n)")

    assert (test.reads, test.failures) == (("feature_group:income@1",), "")
    assert _ENGINE.execute(test.rows.replace("{relation}", "t")).fetchall() == [(3,), (3,)]
