"""Imputers: what stands in for a null. NaN counts as null."""

from __future__ import annotations

from mlproj.compiler.text import literal
from mlproj.compiler.transformations.function import Argument, Arguments, Function, Statistics, single
from mlproj.compiler.types import is_numeric


def _median(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    return single(f"coalesce(({x})::DOUBLE, {literal(float(s['median']))})")


def _constant(x: str, args: Arguments, _s: Statistics) -> list[tuple[str | None, str]]:
    if isinstance(args["value"], float):
        return single(f"coalesce(({x})::DOUBLE, {literal(args['value'])})")
    # Of the feature's own type: a literal of another one would widen it.
    return single(f"coalesce({x}, cast_to_type({literal(args['value'])}, {x}))")


def _constant_type(type_name: str, args: Arguments) -> str:
    """A fraction for whole numbers makes fractions of all of them; otherwise the feature's own type stays."""
    return "DOUBLE" if isinstance(args["value"], float) and is_numeric(type_name) else type_name


IMPUTERS = (
    Function(
        name="impute_median",
        accepts=is_numeric,
        wants="numbers",
        output=lambda _t, _a: "DOUBLE",
        apply=_median,
        statistics=lambda x, _a: {
            "median": f"quantile_cont(({x})::DOUBLE, 0.5) filter (where isfinite(({x})::DOUBLE))"
        },
        needs_values=True,
    ),
    Function(
        name="impute_constant",
        accepts=lambda _t: True,
        wants="any type",
        output=_constant_type,
        apply=_constant,
        arguments={"value": Argument((int, float, str, bool), required=True)},
    ),
)
