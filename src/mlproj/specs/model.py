"""A model: an estimator, its parameters, and what it must reach."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from mlproj.specs.base import Reference, Resource, Spec

Metric = Literal[
    "accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "average_precision", "rmse", "mae", "r2"
]  # fmt: skip
CLASSIFIER_METRICS: frozenset[Metric] = frozenset(
    ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "average_precision")
)
REGRESSOR_METRICS: frozenset[Metric] = frozenset(("rmse", "mae", "r2"))


class MetricBounds(Spec):
    """`name` on `split` must lie between `min` and `max`; one of them at least."""

    name: Metric
    split: Literal["training", "validation", "test"] = "test"
    min: float | None = None
    max: float | None = None

    @field_validator("min", "max", mode="before")
    @classmethod
    def _whole_numbers(cls, value: Any) -> Any:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _one_bound(self) -> MetricBounds:
        if self.min is None and self.max is None:
            raise ValueError("a metric test needs min, max or both")
        return self


class ModelTest(Spec):
    metric: MetricBounds


class Model(Resource):
    """`estimator` is an import path; `params` are its constructor's arguments."""

    feature_view: Reference
    estimator: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
    params: dict[str, JsonValue] = {}
    seed: int = 42
    metrics: list[Metric] = []
    tests: list[ModelTest] = []
