"""Comparing two sides: schema, rows, and every column's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from mlproj.compiler.column_statistics import kind_of
from mlproj.ports import Engine
from mlproj.project.diff import statistics as stats
from mlproj.project.diff.changed_rows import ChangedRows, changed_rows
from mlproj.project.diff.difference import Bar, ColumnDiff, Difference, Retyped
from mlproj.project.diff.sides import Side
from mlproj.state import Column

# From where on a column is said to have moved.
NULL_SHARE = 0.05
MEAN_IN_STD = 0.25
PSI = 0.2
NEW_VALUE_SHARE = 0.01

Statistics = Mapping[str, JsonValue]


def compare(old: Side, new: Side, engine: Engine, limit: int = 5) -> Difference:
    """The difference of two relations of one engine. `limit` rows of each kind of change are shown."""
    hidden = old.hidden | new.hidden
    old, new = (replace(side, hidden=hidden) for side in (old, new))
    rows = changed_rows(old, new, engine, limit)
    shared = [n for n in new.types if n in old.types]
    return Difference(
        old=old.about,
        new=new.about,
        key=rows.key,
        columns_added=tuple(Column(name=n, type=t) for n, t in new.types.items() if n not in old.types),
        columns_removed=tuple(Column(name=n, type=t) for n, t in old.types.items() if n not in new.types),
        columns_retyped=tuple(
            Retyped(name=n, old=old.types[n], new=new.types[n]) for n in shared if old.types[n] != new.types[n]
        ),
        rows=rows.counts,
        columns=tuple(_columns(old, new, engine, rows)),
        sample=rows.sample,
    )


def _columns(old: Side, new: Side, engine: Engine, rows: ChangedRows) -> list[ColumnDiff]:
    names = list(dict.fromkeys([*new.types, *old.types]))
    # Where no value differs no statistic does: a mean may come out otherwise in its last digit, by the order of rows.
    paired = rows.key and not rows.counts.added and not rows.counts.deleted
    equal = {n for n in names if paired and not rows.columns.get(n) and old.types.get(n) == new.types.get(n)}
    measured = [stats.statistics(side, engine) for side in (old, new)]
    nth = stats.part(old, new)
    spread = [stats.quantiles(side, engine, nth) for side in (old, new)]
    for side, quantiles in zip(measured, spread, strict=True):
        for name, values in quantiles.items():
            if "mean" in side[name]:
                side[name] |= stats.quartiles(values)
    drawn = _drawn(old, new, engine, spread, _named(old, new, measured))
    found = []
    for name in names:
        before = measured[0].get(name)
        after = before if name in equal else measured[1].get(name)
        bars, index = drawn.get(name, ((), None))
        column = ColumnDiff(
            name=name,
            old_type=old.types.get(name),
            new_type=new.types.get(name),
            changed=rows.columns.get(name, 0),
            old=before,
            new=after,
            psi=None if index is None else round(index, 4),
            bars=bars,
        )
        found.append(column.model_copy(update={"notes": tuple(notes(column))}))
    return found


def _named(old: Side, new: Side, measured: list[dict[str, dict[str, JsonValue]]]) -> list[str]:
    """Columns whose values can be counted one by one: texts and booleans, unless nearly every row has its own."""
    found = []
    for name in dict.fromkeys([*new.types, *old.types]):
        there = [(side, values[name]) for side, values in zip((old, new), measured, strict=True) if name in side.types]
        category = any(stats.kind_in(side, name) == "category" for side, _values in there)
        if category and not all(stats.is_identifying(values) for _side, values in there):
            found.append(name)
    return found


def _drawn(
    old: Side, new: Side, engine: Engine, spread: list[stats.Quantiles], named: Iterable[str]
) -> dict[str, tuple[tuple[Bar, ...], float | None]]:
    """Column → its histogram, and how far the new values are from the old."""
    nth = stats.part(old, new)
    names = list(dict.fromkeys([*spread[0], *spread[1]]))
    numeric = [n for n in names if all(n in s for s, side in zip(spread, (old, new), strict=True) if n in side.types)]
    bounds = {n: stats.edges(spread[0].get(n), spread[1].get(n)) for n in numeric}
    counted = [stats.histograms(side, engine, nth, bounds) for side in (old, new)]
    tenths = {n: stats.deciles(spread[0].get(n)) for n in numeric if n in old.types and n in new.types}
    binned = [stats.histograms(side, engine, nth, tenths) for side in (old, new)]
    found: dict[str, tuple[tuple[Bar, ...], float | None]] = {}
    for name in numeric:
        is_time = "time" in {stats.kind_in(side, name) for side in (old, new) if name in side.types}
        bars = _bars(bounds[name], [c.get(name) for c in counted], is_time=is_time)
        found[name] = (bars, stats.psi(binned[0][name], binned[1][name]) if name in tenths else None)
    for name in named:
        sides = [side if name in side.types else None for side in (old, new)]
        listed = stats.top_values(sides[0], sides[1], name, engine)
        index = stats.psi([b.old for b in listed], [b.new for b in listed]) if all(sides) else None
        found[name] = (tuple(listed), index)
    return found


def _bars(bounds: list[float], sides: list[list[int] | None], *, is_time: bool) -> tuple[Bar, ...]:
    """What is beyond the last bound belongs to the last bar; nulls are no bar."""
    counts = [
        [*s[: len(bounds) - 1], sum(s[len(bounds) - 1 : -1])] if s and bounds else [0] * len(bounds) for s in sides
    ]
    labels = [f"{datetime.fromtimestamp(b, UTC):%Y-%m-%d %H:%M}" if is_time else f"{b:.6g}" for b in bounds]
    return tuple(Bar(label=label, old=o, new=n) for label, o, n in zip(labels, *counts, strict=True))


def notes(column: ColumnDiff) -> list[str]:
    """What a person should look at: types, nulls, mean, new values, the whole distribution."""
    old, new = column.old, column.new
    if old is None or new is None:
        return []
    found = [f"{column.old_type} → {column.new_type}"] if column.old_type != column.new_type else []
    before, after = _null_share(old), _null_share(new)
    if before is not None and after is not None and abs(after - before) >= NULL_SHARE:
        found.append(f"nulls {before:.1%} → {after:.1%}")
    mean, std, now = _float(old, "mean"), _float(old, "std"), _float(new, "mean")
    if mean is not None and now is not None and mean != now:
        if not std:
            found.append(f"mean {mean:.6g} → {now:.6g}")
        elif abs(now - mean) >= MEAN_IN_STD * std:
            found.append(f"mean moved by {(now - mean) / std:+.2f} std")
    total = sum(bar.new for bar in column.bars)
    if kind_of(column.new_type or "") == "category":
        fresh = [b for b in column.bars if not b.old and b.new >= NEW_VALUE_SHARE * total and total]
        found += [f"new value {b.label!r} ({b.new / total:.1%})" for b in fresh[:3] if sum(x.old for x in column.bars)]
    if column.psi is not None and column.psi >= PSI:
        found.append(f"PSI {column.psi:.2f}")
    return found


def _null_share(values: Statistics) -> float | None:
    count, nulls = int(str(values["count"])), int(str(values["nulls"]))
    return nulls / (count + nulls) if count + nulls else None


def _float(values: Statistics, name: str) -> float | None:
    value: Any = values.get(name)
    return float(value) if isinstance(value, int | float) else None
