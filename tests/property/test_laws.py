"""The laws of versions.md §6 on whole builds: what nobody changed is left alone, what somebody changed is followed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.lake_project import LakeProject, built_project, people
from tests.unit.planner.small_project import SQL, SmallProject, feature, group, model, view

# people → income@1 → adults@1 → view adults@1 → model; and income@1 → view income@1 → model
SQLS = {"income@1": SQL, "adults@1": "select id, age, pay, rich from {{ ref('income', version=1) }} where age >= 30"}
PROJECT = SmallProject(
    [group(features=[feature("id", tests=["unique"])]), group("adults")],
    [view(transformations={"age": "min_max_scaler"}), view("adults", base="adults@1", features=["pay"])],
    [model(), model("adult_model", feature_view="adults@1")],
    SQLS,
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    """Built once, for copying."""
    return built_project(tmp_path_factory.mktemp("laws") / "project", PROJECT)


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    """A copy of the built project, to do with as one likes."""
    return original.copy(tmp_path / "project")


def test_plan_after_a_build_is_empty_and_another_build_does_nothing(built: LakeProject) -> None:
    before, commits = built.state(), built.commits()

    assert (built.plan().changes, built.plan().steps) == ((), ())
    assert built.built() == {}
    assert (built.state(), built.commits()) == (before, commits)


def test_what_is_published_is_what_the_sql_says(built: LakeProject) -> None:
    assert len(built.group("income")) == len(people())
    assert built.group("adults") == sorted(((r[0], r[1], r[2], r[5]) for r in people() if r[1] >= 30), key=repr)


def test_words_that_mean_nothing_change_nothing(built: LakeProject) -> None:
    texts = {"income@1": f"-- people\n{SQL.replace(', ', chr(10) + ', ')}", "adults@1": SQLS["adults@1"] + "  ;\n"}
    built.put(replace(PROJECT, groups=PROJECT.groups[::-1], views=PROJECT.views[::-1], sql=texts))

    assert built.plan().changes == ()


def test_new_data_is_stale_never_breaking_and_followed_all_the_way(built: LakeProject) -> None:
    before = built.state()
    built.data(people(80))

    plan = built.plan()
    assert {c.change for c in plan.changes} == {"stale"}
    assert not plan.breaking
    assert {r.rule for c in plan.changes if c.node.startswith("feature_group") for r in c.reasons} == {
        "source_data_changed"
    }
    built.built()

    assert len(built.group("income")) == 80
    assert built.dataset("adults@1").number == 2
    assert [v.id for v in built.models() if v.run > 1] == ["adult_model@1.2", "income_model@1.2"]
    assert built.plan().changes == ()
    assert before.published["feature_group:income@1"].commit != built.state().published["feature_group:income@1"].commit


def test_rows_that_come_out_equal_move_nothing(built: LakeProject) -> None:
    """Here the file's rows are in another order: another content, equal rows."""
    before = built.state()
    built.data(people()[::-1])

    statuses = built.built()

    assert set(statuses.values()) - {"ok"} == {"reused"}
    assert {s: v for s, v in statuses.items() if s.startswith(("materialize", "train"))} == {
        f"{action} {name}@1": "reused"
        for action, names in {
            "materialize": ("income", "adults"),
            "train_data": ("feature_view:income", "feature_view:adults"),
            "train": ("model:income_model", "model:adult_model"),
        }.items()
        for name in names
    }
    after = built.state()
    assert after.training_datasets == before.training_datasets
    assert {v.id for v in after.model_versions.values()} == {"income_model@1.1", "adult_model@1.1"}
    for node in ("feature_group:income@1", "feature_group:adults@1"):
        assert (after.published[node].table, after.published[node].commit) == (
            before.published[node].table,
            before.published[node].commit,
        )
    assert not [message for _n, message in built.commits()[2:] if message.startswith("write")]
    assert built.plan().changes == ()


def test_equal_rows_in_another_order_of_columns_are_equal(built: LakeProject) -> None:
    before = built.state().published["feature_group:income@1"].commit
    first = {**PROJECT.groups[0], "features": [feature("rich"), feature("id", tests=["unique"])]}
    built.put(replace(PROJECT, groups=[first, PROJECT.groups[1]]))
    built.data(people()[::-1])

    assert built.built()["materialize income@1"] == "reused"

    assert built.state().published["feature_group:income@1"].commit == before
    assert [row[0] for row in built.rows("describe lake.dev.income")][:2] == ["rich", "id"]


