"""Rolling a group back: its rows are those of then, it is held, and who was computed from the others is stale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproj.adapters.ducklake import DuckLake
from mlproj.adapters.ducklake_history import DuckLakeHistory
from mlproj.adapters.sql_state.store import SqlState
from mlproj.diagnostics import ProjectError
from mlproj.planner.rollback import Rollback
from mlproj.ports import EngineError
from tests.lake_project import LakeProject, people
from tests.unit.executor.test_recovery import Killed, kill
from tests.unit.planner.small_project import SQL, SmallProject, group, model, view

ADULTS = "select id, age, pay, rich from {{ ref('income', version=1) }} where age >= 30"
PROJECT = SmallProject(
    [group(), group("adults"), group("young", materialized="view")],
    [view(), view("adults", base="adults@1")],
    [model()],
    {"adults@1": ADULTS, "young@1": ADULTS.replace(">=", "<")},
)
WARN = {"targets": {"dev": {"on_breaking": "warn"}}}
GROUP = "feature_group:income@1"
SIZES = (60, 70, 80)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    found = LakeProject(tmp_path_factory.mktemp("rollback") / "project")
    found.put(PROJECT)
    for size in SIZES:
        found.data(people(size))
        found.built()
    return found


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    """A project that was built of 60, of 70, and of 80 people."""
    return original.copy(tmp_path / "project")


def rollback(folder: LakeProject, to: str, node: str = "income", **options: Any) -> Rollback:
    with folder.open() as project:
        return project.rollback(node, to=to, **options)


def commits(folder: LakeProject, name: str = "income") -> list[int]:
    with folder.open() as project:
        return [c.commit for c in project.feature_group(name).history()]


def refused(folder: LakeProject, to: str, node: str = "income") -> str:
    with pytest.raises(ProjectError) as caught:
        rollback(folder, to, node)
    [found] = caught.value.diagnostics
    assert found.hint
    return found.code


def test_rows_are_those_of_then_in_a_commit_of_its_own(built: LakeProject) -> None:
    first = commits(built)[0]
    old = built.group("income", as_of=first)

    done = rollback(built, str(first), because="wrong prices")

    assert (done.rows, done.to, done.dry_run) == ({"deleted": 20, "inserted": 0}, str(first), False)
    assert built.group("income") == old == built.group("income", as_of=done.commit)
    assert built.rows("select * from lake.dev.income_v1 order by id") == built.rows(
        "select * from lake.dev.income order by id"
    )
    assert built.rows("select count(*) from lake.dev.income_v1") == [(60,)]
    with built.open() as project:
        *before, last = project.feature_group("income").history()
    assert len(before) == 3
    assert (last.commit, last.kind, last.rows) == (done.commit, "rollback", 60)
    assert "wrong prices" in last.message
    assert last.commit > before[-1].commit


def test_what_belongs_to_the_commit_comes_back_with_it(original: LakeProject, built: LakeProject) -> None:
    with original.open() as project:
        then = project.session.store.publications("dev")[0].published[GROUP]
    rollback(built, str(commits(built)[0]))

    row = built.state().published[GROUP].model_dump(mode="json")

    for name in ("rows", "digest", "column_digests", "null_counts", "source_versions", "inputs", "table"):
        assert row[name] == then[name], name  # type: ignore[index, call-overload]


def test_it_is_held_and_what_was_computed_from_other_rows_is_stale(built: LakeProject) -> None:
    rollback(built, str(commits(built)[0]), because="wrong prices")

    plan = built.plan()

    assert [(h.node, h.reason) for h in plan.held] == [(GROUP, "rolled back to commit 2: wrong prices")]
    assert {c.node.removeprefix("feature_group:"): c.change for c in plan.changes} == dict.fromkeys(
        ["adults@1", "young@1", "feature_view:income@1", "feature_view:adults@1", "model:income_model@1"], "stale"
    )
    assert {r.rule for c in plan.changes for r in c.reasons} == {
        "input_data_changed", "data_changed", "training_data_changed",
    }  # fmt: skip
    assert built.built()["materialize adults@1"] == "ok"
    after = built.plan()
    assert (after.changes, [h.node for h in after.held]) == ((), [GROUP])
    assert built.rows("select count(*) from lake.dev.young_v1") == [(20,)]
    assert len(built.group("adults")) == 40


@pytest.mark.parametrize("options", [{}, {"full_refresh": True}, {"select": ["income"], "full_refresh": True}])
def test_a_build_leaves_it_whatever_its_sources_do(built: LakeProject, options: dict[str, Any]) -> None:
    rollback(built, str(commits(built)[0]))
    built.data(people(90))

    assert "materialize income@1" not in built.built(**options)

    assert len(built.group("income")) == 60
    assert [h.node for h in built.plan().held] == [GROUP]


def test_resumed_it_follows_its_sources_again(built: LakeProject) -> None:
    rollback(built, str(commits(built)[0]))
    built.built()
    built.data(people(90))

    assert next(r.rule for c in built.plan(resume=["income"]).changes for r in c.reasons) == "resumed"
    assert built.built(resume=["income"])["materialize income@1"] == "ok"

    assert len(built.group("income")) == 90
    plan = built.plan()
    assert (plan.changes, plan.held) == ((), ())
    with pytest.raises(ProjectError) as caught:
        built.plan(resume=["income"])
    assert [d.code for d in caught.value.diagnostics] == ["E533"]


def test_another_definition_ends_the_hold(built: LakeProject) -> None:
    rollback(built, str(commits(built)[0]))
    built.put(replace(PROJECT, sql={**PROJECT.sql, "income@1": SQL + " where id > 5"}), WARN)

    assert built.plan().held == ()
    built.built()

    assert len(built.group("income")) == 74
    assert built.plan().changes == ()


def test_described_otherwise_it_is_held_all_the_same(built: LakeProject) -> None:
    rollback(built, str(commits(built)[0]))
    built.built()
    built.put(replace(PROJECT, groups=[group(description="of all people"), *PROJECT.groups[1:]]))

    assert built.changes() == {"income@1": "metadata"}
    built.built()

    plan = built.plan()
    assert (plan.changes, [h.node for h in plan.held]) == ((), [GROUP])
    assert len(built.group("income")) == 60


def test_forth_and_back_again(built: LakeProject) -> None:
    first, second, third = commits(built)
    rollback(built, str(first))
    rollback(built, str(third))
    assert len(built.group("income")) == 80
    rollback(built, str(second))
    assert len(built.group("income")) == 70
    assert len(commits(built)) == 6


def test_rows_that_stand_already_are_not_committed_again(built: LakeProject) -> None:
    first = commits(built)[0]
    rollback(built, str(first), because="prices are wrong")
    there, lake = commits(built), built.commits()

    with pytest.raises(ProjectError) as caught:
        rollback(built, str(first), because="again")

    [found] = caught.value.diagnostics
    assert (found.code, found.message) == ("E530", f"income@1 has the rows of commit {first} already, and is held")
    assert "prices are wrong" in (found.hint or "")
    assert (commits(built), built.commits()) == (there, lake)
    assert [h.reason for h in built.plan().held] == [f"rolled back to commit {first}: prices are wrong"]


def test_rows_that_stand_already_are_held_as_they_are(built: LakeProject) -> None:
    first = commits(built)[0]
    built.data(people(SIZES[0]))
    built.built()
    there = commits(built)

    for dry_run in (True, False):
        done = rollback(built, str(first), because="stay", dry_run=dry_run)
        assert [(m.what, m.before, m.after) for m in done.moves] == [("hold", "free", "held")]
        assert (done.commit, done.rows) == (None, {})

    assert commits(built) == there
    assert [h.reason for h in built.plan().held] == [f"rolled back to commit {first}: stay"]
    assert len(built.group("income")) == SIZES[0]


def test_a_place_is_a_commit_a_build_or_a_time(built: LakeProject) -> None:
    with built.open() as project:
        first, second, _third = project.feature_group("income").history()
    assert rollback(built, first.build_id, dry_run=True).to == str(first.commit)
    assert rollback(built, second.at, dry_run=True).to == str(second.commit)
    for place in ("999", "2001-01-01", "yesterday", "20260101T000000-abcdef", ""):
        assert refused(built, place) == "E530"
    assert refused(built, str(commits(built)[-1])) == "E530"


def test_trying_it_changes_nothing(built: LakeProject) -> None:
    before, lake = built.state(), built.commits()

    done = rollback(built, str(commits(built)[0]), dry_run=True)

    assert (done.dry_run, done.build, done.commit, done.rows) == (True, None, None, {"deleted": 20, "inserted": 0})
    assert [(m.node, m.before, m.after) for m in done.moves] == [(GROUP, str(commits(built)[-1]), done.to)]
    assert (built.state(), built.commits()) == (before, lake)


def test_rows_of_another_definition_come_back_with_their_build_only(built: LakeProject) -> None:
    built.put(replace(PROJECT, sql={**PROJECT.sql, "income@1": SQL + " where id > 5"}), WARN)
    built.built()

    with pytest.raises(ProjectError) as caught:
        rollback(built, str(commits(built)[2]))

    [found] = caught.value.diagnostics
    with built.open() as project:
        builds = [p.build_id for p in project.session.store.publications("dev")]
    assert found.code == "E531"
    assert f"rollback --build {builds[2]}" in (found.hint or "")


@pytest.mark.parametrize(
    ("node", "code"),
    [("young", "E531"), ("feature_view:income", "E508"), ("incom", "E508"), ("income_model@1.1", "E508")],
)
def test_what_has_no_rows_of_its_own_is_refused(built: LakeProject, node: str, code: str) -> None:
    assert refused(built, "2", node) == code


def test_rows_that_are_gone_are_said_to_be(built: LakeProject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckLakeHistory, "holds", lambda *_: False)
        assert refused(built, str(commits(built)[0])) == "E532"
    assert len(built.group("income")) == 80


@pytest.mark.parametrize(("where", "method"), [(DuckLakeHistory, "restore"), (DuckLake, "publish")])
def test_killed_before_the_views_moved_nothing_moved(built: LakeProject, where: type, method: str) -> None:
    before, first = built.state(), str(commits(built)[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, method, kill)
        with pytest.raises(Killed):
            rollback(built, first)

    assert built.state() == before
    assert len(built.group("income")) == 80
    assert built.rows("select count(*) from lake.dev.income") == [(80,)]
    assert built.plan().changes == ()
    rollback(built, first)
    assert len(built.group("income")) == 60


def test_killed_before_state_heard_of_it_the_next_command_completes_it(built: LakeProject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlState, "apply_publication", kill)
        with pytest.raises(Killed):
            rollback(built, str(commits(built)[0]))

    assert [h.node for h in built.plan().held] == [GROUP]
    assert len(built.group("income")) == 60
    assert built.state() == built.state()
    assert len(commits(built)) == 4
    built.built()
    assert built.plan().changes == ()


def test_a_lake_that_refuses_is_a_diagnostic(built: LakeProject) -> None:
    def refuse(*_args: object) -> None:
        raise EngineError("disk full", "IO")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckLakeHistory, "restore", refuse)
        assert refused(built, str(commits(built)[0])) == "E618"
    with built.open() as project:
        last = project.session.reader.builds("dev")[0]
    assert (last.status, [(s.action, s.status) for s in last.steps]) == ("failed", [("rollback", "failed")])
    assert built.plan().changes == ()


def test_a_table_of_another_target_is_left_alone(built: LakeProject) -> None:
    settings = {"targets": {"dev": {}, "prod": {}}}
    built.put(PROJECT, settings)
    prod = LakeProject(built.root, "prod")
    prod.built()
    built.data(people(90))
    prod.built()
    prod_first = commits(prod)[0]

    rollback(prod, str(prod_first))

    assert (len(prod.group("income")), len(built.group("income"))) == (80, 80)
    assert built.plan(select=["young"]).held == ()
