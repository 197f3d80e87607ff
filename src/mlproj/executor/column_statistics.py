"""Statistics of every column of a relation, by group: the reference that later data is compared with.

One pass over all rows counts, and finds extremes, means and deviations. Of more than `SAMPLED` rows the distinct values
are estimated, and quantiles, histograms and the most frequent values come from about that many of them, by a hash of
the key, so that the same rows give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import JsonValue

from mlproj.compiler.column_statistics import (
    LARGEST, QUANTILES, SAMPLED, Kind, bar_counts, bounds_between, histogram_sql, kind_of, measures, quantiles_sql,
)  # fmt: skip
from mlproj.compiler.text import identifier, identifiers
from mlproj.compiler.transformations import statistics_of_row
from mlproj.compiler.types import is_float, is_integer
from mlproj.ports import Engine, EngineError

ColumnStatistics = dict[str, JsonValue]
_TOP = 10
_SHOWN = {"p01": 0.01, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99}


class Looked(NamedTuple):
    """Group → column → statistics; and the columns that have values which no mean can take, or are hidden.

    Those are NaN, infinite, or have no square.
    """

    by_group: dict[str, dict[str, ColumnStatistics]]
    unusual: frozenset[str]


def column_statistics(
    engine: Engine,
    relation: str,
    types: Mapping[str, str],
    key: Sequence[str],
    by: str,
    reference: str,
    hidden: Collection[str] = (),
    some: Callable[[str], str] | None = None,
) -> Looked:
    """Groups are the values of the column `by`.

    Bars of histograms are those of the group `reference` in all groups. Of hidden columns there are counts alone.
    `some` gives a query of the rows for which a condition on the key holds, where there is a cheaper one.
    """
    kinds: dict[str, Kind] = {n: "other" if n in hidden else kind_of(t) for n, t in types.items()}
    total = int(engine.rows(f"select count(*) from {relation}")[0][0])
    looked = measured(engine, relation, types, kinds, by, exact=total <= SAMPLED)
    found = looked.by_group
    nth = max(-(-total // SAMPLED), 1)
    # Salted: a column may be made of the same hash of the key.
    part = relation
    if nth > 1:
        part = identifier(f"sample of {relation}")
        those = f"hash({identifiers(key)}, 'statistics') % {nth} = 0"
        rows = some(those) if some else f"select * from {relation} where {those}"
        engine.create_table(f"sample of {relation}", f"select {identifiers([by, *types])} from (\n{rows}\n) as t")
    numbers = [n for n, kind in kinds.items() if kind in ("number", "time")]
    quantiles = _by_group(engine, part, by, {n: quantiles_sql(n, types[n]) for n in numbers})
    bounds = {n: bounds_between(q) for n, q in quantiles.get(reference, {}).items() if q}
    counted = {n: f"count({identifier(n)})" for n in kinds}
    bars = {n: histogram_sql(n, types[n], b) for n, b in bounds.items()}
    listed = [n for n, kind in kinds.items() if kind != "other" and _is_listed(found, n, types[n])]
    tops = {n: f"histogram({identifier(n)}::VARCHAR)" for n in listed}
    drawn = _by_group(engine, part, by, {**bars, **tops})
    sizes = _by_group(engine, part, by, counted) if nth > 1 else {}
    for group, columns in found.items():
        for name, values in columns.items():
            values.update(_quantiles(quantiles.get(group, {}).get(name)))
            if name in bars:
                counts: list[JsonValue] = [*bar_counts(drawn[group][name], bounds[name])]
                values["histogram"] = {"bounds": list(bounds[name]), "counts": counts}
            if name in tops:
                values["top"] = _top(drawn[group][name] or {})
            if nth > 1 and kinds[name] != "other":
                values["looked_at"] = int(sizes.get(group, {}).get(name, 0))
    return Looked(found, looked.unusual | {*hidden})


def measured(
    engine: Engine, relation: str, types: Mapping[str, str], kinds: Mapping[str, Kind], by: str = "", *, exact: bool
) -> Looked:
    """What `measures` says of columns, in one pass; without `by` there is one group, of no name.

    An aggregate with a filter costs thrice as much, and is needed only for floats that are infinite, or have no square.
    """
    sql = {n: dict(measures(n, t, kinds[n], exact=exact)) for n, t in types.items()}
    floats = [n for n, t in types.items() if is_float(t) and kinds[n] == "number"]
    hopeful = {n: dict(parts) for n, parts in sql.items()}
    for name in floats:
        value = f"{identifier(name)}::DOUBLE"
        hopeful[name] |= {"min": f"min({value})", "max": f"max({value})"}
        hopeful[name] |= {"mean": f"avg({value})", "std": f"stddev_pop({value})"}
    try:
        found = _query(engine, relation, by, hopeful)
    except EngineError:
        # No deviation of what is infinite, or has no square.
        return Looked(_query(engine, relation, by, sql), frozenset(floats))
    unusual = [n for n in floats if not all(is_usual(columns[n]) for columns in found.values())]
    for group, columns in _query(engine, relation, by, {n: sql[n] for n in unusual}).items():
        found[group] |= columns
    return Looked(found, frozenset(unusual))


def is_usual(column: Mapping[str, JsonValue]) -> bool:
    """Whether a column's extremes say that nothing had to be left out of its mean; NaN is the greatest of floats."""
    return all(end is None or abs(float(str(end))) < float(LARGEST) for end in (column.get("min"), column.get("max")))


def _query(
    engine: Engine, relation: str, by: str, sql: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, ColumnStatistics]]:
    names = [(name, measure) for name, parts in sql.items() for measure in parts]
    if not names:
        return {}
    parts = ", ".join(part for of_column in sql.values() for part in of_column.values())
    group = (
        f"select {identifier(by)}, {parts} from {relation} group by 1" if by else f"select '', {parts} from {relation}"
    )
    rows = engine.rows(group)
    return {row[0]: statistics_of_row(names, row[1:]) for row in sorted(rows, key=lambda row: str(row[0]))}


def _by_group(engine: Engine, rows: str, by: str, parts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    if not parts:
        return {}
    found = engine.rows(f"select {identifier(by)}, {', '.join(parts.values())} from {rows} group by 1")
    return {row[0]: dict(zip(parts, row[1:], strict=True)) for row in found}


def _is_listed(found: Mapping[str, Mapping[str, ColumnStatistics]], name: str, type_name: str) -> bool:
    """Whether values repeat: where nearly every row has its own, none is frequent. Whole numbers may be classes."""
    if kind_of(type_name) != "category":
        few = all(int(str(columns[name]["distinct"])) <= 2 * _TOP for columns in found.values())
        return is_integer(type_name) and few
    rows = [(int(str(columns[name]["count"])), int(str(columns[name]["distinct"]))) for columns in found.values()]
    return not any(count > 2 * _TOP and 2 * distinct > count for count, distinct in rows)


def _quantiles(values: Sequence[float] | None) -> ColumnStatistics:
    return {name: values[QUANTILES.index(q)] for name, q in _SHOWN.items()} if values else {}


def _top(counted: Mapping[Any, Any]) -> JsonValue:
    """The most frequent values with their counts, ties by value."""
    ranked = sorted(((str(v), int(n)) for v, n in counted.items()), key=lambda pair: (-pair[1], pair[0]))
    return [[value, count] for value, count in ranked[:_TOP]]
