"""What a failed or killed build leaves to the next: nothing is computed, written, frozen or trained twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlproj.adapters.ducklake import DuckLake
from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.sql_state.store import SqlState
from mlproj.executor import Adapters
from mlproj.ports import CommitInfo, EngineError, TableWrite
from mlproj.project.session import Session
from tests.lake_project import LakeProject, people, statuses
from tests.unit.executor.test_recovery import Killed, killed_in
from tests.unit.planner.small_project import SQL, SmallProject, feature, group, model, view

ADULTS = "select id, age, pay from {{ ref('income', version=1) }} where age >= 30"
OLD = "select id, age from {{ ref('adults', version=1) }} where age >= 40"
STRICT = [feature("id", "BIGINT"), feature("age", "BIGINT", tests=[{"between": {"min": 0, "max": 45}}])]
LENIENT = [feature("id", "BIGINT"), feature("age", "BIGINT", tests=[{"between": {"min": 0, "max": 120}}])]
TESTED = [feature("id", "BIGINT"), feature("age", "BIGINT", tests=["not_null"]), feature("pay", "DOUBLE")]


def project(features: list[dict[str, object]], old: str = OLD, adults: str = ADULTS) -> SmallProject:
    """Income → adults → old; a view and a model on income. The test of `old` decides whether all of it passes."""
    return SmallProject(
        [group(), group("adults", features=TESTED), group("old", features=features)],
        [view()],
        [model()],
        sql={"adults@1": adults, "old@1": old},
    )


@pytest.fixture
def failed(folder: LakeProject) -> LakeProject:
    """A first build in which the test of `old` fails, and everything else has been computed."""
    folder.put(project(STRICT))
    results = folder.build()
    assert [d.code for d in folder.failures] == ["E601"]
    assert statuses(results)["materialize old@1"] == "ok"
    return folder


def writes(folder: LakeProject) -> list[str]:
    return [message.partition(" (")[0] for _number, message in folder.commits()]


def added(folder: LakeProject, name: str) -> list[int | None]:
    with folder.open() as opened:
        return [commit.added for commit in opened.feature_group(name).history()]


def test_rows_of_a_failed_build_are_kept_in_one_commit_and_nobody_sees_them(failed: LakeProject) -> None:
    [written] = writes(failed)
    assert written.startswith("write income__v1__")
    assert failed.visible().published == {}
    assert failed.visible().training_datasets == {}
    assert set(failed.state().kept) == {f"feature_group:{n}@1" for n in ("income", "adults", "old")} | {
        "feature_view:income@1"
    }


def test_a_retry_runs_what_failed_and_what_depends_on_it(failed: LakeProject) -> None:
    failed.put(project(LENIENT))

    results = failed.retry()

    assert results.status == "ok", failed.failures
    assert statuses(results) == {
        "materialize income@1": "reused",
        "test income@1": "reused",
        "materialize adults@1": "reused",
        "test adults@1": "reused",
        "materialize old@1": "reused",
        "test old@1": "ok",
        "train_data feature_view:income@1": "reused",
        "publish income@1": "ok",
        "publish adults@1": "ok",
        "publish old@1": "ok",
        "publish feature_view:income@1": "ok",
        "train model:income_model@1": "ok",
    }
    assert [w.split(" ")[0] for w in writes(failed)] == ["write", "publish"], "no rows are written twice"
    assert failed.dataset("income@1").number == 1
    assert added(failed, "income") == [60]
    assert len(failed.group("old")) == len([r for r in people() if r[1] >= 40])
    assert failed.plan().changes == ()
    assert failed.state().kept == {}


def test_what_was_mended_is_computed_anew_and_the_rest_is_not(failed: LakeProject) -> None:
    failed.put(project(STRICT, old=OLD + " and age <= 45"))

    by_step = statuses(failed.retry())

    assert by_step["materialize adults@1"] == "reused"
    assert (by_step["materialize old@1"], by_step["test old@1"]) == ("ok", "ok")
    assert writes(failed)[1].startswith("write old__v1__")
    assert {row[1] for row in failed.group("old")} <= set(range(40, 46))


def test_a_change_above_makes_what_reads_it_anew(failed: LakeProject) -> None:
    failed.put(project(STRICT, adults=ADULTS + " and age <= 45"))

    by_step = statuses(failed.retry())

    assert by_step["materialize income@1"] == "reused"
    assert {by_step["materialize adults@1"], by_step["test adults@1"], by_step["materialize old@1"]} == {"ok"}


def test_a_build_takes_up_what_was_kept_too(failed: LakeProject) -> None:
    failed.put(project(LENIENT))

    by_step = failed.built()

    assert {by_step[f"materialize {n}@1"] for n in ("income", "adults", "old")} == {"reused"}
    assert failed.retry().results == ()


def test_new_data_is_read_anew(failed: LakeProject) -> None:
    failed.data([row for row in people(50) if row[1] <= 45])

    by_step = statuses(failed.retry())

    assert {by_step[f"materialize {n}@1"] for n in ("income", "adults", "old")} == {"ok"}
    assert by_step["train_data feature_view:income@1"] == "ok"
    assert len(failed.group("income")) == len([row for row in people(50) if row[1] <= 45])


def test_two_failures_in_a_row_keep_what_both_computed(failed: LakeProject) -> None:
    stricter = [STRICT[0], feature("age", "BIGINT", tests=[{"between": {"min": 0, "max": 41}}])]
    failed.put(project(stricter, old=OLD + " and age <= 45"))
    assert failed.retry().status == "failed"
    failed.put(project(STRICT, old=OLD + " and age <= 45"))

    by_step = statuses(failed.retry())

    assert {by_step[f"materialize {n}@1"] for n in ("income", "adults", "old")} == {"reused"}
    assert by_step["test old@1"] == "ok"
    assert [w.split(" ")[0] for w in writes(failed)] == ["write", "write", "publish"]


def test_a_group_that_could_not_be_computed(folder: LakeProject) -> None:
    folder.put(project(LENIENT, old=OLD.replace("age from", "error('no')::bigint as age from")))
    assert statuses(folder.build())["materialize old@1"] == "failed"
    folder.put(project(LENIENT))

    by_step = statuses(folder.retry())

    assert by_step["materialize adults@1"] == "reused"
    assert by_step["materialize old@1"] == "ok"


def test_there_is_nothing_to_retry_after_a_build_that_passed(folder: LakeProject) -> None:
    folder.put(project(LENIENT))
    assert folder.retry().results == ()
    folder.built()
    assert folder.retry().results == ()
    folder.data(people(90))
    assert folder.retry().results == (), "what is new since is for `build`"


def test_a_retry_does_no_more_than_the_build_that_failed(failed: LakeProject) -> None:
    failed.put(project(LENIENT))
    failed.built()
    failed.put(project(STRICT, old=OLD + " and age > 0"))
    failed.put(replace(project(STRICT), groups=[group(), group("second"), *project(STRICT).groups[1:]]))
    assert failed.retry().results == ()


def test_a_selected_build_is_retried_as_it_was_selected(folder: LakeProject) -> None:
    folder.put(project(STRICT))
    folder.build(select=["+old"])
    folder.put(project(LENIENT))

    by_step = statuses(folder.retry())

    assert set(by_step) == {
        f"{a} {n}@1" for n in ("income", "adults", "old") for a in ("materialize", "test", "publish")
    }
    assert "feature_view:income@1" not in folder.state().published


def test_a_full_refresh_is_retried_as_one(folder: LakeProject) -> None:
    folder.put(project(LENIENT))
    folder.built()
    killed_in(folder, DuckLake, "publish", full_refresh=True)

    by_step = statuses(folder.retry())

    assert {by_step[f"materialize {n}@1"] for n in ("income", "adults", "old")} == {"reused"}
    assert [w.split(" ")[0] for w in writes(folder)] == ["write", "publish", "write", "publish"]
    assert {s for k, s in folder.built(full_refresh=True).items() if k.startswith("materialize")} == {"ok"}


def after(folder: LakeProject, where: type, method: str) -> None:
    """Kill a build right after a method has done its work."""
    whole = getattr(where, method)

    def work_and_die(*arguments: object, **options: object) -> None:
        whole(*arguments, **options)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, method, work_and_die)
        with pytest.raises(Killed):
            folder.build()


@pytest.mark.parametrize("retry", [True, False])
def test_killed_between_the_rows_and_the_journal_nothing_is_written_twice(folder: LakeProject, retry: bool) -> None:
    folder.put(project(LENIENT))
    after(folder, DuckLake, "write")

    by_step = statuses(folder.retry() if retry else folder.build())

    assert {by_step[f"materialize {n}@1"] for n in ("income", "adults", "old")} == {"reused"}
    assert by_step["test old@1"] == "reused"
    assert by_step["train_data feature_view:income@1"] == "reused"
    assert [w.split(" ")[0] for w in writes(folder)] == ["write", "publish"]
    assert folder.dataset("income@1").number == 1
    assert folder.dataset("income@1").inputs == {"feature_group:income@1": folder.dataset("income@1").commit}
    assert len(folder.group("income")) == 60


def test_history_says_what_kept_rows_changed(folder: LakeProject) -> None:
    folder.put(project(LENIENT))
    folder.built()
    folder.data(people(63))
    after(folder, DuckLake, "write")
    folder.retry()
    assert added(folder, "income") == [60, 3]


def test_killed_before_the_rows_were_written_they_are_computed_again(folder: LakeProject) -> None:
    folder.put(project(LENIENT))
    killed_in(folder, DuckLake, "write")

    assert {s for k, s in statuses(folder.retry()).items() if not k.startswith("publish")} == {"ok"}
    assert folder.plan().changes == ()


def test_killed_after_a_model_was_registered_it_is_not_trained_again(folder: LakeProject) -> None:
    folder.put(project(LENIENT))
    after(folder, SqlState, "register_model")

    assert folder.retry().results == ()
    assert [v.id for v in folder.models()] == ["income_model@1.1"]


def test_killed_while_big_groups_are_written_the_finished_ones_are_measured_and_taken(
    folder: LakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Session.adapters

    def tiny(session: Session) -> Adapters:
        return replace(whole(session), scratch_limit=1)

    monkeypatch.setattr(Session, "adapters", tiny)
    folder.put(project(LENIENT))
    after(folder, DuckLake, "write")
    assert [w.split(" ")[:2] for w in writes(folder)] == [["write", "income@1"]]

    by_step = statuses(folder.retry())

    assert (by_step["materialize income@1"], by_step["materialize adults@1"]) == ("reused", "ok")
    assert [w for w in writes(folder) if w == "write income@1"] == ["write income@1"]
    assert len(folder.group("income")) == 60
    assert added(folder, "income") == [60]


def test_ctrl_c_keeps_what_was_finished(folder: LakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.put(project(LENIENT))
    whole = DuckDBEngine.create_table

    def stopped(engine: DuckDBEngine, name: str, sql: str) -> int:
        if name == "old@1":
            raise KeyboardInterrupt
        return whole(engine, name, sql)

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBEngine, "create_table", stopped)
        with pytest.raises(KeyboardInterrupt):
            folder.build(threads=1)
    with folder.open() as opened:
        assert [b.status for b in opened.session.reader.builds("dev")] == ["failed"]

    by_step = statuses(folder.retry())

    assert (by_step["materialize adults@1"], by_step["materialize old@1"]) == ("reused", "ok")


def test_rows_that_are_gone_from_the_lake_are_computed_again(failed: LakeProject) -> None:
    [(commit, _message)] = failed.commits()
    with failed.open() as opened:
        opened.session.lake.write([TableWrite("other", "select 1 as n")], CommitInfo("ada", "the newest stays", "{}"))
        opened.session.engine.rows(f"call ducklake_expire_snapshots('lake', versions => [{commit}])")
    failed.put(project(LENIENT))

    by_step = statuses(failed.retry())

    assert {by_step[f"materialize {n}@1"] for n in ("income", "adults", "old")} == {"ok"}


def test_a_lake_that_refuses_the_rows_of_a_failed_build_loses_no_more_than_these(
    folder: LakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise EngineError("disk full", "IO")

    folder.put(project(STRICT))
    with monkeypatch.context() as patch:
        patch.setattr(DuckLake, "write", refuse)
        assert folder.build().status == "failed"
    assert sorted(d.code for d in folder.failures) == ["E601", "E618"]
    folder.put(project(LENIENT))
    assert statuses(folder.retry())["materialize income@1"] == "ok"


def test_an_edited_query_is_not_taken_for_the_old_one(failed: LakeProject) -> None:
    failed.put(replace(project(LENIENT), sql={**project(LENIENT).sql, "income@1": SQL + " where age <> 21"}))

    assert statuses(failed.retry())["materialize income@1"] == "ok"
    assert 21 not in {row[1] for row in failed.group("income")}
