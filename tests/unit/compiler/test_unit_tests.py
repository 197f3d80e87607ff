"""Unit tests of a project: what they are checked for, what they run on, and what they say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.compiler import Manifest
from mlproj.diagnostics import ProjectError
from mlproj.project import Project
from mlproj.executor.unit_tests import run_unit_test, unmatched
from mlproj.state import TestRun
from tests.compilation import compile_folder, write_files

SOURCE = {
    "name": "people", "path": "people.csv",
    "columns": {"id": "BIGINT", "age": "BIGINT", "wage": "DOUBLE", "job": "VARCHAR", "born": "DATE",
    "tags": "VARCHAR[]", "price": "DECIMAL(18,2)", "ok": "BOOLEAN"},
}  # fmt: skip
ADULTS = """\
select id, age, wage / 3 as third, coalesce(job, 'none') as job, born, tags, price, ok
from {{ source('people') }} where age >= {{ var('adult') }}
"""
PAIRED = "select a.id, a.age, c.city from {{ ref('adults') }} a join {{ ref('cities') }} c on a.id = c.id"
FILES = {
    "mlproj.yml": "name: p\nvars: {adult: 18}\n",
    "adults.v1.sql": ADULTS,
    "cities.v1.sql": "select id, job as city from {{ source('people') }}",
    "paired.v1.sql": PAIRED,
}
GROUPS = [{"name": n, "primary_key": ["id"]} for n in ("adults", "cities", "paired")]
VIEW = {"name": "grown", "base": "adults@1", "features": ["age"], "filter": "age < 90",
        "joins": [{"group": "cities@1", "features": ["city"]}]}  # fmt: skip


def compiled(folder: Path, *tests: Mapping[str, Any], **files: str) -> Manifest:
    resources = {"sources": [SOURCE], "feature_groups": GROUPS, "feature_views": [VIEW]}
    texts = {**FILES, "all.yml": yaml.safe_dump(resources), "tests/t.yml": yaml.safe_dump({"unit_tests": list(tests)})}
    return compile_folder(write_files(folder / "p", {**texts, **files}), folder / "cache")


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    found = DuckDBEngine(threads=1)
    yield found
    found.close()


def outcome(folder: Path, engine: DuckDBEngine, test: Mapping[str, Any]) -> TestRun:
    (found,) = compiled(folder, test).unit_tests
    return run_unit_test(found, engine, lambda text: text)


def unit_test(node: str, given_rows: Mapping[str, Any], expect: Any, **about: Any) -> dict[str, Any]:
    """`given_rows` by `source:people` or by the name of a group."""
    given = [
        {"source" if n.startswith("source:") else "ref": n.removeprefix("source:"), **_said(r)}
        for n, r in given_rows.items()
    ]
    return {"name": "it_holds", "node": node, "given": given, "expect": _said(expect), **about}


def _said(rows: Any) -> dict[str, Any]:
    return {"csv": rows} if isinstance(rows, str) else {"rows": rows}


PEOPLE = [
    {"id": 1, "age": 30, "wage": 1.0, "job": "it's", "born": "2000-02-29", "tags": ["a", None], "price": 1.25,
     "ok": True}, {"id": 2, "age": 17}, {"id": 3, "age": 18},
]  # fmt: skip


def test_columns_left_out_are_null_and_those_not_named_are_not_compared(tmp_path: Path, engine: DuckDBEngine) -> None:
    expected = [
        {"id": 3, "job": "none", "born": None, "third": None, "tags": None},
        {"id": 1, "job": "it's", "born": "2000-02-29", "third": 0.3333333333333, "tags": ["a", None]},
    ]
    assert outcome(tmp_path, engine, unit_test("adults@1", {"source:people": PEOPLE}, expected)).status == "passed"


def test_csv_says_the_same(tmp_path: Path, engine: DuckDBEngine) -> None:
    people = 'id, age,wage,job,ok,price\n1,30,1.5,"it\'s, here",true,2.50\n2,17,,,,\n'.replace("id, age", "id,age")
    expected = 'id,job,third,ok,price\n1,"it\'s, here",0.5,true,2.50\n'
    run = outcome(tmp_path, engine, unit_test("adults", {"source:people": people}, expected))

    assert (run.status, run.message) == ("passed", "")


def test_the_message_shows_the_rows_that_differ(tmp_path: Path, engine: DuckDBEngine) -> None:
    run = outcome(
        tmp_path, engine, unit_test("adults@1", {"source:people": PEOPLE}, [{"id": 1, "age": 31}, {"id": 3, "age": 18}])
    )  # fmt: skip
    assert (run.status, run.failures) == ("failed", 2)
    assert run.message == "1 row differs: (id: 1) has age: 30, not 31"
    assert run.span
    assert run.span.path == "tests/t.yml"


def test_each_row_is_told_beside_the_expected_one_that_is_most_like_it(tmp_path: Path, engine: DuckDBEngine) -> None:
    people = [{"id": number, "age": 40, "wage": 3.0 * number, "job": "smith"} for number in (1, 2, 3, 4)]
    wanted = [
        {"id": 2, "age": 41, "third": 2.0, "job": "smith"},
        {"id": 1, "age": 40, "third": 9.0, "job": "cook"},
        {"id": 3, "age": 40, "third": 3.0, "job": "smith"},
    ]
    run = outcome(tmp_path, engine, unit_test("adults@1", {"source:people": people}, wanted))

    assert run.failures == 5
    assert run.message == (
        "2 rows differ: (id: 2, third: 2.0, job: smith) has age: 40, not 41, "
        "(id: 1, age: 40) has third: 1.0, not 9.0 and job: smith, not cook; "
        "1 row is not expected: (id: 4, age: 40, third: 4.0, job: smith)"
    )


def test_rows_are_compared_as_often_as_they_come(tmp_path: Path, engine: DuckDBEngine) -> None:
    twice = [{"id": 5, "age": 20}, {"id": 5, "age": 20}]
    once = unit_test("adults@1", {"source:people": twice}, [{"id": 5}])

    assert outcome(tmp_path, engine, once).message == "1 row is not expected: (id: 5)"
    assert outcome(tmp_path, engine, unit_test("adults@1", {"source:people": []}, "id\n")).status == "passed"


def test_a_group_of_groups_and_a_view_are_given_the_groups_that_they_read(tmp_path: Path, engine: DuckDBEngine) -> None:
    read = {"adults": [{"id": 1, "age": 30}, {"id": 2, "age": 95}], "cities@1": [{"id": 1, "city": "Rome"}]}

    paired = unit_test("paired@1", read, [{"id": 1, "city": "Rome"}])
    viewed = unit_test("feature_view:grown@1", read, [{"id": 1, "age": 30, "city": "Rome"}])
    assert outcome(tmp_path / "a", engine, paired).message == ""
    assert outcome(tmp_path / "b", engine, viewed).message == ""


def test_vars_are_other_ones_in_a_test(tmp_path: Path, engine: DuckDBEngine) -> None:
    test = unit_test("adults@1", {"source:people": PEOPLE}, [{"id": 1}], vars={"adult": 21})

    assert outcome(tmp_path, engine, test).status == "passed"


def test_what_cannot_run_says_why(tmp_path: Path, engine: DuckDBEngine) -> None:
    root = {"adults.v1.sql": "select id, age, job::BIGINT as third from {{ source('people') }}"}
    (found,) = compiled(
        tmp_path, unit_test("adults@1", {"source:people": [{"job": "x"}]}, [{"id": 1}]), **{**root, **_without_view()}
    ).unit_tests  # fmt: skip
    run = run_unit_test(found, engine, lambda text: text)

    assert (run.status, "could not run" in run.message) == ("error", True)


def _without_view() -> dict[str, str]:
    return {"all.yml": yaml.safe_dump({"sources": [SOURCE], "feature_groups": GROUPS})}


def test_the_fingerprint_is_of_all_that_decides(tmp_path: Path) -> None:
    test = unit_test("adults@1", {"source:people": PEOPLE}, [{"id": 1}])
    variants = [
        test, {**test, "name": "other", "description": "in other words"},
        unit_test("adults@1", {"source:people": PEOPLE[:1]}, [{"id": 1}]),
        unit_test("adults@1", {"source:people": PEOPLE}, [{"id": 2}]),
        {**test, "vars": {"adult": 19}},
    ]  # fmt: skip
    prints = [compiled(tmp_path / str(i), t).unit_tests[0].fingerprint for i, t in enumerate(variants)]

    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


GIVEN = {"source:people": PEOPLE}


@pytest.mark.parametrize(
    ("test", "code", "said"),
    [
        (unit_test("adult@1", GIVEN, [{"id": 1}]), "E301", "adult"),
        (unit_test("adults@2", GIVEN, [{"id": 1}]), "E301", "adults@2"),
        (unit_test("adults@1", {}, [{"id": 1}]), "E440", "no rows are given"),
        (unit_test("adults@1", {**GIVEN, "cities": []}, [{"id": 1}]), "E440", "does not read"),
        (unit_test("adults@1", {"source:poeple": []}, [{"id": 1}]), "E440", "poeple"),
        (unit_test("adults@1", {"source:people": [{"idd": 1}]}, [{"id": 1}]), "E440", "idd"),
        (unit_test("adults@1", {"source:people": [{"id": "one"}]}, [{"id": 1}]), "E440", "'one'"),
        (unit_test("adults@1", {"source:people": "id\none"}, [{"id": 1}]), "E440", "'one'"),
        (unit_test("adults@1", {"source:people": [{"job": 3}]}, [{"id": 1}]), "E440", "VARCHAR"),
        (unit_test("adults@1", {"source:people": [{"tags": [1]}]}, [{"id": 1}]), "E440", "VARCHAR[]"),
        (unit_test("adults@1", {"source:people": [{"born": "2001-02-29"}]}, [{"id": 1}]), "E440", "DATE"),
        (unit_test("adults@1", GIVEN, [{"wages": 1}]), "E440", "wages"),
        (unit_test("adults@1", GIVEN, []), "E440", "nothing is compared"),
        (unit_test("adults@1", GIVEN, [{"id": 1}], vars={"adult": "'x'::DATE"}), "E440", "with these vars"),
        (unit_test("feature_view:grown", {"adults": [], "cities": []}, [{"id": 1}], vars={"a": 1}), "E440", "SQL of a"),
        ({**unit_test("adults@1", GIVEN, [{"id": 1}]), "given": [{"source": "people"}]}, "E202", "rows, csv and file"),
        ({**unit_test("adults@1", GIVEN, [{"id": 1}]), "given": [{"rows": []}]}, "E202", "one of source, ref and this"),
        (unit_test("adults@x", GIVEN, [{"id": 1}]), "E204", "income@1"),
        ({**unit_test("adults@1", GIVEN, [{"id": 1}]), "expcet": {}}, "E203", "expcet"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_where_it_stands(tmp_path: Path, test: Any, code: str, said: str) -> None:
    with pytest.raises(ProjectError) as caught:
        compiled(tmp_path, test)
    (found,) = caught.value.diagnostics
    assert (found.code, found.span and found.span.path) == (code, "tests/t.yml")
    assert said in found.message
    assert found.hint or code in ("E202", "E204")


VALUES = st.sampled_from([None, 0, 1, 0.5, math.nan, "a"])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=6), st.randoms(use_true_random=False))
def test_rows_in_another_order_are_the_same(rows: list[tuple[Any, Any]], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)

    assert unmatched(rows, shuffled) == ([], [])
    assert [len(side) for side in unmatched(rows, shuffled[1:])] == [min(len(rows), 1), 0]


def test_rows_may_stand_in_files(tmp_path: Path, engine: DuckDBEngine) -> None:
    files = {"tests/rows/people.csv": "id,age\n1,30\n2,17\n", "tests/adults.csv": "\ufeffid,age\n1,30\n"}
    given = [{"source": "people", "file": "rows/people.csv"}]
    test = {"name": "it_holds", "node": "adults@1", "given": given, "expect": {"file": "adults.csv"}}
    (found,) = compiled(tmp_path, test, **files).unit_tests

    assert run_unit_test(found, engine, lambda text: text).status == "passed"
    (other,) = compiled(tmp_path / "b", test, **{**files, "tests/adults.csv": "id,age\n1,31\n"}).unit_tests
    assert other.fingerprint != found.fingerprint


def test_a_plan_looks_at_the_files_of_unit_tests(tmp_path: Path) -> None:
    test = {"name": "it_holds", "node": "adults@1", "given": [{"source": "people", "file": "people.csv"}]}
    expected = {"expect": {"rows": [{"id": 1}]}}
    compiled(tmp_path, {**test, **expected}, **{"tests/people.csv": "id,age\n1,30\n"})
    codes = []
    for text in ("id,age\n1,30\n", "id,age\n2,30\n"):
        (tmp_path / "p" / "tests" / "people.csv").write_text(text, encoding="utf-8")
        with Project(tmp_path / "p") as project:
            codes.append([d.code for d in project.plan().diagnostics if d.severity == "error"])

    assert codes == [[], ["E625"]]


SINCE = """\
select id, age from {{ source('people') }}
{% if is_incremental() %} where age > (select max(age) from {{ this }}) + {{ var('adult') }} {% endif %}
"""
KEPT_UP = {"all.yml": yaml.safe_dump({"sources": [SOURCE], "feature_groups": [
    {"name": "adults", "primary_key": ["id"], "materialized": "incremental"}, *GROUPS[1:],
]}), "adults.v1.sql": SINCE}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "ids"), [({}, [1, 2, 3]), ({"this": 12}, [1, 3]), ({"this": 12, "vars": {"adult": 17}}, [1, 3]),
    ({"this": 12, "vars": {"adult": 5}}, [1, 2, 3])],
)  # fmt: skip
def test_what_an_increment_brings_is_tested_on_what_stands(
    tmp_path: Path, engine: DuckDBEngine, more: dict[str, Any], ids: list[int]
) -> None:
    test = unit_test("adults@1", {"source:people": [{"id": 1, "age": 31}, {"id": 2, "age": 18}, {"id": 3, "age": 40}]},
                     [{"id": i} for i in ids], **{k: v for k, v in more.items() if k == "vars"})  # fmt: skip
    if "this" in more:
        test["given"].append({"this": True, "rows": [{"id": 9, "age": more["this"]}]})
    (found,) = compiled(tmp_path, test, **KEPT_UP).unit_tests

    assert run_unit_test(found, engine, lambda text: text).message == ""


@pytest.mark.parametrize(
    ("files", "this", "message"),
    [
        ({}, [{"this": True, "rows": []}], "adults@1 is not incremental: nothing stands of it"),
        ({**KEPT_UP, "adults.v1.sql": FILES["adults.v1.sql"]}, [{"this": True, "rows": []}],
         "the SQL of adults@1 does not ask for is_incremental()"),
        (KEPT_UP, [{"this": True, "rows": []}] * 2, "the rows of `this` are given twice"),
        (KEPT_UP, [{"this": True, "rows": [{"id": 1, "job": "x"}]}], "'job' is no column of adults@1"),
        (KEPT_UP, [{"this": True, "file": "../../nowhere.csv"}],
         "there is no file '../../nowhere.csv' that can be read"),
    ],
)  # fmt: skip
def test_what_stands_is_checked(
    tmp_path: Path, files: dict[str, str], this: list[dict[str, Any]], message: str
) -> None:
    test = unit_test("adults@1", {"source:people": []}, [{"id": 1}])
    test["given"] += this
    with pytest.raises(ProjectError) as caught:
        compiled(tmp_path, test, **files)

    assert [(d.code, d.message) for d in caught.value.diagnostics] == [("E440", message)]
