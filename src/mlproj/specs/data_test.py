"""Tests of data, on a feature or on a whole group. `DataTest`'s validator normalises short forms (`not_null`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mlproj.specs.base import Name, Reference, Scalar, Spec
from mlproj.specs.duration import Duration

THRESHOLD_PATTERN = r"^\s*(=|==|!=|<>|<|<=|>|>=)\s*\d{1,18}\s*$"
Threshold = Annotated[str, Field(pattern=THRESHOLD_PATTERN)]
Number = int | float


class Rule(Spec):
    """What every test may say: which rows it looks at, and how many of them may fail.

    `where` is a condition in SQL on the rows that are tested. The number of failing rows is an error where `error_if`
    holds of it, and else a warning where `warn_if` does; both are `!= 0` where they are left out. With
    `severity: warn` nothing is an error, and `error_if` is not looked at.
    """

    severity: Literal["error", "warn"] = "error"
    where: str | None = Field(default=None, min_length=1)
    warn_if: Threshold | None = None
    error_if: Threshold | None = None

    @model_validator(mode="after")
    def _looked_at(self) -> Self:
        if self.severity == "warn" and self.error_if is not None:
            raise ValueError("error_if is not looked at with severity: warn; leave one of them out")
        if self.severity == "error" and self.warn_if is not None and self.error_if is None:
            raise ValueError("warn_if is never reached: without error_if every failing row is an error")
        return self


class _Range(Rule):
    """`min` and `max`, both included; one of them at least."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        low, high = getattr(self, "min", None), getattr(self, "max", None)
        if low is None and high is None:
            raise ValueError("min, max or both are needed")
        if low is not None and high is not None and isinstance(low, str) == isinstance(high, str) and low > high:
            raise ValueError(f"min {low} is more than max {high}")
        return self


class NotNull(Rule):
    """No value is null."""


class Unique(Rule):
    """No two rows have equal values in `columns`; on a feature, the feature itself is meant. Nulls are not compared."""

    columns: list[Name] = []


class AcceptedValues(Rule):
    """Every value that is not null is one of `values`."""

    values: list[Scalar] = Field(min_length=1)


class Between(_Range):
    """Every value that is not null lies between `min` and `max`, both included; either may be left out."""

    min: Number | str | None = None
    max: Number | str | None = None


class Matches(Rule):
    """Every text that is not null holds a match of the regular expression `pattern`; `^` and `$` anchor it."""

    pattern: str = Field(min_length=1)


class NotInFuture(Rule):
    """No date or time is later than the moment of the test; those without a zone are UTC."""


class NullFraction(Rule):
    """At most the fraction `max` of all rows has no value; the rows that have none count as failing where more do."""

    max: Number = Field(ge=0, lt=1)


class MeanBetween(_Range):
    """The mean of all values that are not null lies between `min` and `max`, both included. Without any it passes."""

    min: Number | None = None
    max: Number | None = None


class RowCount(_Range):
    """The number of rows lies between `min` and `max`, both included."""

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)


class Expression(Rule):
    """The condition `sql` is false of no row; where it is null the row passes, as with SQL's CHECK."""

    sql: str = Field(min_length=1)


class Relationships(Rule):
    """Every value that is not null stands in `field` of the group `to`: by default in its primary key.

    On a feature, the feature's values are meant; of a whole group those of `column`, by default the one called as
    `field` is.
    """

    to: Reference
    field: Name | None = None
    column: Name | None = None


class Recency(Rule):
    """The newest value of `column` (by default the event_time) is at most as old as `within` says. No row: it fails."""

    within: Duration
    column: Name | None = None


class FreshnessBounds(Spec):
    """How old the newest value of `column` may be: a warning beyond `warn_after`, an error beyond `error_after`."""

    column: Name | None = None
    warn_after: Duration | None = None
    error_after: Duration | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warn_after is None and self.error_after is None:
            raise ValueError("warn_after, error_after or both are needed")
        if self.warn_after is not None and self.error_after is not None and self.warn_after > self.error_after:
            raise ValueError("warn_after is longer than error_after: it would never be reached")
        return self


