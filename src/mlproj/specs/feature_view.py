"""A feature view: which features of which groups make one row for a model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from mlproj.specs.base import Day, Name, Reason, Reference, Resource, Spec
from mlproj.specs.duration import Duration
from mlproj.specs.transformation import Transformation


Leakage = Literal["allowed"]


def _with_reason(leakage: str | None, because: str | None) -> None:
    if leakage and not because:
        raise ValueError("`leakage: allowed` needs its reason: `because: …`")
    if because and not leakage:
        raise ValueError("`because:` gives the reason of `leakage: allowed`, which is not written here")


class Join(Spec):
    """Features of another group, joined on its primary key, as of the time of each row of the base.

    `on` maps columns of the base, or columns that an earlier join brings, to key columns of the joined group; left
    out, they are called the same. Where base and group have an `event_time`, the latest row at or before the base's is
    taken, none that is older than `max_age` (`7 days`), and with `known_at`, which names the group's `created_time`,
    none that was recorded later. `leakage: allowed` with `because:` lets features through that are computed from the
    label.
    """

    group: Reference
    on: dict[Name, Name] | None = None
    features: list[str] = Field(min_length=1)
    prefix: str = Field(default="", pattern=r"^\w*$")
    type: Literal["left", "inner"] = "left"
    max_age: Duration | None = None
    known_at: Name | None = None
    leakage: Leakage | None = None
    because: Reason | None = None

    @field_validator("on", mode="before")
    @classmethod
    def _shared_names(cls, value: Any) -> Any:
        names = isinstance(value, list) and all(isinstance(name, str) for name in value)
        return {name: name for name in value} if names else value

    @model_validator(mode="after")
    def _reasoned(self) -> Join:
        _with_reason(self.leakage, self.because)
        return self


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


class OnDemand(Spec):
    """A feature computed when it is asked for: `sql` over `inputs`, name → type, that come with a request.

    In training they are the base's columns of these names.
    """

    name: Name
    description: str = ""
    inputs: dict[Name, str] = Field(min_length=1)
    sql: str = Field(min_length=1)


class FeatureView(Resource):
    """Rows of `base`, with `features` of it and of joined groups, a `label` and `passenger` columns.

    `leakage: allowed` with `because:` lets features of the base through that are computed from the label.
    """

    base: Reference
    features: list[str] = []
    joins: list[Join] = []
    filter: str | None = None
    label: Name | None = None
    passenger: list[Name] = []
    on_demand: list[OnDemand] = []
    transformations: dict[Name, list[Transformation]] = {}
    split: Split = Split()
    leakage: Leakage | None = None
    because: Reason | None = None
    deprecated_after: Day | None = None

    @field_validator("transformations", mode="before")
    @classmethod
    def _single_is_a_chain_of_one(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: v if isinstance(v, list) else [v] for k, v in value.items()}

    @model_validator(mode="after")
    def _reasoned(self) -> FeatureView:
        _with_reason(self.leakage, self.because)
        return self
