"""Training with scikit-learn, and with any class that is used like one of its estimators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.adapters.estimator_class import estimator_class, library_versions, new_estimator
from mlproj.adapters.library_warnings import library_warnings
from mlproj.adapters.skops_file import NAME, dump_estimator, load_estimator
from mlproj.adapters.training_checks import (
    check_training_data, failures_of, failures_of_predicting, first_sentence, numeric, plain_classes,
    warnings_told, weighed,
)  # fmt: skip
from mlproj.diagnostics import fail
from mlproj.ports import Fitted, Predictions
from mlproj.state import EstimatorInfo, ModelNode

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class SklearnTrainer:
    """Trains, predicts, and keeps estimators as skops files. `root` is where a project's own classes are found."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root

    def fit(
        self,
        model: ModelNode,
        info: EstimatorInfo,
        features: pd.DataFrame,
        label: pd.Series[Any],
        weights: pd.Series[float] | None = None,
    ) -> Fitted:
        """Train. Raises E605 with the library's own words, E606 without rows, E607 for a single class."""
        check_training_data(model, label)
        with failures_of(model, features):
            estimator = new_estimator(estimator_class(model.estimator, self._root), model, info)
        with failures_of(model, features, model.pii) as heard:
            estimator.fit(numeric(features), label, **weighed(model, estimator, weights))
        classes = None
        if model.task == "classifier":
            classes = plain_classes(getattr(estimator, "classes_", sorted(label.unique())))
        libraries = {
            **library_versions("scikit-learn", "numpy", "scipy", "pandas", "skops"), info.library: info.library_version,
        }  # fmt: skip
        said = warnings_told(heard, model.pii)
        return Fitted(estimator, model.estimator, model.task, classes, libraries, said, model.pii)

    def predict(self, fitted: Fitted, features: pd.DataFrame) -> Predictions:
        """Labels, and probabilities or decision values where the estimator has them. Raises E619."""
        import numpy as np

        if not len(features):
            return _no_rows(fitted)
        with failures_of_predicting(fitted, features):
            rows = numeric(features)
            labels = np.asarray(fitted.estimator.predict(rows))
            if fitted.task == "regressor":
                return Predictions(labels.astype(np.float64).ravel())
            if hasattr(fitted.estimator, "predict_proba"):
                return Predictions(labels, _doubles(fitted.estimator.predict_proba(rows)), fitted.classes)
            if hasattr(fitted.estimator, "decision_function"):
                scores = _doubles(fitted.estimator.decision_function(rows))
                return Predictions(labels, None, fitted.classes, scores)
            return Predictions(labels, None, fitted.classes)

    def save(self, fitted: Fitted) -> dict[str, bytes]:
        """`model.skops`, the same bytes for the same estimator. Raises E609 for what could not be loaded again."""
        return {NAME: dump_estimator(fitted.estimator, _names(fitted.path, type(fitted.estimator)))}

    def load(self, model: ModelNode, files: Mapping[str, bytes], classes: tuple[Any, ...] | None) -> Fitted:
        """The inverse of `save`. Raises E609 for types outside our own list."""
        if NAME not in files:
            raise fail("E609", f"{model.relation} has no {NAME}", exit_code=1)
        with library_warnings() as heard:
            try:
                declared = _names(model.estimator, estimator_class(model.estimator, self._root))
            except Exception as error:  # an import runs any code
                message = f"{model.estimator} cannot be imported: {first_sentence(error)}"
                raise fail("E609", message, span=model.span, exit_code=1) from error
            estimator = load_estimator(files[NAME], declared)
        if classes is None and model.task == "classifier":
            classes = plain_classes(estimator.classes_)
        said = warnings_told(heard, model.pii)
        return Fitted(estimator, model.estimator, model.task, classes, warnings=said, hidden=model.pii)


def _names(path: str, cls: type) -> frozenset[str]:
    """A class is known by its import path, and by the module that defines it."""
    return frozenset({path, f"{cls.__module__}.{cls.__name__}"})


def _doubles(values: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.asarray(values, dtype=np.float64)


def _no_rows(fitted: Fitted) -> Predictions:
    import numpy as np

    if fitted.task == "regressor":
        return Predictions(np.zeros(0))
    probabilities = np.zeros((0, len(fitted.classes or ()))) if hasattr(fitted.estimator, "predict_proba") else None
    return Predictions(np.asarray(fitted.classes)[:0], probabilities, fitted.classes)
