"""Which columns a join reads: to find a row, and for the value of one column of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlproj.state import ViewColumn, ViewJoin


def join_reads(base: str, join: ViewJoin) -> Iterator[str]:
    """The columns on both sides by which a row of the base (`people@1`) finds its row, ties aside."""
    for left, right in join.on.items():
        yield join.through.get(left, f"{base}.{left}")
        yield f"{join.relation}.{right}"
    if join.base_time:
        yield f"{base}.{join.base_time}"
    if join.event_time:
        yield f"{join.relation}.{join.event_time}"
    if join.created_time and join.way == "known_at":
        yield f"{join.relation}.{join.created_time}"


def tie_reads(join: ViewJoin, column: str) -> Iterator[str]:
    """The columns that decide, among rows of one key and time, which value of `column` is taken.

    Those declared after it decide nothing: rows that differ only there have the same value.
    """
    if join.created_time:
        yield f"{join.relation}.{join.created_time}"
    for name in ties_before(join, column):
        yield f"{join.relation}.{name}"


def ties_before(join: ViewJoin, column: str) -> tuple[str, ...]:
    return join.ties[: join.ties.index(column)] if column in join.ties else join.ties


def joins_of(joins: Sequence[ViewJoin], column: ViewColumn) -> list[ViewJoin]:
    """The joins that may bring a column: one, but for a view that joins a group twice under one prefix."""
    relation, _, name = column.source.rpartition(".")
    return [j for j in joins if j.relation == relation and f"{j.prefix}{name}" == column.name and name in j.features]


def value_reads(base: str, joins: Sequence[ViewJoin], column: ViewColumn) -> Iterator[str]:
    """Everything that decides the value of one column of a view in a row of the base, itself first."""
    yield column.source
    if column.on_demand is not None:
        yield from (source for source in column.on_demand.uses if source != column.source)
        return
    for join in joins_of(joins, column):
        yield from deciding_reads(base, joins, join)
        yield from tie_reads(join, column.source.rpartition(".")[2])


def deciding_reads(base: str, joins: Sequence[ViewJoin], join: ViewJoin) -> Iterator[str]:
    """Everything that decides whether, and by which key and time, a row of the base finds a row by this join."""
    yield from join_reads(base, join)
    for earlier, name in _through(joins, join):
        yield from deciding_reads(base, joins, earlier)
        yield from tie_reads(earlier, name)


def _through(joins: Sequence[ViewJoin], join: ViewJoin) -> Iterator[tuple[ViewJoin, str]]:
    """The joins before this one that bring columns of its key, with these."""
    for left, origin in join.through.items():
        relation, _, name = origin.rpartition(".")
        for earlier in joins[: joins.index(join)]:
            if earlier.relation == relation and earlier.prefix + name == left:
                yield earlier, name


_HOW = {"way", "base_time", "event_time", "created_time", "max_age"}


def how_joined(joins: Sequence[ViewJoin], join: ViewJoin, column: str | None = None) -> list[Any]:
    """How a join finds its row, and of its rows of one key and time the one that decides the value of `column`."""
    how: dict[str, Any] = join.model_dump(mode="json", include=_HOW, exclude_defaults=True)
    if column is not None and join.ties:
        how["ties"] = ties_before(join, column)
    if join.through:
        how["through"] = [how_joined(joins, earlier, name) for earlier, name in _through(joins, join)]
    return [join.group, join.on, join.type, *([how] if how else [])]
