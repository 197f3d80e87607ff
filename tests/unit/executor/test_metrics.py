"""Metrics of predictions, and the bounds of a model's tests."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from mlproj.executor.metrics import check_bounds, evaluate
from mlproj.ports import Predictions
from mlproj.specs.model import CLASSIFIER_METRICS, REGRESSOR_METRICS, Metric, MetricBounds

ALL = sorted(CLASSIFIER_METRICS)
POSITIVE_SHARE = np.array([0.9, 0.2, 0.6, 0.4, 0.3])
TRUTH = np.array([1, 0, 1, 1, 0])
BINARY = [(0, 1), (False, True), ("no", "yes"), (0.0, 1.0), (1, 2)]


def binary(classes: tuple[Any, Any]) -> tuple[pd.Series[Any], Predictions]:
    labels = np.array(classes)[(POSITIVE_SHARE > 0.5).astype(int)]
    shares = np.column_stack([1 - POSITIVE_SHARE, POSITIVE_SHARE])
    return pd.Series(np.array(classes)[TRUTH]), Predictions(labels, shares, classes)


@pytest.mark.parametrize("classes", BINARY)
def test_binary_classifier_whatever_its_labels_are(classes: tuple[Any, Any]) -> None:
    truth, predictions = binary(classes)
    values, notes = evaluate("classifier", ALL, truth, predictions)  # type: ignore[arg-type]
    assert notes == ()
    assert values == pytest.approx(
        {
            "accuracy": 0.8,
            "precision": 1.0,
            "recall": 2 / 3,
            "f1": 0.8,
            "roc_auc": 1.0,
            "average_precision": 1.0,
            "log_loss": -np.log([0.9, 0.8, 0.6, 0.4, 0.7]).mean(),
        }
    )
    assert {type(v) for v in values.values()} == {float}


def test_three_classes_are_means_over_the_classes() -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet([1, 1, 1], size=50)
    codes = random.integers(0, 3, size=50)
    names = np.array(["high", "low", "mid"])
    predictions = Predictions(names[shares.argmax(axis=1)], shares, tuple(names))
    values, notes = evaluate("classifier", ALL, pd.Series(names[codes]), predictions)  # type: ignore[arg-type]
    guessed, onehot = shares.argmax(axis=1), np.eye(3)[codes]
    assert notes == ()
    assert values == pytest.approx(
        {
            "accuracy": reference.accuracy_score(codes, guessed),
            "precision": reference.precision_score(codes, guessed, average="macro"),
            "recall": reference.recall_score(codes, guessed, average="macro"),
            "f1": reference.f1_score(codes, guessed, average="macro"),
            "roc_auc": reference.roc_auc_score(codes, shares, multi_class="ovr", average="macro"),
            "average_precision": reference.average_precision_score(onehot, shares, average="macro"),
            "log_loss": reference.log_loss(codes, shares),
        }
    )


def test_regressor() -> None:
    predictions = Predictions(np.array([1.0, 2.0, 2.0]))
    values, notes = evaluate("regressor", ["rmse", "mae", "r2"], pd.Series([1, 2, 4]), predictions)
    assert values == pytest.approx({"rmse": math.sqrt(4 / 3), "mae": 2 / 3, "r2": 1 - 4 / (14 / 3)})
    assert notes == ()


def test_single_precision_probabilities_sum_to_one() -> None:
    positive = np.array([0.1, 0.7, 0.3], dtype=np.float32)
    shares = np.column_stack([np.float32(1) - positive, positive]).astype(np.float64) * (1 + 1e-6)
    values, notes = evaluate("classifier", ["log_loss"], [0, 1, 0], Predictions(np.array([0, 1, 0]), shares, (0, 1)))
    assert notes == ()
    assert values["log_loss"] == pytest.approx(-np.log([0.9, 0.7, 0.7]).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("truth", "absent"),
    [(0, {"recall", "f1", "roc_auc", "average_precision"}), (1, {"roc_auc", "average_precision"})],
)
def test_rows_of_one_class_leave_out_what_is_undefined(truth: int, absent: set[str]) -> None:
    predictions = Predictions(np.array([0, 1]), np.array([[0.8, 0.2], [0.4, 0.6]]), (0, 1))
    values, notes = evaluate("classifier", ALL, pd.Series([truth, truth]), predictions)  # type: ignore[arg-type]
    assert values.keys() == CLASSIFIER_METRICS - absent
    assert {note.partition(":")[0] for note in notes} == absent
    assert all(math.isfinite(v) for v in values.values())


def test_nothing_predicted_as_positive_is_precision_zero() -> None:
    predictions = Predictions(np.array(["no", "no"], dtype=object), None, ("no", "yes"))
    values, notes = evaluate("classifier", ["precision", "recall", "f1"], pd.Series(["no", "yes"]), predictions)
    assert (values, notes) == ({"precision": 0.0, "recall": 0.0, "f1": 0.0}, ())


def test_class_that_was_never_learnt() -> None:
    predictions = Predictions(np.array(["a", "b", "a"]), np.array([[0.7, 0.3], [0.1, 0.9], [0.6, 0.4]]), ("a", "b"))
    values, notes = evaluate("classifier", ALL, pd.Series(["a", "b", "c"]), predictions)  # type: ignore[arg-type]
    assert values["accuracy"] == pytest.approx(2 / 3)
    assert values["recall"] == pytest.approx(2 / 3)
    why = "there are classes in these rows that the training split did not have"
    assert notes == tuple(f"{m}: {why}" for m in ("average_precision", "log_loss", "roc_auc"))


def test_decision_values_serve_where_there_are_no_probabilities() -> None:
    predictions = Predictions(np.array([0, 1, 1]), None, (0, 1), scores=np.array([-1.0, 0.5, 2.0]))
    values, notes = evaluate("classifier", ["roc_auc", "average_precision", "log_loss"], [0, 0, 1], predictions)
    assert values == {"roc_auc": 1.0, "average_precision": 1.0}
    assert notes == ("log_loss: the estimator gives no probabilities",)


def test_no_scores_at_all() -> None:
    predictions = Predictions(np.array([0, 1]), None, (0, 1))
    values, notes = evaluate("classifier", ["accuracy", "roc_auc"], [0, 1], predictions)
    assert values == {"accuracy": 1.0}
    assert notes == ("roc_auc: the estimator gives neither probabilities nor decision values",)


@pytest.mark.parametrize(("task", "metric"), [("classifier", "rmse"), ("regressor", "accuracy")])
def test_metric_of_the_other_task_is_left_out(task: Any, metric: Metric) -> None:
    values, notes = evaluate(task, [metric], [0, 1], Predictions(np.array([0, 1]), None, (0, 1)))
    assert (values, notes) == ({}, (f"{metric}: it does not measure a {task}",))


@pytest.mark.parametrize("task", ["classifier", "regressor"])
def test_no_rows(task: Any) -> None:
    asked: list[Metric] = ["accuracy", "roc_auc", "log_loss"] if task == "classifier" else ["rmse", "mae", "r2"]
    empty = Predictions(np.zeros(0, dtype=np.int64), np.zeros((0, 2)), (0, 1))
    values, notes = evaluate(task, asked, pd.Series([], dtype="int64"), empty)
    assert (values, notes) == ({}, tuple(f"{metric}: there are no rows" for metric in asked))


@pytest.mark.parametrize("truth", [[2.0], [2.0, 2.0]])
def test_r2_of_a_constant_label(truth: list[float]) -> None:
    values, notes = evaluate("regressor", ["r2", "mae"], truth, Predictions(np.zeros(len(truth))))
    assert (values, notes) == ({"mae": 2.0}, ("r2: the label has one value only in these rows",))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_predictions_that_are_no_numbers(wrong: float) -> None:
    values, notes = evaluate("regressor", ["rmse"], [1.0, 2.0], Predictions(np.array([1.0, wrong])))
    assert values == {}
    assert len(notes) == 1
    assert notes[0].startswith("rmse: ")


def test_every_metric_measures_one_task() -> None:
    assert set(get_args(Metric)) == CLASSIFIER_METRICS | REGRESSOR_METRICS
    assert not CLASSIFIER_METRICS & REGRESSOR_METRICS


def test_a_metric_is_measured_once() -> None:
    values, _ = evaluate("classifier", ["accuracy", "accuracy"], [0, 1], Predictions(np.array([0, 0]), None, (0, 1)))
    assert values == {"accuracy": 0.5}


# ------------------------------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize(
    ("bounds", "value", "passed", "description"),
    [
        ({"min": 0.75}, 0.75, True, "accuracy on test ≥ 0.75"),
        ({"min": 0.75}, 0.7499, False, "accuracy on test ≥ 0.75"),
        ({"max": 0.9}, 0.9, True, "accuracy on test ≤ 0.9"),
        ({"max": 0.9}, 0.91, False, "accuracy on test ≤ 0.9"),
        ({"min": 0.5, "max": 0.9}, 0.95, False, "accuracy on test ≥ 0.5 and ≤ 0.9"),
        ({"min": 1}, 1.0, True, "accuracy on test ≥ 1"),
    ],
)
def test_bounds(bounds: dict[str, float], value: float, passed: bool, description: str) -> None:
    found = check_bounds([MetricBounds(name="accuracy", **bounds)], {"test": {"accuracy": value}})  # type: ignore[arg-type]
    assert [(o.description, o.passed, o.value) for o in found] == [(description, passed, value)]


@pytest.mark.parametrize("metrics", [{}, {"test": {}}, {"training": {"accuracy": 0.9}}, {"test": {"recall": 0.9}}])
def test_what_was_not_measured_fails_and_says_so(metrics: dict[str, dict[str, float]]) -> None:
    (found,) = check_bounds([MetricBounds(name="accuracy", min=0.5)], metrics)
    assert (found.passed, found.value) == (False, None)
    assert found.description == "accuracy on test ≥ 0.5: it was not measured"


def test_each_bound_is_of_its_split() -> None:
    bounds = [MetricBounds(name="r2", split="training", min=0.9), MetricBounds(name="r2", split="validation", min=0.9)]
    found = check_bounds(bounds, {"training": {"r2": 0.95}, "validation": {"r2": 0.5}})
    assert [o.description for o in found] == ["r2 on training ≥ 0.9", "r2 on validation ≥ 0.9"]
    assert [o.passed for o in found] == [True, False]
    assert check_bounds([], {}) == ()
