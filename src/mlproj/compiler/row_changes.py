"""SQL that compares two relations by key: which keys came, went or have other values.

Rows of one key that are equal in all compared columns stand for each other; of what is left, as many as both sides have
count as changed, the rest as added or deleted. Where keys are unique that is what everybody expects; duplicates and
nulls in keys need no rule of their own. Values are compared by a hash of 64 bits within a key. NaN equals NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlproj.compiler.text import identifier
from mlproj.compiler.types import is_float, is_integer, is_moment, is_numeric

# Added, changed and deleted rows, of a relation that `changed_keys_sql` gave.
COUNTS = (
    "coalesce(sum(greatest(after - before, 0)), 0)::BIGINT, coalesce(sum(least(before, after) - same), 0)::BIGINT, "
    "coalesce(sum(greatest(before - after, 0)), 0)::BIGINT"
)


@dataclass(frozen=True)
class ComparedColumn:
    """A column of both sides; `old` and `new` are expressions of one type, equal where the values are."""

    name: str
    old: str
    new: str

    def side(self, *, old: bool) -> str:
        return self.old if old else self.new


def compared_columns(old: Mapping[str, str], new: Mapping[str, str], names: Iterable[str]) -> list[ComparedColumn]:
    """Columns that both sides have, of `names`; the mappings give types by name."""
    shared = [name for name in names if name in old and name in new]
    return [ComparedColumn(name, *_alike(identifier(name), old[name], new[name])) for name in shared]


def changed_keys_sql(
    old: str, new: str, key: Sequence[ComparedColumn], values: Sequence[ComparedColumn], *, every: bool = False
) -> str:
    """A query of keys whose rows differ between two relations, or of all keys.

    Columns `k0`, `k1` … hold the key; `before` and `after` count its rows, `same` those that equal each other.
    """
    keys = ", ".join(f"k{i}" for i in range(len(key)))
    sides = " union all ".join(
        f"select {', '.join(f'{c.side(old=is_old)} as k{i}' for i, c in enumerate(key))}, "
        f"{hash_sql([c.side(old=is_old) for c in values])} as h, {str(is_old).lower()} as is_old from {relation}"
        for relation, is_old in ((old, True), (new, False))
    )
    counted = (
        f"select {keys}, count(*) filter (is_old) as b, count(*) filter (not is_old) as a from ({sides}) as s "
        f"group by {keys}, h"
    )
    differ = "" if every else " having sum(b) <> sum(a) or sum(least(b, a)) <> sum(a)"
    return (
        f"select {keys}, sum(b)::BIGINT as before, sum(a)::BIGINT as after, sum(least(b, a))::BIGINT as same "
        f"from ({counted}) as c group by {keys}{differ}"
    )


def hash_sql(expressions: Sequence[str]) -> str:
    """A hash over values; rows without any are all alike."""
    return f"hash({', '.join(expressions)})" if expressions else "0::UBIGINT"


def same_key_sql(pairs: Iterable[tuple[str, str]], *, nulls: bool = True) -> str:
    """That two keys are one; where one of them has no nulls, by a comparison that lets the engine skip whole files."""
    return " and ".join(f"{a} is not distinct from {b}" if nulls else f"{a} = {b}" for a, b in pairs)


def any_null_sql(relation: str, columns: Iterable[str]) -> str:
    """A query of one row: whether a relation has a null in any of some columns."""
    return f"select count(*) > 0 from {relation} as r where {' or '.join(f'{c} is null' for c in columns)}"


def _alike(column: str, old: str, new: str) -> tuple[str, str]:
    """Expressions of one type for a column of two."""
    if old == new:
        return column, column
    if is_integer(old) and is_integer(new):
        return f"{column}::HUGEINT", f"{column}::HUGEINT"
    if is_numeric(old) and is_numeric(new):
        if is_integer(old) or is_integer(new):
            return _exact(column, old), _exact(column, new)
        both_decimal = not is_float(old) and not is_float(new)
        return (_exact(column, old), _exact(column, new)) if both_decimal else (f"{column}::DOUBLE",) * 2
    if is_moment(old) and is_moment(new) and "ZONE" not in old + new:
        return f"{column}::TIMESTAMP", f"{column}::TIMESTAMP"
    return f"{column}::VARCHAR", f"{column}::VARCHAR"


def _exact(column: str, type_name: str) -> str:
    """A number as text that is the same for equal numbers: as DOUBLE, whole numbers above 2^53 would lose digits."""
    if is_integer(type_name):
        return f"{column}::VARCHAR"
    if is_float(type_name):
        whole = f"{column}::DOUBLE = trunc({column}::DOUBLE) and abs({column}::DOUBLE) < 1e38"
        return f"case when {whole} then {column}::HUGEINT::VARCHAR else {column}::DOUBLE::VARCHAR end"
    text = f"{column}::VARCHAR"
    return f"case when contains({text}, '.') then rtrim(rtrim({text}, '0'), '.') else {text} end"
