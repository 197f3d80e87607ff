"""The functions of windows as SQL: what each makes of the values in a window, and of which type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlproj.compiler.types import is_float, is_integer, is_numeric
from mlproj.state.windows import Window

# Those that need numbers; the others take values of any type.
OF_NUMBERS = frozenset({"sum", "avg", "stddev", "approx_quantile"})
_OF_TIME = frozenset({"first", "last", "list_last"})


@dataclass(frozen=True)
class Inside:
    """What is aggregated: SQL of the values and of their times, null where outside, and what follows the call."""

    value: str
    time: str
    over: str = ""


def result_type(function: str, column: str | None) -> str:
    """The type of a feature, of a column of this type."""
    if function in ("count", "count_distinct"):
        return "BIGINT"
    if function in ("avg", "stddev", "approx_quantile"):
        return "DOUBLE"
    assert column is not None
    if function == "sum":
        scale = column.partition(",")[2].strip(") ") if column.startswith("DECIMAL") else ""
        return f"DECIMAL(38,{scale})" if scale else "BIGINT" if is_integer(column) else "DOUBLE"
    return f"{column}[]" if function == "list_last" else column


def is_exact(window: Window) -> bool:
    """Whether a window may be told from sums up to its ends: counts, and sums of numbers that are not rounded."""
    return window.function == "count" or (
        window.function in ("sum", "avg") and is_numeric(window.field_type) and not is_float(window.field_type)
    )


def aggregated(window: Window, inside: Inside) -> str:
    """The value of a window, of its type; null where it holds no value, of counts 0.

    Nulls are no values. Of several values at one time the greatest is the last, so that no order of rows matters. An
    average of whole numbers is the quotient of exact sums, and a quantile is exact: the same in every plan.
    """
    value, over = inside.value, inside.over
    match window.function:
        case "count":
            return f"count({value}){over}"
        case "count_distinct":
            return f"count(distinct {value}){over}"
        case "sum":
            return f"(sum({_wide(window, value)}){over})::{window.type}"
        case "avg" if is_float(window.field_type):
            return f"avg({value}::DOUBLE){over}"
        case "avg":
            return f"(sum({value}){over})::DOUBLE / (count({value}){over})"
        case "stddev":
            number = f"({value})::DOUBLE"
            return f"stddev_samp(case when isfinite({number}) then {number} end){over}"
        case "approx_quantile":
            return f"quantile_cont(({value})::DOUBLE, {window.argument}){over}"
        case "min" | "max":
            return f"{window.function}({value}){over}"
    return _of_time(window, inside)


def _wide(window: Window, value: str) -> str:
    return f"({value})::DOUBLE" if is_float(window.field_type) else value


def _of_time(window: Window, inside: Inside) -> str:
    assert window.function in _OF_TIME
    stamped = f"case when {inside.value} is not null then {{'t': {inside.time}, 'v': {inside.value}}} end"
    if window.function == "list_last":
        latest = f"max({stamped}, {window.argument}){inside.over}"
        return f"list_reverse([s.v for s in {latest}])"
    return f"({'min' if window.function == 'first' else 'max'}({stamped}){inside.over}).v"


def running(window: Window, sums: Mapping[str, str], counts: Mapping[str, str]) -> str:
    """The value of an exact window from the sum and the count of its values; these by the window's field."""
    count = counts[window.field]
    if window.function == "count":
        return f"{count}::BIGINT"
    if window.function == "sum":
        return f"(case when {count} > 0 then {sums[window.field]} end)::{window.type}"
    return f"case when {count} > 0 then {sums[window.field]}::DOUBLE / {count}::BIGINT end"
