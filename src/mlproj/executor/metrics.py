"""How good predictions are, through scikit-learn's metrics, and whether that is within a model's bounds.

A binary classifier's positive class is the greater of its two classes; with more classes, precision, recall, f1,
roc_auc (one against the rest) and average_precision are means over the classes, unweighted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlproj.ports import Predictions
from mlproj.specs.model import CLASSIFIER_METRICS, REGRESSOR_METRICS, Metric, MetricBounds
from mlproj.state import TestOutcome

if TYPE_CHECKING:
    import numpy as np


class _Undefined(Exception):
    """The metric has no value on these rows, and why."""


def evaluate(
    task: Literal["classifier", "regressor"], metrics: Sequence[Metric], y_true: Any, predictions: Predictions
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Values by metric, and notes `metric: why` on those that have none on these rows and are left out.

    `y_true` (rows) in the label's own values, without nulls.
    """
    rows: _Classified | _Regressed
    rows = _classified(y_true, predictions) if task == "classifier" else _regressed(y_true, predictions)
    suitable = CLASSIFIER_METRICS if task == "classifier" else REGRESSOR_METRICS
    values: dict[str, float] = {}
    notes: list[str] = []
    for metric in dict.fromkeys(metrics):
        try:
            if metric not in suitable:
                raise _Undefined(f"it does not measure a {task}")
            if not len(rows.truth):
                raise _Undefined("there are no rows")
            value = float(_MEASURES[metric](rows))
            if not math.isfinite(value):
                raise _Undefined("it is not a finite number")
            values[metric] = value
        except (_Undefined, ValueError) as error:  # scikit-learn's words for what it cannot compute
            notes.append(f"{metric}: {next(iter(str(error).splitlines()), 'it cannot be computed')}")
    return values, tuple(notes)


def check_bounds(bounds: Sequence[MetricBounds], metrics: Mapping[str, Mapping[str, float]]) -> tuple[TestOutcome, ...]:
    """One outcome per bound; `metrics` are values by split and name. What was not measured fails, and says so."""
    return tuple(_outcome(bound, metrics.get(bound.split, {}).get(bound.name)) for bound in bounds)


def _outcome(bound: MetricBounds, value: float | None) -> TestOutcome:
    limits = [f"≥ {bound.min:g}"] if bound.min is not None else []
    limits += [f"≤ {bound.max:g}"] if bound.max is not None else []
    description = f"{bound.name} on {bound.split} {' and '.join(limits)}"
    if value is None:
        return TestOutcome(description=f"{description}: it was not measured", passed=False)
    passed = (bound.min is None or value >= bound.min) and (bound.max is None or value <= bound.max)
    return TestOutcome(description=description, passed=passed, value=value)


@dataclass(frozen=True)
class _Classified:
    """Class numbers per row (0 … n-1 in the order of the classes; the truth may hold classes beyond those learnt)."""

    truth: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]
    learnt: int
    known: int
    probabilities: np.ndarray[Any, Any] | None
    scores: np.ndarray[Any, Any] | None

    @property
    def binary(self) -> bool:
        return self.known <= 2


@dataclass(frozen=True)
class _Regressed:
    truth: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]


def _classified(y_true: Any, predictions: Predictions) -> _Classified:
    import numpy as np
    import pandas as pd

    truth, labels = pd.Series(np.asarray(y_true)), pd.Series(predictions.labels)
    seen = {*truth.unique(), *labels.unique()}
    learnt = list(sorted(seen) if predictions.classes is None else predictions.classes)
    # A class that the training split never saw gets a number of its own.
    known = [*learnt, *sorted(seen - set(learnt), key=str)]
    numbers = {value: number for number, value in enumerate(known)}
    return _Classified(
        truth.map(numbers).to_numpy(np.int64), labels.map(numbers).to_numpy(np.int64), len(learnt), len(known),
        predictions.probabilities, predictions.scores,
    )  # fmt: skip


