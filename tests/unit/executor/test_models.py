"""Models trained by the real libraries, on features and labels of every kind, and what they predict."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest

from mlproj.project.session import Session
from mlproj.state import ModelVersion
from tests.lake_project import LakeProject, Row
from tests.unit.planner.small_project import Estimators, SmallProject, group, model, view

TYPES = {
    "id": "BIGINT", "price": "DECIMAL(12,2)", "day": "DATE", "flag": "BOOLEAN", "kind": "VARCHAR", "tiny": "UTINYINT",
    "word": "VARCHAR", "truth": "BOOLEAN", "cents": "DECIMAL(4,2)",
}  # fmt: skip
FEATURES = ["price", "day", "flag", "kind", "tiny"]
ENCODED = {"day": "label_encoder", "kind": "one_hot_encoder", "price": ["impute_median", "standard_scaler"]}
FOREST, BOOST = "sklearn.linear_model.LogisticRegression", "xgboost.XGBClassifier"
LABELS = {"word": {"word": "label_encoder"}, "truth": {}, "plain": {}}


def row(i: int) -> Row:
    """The label follows from `flag` and `kind`; every tenth price is missing."""
    high = i % 3 == 0
    price = "" if i % 10 == 0 else f"{i}.25"
    return (
        i, price, f"2026-01-{1 + i % 28:02}", high, "abc"[i % 3], i % 200, "high" if high else "low", high,
        2 if high else 1,
    )  # fmt: skip


def labelled(name: str, label: str, **more: str) -> dict[str, object]:
    return view(name, features=FEATURES, label=label, transformations=ENCODED | more)


PROJECT = SmallProject(
    [group()],
    [labelled("word", "word", word="label_encoder"), labelled("truth", "truth"), labelled("cents", "cents")],
    [
        model("linear_word", feature_view="word@1", estimator=FOREST, params={"max_iter": 500}),
        model("boosted_word", feature_view="word@1", estimator=BOOST, params={"n_estimators": 5}),
        model("linear_truth", feature_view="truth@1", estimator=FOREST, params={"max_iter": 500}),
        model("boosted_truth", feature_view="truth@1", estimator=BOOST, params={"n_estimators": 5}),
        model("linear_cents", feature_view="cents@1", estimator=FOREST, params={"max_iter": 500}),
    ],
    {"income@1": "select * from {{ source('people') }}"},
    TYPES,
)
INPUT = pd.DataFrame(
    {
        "kind": ["a", "b", None, "unseen"],
        "flag": [True, False, True, False],
        "price": [Decimal("3.25"), None, Decimal("0.10"), Decimal("7.00")],
        "day": [dt.date(2026, 1, 1), dt.date(2026, 1, 2), None, dt.date(1999, 1, 1)],
        "tiny": [0, 1, 2, 3],
        "something_else": [1, 2, 3, 4],
    },
    index=[7, 5, 3, 1],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> LakeProject:
    """Trained once, by the real libraries."""
    found = LakeProject(tmp_path_factory.mktemp("models") / "project")
    found.put(PROJECT)
    found.data((row(i) for i in range(90)), tuple(TYPES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "estimators", property(lambda _self: Estimators()))
        found.built()
    return found


@pytest.fixture(scope="module")
def versions(folder: LakeProject) -> dict[str, ModelVersion]:
    return {v.name: v for v in folder.models()}


def predicted(folder: LakeProject, name: str) -> pd.DataFrame:
    # Missing dates and categories have no code: linear models have to be asked without them.
    rows = INPUT if name.startswith("boosted") else INPUT.fillna({"day": dt.date(2026, 1, 3)})
    with folder.open() as project:
        return project.model(name).predict(rows)


@pytest.mark.parametrize("name", ["linear_word", "boosted_word"])
def test_an_encoded_label_is_predicted_in_its_own_values(folder: LakeProject, name: str) -> None:
    found = predicted(folder, name)

    assert list(found.index) == [7, 5, 3, 1]
    assert list(found["prediction"]) == ["high", "low", "high", "low"]
    assert list(found.columns) == ["prediction", "probability_high", "probability_low"]
    assert found[["probability_high", "probability_low"]].sum(axis=1).round(6).eq(1).all()


@pytest.mark.parametrize("name", ["linear_truth", "boosted_truth"])
def test_a_boolean_label_is_predicted_as_booleans(folder: LakeProject, name: str) -> None:
    found = predicted(folder, name)

    assert [bool(v) for v in found["prediction"]] == [True, False, True, False]
    assert {type(v).__name__ for v in found["prediction"].tolist()} == {"bool"}
    assert list(found.columns[1:]) == ["probability_False", "probability_True"]


def test_a_decimal_label_is_predicted_as_its_values(folder: LakeProject) -> None:
    assert list(predicted(folder, "linear_cents")["prediction"]) == [2.0, 1.0, 2.0, 1.0]


@pytest.mark.parametrize(("name", "kind"), [
    ("linear_word", "VARCHAR"), ("boosted_word", "VARCHAR"), ("linear_truth", "BOOLEAN"),
])  # fmt: skip
def test_the_signature_is_in_raw_features_and_the_labels_own_type(
    versions: dict[str, ModelVersion], name: str, kind: str
) -> None:
    manifest = versions[name].manifest

    assert [(f.name, f.type) for f in manifest.inputs] == [(n, TYPES[n]) for n in FEATURES]
    assert [(f.name, f.type) for f in manifest.outputs] == [("prediction", kind), ("probabilities", "DOUBLE[]")]


def test_the_golden_rows_are_in_the_labels_own_values(versions: dict[str, ModelVersion]) -> None:
    assert {g["prediction"] for g in versions["linear_word"].manifest.golden} <= {"high", "low"}


def test_they_learnt_something(versions: dict[str, ModelVersion]) -> None:
    for version in versions.values():
        assert version.evaluation.metrics["test"]["accuracy"] == 1.0, version.id


def test_a_second_build_trains_nothing(folder: LakeProject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "estimators", property(lambda _self: Estimators()))
        assert folder.built() == {}
