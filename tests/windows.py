"""Groups of windows over a few events, compiled, and what a loop over the events says that they are."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mlproj.compiler import Manifest
from tests.compilation import compile_folder, write_files
from tests.point_in_time import moment

HOUR = 3_600_000_000
DAY = 24 * HOUR
COLUMNS = {"k": "BIGINT", "place": "VARCHAR", "n": "BIGINT", "d": "DECIMAL(9,2)", "x": "DOUBLE", "s": "VARCHAR"}
SHORT, LONG = 2 * HOUR, 2 * DAY


class Event(NamedTuple):
    k: int | None
    place: str | None
    n: int | None
    d: int | None  # hundredths
    x: float | None
    s: str | None
    at: int | None  # microseconds, UTC


class Asked(NamedTuple):
    """One feature; `where` has a condition that a loop can say too."""

    name: str
    function: str
    column: str | None
    window: int
    positive: bool = False
    argument: Any = None


FEATURES = [
    Asked("events", "count", None, LONG), Asked("recent", "count", None, SHORT, positive=True),
    Asked("values_n", "count", "n", LONG), Asked("n_long", "sum", "n", LONG), Asked("n_short", "sum", "n", SHORT),
    Asked("d_long", "sum", "d", LONG, positive=True), Asked("n_mean", "avg", "n", LONG),
    Asked("d_mean", "avg", "d", SHORT), Asked("kinds", "count_distinct", "s", LONG),
    Asked("x_sum", "sum", "x", LONG), Asked("x_mean", "avg", "x", SHORT), Asked("least", "min", "x", LONG),
    Asked("most", "max", "s", SHORT), Asked("spread", "stddev", "x", LONG), Asked("begin", "first", "s", LONG),
    Asked("end", "last", "s", LONG, positive=True), Asked("latest", "list_last", "n", LONG, argument=3),
    Asked("middle", "approx_quantile", "x", LONG, argument=0.5),
]  # fmt: skip


def _spec(feature: Asked) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": feature.name,
        "function": feature.function,
        "window": f"{feature.window // HOUR} hours",
    }
    found |= {"column": feature.column} if feature.column else {}
    found |= {"where": "n > 0"} if feature.positive else {}
    if feature.argument is not None:
        found["n" if feature.function == "list_last" else "quantile"] = feature.argument
    return found


def compiled(types: Sequence[str], steps: Sequence[str]) -> Manifest:
    """Groups `g<i>_<j>` of windows over the source `e<i>`, whose times are of a type; views of them, left and inner."""
    sources: list[dict[str, Any]] = []
    groups: list[dict[str, Any]] = []
    views: list[dict[str, Any]] = []
    files: dict[str, str] = {}
    for i, kind in enumerate(types):
        sources.append({"name": f"e{i}", "path": "e.csv", "columns": {**COLUMNS, "at": kind}})
        sources.append(
            {
                "name": f"o{i}",
                "path": "o.csv",
                "columns": {"id": "BIGINT", "who": "BIGINT", "place": "VARCHAR", "seen": kind},
            }
        )
        groups.append({"name": f"o{i}", "primary_key": ["id"], "event_time": "seen"})
        files[f"o{i}.v1.sql"] = f"select * from {{{{ source('o{i}') }}}}"
        for j, step in enumerate(steps):
            aggregate = {"from": f"e{i}", "by": ["k", "place"], "every": step, "features": [_spec(f) for f in FEATURES]}
            groups.append(
                {"name": f"g{i}_{j}", "primary_key": ["k", "place"], "event_time": "at", "aggregate": aggregate}
            )
            join = {
                "group": f"g{i}_{j}@1",
                "on": {"place": "place", "who": "k"},
                "features": [f.name for f in FEATURES],
            }
            views += [
                {
                    "name": f"{kind}_{i}_{j}",
                    "base": f"o{i}@1",
                    "features": ["who"],
                    "joins": [{**join, "type": kind}],
                    "split": {"test": 0},
                }
                for kind in ("left", "inner")
            ]
    files["all.yml"] = yaml.safe_dump({"sources": sources, "feature_groups": groups, "feature_views": views})
    with tempfile.TemporaryDirectory() as folder:
        return compile_folder(write_files(Path(folder) / "p", files), Path(folder) / "cache")


def inside(events: Sequence[Event], key: tuple[Any, ...], t: int, window: int, *, grid: bool) -> list[Event]:
    """The events of a key in `(t - w, t]`, on a grid in `[t - w, t)`."""
    own = [e for e in events if (e.k, e.place) == key and e.at is not None]
    return [e for e in own if (t - window <= e.at < t if grid else t - window < e.at <= t)]  # type: ignore[operator]


def value(feature: Asked, events: Sequence[Event]) -> Any:
    """The definition of each function."""
    events = [e for e in events if not feature.positive or (e.n is not None and e.n > 0)]
    if feature.column is None:
        return len(events)
    pairs = [(e.at, getattr(e, feature.column)) for e in events if getattr(e, feature.column) is not None]
    values = [v for _at, v in pairs]
    match feature.function:
        case "count":
            return len(values)
        case "count_distinct":
            return len(set(values))
    if not values:
        return None
    ordered = [v for _at, v in sorted(pairs)]
    scale = 100 if feature.column == "d" else 1
    match feature.function:
        case "sum":
            return math.fsum(values) if feature.column == "x" else sum(values) / scale if scale > 1 else sum(values)
        case "avg":
            return math.fsum(values) / len(values) / scale
        case "min" | "max":
            return min(values) if feature.function == "min" else max(values)
        case "stddev":
            return statistics.stdev(values) if len(values) > 1 else None
        case "first" | "last":
            return ordered[0] if feature.function == "first" else ordered[-1]
        case "list_last":
            return ordered[-feature.argument :]
    place = feature.argument * (len(values) - 1)
    low, high = sorted(values)[math.floor(place)], sorted(values)[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def row_times(events: Sequence[Event], step: int | None, longest: int) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Key and time of every row of a group."""
    of_key: dict[tuple[Any, ...], list[int]] = {}
    for e in events:
        if None not in (e.k, e.place, e.at):
            of_key.setdefault((e.k, e.place), []).append(e.at)  # type: ignore[arg-type]
    for key, times in of_key.items():
        if step is None:
            yield from ((key, t) for t in set(times))
        else:
            first, last = -(-min(times) // step), (max(times) + longest) // step
            yield from ((key, tick * step) for tick in range(first, last + 1))


def table(name: str, rows: Sequence[Sequence[Any]], types: dict[str, str]) -> str:
    """A statement that makes a table; times are numbers, decimals hundredths."""

    def literal(v: Any, column: str, kind: str) -> str:
        if column in ("at", "seen"):
            return moment(v, kind)
        if v is None:
            return f"null::{kind}"
        return f"({v} / 100)::{kind}" if column == "d" else f"'{v}'::{kind}"

    selects = [
        "select " + ", ".join(literal(v, c, kind) for v, (c, kind) in zip(row, types.items(), strict=True))
        for row in rows
    ]
    empty = f"select {', '.join(f'null::{kind}' for kind in types.values())} where false"
    named = ", ".join(f'"{column}"' for column in types)
    return f'create or replace table "{name}" as select * from ({" union all ".join(selects) or empty}) as t({named})'
