"""Joins of a view as SQL: one function per way in which a row of the base finds its row of a group (`WAYS`).

A group with times is read twice. First only its keys and times, to find which of them each observation sees; then the
rows that were seen at all, of which one each is left. So ties are told apart, and wide rows moved about, only where
somebody looks at them.

An observation is a key and, where the base has one, a time. Nulls on either side match nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlproj.compiler.text import identifier
from mlproj.compiler.windows.observations import WindowJoin
from mlproj.compiler.windows.plans import Plan
from mlproj.state.windows import Aggregation

Way = Literal["key", "latest", "as_of", "known_at", "window"]

# Not names of columns, which have no blanks.
_TIME, _THEN, _KNOWN = '"as of"', '"its time"', '"its created time"'


@dataclass(frozen=True)
class Moment:
    """SQL of a time, and its type."""

    sql: str
    type: str


@dataclass(frozen=True)
class Joining:
    """One join: `keys` are pairs of SQL of the observation's side and a column of `relation`.

    `columns` are what is read of the group beside its keys; `time` and `created` are its own, `at` the observation's.
    `ties` tell rows of one key, time and created_time apart; `max_age` is in microseconds. `windows` are computed of
    the events that the relation keeps.
    """

    number: int
    relation: str
    way: Way
    kind: str
    keys: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    at: Moment | None = None
    time: Moment | None = None
    created: Moment | None = None
    max_age: int | None = None
    ties: tuple[str, ...] = ()
    windows: Aggregation | None = None
    plan: Plan | None = None  # in which windows are computed; None: chosen by the data

    @property
    def alias(self) -> str:
        return f"j{self.number}"


@dataclass(frozen=True)
class Parts:
    """Common tables, and the line that joins one row of `alias` to each observation."""

    tables: tuple[str, ...]
    line: str


def from_clause(base: str, joinings: Sequence[Joining]) -> tuple[str, str]:
    """WITH clause or nothing, and FROM clause: the rows of `base`, called b, each with its rows of groups j1, j2 …."""
    tables: list[str] = []
    lines: dict[str, str] = {}
    start = f"from {identifier(base)} as b"
    for joining in joinings:
        needed = _needed(joining, joinings)
        parts = WAYS[joining.way](joining, "\n".join([start, *(lines[n] for n in lines if n in needed)]))
        tables += parts.tables
        lines[joining.alias] = parts.line
    shared = ",\n".join(tables)
    return (f"with {shared}\n" if tables else ""), "\n".join([start, *lines.values()])


def _needed(joining: Joining, joinings: Sequence[Joining]) -> set[str]:
    """The joins that decide a join's observations: those it goes through, and those that leave rows of the base out."""
    found: set[str] = set()
    for one in reversed(joinings[: joinings.index(joining) + 1]):
        if one is joining or one.alias in found or one.kind != "left":
            sides = " ".join([*(left for left, _right in one.keys), one.at.sql if one.at else ""])
            found |= {one.alias, *re.findall(r"\bj\d+(?=\.)", sides)}
    return found - {joining.alias}


def by_key(joining: Joining, _rows: str) -> Parts:
    """The row of the key: of groups without times."""
    on = " and ".join(f"{left} = {joining.alias}.{identifier(right)}" for left, right in joining.keys)
    return Parts((), f"{joining.kind} join {identifier(joining.relation)} as {joining.alias} on {on}")


def latest(joining: Joining, rows: str) -> Parts:
    """The latest row of the key: where the base has no times."""
    keys = _key_names(joining)
    seen = f"select {keys}, max({_THEN}) as {_THEN}\nfrom (\n{_times(joining, _seen(joining))}\n) as f\ngroup by {keys}"
    return _found(joining, rows, seen)


def as_of(joining: Joining, rows: str) -> Parts:
    """The latest row of the key at or before the observation's time."""
    seen = (
        f"select o.*, f.{_THEN}\nfrom {_observed(joining)} as o\nasof join (\n{_times(joining, _seen(joining))}\n) as f"
        f"\non {_same_keys(joining, 'o', 'f')} and o.{_TIME} >= f.{_THEN}{_young(joining, 'where')}"
    )
    return _found(joining, rows, seen)


