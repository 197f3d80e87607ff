"""Scalers and other arithmetic. Nulls stay null; infinite values pass through and are left out of statistics."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mlproj.compiler.text import literal
from mlproj.compiler.transformations.function import (
    Arguments,
    Evaluate,
    Function,
    Statistics,
    double,
    finite,
    single,
    unless_null,
)
from mlproj.compiler.types import is_numeric

# The center and the scale that statistics give, None where there were no values to learn from.
_Shift = Callable[[Statistics], tuple[Any, Any]]


def _by_range(s: Statistics) -> tuple[Any, Any]:
    return s["min"], None if s["min"] is None else s["max"] - s["min"]


def _by_deviation(s: Statistics) -> tuple[Any, Any]:
    return s["mean"], s["std"]


def _by_quartiles(s: Statistics) -> tuple[Any, Any]:
    return s["p50"], None if s["p50"] is None else s["p75"] - s["p25"]


def _scaler(name: str, shift: _Shift, statistics: Callable[[str], dict[str, str]]) -> Function:
    """(x - center) / scale; only x - center where the scale is 0."""

    def apply(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
        center, scale = shift(s)
        if center is None:
            return single("NULL::DOUBLE")
        shifted = f"(({x})::DOUBLE - {literal(float(center))})"
        return single(f"{shifted} / {literal(float(scale))}" if scale else shifted)

    def evaluate(_type: str, _args: Arguments, s: Statistics) -> Evaluate:
        center, scale = shift(s)
        if center is None:
            return lambda _value: None
        center, scale = float(center), float(scale or 1)
        return unless_null(lambda value: (float(value) - center) / scale)

    return Function(
        name=name,
        accepts=is_numeric,
        wants="numbers",
        output=double,
        apply=apply,
        evaluate=evaluate,
        statistics=lambda x, _args: statistics(x),
        divisor=lambda s: float(shift(s)[1] or 1),
    )


def _log(x: str, _args: Arguments, _s: Statistics) -> list[tuple[str | None, str]]:
    return single(f"case when ({x}) > 0 then ln(({x})::DOUBLE) end")


SCALERS = (
    _scaler(
        "min_max_scaler",
        _by_range,
        lambda x: {"min": f"(min({x}) {finite(x)})::DOUBLE", "max": f"(max({x}) {finite(x)})::DOUBLE"},
    ),
    _scaler(
        "standard_scaler",
        _by_deviation,
        lambda x: {"mean": f"avg(({x})::DOUBLE) {finite(x)}", "std": f"stddev_pop(({x})::DOUBLE) {finite(x)}"},
    ),
    _scaler(
        "robust_scaler",
        _by_quartiles,
        lambda x: {f"p{p}": f"quantile_cont(({x})::DOUBLE, 0.{p}) {finite(x)}" for p in (25, 50, 75)},
    ),
    Function(
        name="log_transform",
        accepts=is_numeric,
        wants="numbers",
        output=double,
        apply=_log,
        evaluate=lambda _t, _a, _s: unless_null(lambda value: math.log(value) if value > 0 else None),
    ),
)
