"""Small tables of few values, with nulls, NaN and duplicates, so that joins meet and groups fill."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

import duckdb

from tests.property.sql.queries import TABLES

Row = tuple[Any, ...]
Outcome = list[Row] | str
_VALUES: dict[str, tuple[Any, ...]] = {
    "BIGINT": (0, 1, 2, 3, -1, 3_000_000_000, None), "INTEGER": (0, 1, 2, 3, -1, None),
    "DOUBLE": (0.0, 1.0, 1.5, 2.5, -1.0, math.nan, math.inf, None),
    "DECIMAL(10,2)": (Decimal("0.00"), Decimal("1.00"), Decimal("1.50"), Decimal("2.55"), None),
    "VARCHAR": ("a", "A", "b", "", "1", "ab", "aa", None), "BOOLEAN": (True, False, None),
    "DATE": (dt.date(2026, 1, 1), dt.date(2026, 1, 31), dt.date(2025, 12, 31), None),
    "TIMESTAMP": ("2026-01-01 00:00:00", "2026-01-02 12:30:00", "2026-01-01 00:00:01", None),
    "BIGINT[]": ([], [1], [1, 2], [2, None], [2, 2, 1], None),
    "STRUCT(x INTEGER, y VARCHAR)": ({"x": 1, "y": "a"}, {"x": None, "y": "b"}, {"x": 0, "y": None}, None),
}  # fmt: skip


class Tables:
    """The tables of `TABLES` with random rows; `shuffled` gives the same rows in another order."""

    def __init__(self, rows: dict[str, list[Row]]) -> None:
        self.rows = rows
        self.connection = duckdb.connect(config={"threads": 1})
        for table, columns in TABLES.items():
            body = ", ".join(f'"{n}" {t}' for n, t in columns.items())
            self.connection.execute(f'create table "{table}" ({body})')
            if rows[table]:
                self.connection.executemany(
                    f'insert into "{table}" values ({", ".join("?" * len(columns))})', rows[table]
                )

    def run(self, sql: str) -> Outcome:
        """Rows, or `error: …`."""
        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            return f"error: {error}"

    def shuffled(self, rng: Random) -> Tables:
        return Tables({table: rng.sample(rows, len(rows)) for table, rows in self.rows.items()})

    def with_other(self, table: str, column: str, rng: Random) -> Tables:
        """Other values in one column."""
        index = list(TABLES[table]).index(column)
        pool = _VALUES[TABLES[table][column]]
        changed = [(*row[:index], rng.choice(pool), *row[index + 1 :]) for row in self.rows[table]]
        return Tables({**self.rows, table: changed})


def random_tables(rng: Random, sizes: Sequence[int] = (0, 1, 2, 4, 6, 9)) -> Tables:
    rows: dict[str, list[Row]] = {}
    for table, columns in TABLES.items():
        # Nulls and NaN are rare in half of the tables: where they are everywhere, conditions are hardly ever true.
        pools = [_VALUES[t] if rng.random() < 0.6 else _VALUES[t][:3] for t in columns.values()]
        found = [tuple(rng.choice(pool) for pool in pools) for _ in range(rng.choice(sizes))]
        if found and rng.random() < 0.5:
            found.append(rng.choice(found))
        rows[table] = found
    return Tables(rows)


def plain(value: Any) -> Any:
    """Equal values, equal keys: 1, 1.0 and Decimal('1') are one; NaN is itself; rounding of sums is not told apart."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float | Decimal | int):
        number = float(value)
        return "nan" if math.isnan(number) else f"{number + 0.0:.9g}"
    if isinstance(value, list | tuple):
        return tuple(plain(v) for v in value)
    if isinstance(value, dict):
        return tuple((k, plain(v)) for k, v in value.items())
    return (type(value).__name__, str(value))


def multiset(rows: Sequence[Row], columns: Sequence[int]) -> Counter[Any]:
    return Counter(tuple(plain(row[i]) for i in columns) for row in rows)
