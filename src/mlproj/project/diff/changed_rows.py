"""Which rows differ between two sides: counted by key, per column, and a sample of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

from mlproj.compiler.row_changes import (
    COUNTS, ComparedColumn, changed_keys_sql, compared_columns, hash_sql, same_key_sql,
)  # fmt: skip
from mlproj.compiler.text import identifier
from mlproj.planner.masking import masked
from mlproj.ports import Engine
from mlproj.project.diff.difference import SampledRow
from mlproj.project.diff.sides import Side
from mlproj.project.preview import plain
from mlproj.state import RowChanges

_KEYS, _PAIRS = identifier("diff:keys"), identifier("diff:pairs")
_KINDS: tuple[Literal["changed", "added", "deleted"], ...] = ("changed", "added", "deleted")
_LONGEST = 200


@dataclass(frozen=True)
class ChangedRows:
    """`key` is empty where the sides have none in common; `columns` counts changed values by column."""

    key: tuple[str, ...]
    counts: RowChanges
    columns: dict[str, int]
    sample: tuple[SampledRow, ...]


def changed_rows(old: Side, new: Side, engine: Engine, limit: int) -> ChangedRows:
    """Compare by the new side's key, in the columns that both have; `limit` rows of each kind are shown."""
    names = new.key if new.key and set(new.key) <= set(old.types) else ()
    if not names:
        counts = RowChanges(added=new.about.rows, changed=0, deleted=old.about.rows)
        return ChangedRows((), counts, {}, ())
    key = compared_columns(old.types, new.types, names)
    values = compared_columns(old.types, new.types, [n for n in new.types if n not in names])
    engine.create_table("diff:keys", changed_keys_sql(old.relation, new.relation, key, values))
    counted = f"select {COUNTS}, coalesce(max(greatest(before, after)), 0) from {_KEYS}"
    added, changed, deleted, most = engine.rows(counted)[0]
    engine.create_table("diff:pairs", _pairs_sql(old, new, key, values, unique=most <= 1))
    return ChangedRows(
        tuple(names),
        RowChanges(added=added, changed=changed, deleted=deleted),
        _per_column(values, engine),
        tuple(_sample(key, values, engine, limit, old.hidden | new.hidden)),
    )


def _pairs_sql(
    old: Side, new: Side, key: Sequence[ComparedColumn], values: Sequence[ComparedColumn], *, unique: bool
) -> str:
    """Rows that differ, old beside new: columns `kind`, `k0` … of the key, and `o0`, `n0`, `o1` … of the values.

    Among rows of one key those that are equal are left out first; the others meet in a fixed order.
    """
    keys = [f"k{i}" for i in range(len(key))]
    listed = ", ".join(keys)
    sides = {side: _side_sql(relation, key, values, old=side == "o") for side, relation in _relations(old, new)}
    ctes = [f"{side}0 as ({sql})" for side, sql in sides.items()]
    last, meet = "0", same_key_sql((f"o.{k}", f"n.{k}") for k in keys)
    if not unique:
        ctes += [
            f"{s}1 as (select *, row_number() over (partition by {listed}, h) as occurrence from {s}0)" for s in "on"
        ]
        same = f"{same_key_sql((f'a.{k}', f'b.{k}') for k in keys)} and a.h = b.h and a.occurrence = b.occurrence"
        ctes += [
            f"{s}2 as (select a.*, row_number() over (partition by {listed} order by h, occurrence) as nth from {s}1 a "
            f"where not exists (select 1 from {other}1 b where {same}))"
            for s, other in ("on", "no")
        ]
        last, meet = "2", f"{meet} and o.nth = n.nth"
    shown = [f"coalesce(o.{k}, n.{k}) as {k}" for k in keys]
    shown += [f"{s}.v{j} as {s}{j}" for j in range(len(values)) for s in "on"]
    kind = "case when o.h is null then 'added' when n.h is null then 'deleted' else 'changed' end as kind"
    return f"with {', '.join(ctes)} select {', '.join([kind, *shown])} from o{last} o full join n{last} n on {meet}"


def _relations(old: Side, new: Side) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("o", old.relation), ("n", new.relation)


def _side_sql(relation: str, key: Sequence[ComparedColumn], values: Sequence[ComparedColumn], *, old: bool) -> str:
    """Rows of one side whose key is among those that differ."""
    columns = [f"{c.side(old=old)} as k{i}" for i, c in enumerate(key)]
    columns += [f"{c.side(old=old)} as v{j}" for j, c in enumerate(values)]
    columns.append(f"{hash_sql([c.side(old=old) for c in values])} as h")
    among = same_key_sql((c.side(old=old), f"d.k{i}") for i, c in enumerate(key))
    return f"select {', '.join(columns)} from {relation} where exists (select 1 from {_KEYS} as d where {among})"


def _per_column(values: Sequence[ComparedColumn], engine: Engine) -> dict[str, int]:
    if not values:
        return {}
    counts = ", ".join(f"count(*) filter (kind = 'changed' and o{j} is distinct from n{j})" for j in range(len(values)))
    return dict(zip((c.name for c in values), engine.rows(f"select {counts} from {_PAIRS}")[0], strict=True))


def _sample(
    key: Sequence[ComparedColumn], values: Sequence[ComparedColumn], engine: Engine, limit: int, hidden: Collection[str]
) -> list[SampledRow]:
    found: list[SampledRow] = []
    order = ", ".join(f"k{i}" for i in range(len(key)))
    columns = ", ".join([*(f"k{i}" for i in range(len(key))), *(f"o{j}, n{j}" for j in range(len(values)))])
    for kind in _KINDS if limit else ():
        rows = engine.rows(f"select {columns} from {_PAIRS} where kind = '{kind}' order by {order} limit {limit}")
        for row in rows:
            by_key = {c.name: shown_value(c.name, v, hidden) for c, v in zip(key, row, strict=False)}
            pairs = zip(row[len(key) :: 2], row[len(key) + 1 :: 2], strict=True)
            differ = {
                c.name: (shown_value(c.name, was, hidden), shown_value(c.name, now, hidden))
                for c, (was, now) in zip(values, pairs, strict=True)
                if kind == "changed" and not _equal(was, now)
            }
            found.append(SampledRow(kind=kind, key=by_key, values=differ))
    return found


def _equal(was: Any, now: Any) -> bool:
    """As the engine has it: NaN equals NaN."""
    return bool(was == now or (was != was and now != now))  # noqa: PLR0124  # only NaN differs from itself


def shown_value(column: str, value: Any, hidden: Collection[str]) -> JsonValue:
    """A value of a sampled row: every one that leaves the lake for a diff passes here."""
    found: JsonValue = plain(masked(value) if column in hidden else value)
    return found[: _LONGEST - 1] + "…" if isinstance(found, str) and len(found) > _LONGEST else found
