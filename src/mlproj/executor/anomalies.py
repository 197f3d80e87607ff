"""What builds published of a group before, and whether what comes now is like it: Shewhart's control chart."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from mlproj.state import Band, Publication


def past_values(band: Band, publications: Iterable[Publication], node_id: str, commit: int | None) -> list[float]:
    """What `band` is about, of each commit that a build published of a group, oldest first.

    `commit` is what is looked at now, and no part of its own past.
    """
    found: dict[object, float] = {}
    for publication in publications:
        row: Any = publication.published.get(node_id)
        if publication.kind != "build" or not row or row.get("rows") is None:
            continue
        value = _value(band, row["rows"], row.get("null_counts", {}))
        if value is not None and (commit is None or row["commit"] != commit):
            # A publication of other metadata speaks of rows that were published before.
            found[row["commit"] if row["commit"] is not None else publication.build_id] = value
    return list(found.values())


def _value(band: Band, rows: int, nulls: dict[str, int]) -> float | None:
    if band.feature is None:
        return float(rows)
    return fraction(nulls[band.feature], rows) if band.feature in nulls else None


def fraction(nulls: int, rows: int) -> float:
    return nulls / rows if rows else 0.0


def usual(band: Band, past: Sequence[float]) -> tuple[float, float] | None:
    """Mean, and distance from it that is usual; None before there are builds enough."""
    last = past[-band.builds :]
    if len(last) < band.at_least:
        return None
    mean = statistics.fmean(last)
    least = band.tolerance * mean if band.feature is None else band.tolerance
    return mean, max(band.sigma * statistics.stdev(last), least)


def compared(band: Band, value: float, past: Sequence[float]) -> tuple[int, str]:
    """1 where a value is not usual, else 0; and what was found, in words."""
    said = f"{value:.0f} rows" if band.feature is None else f"{value:.2%} of {band.feature} are null"
    found = usual(band, past)
    if found is None:
        return 0, f"{said}; only {len(past)} builds came before, and nothing is said before there are {band.at_least}"
    mean, distance = found
    shown = (f"{mean:.1f} ± {distance:.1f}") if band.feature is None else f"{mean:.2%} ± {distance:.2%}"
    return int(abs(value - mean) > distance), f"{said}, where {shown} is usual"
