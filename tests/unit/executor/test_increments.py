"""Incremental groups in whole builds: what is added, what is left alone, and what happens where a build goes wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproj.adapters.ducklake import DuckLake
from tests.lake_project import LakeProject, Row
from tests.unit.planner.small_project import SmallProject, feature, group, view

COLUMNS = {"id": "BIGINT", "seen": "TIMESTAMP", "pay": "BIGINT", "rich": "BOOLEAN"}
VISITS, LOG = "select id, seen, pay, rich from {{ source('people') }}", "feature_group:visits@1"
KEPT_UP = {"materialized": "incremental", "watermark": "seen", "lookback": "2 days"}
BARE = [feature("id"), feature("seen"), feature("pay"), feature("rich")]
TESTED = [*BARE[:2], feature("pay", tests=[{"between": {"min": 0, "max": 10_000}}]), *BARE[3:]]
SQLS = {"visits@1": VISITS, "totals@1": "select id, pay * 2 as twice from {{ ref('visits', version=1) }}"}
TARGETS = {"targets": {"dev": {}, "prod": {}}}


def shop(sql: str = VISITS, features: list[dict[str, Any]] = TESTED, **more: Any) -> SmallProject:
    spec = group("visits", features=features, **{**KEPT_UP, **more})
    views = [view("visits", base="visits@1", features=["pay"], label="rich")]
    return SmallProject([spec, group("totals")], views, sql={**SQLS, "visits@1": sql}, columns=COLUMNS)


def visit(number: int, day: int, pay: int = 1) -> Row:
    return (number, f"2026-01-{day:02} 00:00:00", pay, number % 2 == 0)


FIRST = [visit(i, i) for i in range(1, 11)]
# One comes, one within the lookback is another, and one before it is as well, which nobody looks at any more.
SECOND = [visit(1, 1, 7), *FIRST[1:8], visit(9, 9, 7), FIRST[9], visit(11, 11)]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    found = LakeProject(tmp_path_factory.mktemp("increments") / "project")
    found.put(shop(), TARGETS)
    found.data(FIRST, tuple(COLUMNS))
    found.built()
    return found


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    """The first ten visits are published, and there are other ones by now."""
    found = original.copy(tmp_path / "project")
    found.data(SECOND, tuple(COLUMNS))
    return found


def pays(folder: LakeProject) -> dict[int, int]:
    return {row[0]: row[2] for row in folder.group("visits")}


def counts(folder: LakeProject) -> list[tuple[int | None, int | None, int | None]]:
    with folder.open() as project:
        return [(c.added, c.changed, c.deleted) for c in project.feature_group("visits").history()]


def table(folder: LakeProject) -> str | None:
    return folder.state().published[LOG].table


ADDED = {**dict.fromkeys(range(1, 12), 1), 9: 7}


def test_what_came_is_merged_and_all_that_reads_it_follows(built: LakeProject) -> None:
    before = built.dataset("visits@1")
    steps = {(s.action, s.node): s.reason for s in built.plan().steps}
    assert steps["merge", LOG] == "source_data_changed"
    assert ("materialize", LOG) not in steps

    results = built.built()

    assert results["merge visits@1"] == results["materialize totals@1"] == "ok"
    assert pays(built) == ADDED
    assert counts(built) == [(10, 0, 0), (1, 1, 0)]
    assert {row[0]: row[1] for row in built.group("totals")} == {n: 2 * pay for n, pay in ADDED.items()}
    assert built.dataset("visits@1").number == before.number + 1
    assert built.plan().changes == ()


def test_the_commit_holds_only_what_came(built: LakeProject) -> None:
    before = table(built)
    built.built()
    commit = built.state().published[LOG].commit
    feed = f"from ducklake_table_changes('lake', 'mlproj_data', '{before}', {commit}, {commit})"

    assert table(built) == before
    assert sorted(built.rows(f"select change_type, id {feed}")) == [("delete", 9), ("insert", 9), ("insert", 11)]


def test_its_measures_are_those_of_all_its_rows(built: LakeProject) -> None:
    built.data([*SECOND, (12, "2026-01-12 00:00:00", None, True)], tuple(COLUMNS))
    built.built()
    summed = built.state().published[LOG]

    with built.open() as project:
        project.session.lake.relation("")
        names = [f.name for f in summed.node.features]  # type: ignore[union-attr]
        relation = f"select count(*), sum(hash({', '.join(sorted(names))})::HUGEINT)::VARCHAR from lake.dev.visits"
        rows, digest = project.session.engine.rows(relation)[0]
    assert (summed.rows, summed.digest) == (12, f"{rows}:{digest}")
    assert summed.null_counts["pay"] == 1
    built.built(full_refresh=True, select=["visits"])
    measured = built.state().published[LOG]
    assert summed.column_digests.keys() == measured.column_digests.keys()


def test_where_nothing_came_in_time_nothing_is_written(built: LakeProject) -> None:
    built.data([visit(1, 1, 7), *FIRST[1:]], tuple(COLUMNS))
    before = built.commits()

    assert built.built()["merge visits@1"] == "reused"

    assert len(built.commits()) == len(before) + 1  # the publication, which knows the source of now
    assert pays(built) == dict.fromkeys(range(1, 11), 1)
    assert built.plan().changes == ()


def test_a_full_refresh_computes_all_of_it(built: LakeProject) -> None:
    built.built()

    assert built.built(full_refresh=True, select=["visits"])["materialize visits@1"] == "ok"

    assert pays(built) == {**ADDED, 1: 7}


def test_a_failing_test_publishes_nothing_and_the_next_build_starts_from_what_is(built: LakeProject) -> None:
    built.data([*SECOND, visit(12, 12, -1)], tuple(COLUMNS))
    assert built.build().status == "failed"
    assert pays(built) == dict.fromkeys(range(1, 11), 1)
    assert built.rows("select count(*) from lake.dev.visits") == [(10,)]
    built.data(SECOND, tuple(COLUMNS))

    built.built()

    assert pays(built) == ADDED
    assert counts(built) == [(10, 0, 0), (1, 1, 0)]
    assert built.rows(f'select count(*) from lake.mlproj_data."{table(built)}"') == [(11,)]


def test_nulls_are_those_of_what_stands_and_of_what_came(built: LakeProject) -> None:
    few = {"not_null": {"warn_if": "> 0", "error_if": "> 1"}}
    built.put(shop(features=[*BARE[:2], feature("pay", tests=[few]), *BARE[3:]]), TARGETS)
    rows = [*SECOND, (12, "2026-01-12 00:00:00", None, True)]
    built.data(rows, tuple(COLUMNS))
    built.built()
    # The one before lies too far back to be among what is given now.
    built.data([*rows, (20, "2026-01-20 00:00:00", None, True)], tuple(COLUMNS))

    assert built.build().status == "failed"

    assert [d.message for d in built.failures] == ["visits@1.pay.not_null: 2 rows fail: pay is never null"]


def test_a_mended_test_takes_up_what_was_computed(built: LakeProject) -> None:
    built.data([*SECOND, visit(12, 12, -1)], tuple(COLUMNS))
    built.build()
    built.put(shop(features=BARE), TARGETS)
    written = [message for _n, message in built.commits() if message.startswith("write")]

    assert built.built()["merge visits@1"] == "reused"

    assert pays(built) == {**ADDED, 12: -1}
    assert counts(built) == [(10, 0, 0), (2, 1, 0)]
    merged = [m for _n, m in built.commits() if m.startswith("write visits") or "visits__v1" in m]
    assert len([m for m in merged if m not in written]) <= 1


class Killed(BaseException):
    """What nobody catches, like the end of the process."""


@pytest.mark.parametrize("method", ["write", "publish"])
def test_killed_the_next_build_completes_it_and_writes_nothing_twice(built: LakeProject, method: str) -> None:
    def kill(*_args: object, **_options: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckLake, method, kill)
        with pytest.raises(Killed):
            built.build()
    assert pays(built) == dict.fromkeys(range(1, 11), 1)

    built.built()

    assert pays(built) == ADDED
    assert counts(built) == [(10, 0, 0), (1, 1, 0)]
    assert len([m for _n, m in built.commits() if m.startswith("write") and "visits__v1" in m]) == 2
    assert built.plan().changes == ()


def test_rolled_back_it_is_held_and_resumed_it_goes_on_from_there(built: LakeProject) -> None:
    first = built.state().published[LOG].commit
    built.built()
    with built.open() as project:
        project.rollback("visits@1", to=str(first))
    built.put(shop(lookback="4 weeks"), TARGETS)  # held it is left alone, however it is to be kept up
    assert "merge visits@1" not in built.built()
    assert pays(built) == dict.fromkeys(range(1, 11), 1)

    assert built.built(resume=["visits@1"])["merge visits@1"] == "ok"

    assert pays(built) == {**ADDED, 1: 7}


def test_a_longer_lookback_is_looked_back_at_once_in_the_same_table(built: LakeProject) -> None:
    built.built()
    before = table(built)
    built.put(shop(lookback="4 weeks"), TARGETS)
    change = next(c for c in built.plan().changes if c.node == LOG)
    assert [(r.rule, r.change) for r in change.reasons] == [("increment_changed", "stale")]
    assert "lookback was 2 days and is 4 weeks" in change.reasons[0].message

    assert built.built()["merge visits@1"] == "ok"

    assert pays(built) == {**ADDED, 1: 7}
    assert table(built) == before
    assert built.plan().changes == ()


def test_another_target_takes_the_rows_and_its_first_own_write_forks_the_table(built: LakeProject) -> None:
    prod = replace(built, target="prod")
    built.data(FIRST, tuple(COLUMNS))
    assert prod.built()["materialize visits@1"] == "reused"
    assert table(prod) == table(built)
    built.data(SECOND, tuple(COLUMNS))

    assert prod.built()["merge visits@1"] == "ok"

    assert table(prod) != table(built)
    assert pays(prod) == ADDED
    assert pays(built) == dict.fromkeys(range(1, 11), 1)
    assert built.built()["merge visits@1"] == "ok"
    assert pays(built) == ADDED


def older(**more: Any) -> SmallProject:
    return shop(VISITS.replace("pay,", "pay, pay + 1 as more,"), features=[*TESTED, feature("more", **more)])


def test_a_new_feature_is_backfilled_for_rows_that_the_query_still_gives(built: LakeProject) -> None:
    built.built()
    built.data(SECOND[3:], tuple(COLUMNS))  # the source has forgotten the first three
    built.put(older(), TARGETS)
    plan = built.plan()
    assert [(r.rule, r.change) for r in plan.changes[0].reasons][:1] == [("feature_added", "additive")]
    assert next(s.action for s in plan.steps if s.node == LOG) == "merge"

    built.built()

    more = {row[0]: row[4] for row in built.group("visits")}
    assert more == {1: None, 2: None, 3: None, **{n: pay + 1 for n, pay in ADDED.items() if n > 3}}
    assert pays(built) == ADDED
    assert built.plan().changes == ()


def test_or_takes_its_default_where_rows_stand(built: LakeProject) -> None:
    project = older(type="BIGINT", default=0)
    spec = {**project.groups[0], "new_features": "default"}
    built.put(replace(project, groups=[spec, project.groups[1]]), TARGETS)

    built.built()

    more = {row[0]: row[4] for row in built.group("visits")}
    assert more == {**dict.fromkeys(range(1, 8), 0), **{n: ADDED[n] + 1 for n in range(8, 12)}}
    assert pays(built) == ADDED


def test_a_wider_type_keeps_the_rows(built: LakeProject) -> None:
    wider = shop(VISITS.replace("pay,", "pay::DECIMAL(20,0) as pay,"))
    built.put(shop(VISITS.replace("pay,", "pay::DECIMAL(18,0) as pay,")), TARGETS)
    built.built(accept_breaking={"visits@1": "exact", "totals@1": "exact"})
    built.data(SECOND[5:], tuple(COLUMNS))
    built.put(wider, TARGETS)

    assert built.built(accept_breaking={"totals@1": "wider"})["merge visits@1"] == "ok"

    assert len(built.group("visits")) == 11


def test_what_is_computed_otherwise_is_computed_anew(built: LakeProject) -> None:
    built.built()
    built.put(shop(VISITS.replace("pay,", "pay * 2 as pay,")), TARGETS)
    change = next(c for c in built.plan().changes if c.node == LOG)
    assert change.change == "breaking"

    steps = built.built(accept_breaking={"visits@1": "cents"})

    assert steps["materialize visits@1"] == "ok"
    assert pays(built) == {n: 2 * pay for n, pay in {**ADDED, 1: 7}.items()}


def test_two_rows_of_a_key_are_refused_where_rows_are_merged_by_it(built: LakeProject) -> None:
    built.data([*SECOND, visit(11, 11, 5)], tuple(COLUMNS))

    assert built.build().status == "failed"

    assert "E615" in {d.code for d in built.failures}
    assert pays(built) == dict.fromkeys(range(1, 11), 1)


def test_where_no_row_has_a_time_all_are_looked_at(tmp_path: Path, no_training: None) -> None:
    since = "{% if is_incremental() %} where seen > (select max(seen) from {{ this }}) {% endif %}"
    folder = LakeProject(tmp_path / "project")
    folder.put(SmallProject([group("visits", **KEPT_UP)], sql={"visits@1": f"{VISITS} {since}"}, columns=COLUMNS))
    folder.data([(1, None, 1, True)], tuple(COLUMNS))
    folder.built()
    folder.data([(1, None, 2, True), visit(2, 2)], tuple(COLUMNS))

    folder.built()

    assert pays(folder) == {1: 2, 2: 1}