def test_rows_that_come_out_equal_upstream_stop_there(built: LakeProject) -> None:
    """A child of fifteen moves in the file: adults@1 is computed, and nothing below it is done again."""
    before = built.state()
    built.data([*people(), (999, 15, 0.0, "a", "2026-01-01 00:00:00", True)])

    statuses = built.built()

    assert statuses["materialize income@1"] == "ok"
    assert statuses["materialize adults@1"] == "reused"
    assert statuses["train_data feature_view:income@1"] == "ok"
    assert statuses["train_data feature_view:adults@1"] == "reused"
    assert (statuses["train model:income_model@1"], statuses["train model:adult_model@1"]) == ("ok", "reused")
    assert built.dataset("adults@1") == before.training_datasets["feature_view:adults@1"]
    assert built.plan().changes == ()


def test_a_column_that_a_view_does_not_read_leaves_its_dataset_and_model_alone(built: LakeProject) -> None:
    before = built.state()
    built.data([(*row[:3], "z", *row[4:]) for row in people()])

    statuses = built.built()

    assert statuses["materialize income@1"] == "ok"
    assert statuses["train_data feature_view:income@1"] == "reused"
    assert statuses["train model:income_model@1"] == "reused"
    assert built.state().training_datasets == before.training_datasets
    assert built.plan().changes == ()


def test_an_additive_feature_redoes_no_view_dataset_or_model(built: LakeProject) -> None:
    views = replace(PROJECT, groups=PROJECT.groups[:1], views=PROJECT.views[:1], models=PROJECT.models[:1])
    lake = LakeProject(built.root.parent / "other")
    lake.put(views)
    lake.data(people())
    lake.built()
    before = lake.state()
    lake.put(replace(views, sql={"income@1": SQL.replace("rich", "rich, age + 1 as older")}))

    assert lake.changes() == {"income@1": "additive"}
    assert set(lake.built()) == {"materialize income@1", "test income@1", "publish income@1"}

    after = lake.state()
    assert (after.training_datasets, after.model_versions) == (before.training_datasets, before.model_versions)
    assert lake.plan().changes == ()
    assert lake.rows("select count(older) from lake.dev.income") == [(60,)]


def test_a_description_is_metadata_and_computes_nothing(built: LakeProject) -> None:
    before, commits = built.state(), len(built.commits())
    first = {**PROJECT.groups[0], "description": "who earns what"}
    built.put(replace(PROJECT, groups=[first, PROJECT.groups[1]]))

    assert built.changes() == {"income@1": "metadata"}
    assert set(built.built()) == {"test income@1", "publish income@1"}

    row = built.state().published["feature_group:income@1"]
    assert row.node.description == "who earns what"
    assert row.commit == before.published["feature_group:income@1"].commit
    assert len(built.commits()) == commits + 1
    assert built.plan().changes == ()


def test_a_definition_that_is_put_back_is_no_change(built: LakeProject) -> None:
    built.put(replace(PROJECT, sql={**SQLS, "income@1": SQL + " where age > 25"}))
    assert built.changes()["income@1"] == "breaking"

    built.put(PROJECT)

    assert built.plan().changes == ()


def test_a_view_that_comes_later_reads_what_nobody_read_before(built: LakeProject) -> None:
    later = view("later", features=["pay"], label=None, filter="city <> 'a'")
    built.put(replace(PROJECT, views=[*PROJECT.views, later]))

    assert set(built.built()) == {"train_data feature_view:later@1", "publish feature_view:later@1"}

    assert built.plan().changes == ()
    assert built.built() == {}


def test_a_new_version_beside_the_old_one_leaves_it_alone(built: LakeProject) -> None:
    before = built.state()
    second = {**SQLS, "income@2": SQL.replace("pay", "pay * 2 as pay")}
    built.put(replace(PROJECT, groups=[*PROJECT.groups, group(version=2)], sql=second))

    assert built.changes() == {"income@2": "new"}
    built.built()

    after = built.state()
    assert after.published["feature_group:income@1"] == before.published["feature_group:income@1"]
    assert after.training_datasets == before.training_datasets
    assert built.rows("select max(pay) from lake.dev.income") == [(177.0,)]
    assert built.rows("select max(pay) from lake.dev.income_v1") == [(88.5,)]


def test_the_folder_may_move(built: LakeProject) -> None:
    moved = LakeProject(built.root.rename(built.root.with_name("größer und weiter")))

    assert moved.plan().changes == ()
    assert len(moved.group("income")) == len(people())


def test_plan_writes_nothing_but_target(folder: LakeProject) -> None:
    folder.put(PROJECT)
    before = {p.relative_to(folder.root) for p in folder.root.rglob("*")}

    folder.plan()

    new = {p.relative_to(folder.root) for p in folder.root.rglob("*")} - before
    assert new
    assert {p.parts[0] for p in new} == {"target"}
