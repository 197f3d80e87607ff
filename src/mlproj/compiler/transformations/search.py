"""Intervals between sorted bounds: as a tree of comparisons in SQL, by bisection in Python."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from mlproj.compiler.text import literal


def interval_sql(x: str, bounds: Sequence[float], leaf: Callable[[int], str], *, right_closed: bool = True) -> str:
    """SQL of `leaf(i)`, where i is how many of the bounds, sorted and distinct, lie below x (or at it)."""
    comparison = "<=" if right_closed else "<"

    def tree(low: int, high: int) -> str:
        if low == high:
            return leaf(low)
        middle = (low + high) // 2
        return (
            f"case when {x} {comparison} {literal(float(bounds[middle]))} then {tree(low, middle)} "
            f"else {tree(middle + 1, high)} end"
        )

    return tree(0, len(bounds))


def interval(x: float, bounds: Sequence[float], *, right_closed: bool = True) -> int:
    """How many of the bounds lie below x (or at it)."""
    return bisect_left(bounds, x) if right_closed else bisect_right(bounds, x)
