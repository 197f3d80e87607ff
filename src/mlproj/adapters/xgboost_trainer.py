"""Training with xgboost through its scikit-learn classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlproj.adapters.estimator_class import estimator_class, library_versions, new_estimator
from mlproj.adapters.library_warnings import library_warnings
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

NAME = "model.ubj"
_FORBIDDEN_IN_NAMES = re.compile(r"[\[\]<]")


class XGBoostTrainer:
    """Trains, predicts, and keeps boosters as UBJSON. Labels are 0 … n-1 inside, and their own values outside."""

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
            estimator = new_estimator(estimator_class(model.estimator), model, info)
        with failures_of(model, features, model.pii) as heard:
            classes, target = _encoded(label) if model.task == "classifier" else (None, label)
            estimator.fit(_matrix(features), target, **weighed(model, estimator, weights))
        libraries = {**library_versions("numpy", "scipy", "pandas", "scikit-learn"), info.library: info.library_version}
        said = warnings_told(heard, model.pii)
        return Fitted(estimator, model.estimator, model.task, classes, libraries, said, model.pii)

    def predict(self, fitted: Fitted, features: pd.DataFrame) -> Predictions:
        """Labels in their own values; a classifier's probabilities as xgboost gives them. Raises E619."""
        import numpy as np

        classes = fitted.classes
        if not len(features):
            return Predictions(np.zeros(0) if classes is None else np.asarray(classes)[:0], _none_of(classes), classes)
        with failures_of_predicting(fitted, features):
            rows = _matrix(features)
            if classes is None:
                return Predictions(np.asarray(fitted.estimator.predict(rows), dtype=np.float64))
            codes = np.asarray(fitted.estimator.predict(rows), dtype=np.int64)
            probabilities = np.asarray(fitted.estimator.predict_proba(rows), dtype=np.float64)
            return Predictions(np.asarray(classes)[codes], probabilities, classes)

    def save(self, fitted: Fitted) -> dict[str, bytes]:
        """`model.ubj`, the same bytes for the same booster."""
        return {NAME: bytes(fitted.estimator.get_booster().save_raw("ubj"))}

    def load(self, model: ModelNode, files: Mapping[str, bytes], classes: tuple[Any, ...] | None) -> Fitted:
        """The inverse of `save`. Raises E609 for what is no booster; a classifier needs its `classes`."""
        if NAME not in files:
            raise fail("E609", f"{model.relation} has no {NAME}", exit_code=1)
        if model.task == "classifier" and classes is None:
            raise fail("E609", f"{model.relation} has no record of its classes", exit_code=1)
        with library_warnings() as heard:
            try:
                # Parameters such as `missing` decide how rows are read, and are not part of the booster.
                estimator = new_estimator(estimator_class(model.estimator), model)
                if not files[NAME].startswith(b"{"):  # xgboost's own parser ends the process on an empty file
                    raise ValueError("it is no UBJSON")
                estimator.load_model(bytearray(files[NAME]))
            except Exception as error:  # whatever a damaged file or another version of the library makes of it
                hint = "it is damaged, or of a newer xgboost: train the model again"
                message = f"{NAME} cannot be read: {first_sentence(error)}"
                raise fail("E609", message, hint=hint, exit_code=1) from error
        said = warnings_told(heard, model.pii)
        return Fitted(estimator, model.estimator, model.task, classes, warnings=said, hidden=model.pii)


def _encoded(label: pd.Series[Any]) -> tuple[tuple[Any, ...], np.ndarray[Any, Any]]:
    """Sorted classes, and per row the number of its class. Raises `ValueError` for a continuous label."""
    import numpy as np
    from sklearn.utils.multiclass import type_of_target

    values = label.to_numpy()
    if type_of_target(values).startswith("continuous"):
        raise ValueError("the label is continuous, a classifier takes classes")
    classes, codes = np.unique(values, return_inverse=True)
    return plain_classes(classes), codes


def _matrix(features: pd.DataFrame) -> pd.DataFrame:
    """Numbers only, under names that xgboost takes: it refuses `[`, `]` and `<`."""
    rows = numeric(features)
    names = [str(c) for c in rows.columns]
    if not any(_FORBIDDEN_IN_NAMES.search(name) for name in names):
        return rows
    # Numbered, because two names may differ in what is replaced only.
    return rows.set_axis([f"{i}_{_FORBIDDEN_IN_NAMES.sub('_', name)}" for i, name in enumerate(names)], axis=1)


def _none_of(classes: tuple[Any, ...] | None) -> np.ndarray[Any, Any] | None:
    import numpy as np

    return None if classes is None else np.zeros((0, len(classes)))
