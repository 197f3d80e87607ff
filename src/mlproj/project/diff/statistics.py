"""Statistics of every column of one relation, and histograms of two: a few passes over the rows, not one per column.

Of more than `SAMPLED` rows the distinct values are estimated, and quartiles, histograms and PSI come from about that
many of them, chosen by a hash of the key, so that the same rows give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log
from typing import Any

from pydantic import JsonValue

from mlproj.compiler.column_statistics import (
    QUANTILES, SAMPLED, Kind, bar_counts, bounds_between, histogram_sql, kind_of, measures, quantiles_sql,
)  # fmt: skip
from mlproj.compiler.text import identifier, identifiers
from mlproj.ports import Engine
from mlproj.project.diff.difference import Bar
from mlproj.project.diff.sides import Side
from mlproj.project.preview import plain

_TOP = 8
_QUARTILES = {"p25": 0.25, "p50": 0.5, "p75": 0.75}
_DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_FLOOR = 1e-4  # the least share of a bin in a PSI: an empty one would make it infinite
Quantiles = dict[str, list[float] | None]
Counts = dict[str, list[int]]


def kind_in(side: Side, name: str) -> Kind:
    """What can be said of a column of a side; of one whose values are hidden, how many there are."""
    return "other" if name in side.hidden else kind_of(side.types[name])


def statistics(side: Side, engine: Engine) -> dict[str, dict[str, JsonValue]]:
    """Column → count, nulls, distinct, and what its type allows; quartiles are added by `quantiles`."""
    exact = side.about.rows <= SAMPLED
    wanted = [
        (n, *measure)
        for n, type_name in side.types.items()
        for measure in measures(n, type_name, kind_in(side, n), exact=exact)
    ]
    row = engine.rows(f"select {', '.join(sql for _n, _m, sql in wanted)} from {side.relation}")[0] if wanted else ()
    found: dict[str, dict[str, JsonValue]] = {name: {} for name in side.types}
    for (name, measure, _sql), value in zip(wanted, row, strict=True):
        found[name][measure] = plain(value)
    return found


def part(old: Side, new: Side) -> int:
    """Every how manieth row of both sides is looked at: the same rows, so that what did not change does not move."""
    return max(-(-max(old.about.rows, new.about.rows) // SAMPLED), 1)


def quantiles(side: Side, engine: Engine, nth: int) -> Quantiles:
    """Column → its quantiles as `QUANTILES` has them, of finite values; None without any."""
    names = [n for n in side.types if kind_in(side, n) in ("number", "time")]
    return dict(
        zip(names, _aggregated(side, engine, nth, [quantiles_sql(n, side.types[n]) for n in names]), strict=True)
    )


def quartiles(values: Sequence[float] | None) -> dict[str, JsonValue]:
    return {name: values[QUANTILES.index(q)] if values else None for name, q in _QUARTILES.items()}


def edges(old: Sequence[float] | None, new: Sequence[float] | None) -> list[float]:
    """Upper bounds of the bars of a histogram; the outermost per cent of both sides belongs to the bars at its ends."""
    return bounds_between(*(q for q in (old, new) if q))


def deciles(old: Sequence[float] | None) -> list[float]:
    return sorted({old[QUANTILES.index(q)] for q in _DECILES}) if old else []


def histograms(side: Side, engine: Engine, nth: int, bounds: Mapping[str, Sequence[float]]) -> Counts:
    """Column → values up to each bound and above the one before; one more for those above the last, one for nulls."""
    names = [n for n in bounds if n in side.types]
    values = [histogram_sql(n, side.types[n], bounds[n]) for n in names]
    nulls = [f"count(*) - count({identifier(n)})" for n in names]
    row = _aggregated(side, engine, nth, [*values, *nulls])
    found: Counts = {}
    for i, name in enumerate(names):
        found[name] = [*bar_counts(row[i], bounds[name]), int(row[len(names) + i])]
    return found


def is_identifying(values: Mapping[str, JsonValue]) -> bool:
    """Whether nearly every row has its own value: there is no most frequent one then."""
    count, distinct = int(str(values["count"])), int(str(values["distinct"]))
    return count > 100 and 2 * distinct > count


def top_values(old: Side | None, new: Side | None, name: str, engine: Engine) -> list[Bar]:
    """The most frequent values of a column on either side, and all others as one."""
    sides = [
        f"select {identifier(name)}::VARCHAR as v, {'1' if i == 0 else '0'} as o, {'0' if i == 0 else '1'} as n "
        f"from {side.relation} where {identifier(name)} is not null"
        for i, side in enumerate((old, new))
        if side is not None
    ]
    counted = f"select v, sum(o)::BIGINT as o, sum(n)::BIGINT as n from ({' union all '.join(sides)}) as s group by v"
    ranked = f"select *, row_number() over (order by greatest(o, n) desc, v) as place from ({counted}) as c"
    rows = engine.rows(
        f"select case when place <= {_TOP} then v end, sum(o)::BIGINT, sum(n)::BIGINT, min(place), count(*) "
        f"from ({ranked}) as r group by case when place <= {_TOP} then v end, place > {_TOP} order by 4"
    )
    return [
        Bar(label=str(v) if place <= _TOP else f"{count:,} others", old=int(o), new=int(n))
        for v, o, n, place, count in rows
    ]


def psi(old: Iterable[int], new: Iterable[int]) -> float | None:
    """Population stability index: Σ (q - p) ln(q / p) over shares p of old and q of new; None where one is empty."""
    old, new = list(old), list(new)
    if not sum(old) or not sum(new):
        return None
    shares = [(max(o / sum(old), _FLOOR), max(n / sum(new), _FLOOR)) for o, n in zip(old, new, strict=True) if o or n]
    return sum((q - p) * log(q / p) for p, q in shares)


def _aggregated(side: Side, engine: Engine, nth: int, aggregates: Sequence[str]) -> tuple[Any, ...]:
    """One row of aggregates over a side, or over a part of it where it is large."""
    if not aggregates:
        return ()
    # Salted: a column may be made of the same hash of the key.
    chosen = f" where hash({identifiers(side.key or side.types)}, 'diff') % {nth} = 0" if nth > 1 else ""
    return engine.rows(f"select {', '.join(aggregates)} from {side.relation}{chosen}")[0]
