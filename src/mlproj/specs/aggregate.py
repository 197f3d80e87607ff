"""Windowed aggregates: what a feature group computes of the events of a source or of another group."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mlproj.specs.base import Name, Spec
from mlproj.specs.duration import Duration, parse_duration

Function = Literal[
    "count", "count_distinct", "sum", "avg", "min", "max", "stddev", "first", "last", "list_last", "approx_quantile"
]
# A source by its name, or a group as `name@version`; `source:` tells them apart where both are called the same.
FROM_PATTERN = r"^((source:)?[^\W\d]\w*|[^\W\d]\w*@[1-9]\d*)$"
_LONGEST = timedelta(days=3_652_425)
_CALL = re.compile(r"(list_last|approx_quantile)\(([^()]*)\)")
_ARGUMENTS = {"list_last": "n", "approx_quantile": "quantile"}


def _every(value: Any) -> Any:
    if value == "event":
        return value
    try:
        step: timedelta = parse_duration(value)
    except ValueError:
        raise ValueError("write `event`, or the step of a grid, like '1 hour' or '1 day'") from None
    if not step:
        raise ValueError("the step of a grid cannot be zero; write `event` for a row at each event")
    return _bounded(step, "the step of a grid")


def _window(value: Any) -> Any:
    if isinstance(value, str) and value.strip().startswith("-"):
        raise ValueError("a window looks back, and its length is more than zero: write it without the minus")
    length: timedelta = parse_duration(value)
    if not length:
        raise ValueError("a window is longer than zero, like '7 days' or '1 hour'")
    return _bounded(length, "a window")


def _bounded(length: timedelta, what: str) -> timedelta:
    """Times are whole numbers of microseconds, from which lengths are taken."""
    if length > _LONGEST:
        raise ValueError(f"{what} is 10,000 years at most")
    return length


class WindowFeature(Spec):
    """A feature: `function` of `column` over the events of the last `window` for which `where` holds.

    `count` may go without a column, and counts events. `list_last` takes `n` values, `approx_quantile` the `quantile`;
    `list_last(3)` and `approx_quantile(0.9)` say the same.
    """

    name: Name
    function: Function
    column: str | None = None
    window: Annotated[Duration, BeforeValidator(_window)]
    where: str | None = None
    n: int | None = Field(default=None, ge=1, le=10_000)
    quantile: float | None = Field(default=None, ge=0, le=1)
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        """`list_last(3)`, and whole numbers as quantiles."""
        if not isinstance(value, dict):
            return value
        value = dict(value)
        call = _CALL.fullmatch(str(value.get("function")).replace(" ", ""))
        if call:
            name = _ARGUMENTS[call[1]]
            try:
                value.setdefault(name, int(call[2]) if name == "n" else float(call[2]))
            except ValueError:
                raise ValueError(f"{call[1]} takes a number, like {call[1]}({3 if name == 'n' else 0.9})") from None
            value["function"] = call[1]
        if type(value.get("quantile")) is int:
            value["quantile"] = float(value["quantile"])
        return value

    @model_validator(mode="after")
    def _arguments(self) -> WindowFeature:
        for function, name in _ARGUMENTS.items():
            if (getattr(self, name) is not None) != (self.function == function):
                wrong = self.function == function
                raise ValueError(f"{function} needs `{name}:`" if wrong else f"`{name}:` is for {function}")
        if self.column is None and self.function != "count":
            raise ValueError(f"{self.function} needs a `column:`")
        return self


class Aggregate(Spec):
    """Windows over the events of `from`, a source or a group, each of the keys `by`.

    A row at each event (`every: event`), or at each tick of a grid (`every: 1 day`).
    """

    of: str = Field(alias="from", pattern=FROM_PATTERN)
    by: list[Name] = Field(min_length=1)
    every: Annotated[Literal["event"] | timedelta, BeforeValidator(_every)] = "event"
    features: list[WindowFeature] = Field(min_length=1)