def known_at(joining: Joining, rows: str) -> Parts:
    """The latest row of the key at or before the observation's time, of those that had been recorded by then."""
    seen = (
        f"select {_key_names(joining)}, {_TIME}, best.t as {_THEN}, best.c as {_KNOWN}\nfrom (\n"
        f"select {_key_names(joining, 'o')}, o.{_TIME}, max(struct_pack(t := f.{_THEN}, c := f.{_KNOWN})) as best\n"
        f"from {_observed(joining)} as o\njoin (\n{_times(joining, _seen(joining))}\n) as f\n"
        f"on {_same_keys(joining, 'o', 'f')} and o.{_TIME} >= f.{_THEN} and o.{_TIME} >= f.{_KNOWN}"
        f"{_young(joining, 'and')}\ngroup by {_key_names(joining, 'o')}, o.{_TIME}\n) as o"
    )
    return _found(joining, rows, seen)


def window(joining: Joining, rows: str) -> Parts:
    """What the group computes of its events, at the observation's own time."""
    assert joining.windows is not None and joining.at is not None  # noqa: PT018  (it was chosen by them)
    join = WindowJoin(
        number=joining.number,
        relation=joining.relation,
        aggregation=joining.windows,
        keys=joining.keys,
        time=(joining.at.sql, joining.at.type),
        names=joining.columns,
        rows=rows,
        inner=joining.kind == "inner",
        plan=joining.plan,
    )
    return Parts(tuple(join.tables()), join.line(joining.alias))


WAYS = {"key": by_key, "latest": latest, "as_of": as_of, "known_at": known_at, "window": window}


def _found(joining: Joining, rows: str, seen: str) -> Parts:
    """From the times that observations see to the rows that stood then, one for each."""
    n, times = joining.number, [_THEN, *([_KNOWN] if joining.way == "known_at" else [])]
    matched = [*_keys(joining), *times]
    tables = [
        f"{_observed(joining)} as materialized (\n{_observations(joining, rows)}\n)",
        f"{_table('keys', n)} as materialized (\nselect distinct {_key_names(joining)} from {_observed(joining)}\n)",
        f"{_table('seen', n)} as materialized (\n{seen}\n)",
        *_one_each(joining, matched, times),
    ]
    sides = [*((left, name) for (left, _right), name in zip(joining.keys, _keys(joining), strict=True))]
    sides += [(joining.at.sql, _TIME)] if joining.at else []
    on = " and ".join(f"{left} = s{n}.{name}" for left, name in sides)
    line = f"{joining.kind} join {_table('seen', n)} as s{n} on {on}\n{joining.kind} join {_table('found', n)} as "
    line += f"{joining.alias} on {_equal(joining.alias, f's{n}', matched)}"
    return Parts(tuple(tables), line)


def _one_each(joining: Joining, matched: Sequence[str], times: Sequence[str]) -> list[str]:
    """Of the rows that were seen one of each key and time, the greatest; only those that tie are sorted."""
    n, order = joining.number, _order(joining)
    columns = dict.fromkeys([*matched, *map(identifier, joining.columns), *order])
    rows = f"select {', '.join(columns)}\nfrom (\n{_times(joining, times, whole=True)}\n) as f\n"
    rows += f"semi join {_table('seen', n)} as s on {_equal('f', 's', matched)}"
    if not order:
        return [f"{_table('found', n)} as (\n{rows}\n)"]
    key, same = ", ".join(matched), _equal("r", "t", matched)
    tied = f"select {key} from {_table('rows', n)} group by {key} having count(*) > 1"
    ranked = ", ".join(f"r.{name} desc nulls last" for name in order)
    single = f"select r.* from {_table('rows', n)} as r anti join {_table('ties', n)} as t on {same}"
    first = (
        f"select r.* from {_table('rows', n)} as r semi join {_table('ties', n)} as t on {same}\nqualify row_number()"
    )
    first += f" over (partition by {', '.join(f'r.{name}' for name in matched)} order by {ranked}) = 1"
    return [
        f"{_table('rows', n)} as materialized (\n{rows}\n)",
        f"{_table('ties', n)} as materialized (\n{tied}\n)",
        f"{_table('found', n)} as (\n{single}\nunion all\n({first})\n)",
    ]


