"""Scoring: raw features → the view's transformations, as fitted → the estimator → values of the label."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlproj.compiler.text import identifier
from mlproj.compiler.transformations import apply_sql
from mlproj.compiler.transformations.own_function import on_demand_sql
from mlproj.compiler.types import is_float, is_integer
from mlproj.diagnostics import fail
from mlproj.ports import ArtifactStore, Engine, Fitted, Predictions, Trainer
from mlproj.state import Column, FittedStatistics, ModelManifest, OnDemand

if TYPE_CHECKING:
    import pandas as pd

_TOLERANCE = 1e-6  # relative; models.md §1


@dataclass(frozen=True)
class LoadedModel:
    """A model version ready to predict; its golden rows have been replayed."""

    manifest: ModelManifest
    fitted: Fitted
    trainer: Trainer

    def predict(self, features: pd.DataFrame) -> Predictions:
        """Predictions in the label's own values. `features` are transformed, in the order of training."""
        return decoded(self.trainer.predict(self.fitted, features), self.manifest.model.label, self.manifest.statistics)


def model_columns(columns: Sequence[Column]) -> list[str]:
    """SQL of each column as an estimator is given it: whole numbers and doubles.

    Booleans as 0 and 1, decimals as doubles.
    """
    found = []
    for column in columns:
        name = identifier(column.name)
        if column.type == "BOOLEAN":
            found.append(f"{name}::TINYINT as {name}")
        elif is_float(column.type) or (is_integer(column.type) and "HUGE" not in column.type):
            found.append(name)
        else:
            found.append(f"{name}::DOUBLE as {name}")
    return found


def with_on_demand(relation: str, present: Collection[str], on_demand: Mapping[str, OnDemand]) -> str:
    """The relation, with the features computed that are not in it but whose inputs are."""
    computed = [
        f"{on_demand_sql(feature, {i: identifier(i) for i in feature.inputs})} as {identifier(name)}"
        for name, feature in on_demand.items()
        if name not in present and all(i in present for i in feature.inputs)
    ]
    return f"(select *, {', '.join(computed)} from {relation}) as r" if computed else relation


def transformed_frame(
    engine: Engine, relation: str, inputs: Sequence[Column], fitted: FittedStatistics
) -> pd.DataFrame:
    """Rows of `relation`, which has the raw features, as the estimator is given them, in the relation's order."""
    query = apply_sql([(c.name, c.type) for c in inputs], fitted, relation)
    columns = model_columns(engine.describe(query))
    frame: pd.DataFrame = engine.arrow(f"select {', '.join(columns)} from ({query}) as t").to_pandas()
    return frame


def decoded(predictions: Predictions, label: str, statistics: FittedStatistics) -> Predictions:
    """Predictions in the label's own values where a label_encoder stood at the end of the label's chain."""
    chain = statistics.chains.get(label, ())
    if not chain or chain[-1].name != "label_encoder":
        return predictions
    import numpy as np

    values: Any = statistics.values[label][-1]["values"]
    labels = np.array([values[int(i)] if 0 <= int(i) < len(values) else None for i in predictions.labels], dtype=object)
    classes = None if predictions.classes is None else tuple(values[int(c)] for c in predictions.classes)
    return Predictions(labels, predictions.probabilities, classes)


def load_model(
    manifest: ModelManifest, artifacts: ArtifactStore, trainer: Trainer, version: str, hidden: Collection[str] = ()
) -> LoadedModel:
    """Read the artifacts, whose sha256 is checked before anything parses them, and replay the golden rows.

    `hidden` are columns whose values are not to be quoted, beside those that were marked when it was trained.
    Raises E609 where an artifact was tampered with, or where the model no longer predicts what it did.
    """
    files = {name: artifacts.get(name, sha256) for name, sha256 in manifest.files.items()}
    node = manifest.model.model_copy(update={"pii": tuple(sorted({*manifest.model.pii, *hidden}))})
    model = LoadedModel(manifest, trainer.load(node, files, manifest.classes), trainer)
    _replay(model, version)
    return model


def golden_rows(features: pd.DataFrame, predictions: Predictions) -> tuple[dict[str, Any], ...]:
    """Transformed rows with what was predicted for them, as JSON values."""
    rows = json.loads(features.to_json(orient="records", double_precision=15))
    found = []
    for index, row in enumerate(rows):
        exact = {n: _plain(features[n].iloc[index]) for n in row}
        golden: dict[str, Any] = {"features": exact, "prediction": _plain(predictions.labels[index])}
        if predictions.probabilities is not None:
            golden["probabilities"] = [float(p) for p in predictions.probabilities[index]]
        found.append(golden)
    return tuple(found)


def _plain(value: Any) -> Any:
    """A numpy scalar as a JSON value; NaN as null."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN


def _replay(model: LoadedModel, version: str) -> None:
    import numpy as np
    import pandas as pd

    golden = model.manifest.golden
    if not golden:
        return
    frame = pd.DataFrame([g["features"] for g in golden])
    again = model.predict(frame)
    expected: list[Any] = [g["prediction"] for g in golden]
    if model.manifest.model.task == "classifier":
        same = [_plain(label) for label in again.labels] == expected
    else:
        same = np.allclose(np.asarray(again.labels, float), np.asarray(expected, float), rtol=_TOLERANCE)
    if same and again.probabilities is not None and "probabilities" in golden[0]:
        before: Any = [g["probabilities"] for g in golden]
        same = np.allclose(again.probabilities, np.asarray(before, float), rtol=_TOLERANCE, atol=1e-12)
    if not same:
        raise fail(
            "E609",
            f"{version} does not predict what it did when it was trained",
            hint="its libraries or its files changed: train it again with `mlproj build`",
            exit_code=1,
        )
