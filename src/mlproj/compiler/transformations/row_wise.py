"""What needs no statistics: parts of texts and times."""

from __future__ import annotations

import math
from typing import Any

from mlproj.compiler.text import literal
from mlproj.compiler.transformations.function import (
    Argument,
    Arguments,
    Evaluate,
    Function,
    Statistics,
    bigint,
    double,
    single,
    unless_null,
)
from mlproj.compiler.types import is_moment, is_numeric, is_temporal


def _cyclical_sql(x: str, args: Arguments, _s: Statistics) -> list[tuple[str | None, str]]:
    """An infinite value stands nowhere on a circle."""
    angle = f"(({x})::DOUBLE * {literal(_turn(args))})"
    return [(n, f"case when isfinite(({x})::DOUBLE) then {n}({angle}) end") for n in ("sin", "cos")]


def _turn(args: Arguments) -> float:
    return 2 * math.pi / float(args["period"])


def _cyclical(_type: str, args: Arguments, _s: Statistics) -> Evaluate:
    turn = _turn(args)

    def point(value: Any) -> tuple[float | None, float | None]:
        if value is None or not math.isfinite(float(value)):
            return None, None
        angle = float(value) * turn
        return math.sin(angle), math.cos(angle)

    return point


ROW_WISE = (
    Function(
        name="text_length",
        accepts=lambda type_name: type_name == "VARCHAR",
        wants="text",
        output=bigint,
        apply=lambda x, _args, _s: single(f"length({x})"),
        evaluate=lambda _t, _a, _s: unless_null(len),
    ),
    Function(
        name="day_of_week",
        accepts=is_moment,
        wants="dates or timestamps",
        output=bigint,
        apply=lambda x, _args, _s: single(f"isodow({x}) - 1"),
        evaluate=lambda _t, _a, _s: unless_null(lambda value: value.weekday()),
    ),
    Function(
        name="hour_of_day",
        accepts=lambda type_name: is_temporal(type_name) and type_name != "DATE",
        wants="times or timestamps",
        output=bigint,
        apply=lambda x, _args, _s: single(f"hour({x})"),
        evaluate=lambda _t, _a, _s: unless_null(lambda value: value.hour),
    ),
    Function(
        name="cyclical",
        accepts=is_numeric,
        wants="numbers",
        output=double,
        apply=_cyclical_sql,
        evaluate=_cyclical,
        arguments={"period": Argument((int, float), required=True)},
        check=lambda _t, args: None if args["period"] > 0 else "cyclical: period must be more than 0",
        several=True,
    ),
)
