"""Whole builds: what is published, what is left alone where something fails, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproj.cli.time_documents import history_document
from mlproj.diagnostics import ProjectError
from mlproj.executor import Adapters
from mlproj.project.session import Session
from tests.lake_project import LakeProject, built_project, people
from tests.unit.planner.small_project import SQL, SmallProject, feature, group, model, view

SQLS = {"income@1": SQL, "adults@1": "select id, age, pay, rich from {{ ref('income', version=1) }} where age >= 30"}
TESTED = group(features=[feature("age", tests=[{"between": {"min": 0, "max": 200}}])])
PROJECT = SmallProject([TESTED, group("adults")], [view()], [model()], SQLS)
BROKEN = [*people(), (999, 999, 1.0, "a", "2026-01-01 00:00:00", True)]


def codes(folder: LakeProject) -> list[str]:
    return [d.code for d in folder.failures]


def refused(folder: LakeProject, **options: Any) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        folder.build(**options)
    return caught.value


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("build") / "project", PROJECT)


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    return original.copy(tmp_path / "project")


def statuses(folder: LakeProject, **options: Any) -> dict[str, str]:
    results = folder.build(**options)
    return {f"{r.action} {r.node.partition(':')[2]}": r.status for r in results.results}


def test_a_failing_test_publishes_nothing_and_what_was_published_stays(built: LakeProject) -> None:
    before, rows = built.visible(), built.group("income")
    built.data(BROKEN)

    results = built.build()

    assert results.status == "failed"
    assert codes(built) == ["E601"]
    by_step = {(r.action, r.node): r.status for r in results.results}
    assert by_step["test", "feature_group:income@1"] == "failed"
    assert by_step["materialize", "feature_group:adults@1"] == "skipped"
    assert {s for (action, _n), s in by_step.items() if action in ("publish", "train", "train_data")} == {"skipped"}
    assert built.visible() == before
    assert built.group("income") == rows
    assert built.rows("select max(age) from lake.dev.income_v1") == [(69,)]


def test_the_build_after_a_failed_one_makes_it_good(built: LakeProject) -> None:
    built.data(BROKEN)
    built.build()
    built.data(people(70))

    built.built()

    assert len(built.group("income")) == 70
    assert built.plan().changes == ()


def test_the_failure_says_which_test_how_many_rows_and_shows_some(built: LakeProject) -> None:
    built.data(BROKEN)
    built.build()

    failure = built.failures[0]
    assert "income@1.age" in failure.message
    assert "1 row fails" in failure.message
    assert "999" in (failure.hint or "")
    assert (failure.span.path if failure.span else None) == "groups.yml"


def test_a_build_that_failed_is_in_the_journal(built: LakeProject) -> None:
    built.data(BROKEN)
    results = built.build()

    with built.open() as project:
        newest = project.session.reader.builds("dev")[0]
    assert (newest.id, newest.status) == (results.build, "failed")
    assert {s.status for s in newest.steps} == {"ok", "failed", "skipped"}


def test_one_thread_and_four_give_the_same(tmp_path: Path, built: LakeProject) -> None:
    other = LakeProject(tmp_path / "other")
    other.put(PROJECT)
    other.data(people())
    other.built(threads=4)

    assert other.dataset("income@1").digest == built.dataset("income@1").digest
    assert other.group("adults") == built.group("adults")


def test_fail_fast_skips_what_had_not_started(folder: LakeProject) -> None:
    folder.put(replace(PROJECT, groups=[TESTED, group("adults"), group("broken"), group("z")], sql={
        **SQLS, "broken@1": "select id, cast(city as BIGINT) as n from {{ source('people') }}", "z@1": SQL,
    }))  # fmt: skip

    found = statuses(folder, threads=1, fail_fast=True)

    assert found["materialize broken@1"] == "failed"
    assert "skipped" in {status for step, status in found.items() if step.startswith("materialize")}
    assert not [step for step, status in found.items() if step.startswith("publish") and status == "ok"]


def test_a_part_is_built_and_the_rest_waits(folder: LakeProject) -> None:
    folder.put(PROJECT)

    assert set(folder.built(select=["feature_group:income"])) == {
        "materialize income@1", "test income@1", "publish income@1",
    }  # fmt: skip
    assert folder.changes() == {"adults@1": "new", "feature_view:income@1": "new", "model:income_model@1": "new"}


def test_a_part_whose_parents_were_never_built_says_so(folder: LakeProject) -> None:
    folder.put(PROJECT)

    results = folder.build(select=["adults"])

    assert results.status == "failed"
    assert codes(folder) == ["E504"]
    assert "+income" in (folder.failures[0].hint or "")
    assert folder.state().published == {}


def test_a_model_without_a_training_dataset_says_so(folder: LakeProject) -> None:
    folder.put(PROJECT)

    assert folder.build(select=["income_model"]).status == "failed"
    assert codes(folder) == ["E504"]


def test_a_part_whose_parents_are_defined_otherwise_by_now_says_so(built: LakeProject) -> None:
    sql = {"income@1": SQL.replace("rich", "rich, 1 as one"), "adults@1": SQLS["adults@1"].replace("rich", "rich, one")}
    built.put(replace(PROJECT, sql=sql))

    assert built.build(select=["adults"]).status == "failed"

    assert codes(built) == ["E504"]
    assert built.built(select=["+adults"])["materialize adults@1"] == "ok"


def test_a_part_built_from_older_data_is_still_stale_afterwards(built: LakeProject) -> None:
    built.data(people(70))

    built.built(select=["adults"])

    assert built.changes()["adults@1"] == "stale"
    built.built()
    assert len(built.group("adults")) == len([1 for row in people(70) if row[1] >= 30])
    assert built.plan().changes == ()


def test_what_is_gone_is_dropped_only_where_it_is_selected(built: LakeProject) -> None:
    deprecated = [TESTED, group("adults", deprecated_after="2020-01-01")]
    built.put(replace(PROJECT, groups=deprecated))
    built.built()
    built.put(replace(PROJECT, groups=[TESTED], models=[model(params={"C": 2})]))

    assert set(built.built(select=["income_model"])) == {"train model:income_model@1"}
    assert built.rows("select count(*) > 0 from lake.dev.adults") == [(True,)]
    assert built.changes() == {"adults@1": "removed"}
    assert set(built.built()) == {"drop adults@1"}
    assert built.rows("select view_name from duckdb_views() where schema_name = 'dev' order by all") == [
        ("income",), ("income_v1",),
    ]  # fmt: skip
    with built.open() as project:  # what it was stands in the state
        past = history_document(project, "adults")
        assert past["node"] == "feature_group:adults@1"
        assert [entry["added"] for entry in past["entries"]] == [len([1 for row in people() if row[1] >= 30])]
        with pytest.raises(ProjectError, match="E508"):
            history_document(project, "adults@2")


def test_full_refresh_computes_again_what_did_not_change(built: LakeProject) -> None:
    before = built.state().published["feature_group:income@1"].commit

    assert built.built(full_refresh=True)["materialize income@1"] == "ok"

    assert built.state().published["feature_group:income@1"].commit != before
    assert built.plan().changes == ()


def test_a_breaking_change_builds_nothing_at_all(built: LakeProject) -> None:
    before, commits = built.state(), built.commits()
    built.put(replace(PROJECT, groups=[*PROJECT.groups, group("z")], sql={**SQLS, "income@1": SQL + " where id > 3"}))

    error = refused(built)

    assert error.exit_code == 4
    assert {d.code for d in error.diagnostics} == {"E501"}
    assert "income@2" in (error.diagnostics[0].hint or "")
    assert (built.state(), built.commits()) == (before, commits)


def test_on_breaking_warn_accepts_and_builds(built: LakeProject) -> None:
    after = replace(PROJECT, sql={**SQLS, "income@1": SQL + " where id > 3"})
    built.put(after, {"targets": {"dev": {"on_breaking": "warn"}}})

    plan = built.plan()

    income = next(c for c in plan.changes if c.node == "feature_group:income@1")
    assert (income.change, income.accepted, income.needs_bump) == ("breaking", True, False)
    assert plan.breaking == []
    built.built()
    assert built.rows("select min(id) from lake.dev.income") == [(4,)]
    assert built.plan().changes == ()


@pytest.mark.parametrize("moved", ["files", "data", "state"])
def test_a_saved_plan_is_refused_where_something_moved(built: LakeProject, tmp_path: Path, moved: str) -> None:
    built.data(people(65))
    file = tmp_path / "plan.json"
    file.write_text(built.plan().model_dump_json(), encoding="utf-8")
    if moved == "files":
        built.put(replace(PROJECT, models=[model(params={"C": 2})]))
    elif moved == "data":
        built.data(people(66))
    else:
        built.built()
    commits = built.commits()

    error = refused(built, plan_file=file)

    assert [d.code for d in error.diagnostics] == ["E502"]
    assert {"files": "files", "data": "data", "state": "target holds"}[moved] in error.diagnostics[0].message
    assert built.commits() == commits


def test_a_saved_plan_is_built_as_it_stands(built: LakeProject, tmp_path: Path) -> None:
    built.data(people(65))
    file = tmp_path / "plan.json"
    file.write_text(built.plan(select=["feature_group:income"]).model_dump_json(), encoding="utf-8")

    assert set(built.built(plan_file=file)) == {"materialize income@1", "test income@1", "publish income@1"}


@pytest.mark.parametrize("text", ["", "{}", "no plan", '{"artifact": "plan", "version": 2}'])
def test_a_file_that_is_no_plan_is_refused(built: LakeProject, tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text, encoding="utf-8")

    assert [d.code for d in refused(built, plan_file=file).diagnostics] == ["E502"]


def test_the_plan_of_another_target_is_refused(built: LakeProject, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(built.plan().model_copy(update={"target": "prod"}).model_dump_json(), encoding="utf-8")

    assert [d.code for d in refused(built, plan_file=file).diagnostics] == ["E502"]


def test_a_source_too_big_for_memory_is_written_straight_into_the_lake(
    folder: LakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = LakeProject(tmp_path / "small")
    small.put(PROJECT)
    small.data(people())
    small.built()
    whole = Session.adapters

    def tiny(session: Session) -> Adapters:
        return replace(whole(session), scratch_limit=1)

    monkeypatch.setattr(Session, "adapters", tiny)
    folder.put(PROJECT)
    folder.built()

    assert [m.split(" (")[0] for _n, m in folder.commits()][:2] == ["write income@1", "write adults@1"]
    assert (folder.group("income"), folder.group("adults")) == (small.group("income"), small.group("adults"))
    assert folder.dataset("income@1").digest == small.dataset("income@1").digest
    assert folder.plan().changes == ()
    before = folder.group("income")
    folder.data(BROKEN)
    folder.build()
    assert codes(folder) == ["E601"]
    assert folder.rows("select max(age) from lake.dev.income") == [(69,)]
    assert folder.group("income") == before


def test_partitioned_groups_lie_in_folders_of_their_own(folder: LakeProject) -> None:
    folder.put(SmallProject([group(partition_by=["city"])]))
    folder.built()

    files = [p.as_posix() for p in folder.root.rglob("*.parquet")]
    assert {name for name in "abc" for f in files if f"city={name}" in f} == set("abc")
    assert len(folder.group("income")) == 60
    folder.data(people(90))
    folder.built()
    assert folder.rows("select city, count(*) from lake.dev.income group by 1 order by 1") == [
        ("a", 30), ("b", 30), ("c", 30),
    ]  # fmt: skip