class Freshness(FreshnessBounds, Rule):
    """The newest value of `column` (by default the event_time) is not too old; without rows it is an error.

    It is a warning beyond `warn_after`, and an error beyond `error_after`: so it takes no other terms than `where`.
    """

    @model_validator(mode="after")
    def _own_terms(self) -> Self:
        if self.model_fields_set & {"severity", "warn_if", "error_if"}:
            raise ValueError("warn_after and error_after say how bad it is: leave severity, warn_if and error_if out")
        return self


class Anomaly(Rule):
    """The fraction of nulls of a feature, or the number of rows of a group, is as it was in the last `builds`.

    As it was: within `sigma` standard deviations of the mean of what these builds published (Shewhart's control chart).
    The band is never narrower than `tolerance` to each side: a part of the mean for rows, 0.01 of the rows for nulls.
    With fewer than `at_least` builds nothing is said.
    """

    builds: int = Field(default=20, ge=2, le=1000)
    at_least: int = Field(default=5, ge=2)
    sigma: Number = Field(default=3, gt=0)
    tolerance: Number = Field(default=0.01, ge=0)

    @model_validator(mode="after")
    def _of_all_rows(self) -> Self:
        if self.where is not None or self.warn_if is not None or self.error_if is not None:
            raise ValueError("builds before counted all rows: where, warn_if and error_if have no meaning here")
        if self.at_least > self.builds:
            raise ValueError(f"at_least {self.at_least} is more than builds {self.builds}")
        return self


TestKind = Literal[
    "not_null", "unique", "accepted_values", "between", "matches", "not_in_future", "null_fraction", "mean_between",
    "row_count", "expression", "relationships", "recency", "freshness", "anomaly",
]  # fmt: skip
# What a value that is no mapping stands for, and the kinds that may be said of a feature, and of a whole group.
_SHORT = {
    "matches": "pattern", "null_fraction": "max", "expression": "sql", "recency": "within",
    "accepted_values": "values", "unique": "columns",
}  # fmt: skip
OF_GROUPS: frozenset[TestKind] = frozenset(
    ("unique", "row_count", "expression", "relationships", "recency", "freshness", "anomaly")
)
OF_FEATURES: frozenset[TestKind] = frozenset(
    (
        "not_null", "unique", "accepted_values", "between", "matches", "not_in_future", "null_fraction",
        "mean_between", "relationships", "anomaly",
    )
)  # fmt: skip


class DataTest(Spec):
    """Exactly one of its fields is set. `not_null` alone stands for `{not_null: {}}`.

    A list stands for `values` or `columns`, as in `{accepted_values: [a, b]}`; a single value for the one thing that
    a test needs, as in `{matches: '^[A-Z]+$'}`, `{null_fraction: 0.05}`, `{expression: 'paid <= due'}` and
    `{recency: 2 days}`.
    """

    not_null: NotNull | None = None
    unique: Unique | None = None
    accepted_values: AcceptedValues | None = None
    between: Between | None = None
    matches: Matches | None = None
    not_in_future: NotInFuture | None = None
    null_fraction: NullFraction | None = None
    mean_between: MeanBetween | None = None
    row_count: RowCount | None = None
    expression: Expression | None = None
    relationships: Relationships | None = None
    recency: Recency | None = None
    freshness: Freshness | None = None
    anomaly: Anomaly | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {value: {}}
        # `- not_null:` says as much as `- not_null`
        return {kind: _settings(kind, said) for kind, said in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _exactly_one(self) -> DataTest:
        if len(self.model_fields_set) != 1:
            raise ValueError("a test is one of " + ", ".join(type(self).model_fields))
        return self

    @property
    def kind(self) -> TestKind:
        return next(iter(self.model_fields_set))  # type: ignore[arg-type]


def _settings(kind: str, said: Any) -> Any:
    if said is None:
        return {}
    is_list = kind in ("accepted_values", "unique")
    short = isinstance(said, list) if is_list else not isinstance(said, dict | list)
    return {_SHORT[kind]: said} if kind in _SHORT and short else said
