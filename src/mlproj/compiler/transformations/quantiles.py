"""What goes by order: bins, ranks, clipping. Infinite values fall into the outermost bin or rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlproj.compiler.text import literal
from mlproj.compiler.transformations.function import (
    Argument,
    Arguments,
    Evaluate,
    Function,
    Rows,
    Statistics,
    bigint,
    double,
    finite,
    single,
    unless_null,
)
from mlproj.compiler.transformations.search import interval, interval_sql
from mlproj.compiler.types import is_numeric

# Beyond this many distinct values an empirical CDF is kept at as many ranks: it is then off by less than one of them.
CDF_KNOTS = 1000


def _at_least(name: str, argument: str, least: int, _type: str, args: Arguments) -> str | None:
    return None if args[argument] >= least else f"{name}: {argument} must be at least {least}"


# ----------------------------------------------------------------------------------------------------------------- bins


def _of_width(args: Arguments, found: Statistics) -> dict[str, Any]:
    """The edges between the bins: as many as differ, none of them where all values are null."""
    low, high, bins = found["min"], found["max"], args["n_bins"]
    if low is None:
        return {"edges": None}
    return {"edges": sorted({low + (high - low) * i / bins for i in range(1, bins)})}


def _of_quantiles(_args: Arguments, found: Statistics) -> dict[str, Any]:
    return {"edges": found["edges"] and sorted(set(found["edges"]))}


def _inner(bins: int) -> str:
    return literal([i / bins for i in range(1, bins)])


def _bin_sql(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    if s["edges"] is None:
        return single("NULL::BIGINT")
    tree = interval_sql(f"({x})::DOUBLE", s["edges"], str)
    return single(f"case when ({x}) is not null then ({tree})::BIGINT end")


def _bin(_type: str, _args: Arguments, s: Statistics) -> Evaluate:
    edges = s["edges"]
    if edges is None:
        return lambda _value: None
    return unless_null(lambda value: interval(float(value), edges))


_WIDTH_BINNER = Function(
    name="equal_width_binner",
    accepts=is_numeric,
    wants="numbers",
    output=bigint,
    apply=_bin_sql,
    evaluate=_bin,
    learn=_of_width,
    statistics=lambda x, _a: {"min": f"(min({x}) {finite(x)})::DOUBLE", "max": f"(max({x}) {finite(x)})::DOUBLE"},
    arguments={"n_bins": Argument((int,), 10)},
    check=lambda t, args: _at_least("equal_width_binner", "n_bins", 2, t, args),
)
_QUANTILE_BINNER = Function(
    name="quantile_binner",
    accepts=is_numeric,
    wants="numbers",
    output=bigint,
    apply=_bin_sql,
    evaluate=_bin,
    learn=_of_quantiles,
    statistics=lambda x, args: {"edges": f"quantile_cont(({x})::DOUBLE, {_inner(args['n_bins'])}) {finite(x)}"},
    arguments={"n_bins": Argument((int,), 4)},
    check=lambda t, args: _at_least("quantile_binner", "n_bins", 2, t, args),
)

# ---------------------------------------------------------------------------------------------------------------- ranks


def _knots(quantiles: Sequence[float]) -> tuple[list[float], list[float], list[float]]:
    """Distinct quantiles with the lowest and the highest rank that each of them has."""
    last = len(quantiles) - 1
    values = sorted(set(quantiles))
    low = {value: index / last for index, value in reversed(list(enumerate(quantiles)))}
    high = {value: index / last for index, value in enumerate(quantiles)}
    return values, [low[v] for v in values], [high[v] for v in values]


def _ranks_at(low: Sequence[float], high: Sequence[float]) -> list[float]:
    """The rank of each knot: the middle of its ranks, but 0 of the least and 1 of the greatest."""
    if len(low) == 1:
        return [0.5]
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    return [0.0, *middle[1:-1], 1.0]


def _segment(
    values: Sequence[float], low: Sequence[float], high: Sequence[float], index: int
) -> tuple[float, float, float]:
    """Start, width and rise of the ranks between two knots, the upper of which has this index."""
    return values[index - 1], values[index] - values[index - 1], low[index] - high[index - 1]


def _interpolated_sql(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    if s["quantiles"] is None:
        return single("NULL::DOUBLE")
    values, low, high = _knots(s["quantiles"])
    at, number = _ranks_at(low, high), f"({x})::DOUBLE"

    def leaf(index: int) -> str:
        if index == len(values):
            return "1.0::DOUBLE"
        before = "0.0::DOUBLE"
        if index:
            start, width, rise = _segment(values, low, high, index)
            share = f"({number} - {literal(start)}) / {literal(width)}"
            before = f"{literal(high[index - 1])} + {share} * {literal(rise)}"
        return f"case when {number} = {literal(values[index])} then {literal(at[index])} else {before} end"

    return single(f"case when ({x}) is not null then {interval_sql(number, values, leaf)} end")


def _interpolated(_type: str, _args: Arguments, s: Statistics) -> Evaluate:
    if s["quantiles"] is None:
        return lambda _value: None
    values, low, high = _knots(s["quantiles"])
    at = _ranks_at(low, high)

    def rank(value: float) -> float:
        value = float(value)
        index = interval(value, values)
        if index == len(values):
            return 1.0
        if value == values[index]:
            return at[index]
        if not index:
            return 0.0
        start, width, rise = _segment(values, low, high, index)
        return high[index - 1] + (value - start) / width * rise

    return unless_null(rank)


_QUANTILE_TRANSFORMER = Function(
    name="quantile_transformer",
    accepts=is_numeric,
    wants="numbers",
    output=double,
    apply=_interpolated_sql,
    evaluate=_interpolated,
    statistics=lambda x, args: {"quantiles": f"quantile_cont(({x})::DOUBLE, {_all(args['n_quantiles'])}) {finite(x)}"},
    arguments={"n_quantiles": Argument((int,), 100)},
    check=lambda t, args: _at_least("quantile_transformer", "n_quantiles", 2, t, args),
)


def _all(count: int) -> str:
    return literal([i / (count - 1) for i in range(count)])


def _cdf_query(x: str, _type: str, _args: Arguments, rows: Rows) -> dict[str, str]:
    """Distinct values with the share of rows at or below each; of very many, those where that share passes a knot."""
    counted = f"select ({x})::DOUBLE as v, count(*) as n from {rows.sql} and isfinite(({x})::DOUBLE) group by v"
    summed = (
        "select v, n, (sum(n) over (order by v))::DOUBLE as upto, (sum(n) over ())::DOUBLE as total, "
        f"count(*) over () as kinds from ({counted}) as c"
    )
    kept = (
        f"select v, upto / total as r from ({summed}) as s where kinds <= {CDF_KNOTS} "
        f"or floor(upto * {CDF_KNOTS} / total) > floor((upto - n) * {CDF_KNOTS} / total)"
    )
    return {"cdf": f"(select {{'values': list(v order by v), 'ranks': list(r order by v)}} from ({kept}) as k)"}


def _cdf_sql(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    values, ranks = s["values"], s["ranks"]
    if not values:
        return single("NULL::DOUBLE")
    tree = interval_sql(
        f"({x})::DOUBLE", values, lambda i: literal(float(ranks[i - 1] if i else 0)), right_closed=False
    )
    return single(f"case when ({x}) is not null then {tree} end")


def _cdf(_type: str, _args: Arguments, s: Statistics) -> Evaluate:
    values, ranks = s["values"], s["ranks"]
    if not values:
        return lambda _value: None
    steps = [0.0, *ranks]
    return unless_null(lambda value: steps[interval(float(value), values, right_closed=False)])


_RANK_NORMALIZER = Function(
    name="rank_normalizer",
    accepts=is_numeric,
    wants="numbers",
    output=double,
    apply=_cdf_sql,
    evaluate=_cdf,
    queries=_cdf_query,
    learn=lambda _args, found: found["cdf"],
)

# ------------------------------------------------------------------------------------------------------------- clipping


def _clip_sql(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    if s["lower"] is None:
        return single("NULL::DOUBLE")
    low, high, number = literal(float(s["lower"])), literal(float(s["upper"])), f"({x})::DOUBLE"
    return single(f"case when {number} < {low} then {low} when {number} > {high} then {high} else {number} end")


def _clip(_type: str, _args: Arguments, s: Statistics) -> Evaluate:
    if s["lower"] is None:
        return lambda _value: None
    low, high = float(s["lower"]), float(s["upper"])
    return unless_null(lambda value: min(max(float(value), low), high))


def _shares(_type: str, args: Arguments) -> str | None:
    if 0 <= args["lower"] < args["upper"] <= 1:
        return None
    return "winsorize: lower and upper are shares of the rows: 0 ≤ lower < upper ≤ 1"


_WINSORIZE = Function(
    name="winsorize",
    accepts=is_numeric,
    wants="numbers",
    output=double,
    apply=_clip_sql,
    evaluate=_clip,
    statistics=lambda x, args: {
        n: f"quantile_cont(({x})::DOUBLE, {literal(float(args[n]))}) {finite(x)}" for n in ("lower", "upper")
    },
    arguments={"lower": Argument((int, float), 0.01), "upper": Argument((int, float), 0.99)},
    check=_shares,
)
QUANTILES = (_WIDTH_BINNER, _QUANTILE_BINNER, _QUANTILE_TRANSFORMER, _RANK_NORMALIZER, _WINSORIZE)
