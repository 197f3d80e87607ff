"""Data tests as SQL: aggregates that count failing rows, so that a group's tests are one pass, and queries of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from mlproj.compiler.text import identifier, identifiers, literal
from mlproj.compiler.types import is_numeric
from mlproj.specs.duration import microseconds, written_duration


@dataclass(frozen=True)
class TestSql:
    """As in `CompiledTest`; `description` says what holds where the test passes."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    description: str
    failures: str
    rows: str
    found: str = ""
    clock: bool = False
    unique: tuple[str, ...] = ()


def failing(description: str, condition: str, where: str | None, *, clock: bool = False) -> TestSql:
    """Fails for each row of `where` that `condition` is true of."""
    condition = _both(condition, where)
    failures, rows = f"count(*) filter (where {condition})", f"select * from {{relation}} where {condition}"
    return TestSql(description, failures, rows, clock=clock)


def not_null(feature: str, where: str | None = None) -> TestSql:
    return failing(f"{feature} is never null", f"{identifier(feature)} is null", where)


def unique(names: Sequence[str], where: str | None = None) -> TestSql:
    """Counts the rows beyond the first of each value; rows with a null in any of the columns are not compared."""
    columns = identifiers(names)
    row = (
        identifier(names[0])
        if len(names) == 1
        else f"struct_pack({', '.join(f'c{i} := {identifier(n)}' for i, n in enumerate(names))})"
    )
    present = _both(" and ".join(f"{identifier(n)} is not null" for n in names), where)
    return TestSql(
        f"{', '.join(names)} is unique",
        f"count(*) filter (where {present}) - count(distinct {row}) filter (where {present})",
        (
            f"select {columns}, count(*) as n from {{relation}} where {present}"
            f" group by {columns} having count(*) > 1 order by n desc, {columns}"
        ),
        unique=tuple(names),
    )


def between(feature: str, type_name: str, low: Any, high: Any, where: str | None) -> TestSql:
    """A bound that is None is open."""
    column = identifier(feature)
    parts = [f"{column} < {_bound(low, type_name)}"] if low is not None else []
    parts += [f"{column} > {_bound(high, type_name)}"] if high is not None else []
    return failing(_range(feature, low, high), " or ".join(parts), where)


def not_in_future(feature: str, type_name: str, where: str | None) -> TestSql:
    now = "current_date" if type_name == "DATE" else _now(type_name)
    return failing(f"{feature} is not in the future", f"{identifier(feature)} > {now}", where, clock=True)


def null_fraction(feature: str, most: float, where: str | None) -> TestSql:
    absent = _both(f"{identifier(feature)} is null", where)
    nulls, rows = f"count(*) filter (where {absent})", _count(where)
    # As a decimal: 0.29 * 100 is less than 29 in doubles.
    failures = f"case when {nulls} > {Decimal(repr(most)):f} * {rows} then {nulls} else 0 end"
    found = f"{nulls} || ' of ' || {rows} || ' rows have no {feature}'"
    description = f"at most {Decimal(repr(most)) * 100:f} % of {feature} are null"
    return TestSql(description, failures, f"select * from {{relation}} where {absent}", found)


def mean_between(feature: str, low: float | None, high: float | None, where: str | None) -> TestSql:
    mean = f"avg({identifier(feature)})" + (f" filter (where {where}\n)" if where else "")
    outside = [f"{mean} < {literal(low)}"] if low is not None else []
    outside += [f"{mean} > {literal(high)}"] if high is not None else []
    return TestSql(
        _range(f"the mean of {feature}", low, high),
        f"case when {' or '.join(outside)} then 1 else 0 end",
        "",
        f"'the mean of {feature} is ' || {mean}",
    )


def row_count(low: int | None, high: int | None, where: str | None) -> TestSql:
    rows = _count(where)
    outside = [f"{rows} < {low}"] if low is not None else []
    outside += [f"{rows} > {high}"] if high is not None else []
    failures = f"case when {' or '.join(outside)} then 1 else 0 end"
    return TestSql(_range("the number of rows", low, high), failures, "", f"{rows} || ' rows'")


def recency(column: str, type_name: str, within: timedelta, where: str | None) -> TestSql:
    return _newest(column, type_name, {1: within}, where)


def freshness(
    column: str, type_name: str, warn_after: timedelta | None, error_after: timedelta | None, where: str | None = None
) -> TestSql:
    """Counts 1 where the newest value is older than `warn_after`, 2 beyond `error_after`, and where there is none."""
    return _newest(column, type_name, {2: error_after, 1: warn_after}, where)


def _newest(column: str, type_name: str, levels: Mapping[int, timedelta | None], where: str | None) -> TestSql:
    """Counts the first level whose age the newest value exceeds; the first of all where there is none."""
    newest = f"max({identifier(column)})" + (f" filter (where {where}\n)" if where else "")
    ages = {level: age for level, age in levels.items() if age is not None}
    parts = [f"when {newest} < {_ago(age, type_name)} then {level}" for level, age in ages.items()]
    most = min(ages.values())
    return TestSql(
        f"the newest {column} is at most {written_duration(microseconds(most))} old",
        f"case when {newest} is null then {max(levels)} {' '.join(parts)} else 0 end",
        "",
        f"'the newest {column} is ' || coalesce({newest}::varchar, 'none')",
        clock=True,
    )


def anomaly(feature: str | None) -> TestSql:
    """What is compared with builds before: nulls of a feature, or rows."""
    counted = "count(*)" if feature is None else f"count(*) - count({identifier(feature)})"
    what = "the number of rows" if feature is None else f"the fraction of nulls of {feature}"
    return TestSql(f"{what} is as in the last builds", counted, "", "count(*)::varchar")


def relationship(column: str, target: str, field: str, where: str | None) -> TestSql:
    """`target` is a relation. Counted by its rows: an anti-join is no aggregate of one pass."""
    stands = f"(select {identifier(field)} from {identifier(target)} where {identifier(field)} is not null)"
    condition = _both(f"{identifier(column)} is not null and {identifier(column)} not in {stands}", where)
    rows = f"select * from {{relation}} where {condition}"
    return TestSql(f"every {column} is a {field} of {target}", "", rows)


def _both(condition: str, where: str | None) -> str:
    # On lines of its own, so that a comment in it ends before we go on.
    return condition if where is None else f"({condition}) and (\n{where}\n)"


def _count(where: str | None) -> str:
    return "count(*)" if where is None else f"count(*) filter (where {where}\n)"


def _range(what: str, low: Any, high: Any) -> str:
    if low is None or high is None:
        return f"{what} ≥ {low}" if high is None else f"{what} ≤ {high}"
    return f"{what} between {low} and {high}"


def _ago(age: timedelta, type_name: str) -> str:
    return f"{_now(type_name)} - to_microseconds({microseconds(age)})"


def _bound(value: Any, type_name: str) -> str:
    # Not a decimal literal for a DOUBLE column: 0.1 has to be the same double that the column holds.
    return literal(value) if is_numeric(type_name) else f"{literal(value)}::{type_name}"


def _now(type_name: str) -> str:
    """The moment, comparable with values of the type: sessions are in UTC."""
    return "now()" if type_name == "TIMESTAMP WITH TIME ZONE" else "now()::TIMESTAMP"
