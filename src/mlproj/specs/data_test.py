"""Tests of data, on a feature or on a whole group. `DataTest`'s validator normalises short forms (`not_null`)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from mlproj.specs.base import Name, Scalar, Spec


class NotNull(Spec):
    """No value is null."""


class Unique(Spec):
    """No two rows have equal values in `columns`; on a feature, the feature itself is meant. Nulls are not compared."""

    columns: list[Name] = []


class AcceptedValues(Spec):
    """Every value that is not null is one of `values`."""

    values: list[Scalar] = Field(min_length=1)


class Between(Spec):
    """Every value that is not null lies between `min` and `max`, both included; either may be left out."""

    min: int | float | str | None = None
    max: int | float | str | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Between:
        if self.min is None and self.max is None:
            raise ValueError("between needs min, max or both")
        return self


TestKind = Literal["not_null", "unique", "accepted_values", "between"]


class DataTest(Spec):
    """Exactly one of its fields is set. `not_null` alone stands for `{not_null: {}}`, a list for `{values: [...]}`."""

    not_null: NotNull | None = None
    unique: Unique | None = None
    accepted_values: AcceptedValues | None = None
    between: Between | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {value: {}}
        if isinstance(value, dict):  # `- not_null:` says as much as `- not_null`
            value = {kind: {} if settings is None else settings for kind, settings in value.items()}
        if isinstance(value, dict) and isinstance(value.get("accepted_values"), list):
            value = {**value, "accepted_values": {"values": value["accepted_values"]}}
        if isinstance(value, dict) and isinstance(value.get("unique"), list):
            value = {**value, "unique": {"columns": value["unique"]}}
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> DataTest:
        if len(self.model_fields_set) != 1:
            raise ValueError("a test is one of not_null, unique, accepted_values, between")
        return self

    @property
    def kind(self) -> TestKind:
        return next(iter(self.model_fields_set))  # type: ignore[arg-type]
