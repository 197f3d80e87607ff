"""Imputers: what stands in for a null. NaN counts as null."""

from __future__ import annotations

from typing import Any

from mlproj.compiler.text import literal, written
from mlproj.compiler.transformations.function import (
    Argument,
    Arguments,
    Evaluate,
    Function,
    Rows,
    Statistics,
    double,
    finite,
    single,
)
from mlproj.compiler.transformations.values import parse, reader
from mlproj.compiler.types import is_category, is_float, is_numeric, suits


def _filled(value: Any) -> Evaluate:
    return lambda found: value if found is None else found


def _learnt(name: str, statistic: str, aggregate: str) -> Function:
    """Nulls become a statistic, and numbers doubles."""

    def evaluate(_type: str, _args: Arguments, s: Statistics) -> Evaluate:
        value = float(s[statistic])
        return lambda found: value if found is None else float(found)

    return Function(
        name=name,
        accepts=is_numeric,
        wants="numbers",
        output=double,
        apply=lambda x, _args, s: single(f"coalesce(({x})::DOUBLE, {literal(float(s[statistic]))})"),
        evaluate=evaluate,
        statistics=lambda x, _args: {statistic: f"{aggregate.format(x=f'({x})::DOUBLE')} {finite(x)}"},
        needs_values=True,
    )


def _mode_query(x: str, type_name: str, _args: Arguments, rows: Rows) -> dict[str, str]:
    """The most frequent value as text, the least of several; of floats, infinite ones are left out."""
    value = f"case when isfinite(({x})::DOUBLE) then ({x}) end" if is_float(type_name) else f"({x})"
    counted = f"select {value} as v, count(*) as n from {rows.sql} group by v"
    return {"mode": f"(select v::VARCHAR from ({counted}) as c where v is not null order by n desc, v limit 1)"}


def _mode_sql(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    return single(f"coalesce({x}, cast_to_type({literal(s['mode'])}, {x}))")


def _constant_sql(x: str, args: Arguments, _s: Statistics) -> list[tuple[str | None, str]]:
    if isinstance(args["value"], float):
        return single(f"coalesce(({x})::DOUBLE, {literal(args['value'])})")
    # Of the feature's own type: a literal of another one would widen it.
    return single(f"coalesce({x}, cast_to_type({literal(args['value'])}, {x}))")


def _constant(type_name: str, args: Arguments, _s: Statistics) -> Evaluate:
    if not isinstance(args["value"], float):
        return _filled(reader(type_name)(args["value"]))
    return lambda found: args["value"] if found is None else float(found)


def _constant_type(type_name: str, args: Arguments) -> str:
    """A fraction for whole numbers makes fractions of all of them; otherwise the feature's own type stays."""
    return "DOUBLE" if isinstance(args["value"], float) and is_numeric(type_name) else type_name


def _constant_problem(type_name: str, args: Arguments) -> str | None:
    """A fraction stands in for whole numbers too, and makes them fractions."""
    value = args["value"]
    if is_numeric(type_name) if isinstance(value, float) else suits(value, type_name):
        return None
    return f"impute_constant: {written(value)} is no {type_name}"


IMPUTERS = (
    _learnt("impute_mean", "mean", "avg({x})"),
    _learnt("impute_median", "median", "quantile_cont({x}, 0.5)"),
    Function(
        name="impute_mode",
        accepts=lambda type_name: is_category(type_name) or is_numeric(type_name),
        wants="text, numbers, booleans or dates",
        output=lambda type_name, _args: type_name,
        apply=_mode_sql,
        evaluate=lambda type_name, _args, s: _filled(parse(s["mode"], type_name)),
        queries=_mode_query,
        needs_values=True,
    ),
    Function(
        name="impute_constant",
        accepts=lambda _t: True,
        wants="any type",
        output=_constant_type,
        apply=_constant_sql,
        evaluate=_constant,
        arguments={"value": Argument((int, float, str, bool), required=True)},
        check=_constant_problem,
    ),
)
