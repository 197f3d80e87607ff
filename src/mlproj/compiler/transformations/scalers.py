"""Scalers and other arithmetic. Nulls stay null; infinite values pass through and are left out of statistics."""

from __future__ import annotations

from typing import Any

from mlproj.compiler.text import literal
from mlproj.compiler.transformations.function import Arguments, Function, Statistics, single
from mlproj.compiler.types import is_numeric


def _finite(x: str) -> str:
    return f"filter (where isfinite(({x})::DOUBLE))"


def _double(_type: str, _args: Arguments) -> str:
    return "DOUBLE"


def _shifted(x: str, center: Any, scale: Any) -> list[tuple[str | None, str]]:
    """(x - center) / scale; only x - center where the scale is 0, null where there were no values to learn from."""
    if center is None:
        return single("NULL::DOUBLE")
    shifted = f"(({x})::DOUBLE - {literal(float(center))})"
    return single(f"{shifted} / {literal(float(scale))}" if scale else shifted)


def _min_max(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    return _shifted(x, s["min"], None if s["min"] is None else s["max"] - s["min"])


def _standard(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    return _shifted(x, s["mean"], s["std"])


def _robust(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    return _shifted(x, s["p50"], None if s["p50"] is None else s["p75"] - s["p25"])


def _log(x: str, _args: Arguments, _s: Statistics) -> list[tuple[str | None, str]]:
    return single(f"case when ({x}) > 0 then ln(({x})::DOUBLE) end")


SCALERS = (
    Function(
        name="min_max_scaler",
        accepts=is_numeric,
        wants="numbers",
        output=_double,
        apply=_min_max,
        statistics=lambda x, _a: {"min": f"(min({x}) {_finite(x)})::DOUBLE", "max": f"(max({x}) {_finite(x)})::DOUBLE"},
    ),
    Function(
        name="standard_scaler",
        accepts=is_numeric,
        wants="numbers",
        output=_double,
        apply=_standard,
        statistics=lambda x, _a: {
            "mean": f"avg(({x})::DOUBLE) {_finite(x)}",
            "std": f"stddev_pop(({x})::DOUBLE) {_finite(x)}",
        },
    ),
    Function(
        name="robust_scaler",
        accepts=is_numeric,
        wants="numbers",
        output=_double,
        apply=_robust,
        statistics=lambda x, _a: {f"p{p}": f"quantile_cont(({x})::DOUBLE, 0.{p}) {_finite(x)}" for p in (25, 50, 75)},
    ),
    Function(name="log_transform", accepts=is_numeric, wants="numbers", output=_double, apply=_log),
)