def _order(joining: Joining) -> list[str]:
    """The columns that tell rows of one key and time apart, the first first."""
    created = [joining.created.sql] if joining.created and joining.way != "known_at" else []
    return [*created, *map(identifier, joining.ties)]


def _equal(one: str, other: str, names: Sequence[str]) -> str:
    return " and ".join(f"{one}.{name} = {other}.{name}" for name in names)


def _observations(joining: Joining, rows: str) -> str:
    sides = [left for left, _right in joining.keys]
    names = list(zip(sides, _keys(joining), strict=True))
    names += [(joining.at.sql, _TIME)] if joining.at else []
    columns = ", ".join(f"{sql} as {name}" for sql, name in names)
    present = " and ".join(f"{sql} is not null" for sql, _name in names)
    return f"select distinct {columns}\n{rows}\nwhere {present}"


def _times(joining: Joining, times: Sequence[str], *, whole: bool = False) -> str:
    """Keys and times of a group's rows, of those that have them; with all its columns where they are asked for."""
    assert joining.time is not None
    sql = {_THEN: joining.time.sql, _KNOWN: joining.created.sql if joining.created else ""}
    keys = [identifier(right) for _left, right in joining.keys]
    named = [f"{right} as {name}" for right, name in zip(keys, _keys(joining), strict=True)]
    named += [f"{sql[name]} as {name}" for name in times]
    rows = f"select {', '.join([*(['*'] if whole else []), *named])}\nfrom {identifier(joining.relation)}"
    present = [*keys, *(sql[name] for name in times)]
    rows += f"\nwhere {' and '.join(f'{name} is not null' for name in present)}"
    if whole:
        return rows
    # Only what somebody observes is sorted.
    of_observed = f"semi join {_table('keys', joining.number)} as k on {_same_keys(joining, 'k', 'f')}"
    return f"select f.*\nfrom (\n{rows}\n) as f\n{of_observed}"


def _seen(joining: Joining) -> list[str]:
    """The times that decide which rows an observation may see."""
    return [_THEN, *([_KNOWN] if joining.way == "known_at" else [])]


def _young(joining: Joining, word: str) -> str:
    if joining.max_age is None or joining.at is None:
        return ""
    age = f"{joining.max_age * 1000}" if joining.at.type == NANOSECONDS else f"to_microseconds({joining.max_age})"
    return f"\n{word} f.{_THEN} >= o.{_TIME} - {age}"


def _keys(joining: Joining) -> list[str]:
    return [f'"key {number}"' for number in range(1, len(joining.keys) + 1)]


def _key_names(joining: Joining, alias: str = "") -> str:
    return ", ".join(f"{alias}.{name}" if alias else name for name in _keys(joining))


def _same_keys(joining: Joining, one: str, other: str) -> str:
    return _equal(one, other, _keys(joining))


def _observed(joining: Joining) -> str:
    return _table("observed", joining.number)


def _table(what: str, number: int) -> str:
    return f'"{what} {number}"'


NANOSECONDS = "nanoseconds"
_ZONED = "TIMESTAMP WITH TIME ZONE"
_FINE = "TIMESTAMP_NS"
_PLAIN = "TIMESTAMP"


def comparable(*moments: Moment) -> tuple[Moment, ...]:
    """The same times in one type that compares without regard to the session's zone: those without a zone are UTC."""
    types = {moment.type for moment in moments}
    if _FINE in types:
        return tuple(Moment(_nanoseconds(moment), NANOSECONDS) for moment in moments)
    if types == {_ZONED}:
        return moments
    return tuple(Moment(_without_zone(moment), _PLAIN) for moment in moments)


def _without_zone(moment: Moment) -> str:
    if moment.type == _ZONED:
        return f"({moment.sql} at time zone 'UTC')"
    return moment.sql if moment.type == _PLAIN else f"{moment.sql}::TIMESTAMP"


def _nanoseconds(moment: Moment) -> str:
    """As whole numbers: the engine refuses to compare times in nanoseconds with later ones that do not fit."""
    if moment.type == _FINE:
        return f"epoch_ns({moment.sql})::HUGEINT"
    return f"epoch_us({_without_zone(moment)})::HUGEINT * 1000"