def _regressed(y_true: Any, predictions: Predictions) -> _Regressed:
    import numpy as np

    return _Regressed(np.asarray(y_true, dtype=np.float64), np.asarray(predictions.labels, dtype=np.float64))


def _accuracy(rows: _Classified) -> float:
    return float((rows.truth == rows.labels).mean())


def _precision(rows: _Classified) -> float:
    from sklearn.metrics import precision_score

    # Nothing predicted as positive: 0, as scikit-learn has it; a model that dares nothing is no precise one.
    return float(precision_score(rows.truth, rows.labels, average=_average(rows), zero_division=0.0))


def _recall(rows: _Classified) -> float:
    from sklearn.metrics import recall_score

    _need_positives(rows)
    return float(recall_score(rows.truth, rows.labels, average=_average(rows), zero_division=0.0))


def _f1(rows: _Classified) -> float:
    from sklearn.metrics import f1_score

    _need_positives(rows)
    return float(f1_score(rows.truth, rows.labels, average=_average(rows), zero_division=0.0))


def _roc_auc(rows: _Classified) -> float:
    from sklearn.metrics import roc_auc_score

    return _mean_over_classes(rows, roc_auc_score)


def _average_precision(rows: _Classified) -> float:
    from sklearn.metrics import average_precision_score

    return _mean_over_classes(rows, average_precision_score)


def _log_loss(rows: _Classified) -> float:
    import numpy as np
    from sklearn.metrics import log_loss

    _need_learnt(rows)
    if rows.probabilities is None:
        raise _Undefined("the estimator gives no probabilities")
    # xgboost's single precision does not sum to one in double precision.
    shares = rows.probabilities / rows.probabilities.sum(axis=1, keepdims=True)
    return float(log_loss(rows.truth, shares, labels=np.arange(rows.learnt)))


def _rmse(rows: _Regressed) -> float:
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(rows.truth, rows.labels))


def _mae(rows: _Regressed) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(rows.truth, rows.labels))


def _r2(rows: _Regressed) -> float:
    from sklearn.metrics import r2_score

    if (rows.truth == rows.truth[0]).all():
        raise _Undefined("the label has one value only in these rows")
    return float(r2_score(rows.truth, rows.labels))


def _mean_over_classes(rows: _Classified, measure: Callable[..., Any]) -> float:
    """A measure of ranking: of the positive class's score, or the mean over each class against the rest."""
    import numpy as np

    _need_learnt(rows)
    scores = rows.probabilities if rows.probabilities is not None else rows.scores
    if scores is None:
        raise _Undefined("the estimator gives neither probabilities nor decision values")
    if len(np.unique(rows.truth)) < rows.learnt:
        raise _Undefined("not every class is in these rows")
    if rows.binary:
        return float(measure(rows.truth == 1, scores if scores.ndim == 1 else scores[:, 1]))
    if scores.ndim == 1 or scores.shape[1] != rows.learnt:
        raise _Undefined("the estimator gives no decision value per class")
    return float(np.mean([measure(rows.truth == number, scores[:, number]) for number in range(rows.learnt)]))


def _need_positives(rows: _Classified) -> None:
    if rows.binary and not (rows.truth == 1).any():
        raise _Undefined("the positive class is not in these rows")


def _need_learnt(rows: _Classified) -> None:
    if rows.known > rows.learnt:
        raise _Undefined("there are classes in these rows that the training split did not have")


def _average(rows: _Classified) -> str:
    return "binary" if rows.binary else "macro"


_MEASURES: dict[Metric, Callable[[Any], float]] = {
    "accuracy": _accuracy, "precision": _precision, "recall": _recall, "f1": _f1, "roc_auc": _roc_auc,
    "log_loss": _log_loss, "average_precision": _average_precision, "rmse": _rmse, "mae": _mae, "r2": _r2,
}  # fmt: skip
