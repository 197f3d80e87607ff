"""Features computed on demand: in training from the base, in a prediction from the request, by one SQL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlproj.adapters.own_functions import OwnCode
from mlproj.compiler.transformations import Evaluator
from mlproj.diagnostics import ProjectError
from mlproj.state import Column
from tests.lake_project import LakeProject, built_project, people
from tests.unit.planner.small_project import SmallProject, group, model, view

RATIO: dict[str, Any] = {"name": "ratio", "inputs": {"age": "DOUBLE", "pay": "DOUBLE"}, "sql": "pay / nullif(age, 30)"}


def project(feature: dict[str, Any] = RATIO, **more: Any) -> SmallProject:
    on_demand = view(
        features=["pay"], on_demand=[feature], transformations={"ratio": ["impute_median", "min_max_scaler"]}, **more
    )
    plain = {**view(features=["age", "pay"]), "name": "plain"}
    return SmallProject([group()], [on_demand, plain], [model()])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("on_demand") / "project", project())


def test_in_training_it_is_made_of_the_bases_columns(original: LakeProject) -> None:
    dataset = original.dataset("income@1")
    raw = {r[0]: None if r[1] == 30 else r[2] / r[1] for r in people()}
    name = f'lake.mlproj_data."{dataset.table}" at (version => {dataset.commit})'
    rows = original.rows(f"select id, ratio, split from {name}")
    seen = sorted(v for i, _r, split in rows if split == "training" and (v := raw[i]) is not None)

    median, low, high = pd.Series(seen).median(), min(seen), max(seen)
    for i, ratio, _split in rows:
        value = raw[i]
        assert ratio == pytest.approx(((median if value is None else value) - low) / (high - low))
    assert dataset.features == ("pay", "ratio")


def test_a_prediction_takes_the_inputs_or_the_feature(original: LakeProject) -> None:
    with original.open() as opened:
        version = opened.model("income_model")
        asked = version.predict(pd.DataFrame({"pay": [10.0, 20.0], "age": [20, 30]}))
        given = version.predict(pd.DataFrame({"pay": [10.0, 20.0], "ratio": [0.5, None]}))
        pd.testing.assert_frame_equal(asked, given)
        with pytest.raises(ProjectError, match="no column 'age'"):
            version.predict(pd.DataFrame({"pay": [10.0]}))
        manifest = version.version.manifest

    assert list(manifest.on_demand) == ["ratio"]
    inputs = [Column(name=f.name, type=f.type) for f in manifest.inputs]
    evaluator = Evaluator(inputs, manifest.statistics, OwnCode(original.root), manifest.on_demand)
    low, high = (manifest.statistics.values["ratio"][1][n] for n in ("min", "max"))
    assert evaluator.row({"pay": 10.0, "age": 20})["ratio"] == pytest.approx((0.5 - low) / (high - low))
    assert evaluator.row({"pay": 10.0, "ratio": low})["ratio"] == 0.0
    assert len(evaluator.columns({"pay": [1.0, None], "age": [30, 31]})["ratio"]) == 2


def test_observations_of_ones_own_bring_the_inputs(original: LakeProject) -> None:
    mine = pd.DataFrame({"name": ["a", "b"], "pay": [10.0, 20.0], "age": [20, 30]})
    with original.open() as opened:
        handle = opened.feature_view("income", 1)
        found = handle.historical(mine, transform=True)
        low, high = (handle.dataset.statistics.values["ratio"][1][n] for n in ("min", "max"))

    assert list(found.columns) == ["name", "age", "pay", "ratio"]
    assert found["ratio"][0] == pytest.approx((0.5 - low) / (high - low))


def test_a_change_touches_the_views_that_have_it(original: LakeProject, tmp_path: Path) -> None:
    folder = original.copy(tmp_path / "project")
    folder.put(project({**RATIO, "sql": "PAY / NULLIF( age,30)  -- the same", "description": "In words"}))
    assert folder.changes() == {}

    for other in (
        {**RATIO, "sql": "pay * age"},
        {**RATIO, "inputs": {**RATIO["inputs"], "id": "BIGINT"}, "sql": RATIO["sql"]},
    ):
        folder.put(project(other))
        (change,) = [c for c in folder.plan().changes if c.change == "breaking"]
        assert change.node == "feature_view:income@1"
        assert [r.rule for r in change.reasons] == ["on_demand_changed"]


def test_a_filter_may_speak_of_it(original: LakeProject, tmp_path: Path) -> None:
    folder = original.copy(tmp_path / "project")
    folder.put(replace(project(filter="ratio > 1"), models=[]))
    (change,) = [c for c in folder.plan().changes if c.node == "feature_view:income@1"]
    assert [r.rule for r in change.reasons] == ["filter_changed"]
    with folder.open() as opened:
        assert set(opened.manifest.view("feature_view:income@1").row_reads) >= {"income@1.age", "income@1.pay"}
