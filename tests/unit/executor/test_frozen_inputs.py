"""Rule 19: a view grows at its end, and a model goes on reading what its first passed training read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.lake_project import LakeProject, built_project, people
from tests.unit.planner.small_project import SmallProject, group, model, view

VIEW, MODEL = "feature_view:income@1", "model:income_model@1"
BEFORE = SmallProject([group()], [view()], [model()])
GROWN = replace(BEFORE, views=[view(features=["age", "pay", "id2"])], sql={
    "income@1": "select id, age, pay, city, seen, rich, id * 2 as id2 from {{ source('people') }}"
})  # fmt: skip
SAME_SQL = replace(BEFORE, sql=GROWN.sql)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("frozen") / "project", SAME_SQL)


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    return original.copy(tmp_path / "project")


def inputs(folder: LakeProject) -> dict[str, list[str]]:
    return {v.id: [f.name for f in v.manifest.inputs] for v in folder.models()}


def test_a_grown_view_makes_no_training_dataset_and_trains_nobody(built: LakeProject) -> None:
    built.put(GROWN)

    assert built.changes() == {VIEW: "additive"}
    assert built.built() == {f"publish {VIEW}": "ok"}

    assert built.changes() == {}
    assert built.dataset("income@1").name == "income@1/td1"
    assert inputs(built) == {"income_model@1.1": ["age", "pay"]}


def test_a_later_run_of_the_same_version_reads_what_the_first_read(built: LakeProject) -> None:
    built.put(GROWN)
    built.built()
    built.data(people(70))

    built.built()

    assert built.dataset("income@1").features == ("age", "pay", "id2")
    assert inputs(built) == {"income_model@1.1": ["age", "pay"], "income_model@1.2": ["age", "pay"]}
    newest = built.models()[-1].manifest
    assert set(newest.profile) == {"age", "pay"}
    assert [list(row) for row in newest.input_example] == [["age", "pay"]] * 5
    assert [list(row["features"]) for row in newest.golden] == [["age", "pay"]] * 5
    assert built.changes() == {}


def test_a_new_feature_reaches_a_model_through_its_next_version(built: LakeProject) -> None:
    built.put(replace(GROWN, models=[model(), model(version=2)]))

    assert built.changes() == {VIEW: "additive", "model:income_model@2": "new"}
    done = built.built()

    assert done[f"train_data {VIEW}"] == "ok"
    assert f"train {MODEL}" not in done
    assert inputs(built) == {"income_model@1.1": ["age", "pay"], "income_model@2.1": ["age", "pay", "id2"]}
    assert built.changes() == {}


def test_a_version_declared_after_the_view_has_grown_makes_the_dataset_it_needs(built: LakeProject) -> None:
    built.put(GROWN)
    built.built()
    built.put(replace(GROWN, models=[model(), model(version=2)]))

    assert built.changes() == {VIEW: "stale", "model:income_model@2": "new"}
    built.built()

    assert inputs(built)["income_model@2.1"] == ["age", "pay", "id2"]
    assert built.changes() == {}


def test_a_model_whose_training_never_passed_reads_what_is_new(tmp_path: Path, no_training: None) -> None:
    folder = LakeProject(tmp_path / "project")
    strict: dict[str, Any] = {"tests": [{"metric": {"name": "accuracy", "min": 1.0}}]}
    folder.put(replace(SAME_SQL, models=[model(**strict)]))
    folder.data(people())
    assert folder.build().status == "failed"
    folder.put(replace(GROWN, models=[model(**strict)]))

    folder.build()

    assert inputs(folder) == {"income_model@1.1": ["age", "pay"], "income_model@1.2": ["age", "pay", "id2"]}


def test_new_values_of_what_no_model_reads_make_nothing_stale(built: LakeProject) -> None:
    """Sources moved, so the rows are looked at; what is read of them comes out the same."""
    built.put(GROWN)
    built.built()
    built.put(replace(GROWN, sql={"income@1": GROWN.sql["income@1"].replace("id * 2", "id * 2 + 0")}))
    changed = [(i, a, p, c, s, r) for i, a, p, c, s, r in people()]
    built.data([(i, a, p, c + "x", s, r) for i, a, p, c, s, r in changed])

    with built.open() as project:
        changes = {c.node: c.change for c in project.plan(accept_breaking={"income": "only id2"}).changes}
        done = {f"{r.action} {r.node}": r.status for r in project.build(accept_breaking={"income": "only id2"}).results}

    assert changes[VIEW] == "stale"
    assert (done[f"train_data {VIEW}"], done[f"train {MODEL}"]) == ("reused", "reused")
    assert built.changes() == {}


def test_a_redefined_feature_that_no_model_reads_is_not_computed_into_a_dataset(built: LakeProject) -> None:
    built.put(GROWN)
    built.built()
    built.put(replace(GROWN, sql={"income@1": GROWN.sql["income@1"].replace("id * 2", "id * 3")}))

    with built.open() as project:
        plan = project.plan(accept_breaking={"income": "only id2"})

    assert {c.node: c.change for c in plan.changes} == {"feature_group:income@1": "breaking"}


def test_values_that_only_scale_to_the_same_train_a_model_anew(tmp_path: Path, no_training: None) -> None:
    """One year more for everybody: the scaled column is the same, and what scales it is not."""
    folder = LakeProject(tmp_path / "project")
    scaled = replace(SAME_SQL, views=[view(transformations={"age": "min_max_scaler"})])
    folder.put(scaled)
    folder.data(people())
    folder.built()
    folder.put(replace(scaled, sql={"income@1": SAME_SQL.sql["income@1"].replace("age,", "age + 1 as age,")}))

    done = folder.built(accept_breaking={"income": "a year has passed"})

    assert done[f"train {MODEL}"] == "ok"
    first, second = (v.manifest.statistics.values["age"][0] for v in folder.models())
    assert second["min"] == first["min"] + 1
    assert folder.changes() == {}
