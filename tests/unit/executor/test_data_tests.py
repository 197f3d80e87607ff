"""Data tests where rows are: what fails and warns, what is kept to look at, and what other groups do to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from mlproj.cli.failures_document import failures_document
from mlproj.cli.render.junit import write_junit
from mlproj.diagnostics import ProjectError
from mlproj.executor import RunResults
from mlproj.executor.anomalies import compared, past_values
from mlproj.executor.data_tests import verdict
from mlproj.executor.results import run_results
from mlproj.state import Band, CompiledTest, Publication, StepResult, TestRun
from tests.lake_project import LakeProject, built_project, people
from tests.unit.planner.small_project import SmallProject, feature, group

CITIES = "select distinct city as id from {{ source('people') }}"
STALE = {"column": "seen", "warn_after": "1 day", "error_after": "5000 weeks"}
OLD = {"between": {"max": 60, "severity": "warn"}}  # of sixty people nine are older


def project(*tests: Any, cities: str = CITIES, table_tests: tuple[Any, ...] = ()) -> SmallProject:
    """Tests of `age`, and of the group; every city is one of `cities`."""
    known = feature("city", tests=[{"relationships": {"to": "cities"}}])
    income = group(features=[feature("age", tests=list(tests)), known], tests=list(table_tests))
    return SmallProject([income, group("cities")], sql={"cities@1": cities})


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("tests") / "project", project(OLD))


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    return original.copy(tmp_path / "project")


def outcomes(folder: LakeProject, *tests: Any, table_tests: tuple[Any, ...] = ()) -> dict[str, TestRun]:
    """The tests of income on what stands, by name."""
    folder.put(project(*tests, table_tests=table_tests))
    folder.failures = []
    with folder.open() as opened:
        results = opened.test(select=["income"], failed=folder.failures.extend)
    (step,) = results.results
    assert (step.status == "failed") == bool(folder.failures)
    return {run.id.removeprefix("income@1."): run for run in step.tests}


def test_a_warning_lets_the_build_go_on_and_its_rows_can_be_seen(built: LakeProject) -> None:
    built.data(people(45))  # five of the nine are gone
    step = next(r for r in built.build().results if r.action == "test" and "income" in r.node)

    assert (step.status, step.message) == ("ok", "1 test passed")
    assert step.warnings == ("income@1.age.between: 4 rows fail: age ≤ 60",)
    with built.open() as opened:
        listed = failures_document(opened, None, 5)["tests"]
        (shown,) = failures_document(opened, "income@1.age.between", 3)["tests"]
    assert listed == [{"test": "income@1.age.between", "description": "age ≤ 60", "failures": 4}]
    ages = [row[shown["columns"].index("age")] for row in shown["rows"]]
    assert ages == [61, 62, 63]


def test_each_test_is_judged_by_its_own_terms(built: LakeProject) -> None:
    found = outcomes(
        built, {"between": {"max": 60, "error_if": "> 9", "warn_if": "> 5"}},
        {"between": {"max": 60, "error_if": "> 8"}},
        {"between": {"max": 60, "severity": "warn", "warn_if": "> 9"}}, {"between": {"max": 60, "where": "city = 'a'"}},
        {"mean_between": {"max": 3}},
        table_tests=({"row_count": {"min": 61}}, {"expression": "age > 20 or city = 'z'"}),
    )  # fmt: skip
    assert {name: (run.status, run.failures) for name, run in found.items()} == {
        "age.between": ("warned", 9), "age.between.2": ("failed", 9), "age.between.3": ("passed", 9),
        "age.between.4": ("failed", 3), "age.mean_between": ("failed", 1), "row_count": ("failed", 1),
        "expression": ("failed", 2), "city.relationships(cities@1)": ("passed", 0),
    }  # fmt: skip
    assert found["row_count"].message == "60 rows: the number of rows ≥ 61"
    assert found["age.mean_between"].message.startswith("the mean of age is 41.1")
    assert found["age.between.4"].message == "3 rows fail: age ≤ 60 where city = 'a'"
    assert [d.code for d in built.failures] == ["E601"] * 5
    hints = [d.hint or "" for d in built.failures if "expression" in d.message]
    assert [h.endswith("See them: mlproj failures 'income@1.expression'") for h in hints] == [True]


def test_what_passes_again_leaves_nothing_to_look_at(built: LakeProject) -> None:
    outcomes(built, {"between": {"min": 0}})

    with built.open() as opened:
        assert failures_document(opened, None, 5)["tests"] == []
        with pytest.raises(ProjectError) as caught:
            failures_document(opened, "income@1.age.between", 5)
    assert [d.code for d in caught.value.diagnostics] == ["E508"]


def test_one_that_cannot_run_does_not_hide_the_others(built: LakeProject) -> None:
    found = outcomes(built, {"between": {"max": 60}}, table_tests=({"expression": "city::BIGINT > 0"},))

    assert (found["age.between"].status, found["expression"].status) == ("failed", "error")
    assert "could not run" in found["expression"].message


def test_a_group_is_tested_again_where_its_relationship_is_built_anew(built: LakeProject) -> None:
    built.put(project(OLD, cities=f"{CITIES} where city <> 'c'"))
    accept = {"cities@1": "c is closed"}
    before = built.visible()

    steps = {(s.action, s.node.partition(":")[2]): s.reason for s in built.plan(accept_breaking=accept).steps}
    results = built.build(accept_breaking=accept)

    assert steps["test", "income@1"] == "cities@1 is built anew"
    assert ("materialize", "income@1") not in steps
    assert [d.message for d in built.failures] == [
        "income@1.city.relationships(cities@1): 20 rows fail: every city is a id of cities@1"
    ]
    assert {r.status for r in results.results if r.action == "publish"} == {"skipped"}
    assert built.visible().published == before.published


def test_a_new_test_is_metadata_and_runs_on_what_stands(built: LakeProject) -> None:
    built.put(project(OLD, {"between": {"min": 0}}))

    (change,) = built.plan().changes
    assert (change.change, [r.message for r in change.reasons]) == ("metadata", ["changed: tests (new: age.between.2)"])
    assert built.built() == {"test income@1": "ok", "publish income@1": "ok"}


@pytest.mark.parametrize(
    ("condition", "failures", "holds"),
    [("> 3", 4, True), ("> 3", 3, False), (">=3", 3, True), ("= 0", 0, True), ("!= 0", 0, False), ("<> 0", 1, True),
     ("< 2", 1, True), ("<= 2", 3, False), ("== 2", 2, True)],
)  # fmt: skip
def test_thresholds(condition: str, failures: int, holds: bool) -> None:
    test = CompiledTest(id="x", description="x", failures="", rows="", error_if=condition, warn_if="= 99")

    assert (verdict(test, failures) == "failed") == holds
    lenient = test.model_copy(update={"severity": "warn", "warn_if": condition})
    assert (verdict(lenient, failures) == "warned") == holds


def publications(*rows: tuple[int, int, int], kind: str = "build") -> list[Publication]:
    """By (commit, rows, nulls of age)."""
    published = [{"a": {"commit": c, "rows": n, "null_counts": {"age": nulls}}} for c, n, nulls in rows]
    made = {"target": "dev", "at": "", "author": "", "kind": kind}
    return [Publication.model_validate({**made, "build_id": str(i), "published": p}) for i, p in enumerate(published)]


def band(feature_name: str | None = None, **terms: Any) -> Band:
    return Band(**{"feature": feature_name, "builds": 4, "at_least": 2, "sigma": 3, "tolerance": 0.01, **terms})


def test_the_past_is_what_builds_published_once_for_each_commit() -> None:
    log = [
        *publications((1, 10, 1), (2, 20, 4)),
        *publications((2, 20, 4), (3, 0, 0)),
        *publications((9, 9, 9), kind="rollback"),
    ]

    assert past_values(band(), log, "a", 3) == [10.0, 20.0]
    assert past_values(band("age"), log, "a", None) == [0.1, 0.2, 0.0]
    assert past_values(band("new"), log, "a", None) == past_values(band(), log, "b", None) == []


@pytest.mark.parametrize(
    ("past", "value", "unusual"),
    [([100, 100, 100], 101, 0), ([100, 100, 100], 102, 1), ([98, 100, 102], 106, 0), ([98, 100, 102], 107, 1),
     ([100], 5, 0), ([], 5, 0), ([1, 1, 1, 98, 100, 102, 100], 50, 1), ([0, 0], 0, 0)],
)  # fmt: skip
def test_rows_are_compared_with_the_last_builds(past: list[float], value: float, unusual: int) -> None:
    assert compared(band(), value, past)[0] == unusual


def test_nulls_are_compared_as_fractions() -> None:
    assert compared(band("age"), 0.02, [0.0, 0.0]) == (1, "2.00% of age are null, where 0.00% ± 1.00% is usual")
    assert compared(band("age"), 0.01, [0.0, 0.0])[0] == 0
    assert "only 1 builds came before" in compared(band("age"), 0.9, [0.0])[1]


def test_a_build_that_is_unlike_those_before_is_an_anomaly(built: LakeProject) -> None:
    built.put(project(table_tests=({"anomaly": {"at_least": 2, "severity": "warn"}}, {"freshness": STALE})))
    first = built.build()
    built.data(people(61))
    built.build()
    built.data(people(30))
    last = next(r for r in built.build().results if r.action == "test" and "income" in r.node)

    assert not any("anomaly" in w for r in first.results for w in r.warnings)
    assert [w for w in last.warnings if "anomaly" in w] == [
        "income@1.anomaly: 30 rows, where 60.5 ± 2.1 is usual: the number of rows is as in the last builds"
    ]
    assert [w for w in last.warnings if "freshness" in w] == [
        "income@1.freshness: the newest seen is 2026-01-28 00:00:00: the newest seen is at most 1 day old"
    ]


def results_of(*runs: TestRun) -> RunResults:
    status = "failed" if any(r.status in ("failed", "error") for r in runs) else "ok"
    step = StepResult(node="feature_group:a@1", action="test", status=status, seconds=1.0, tests=runs)
    keys = StepResult(node="feature_group:b@1", action="test", status="ok")
    return run_results("", [step, keys])


def test_junit_is_xml_with_a_case_per_test(tmp_path: Path) -> None:
    runs = [
        TestRun(id="a@1.x.unique", description="x", status="passed"),
        TestRun(id="a@1.x.matches", description="x", status="failed", failures=2, message='2 rows: <&"\x00>'),
        TestRun(id="a@1.expression", description="x", status="error", message="could not run"),
        TestRun(id="a@1.row_count", description="x", status="warned", message="few"),
    ]
    path = tmp_path / "reports" / "junit.xml"
    write_junit(path, results_of(*runs))

    root = ET.parse(path).getroot()
    assert {n: root.get(n) for n in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5", "failures": "1", "errors": "1", "skipped": "0",
    }  # fmt: skip
    cases = {(c.get("classname"), c.get("name")): [e.tag for e in c] for c in root.iter("testcase")}
    assert cases == {
        ("a@1", "x.unique"): [], ("a@1", "x.matches"): ["failure"], ("a@1", "expression"): ["error"],
        ("a@1", "row_count"): ["system-out"], ("b@1", "keys"): [],
    }  # fmt: skip
    (failure,) = root.iter("failure")
    assert failure.get("message") == '2 rows: <&"�>'


def test_junit_of_a_build_has_what_failed_beside_tests(tmp_path: Path) -> None:
    steps = [
        StepResult(node="feature_group:a@1", action="materialize", status="failed", message="a division"),
        StepResult(node="feature_group:a@1", action="test", status="skipped"),
        StepResult(node="feature_group:b@1", action="materialize", status="ok"),
    ]
    write_junit(tmp_path / "report.xml", run_results("b1", steps))

    cases = ET.parse(tmp_path / "report.xml").getroot().iter("testcase")
    assert {(c.get("classname"), c.get("name")): [e.tag for e in c] for c in cases} == {
        ("a@1", "materialize"): ["error"], ("a@1", "keys"): ["skipped"],
    }  # fmt: skip
