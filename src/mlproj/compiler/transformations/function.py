"""What a transformation function is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Arguments = Mapping[str, Any]
Statistics = Mapping[str, Any]
# One value → what it becomes; of a function that makes several columns, a tuple of them in order.
Evaluate = Callable[[Any], Any]


@dataclass(frozen=True)
class Argument:
    """`types` are the Python types that YAML may give; without a `default` the argument is required."""

    types: tuple[type, ...]
    default: Any = None
    required: bool = False


@dataclass(frozen=True)
class Rows:
    """The training rows, for statistics that have to group: `sql` follows FROM and ends in a condition.

    `label` is SQL of the label as a number, None where there is none, and `unit` of the hash of a row's key as a
    fraction.
    """

    sql: str
    label: str | None
    unit: str


@dataclass(frozen=True)
class Function:
    """One transformation function: its SQL, for training and batches, beside its Python, for one row at a time.

    `accepts(type)` are the types that it takes, `output(type, args)` is the type of what it makes, `check(type, args)`
    says what is wrong with arguments of the right types. Statistics of the training split by name are SQL aggregates,
    `statistics(x, args)`, or scalar subqueries, `queries(x, type, args, rows)`; `learn(args, found)` makes of both what
    is stored. `apply(x, args, statistics)` gives the columns that it makes, as (suffix, SQL), the suffix None where
    there is one column that keeps the feature's name. `evaluate(type, args, statistics)` is the same in Python for a
    value of the type, never NaN; None where only an engine, or a file of the project, can say it.
    """

    name: str
    accepts: Callable[[str], bool]
    wants: str
    output: Callable[[str, Arguments], str]
    apply: Callable[[str, Arguments, Statistics], list[tuple[str | None, str]]]
    evaluate: Callable[[str, Arguments, Statistics], Evaluate] | None
    statistics: Callable[[str, Arguments], dict[str, str]] = lambda _x, _args: {}
    queries: Callable[[str, str, Arguments, Rows], dict[str, str]] = lambda _x, _type, _args, _rows: {}
    learn: Callable[[Arguments, Statistics], dict[str, Any]] = lambda _args, found: dict(found)
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    check: Callable[[str, Arguments], str | None] = lambda _type, _args: None
    # Whether statistics must exist: an all-null training split is then an error that says so.
    needs_values: bool = False
    # Whether it makes several columns, so that nothing can follow it.
    several: bool = False
    # What values are divided by, where they are only moved and divided: what is known of them is known of the result.
    divisor: Callable[[Statistics], float] | None = None
    # What training rows get instead where it learns from the label: `out_of_fold(x, args, statistics, unit)`.
    out_of_fold: Callable[[str, Arguments, Statistics, str], str] | None = None


def single(sql: str) -> list[tuple[str | None, str]]:
    return [(None, sql)]


def unless_null(evaluate: Evaluate) -> Evaluate:
    """Null stays null."""
    return lambda value: None if value is None else evaluate(value)


def double(_type: str, _args: Arguments) -> str:
    return "DOUBLE"


def bigint(_type: str, _args: Arguments) -> str:
    return "BIGINT"


def finite(x: str) -> str:
    """The clause that leaves nulls and infinite values out of an aggregate."""
    return f"filter (where isfinite(({x})::DOUBLE))"
