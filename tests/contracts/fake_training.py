"""Training and artifacts in memory: what the executor is tested with. Each passes the contract suite of its port."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlproj.adapters.training_checks import check_training_data
from mlproj.diagnostics import fail
from mlproj.ports import Fitted, Predictions
from mlproj.state import EstimatorInfo, ModelNode


class MemoryArtifacts:
    """`ports.ArtifactStore` over a dictionary."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}

    def put(self, name: str, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        self.files[name, sha256] = content
        return sha256

    def get(self, name: str, sha256: str) -> bytes:
        content = self.files.get((name, sha256))
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            raise fail("E609", f"artifact {name} is missing or was changed", exit_code=1)
        return content


class FrequencyTrainer:
    """`ports.Trainer` that looks at the label only: its frequencies, or its mean."""

    def fit(
        self,
        model: ModelNode,
        info: EstimatorInfo,
        features: pd.DataFrame,
        label: pd.Series[Any],
        weights: pd.Series[float] | None = None,
    ) -> Fitted:
        check_training_data(model, label)
        weight = pd.Series(1.0, index=label.index) if weights is None else weights
        if model.task == "regressor":
            return Fitted([float((label * weight).sum() / weight.sum())], model.estimator, model.task)
        shares = weight.groupby(label.to_numpy()).sum().sort_index() / weight.sum()
        classes = tuple(v.item() if hasattr(v, "item") else v for v in shares.index)
        return Fitted([float(s) for s in shares], model.estimator, model.task, classes, {"memory": "1"})

    def predict(self, fitted: Fitted, features: pd.DataFrame) -> Predictions:
        rows = len(features)
        if fitted.classes is None:
            return Predictions(np.full(rows, fitted.estimator[0]))
        shares = np.tile(np.array(fitted.estimator), (rows, 1))
        return Predictions(np.asarray(fitted.classes)[shares.argmax(axis=1)], shares, fitted.classes)

    def save(self, fitted: Fitted) -> dict[str, bytes]:
        return {"model.json": json.dumps(fitted.estimator).encode()}

    def load(self, model: ModelNode, files: Mapping[str, bytes], classes: tuple[Any, ...] | None) -> Fitted:
        try:
            return Fitted(json.loads(files["model.json"]), model.estimator, model.task, classes)
        except (KeyError, ValueError) as error:
            raise fail("E609", "model.json cannot be read", exit_code=1) from error
