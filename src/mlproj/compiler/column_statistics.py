"""What is measured of a column, as SQL: of any relation, for comparing, monitoring and looking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mlproj.compiler.text import identifier
from mlproj.compiler.types import is_float, is_moment, is_numeric

SAMPLED = 100_000  # of more rows, about that many are looked at for what takes long
BINS = 20
QUANTILES = (0.01, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.99)
# The square of what is beyond has no DOUBLE.
LARGEST = "1e150"

Kind = Literal["number", "time", "category", "other"]


def kind_of(type_name: str) -> Kind:
    """What can be said of a column of this type."""
    if is_numeric(type_name):
        return "number"
    if is_moment(type_name):
        return "time"
    return "category" if type_name in ("VARCHAR", "BOOLEAN", "UUID") or type_name.startswith("ENUM") else "other"


def measures(name: str, type_name: str, kind: Kind, *, exact: bool) -> list[tuple[str, str]]:
    """(name, SQL) of what is said of a column: count, nulls, distinct, and what its kind allows."""
    column = identifier(name)
    found = [
        ("count", f"count({column})"),
        ("nulls", f"count(*) - count({column})"),
        (
            "distinct",
            f"count(distinct {column})" if exact else f"least(approx_count_distinct({column}), count({column}))",
        ),
    ]
    if kind == "number":
        value = f"{column}::DOUBLE"
        finite = f"filter (where isfinite({value}))" if is_float(type_name) else ""
        small = f"filter (where abs({value}) < {LARGEST})" if is_float(type_name) else ""
        found += [(m, f"{m}({value}) {finite}") for m in ("min", "max")]
        found += [("mean", f"avg({value}) {small}"), ("std", f"stddev_pop({value}) {small}")]
    elif kind == "time":
        found += [(m, f"{m}({column})::VARCHAR") for m in ("min", "max")]
    return found


def finite_sql(name: str, type_name: str) -> str:
    """A column as finite DOUBLE, null where it is none."""
    column = identifier(name)
    value = f"{column}::DOUBLE" if is_numeric(type_name) else f"epoch({column})::DOUBLE"
    return f"case when isfinite({value}) then {value} end"


def quantiles_sql(name: str, type_name: str) -> str:
    """SQL of a column's quantiles, as `QUANTILES` has them, of finite values."""
    return f"quantile_cont({finite_sql(name, type_name)}, [{', '.join(map(str, QUANTILES))}])"


def histogram_sql(name: str, type_name: str, bounds: Sequence[float]) -> str:
    """SQL of the rows up to each bound and above the one before, as a map."""
    if not bounds:
        return "null"
    return f"histogram({finite_sql(name, type_name)}, [{', '.join(f'{bound!r}::DOUBLE' for bound in bounds)}])"


def bar_counts(counted: Mapping[Any, Any] | None, bounds: Sequence[float]) -> list[int]:
    """What `histogram_sql` found, in the order of the bounds; one more for the rows above the last."""
    counts = {float(bound): int(count) for bound, count in (counted or {}).items()}
    above = sum(count for bound, count in counts.items() if bound not in bounds)
    return [*(counts.get(bound, 0) for bound in bounds), above]


def bounds_between(*quantiles: Sequence[float]) -> list[float]:
    """Upper bounds of the bars of a histogram, between the first and the last per cent of all of these."""
    if not quantiles:
        return []
    low, high = min(q[0] for q in quantiles), max(q[-1] for q in quantiles)
    step = (high - low) / BINS
    return sorted({low + step * (i + 1) for i in range(BINS - 1)} | {high})
