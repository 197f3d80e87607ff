"""A feature view: which features of which groups make one row for a model."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from mlproj.specs.base import Day, Moment, Name, Reason, Reference, Resource, Scalar, Spec
from mlproj.specs.duration import Duration
from mlproj.specs.transformation import Transformation


Leakage = Literal["allowed"]
_OF_HASH = ("group_by", "stratify", "folds")
_OF_TIME = ("test_from", "validation_from", "gap")


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
    """Which rows go to test and validation; all others are for training.

    `by: hash` takes shares of the rows, by a stable hash of `seed` and the base's primary key, or of the columns
    `group_by` of the base: all rows of one group stay together. `stratify: label` takes the same shares of every class.
    `folds` adds a column `fold`, 0 up to that number, to the training rows. `by: time` takes what is latest by the
    base's event_time: from `test_from` and `validation_from` on (a day or a time, UTC), or shares of the span of time;
    rows closer than `gap` before the begin of a later split belong to none.
    """

    test: float = Field(default=0.2, ge=0, lt=1)
    validation: float = Field(default=0.0, ge=0, lt=1)
    by: Literal["hash", "time"] = "hash"
    seed: int = 42
    group_by: list[Name] = []
    stratify: Literal["label"] | None = None
    folds: int | None = Field(default=None, ge=2, le=1000)
    test_from: Moment | None = None
    validation_from: Moment | None = None
    gap: Duration | None = None

    @field_validator("test", "validation", mode="before")
    @classmethod
    def _whole_numbers(cls, value: Any) -> Any:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("group_by", mode="before")
    @classmethod
    def _single_is_a_list_of_one(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _leaves_training(self) -> Split:
        if self.test + self.validation >= 1:
            raise ValueError("test + validation must leave rows to train on: their sum has to be below 1")
        return self

    @model_validator(mode="after")
    def _of_one_kind(self) -> Split:
        given = self.model_fields_set
        others = {"hash": _OF_TIME, "time": _OF_HASH}[self.by]
        wrong = [name for name in others if name in given]
        if wrong:
            kind = "time" if self.by == "hash" else "hash"
            raise ValueError(f"`{wrong[0]}:` belongs to a split `by: {kind}`, and this one is by {self.by}")
        if self.stratify and self.group_by:
            raise ValueError("`stratify:` ranks rows one by one, and `group_by:` keeps them together: choose one")
        if len(set(self.group_by)) < len(self.group_by):
            raise ValueError("`group_by:` names a column twice")
        return self

    @model_validator(mode="after")
    def _times_in_order(self) -> Split:
        if self.test_from is None and self.validation_from is None:
            return self
        shares = [name for name in ("test", "validation") if name in self.model_fields_set]
        if shares:
            raise ValueError(f"`{shares[0]}:` is a share of the span of time, and the splits begin at times already")
        if self.test_from and self.validation_from:
            between = datetime.fromisoformat(self.test_from) - datetime.fromisoformat(self.validation_from)
            if between <= (self.gap or timedelta()):
                raise ValueError("`validation_from` has to lie before `test_from`, and by more than the `gap`")
        return self


class OnDemand(Spec):
    """A feature computed when it is asked for: `sql` over `inputs`, name → type, that come with a request.

    In training they are the base's columns of these names.
    """

    name: Name
    description: str = ""
    inputs: dict[Name, str] = Field(min_length=1)
    sql: str = Field(min_length=1)


class Downsample(Spec):
    """Keeps about this share of the training rows of one class, by a stable hash of the row's key.

    `class` is a value of the label. Validation and test are left as they are.
    """

    of: Scalar = Field(alias="class")
    keep: float = Field(gt=0, lt=1)


class FeatureView(Resource):
    """Rows of `base`, with `features` of it and of joined groups, a `label` and `passenger` columns.

    `sample_weight` is what training rows weigh in training: a numeric passenger column, or `balanced`, as if there were
    as many rows of every class. `leakage: allowed` with `because:` lets features of the base through that are computed
    from the label.
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
    downsample: Downsample | None = None
    sample_weight: Name | None = None
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
