"""A feature view: which features of which groups make one row for a model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from mlproj.specs.base import Day, Name, Reference, Resource, Spec
from mlproj.specs.transformation import Transformation


class Join(Spec):
    """Features of another group, joined on its primary key.

    `on` maps columns of the base to key columns of the joined group; left out, they are called the same.
    """

    group: Reference
    on: dict[Name, Name] | None = None
    features: list[str] = Field(min_length=1)
    prefix: str = Field(default="", pattern=r"^\w*$")
    type: Literal["left", "inner"] = "left"

    @field_validator("on", mode="before")
    @classmethod
    def _shared_names(cls, value: Any) -> Any:
        names = isinstance(value, list) and all(isinstance(name, str) for name in value)
        return {name: name for name in value} if names else value


class Split(Spec):
    """Shares of the rows that go to test and validation, by a stable hash of the base's primary key and `seed`."""

    test: float = Field(default=0.2, ge=0, lt=1)
    validation: float = Field(default=0.0, ge=0, lt=1)
    by: Literal["hash"] = "hash"
    seed: int = 42

    @field_validator("test", "validation", mode="before")
    @classmethod
    def _whole_numbers(cls, value: Any) -> Any:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _leaves_training(self) -> Split:
        if self.test + self.validation >= 1:
            raise ValueError("test + validation must leave rows to train on: their sum has to be below 1")
        return self


class FeatureView(Resource):
    """Rows of `base`, with `features` of it and of joined groups, a `label` and `passenger` columns."""

    base: Reference
    features: list[str] = []
    joins: list[Join] = []
    filter: str | None = None
    label: Name | None = None
    passenger: list[Name] = []
    transformations: dict[Name, list[Transformation]] = {}
    split: Split = Split()
    deprecated_after: Day | None = None

    @field_validator("transformations", mode="before")
    @classmethod
    def _single_is_a_chain_of_one(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: v if isinstance(v, list) else [v] for k, v in value.items()}
