"""Small tables of few values, with nulls, NaN and duplicates, so that joins meet and groups fill."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Sequence
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
SHUFFLES = 6
_SIZES = (0, 1, 2, 4, 6, 9)


class Data:
    """Many sets of rows for `TABLES` in one engine, each in several orders: set n in order m has number (n, m).

    A query is prepared once and run on many sets: binding it is what takes the time.
    """

    def __init__(self, rng: Random, sets: int) -> None:
        self.rng, self.sets = rng, sets
        self.engine = duckdb.connect(config={"threads": 1})
        self.rows: list[dict[str, list[Row]]] = [
            _rows(rng, (0,) if n == 0 else (1,) if n < 4 else _SIZES) for n in range(sets)
        ]
        self.engine.execute("create table which as select 0 as n")
        for table, columns in TABLES.items():
            body = ", ".join(f'"{n}" {t}' for n, t in columns.items())
            self.engine.execute(f'create table "all {table}" ({body}, "set" integer)')
            rows = [(*row, number) for number, order in self._orders(table) for row in order]
            self.engine.executemany(f'insert into "all {table}" values ({", ".join("?" * (len(columns) + 1))})', rows)
            names = ", ".join(f'"{n}"' for n in columns)
            self.engine.execute(
                f'create view "{table}" as select {names} from "all {table}" where "set" = (select w.n from which as w)'
            )
        self._cached: dict[tuple[str, int], Outcome] = {}
        self._prepared: dict[str, str] = {}

    def _orders(self, table: str) -> Iterator[tuple[int, list[Row]]]:
        for number, rows in enumerate(self.rows):
            yield number * (SHUFFLES + 1), rows[table]
            for order in range(1, SHUFFLES + 1):
                yield number * (SHUFFLES + 1) + order, self.rng.sample(rows[table], len(rows[table]))

    def run(self, sql: str, number: int, order: int = 0) -> Outcome:
        """Rows, or `error: …`."""
        number = number * (SHUFFLES + 1) + order
        if (sql, number) not in self._cached:
            if len(self._cached) > 2000:
                self._forget()
            self._cached[sql, number] = self._run(sql, number)
        return self._cached[sql, number]

    def _run(self, sql: str, number: int) -> Outcome:
        try:
            if sql not in self._prepared:
                name = f"q{len(self._prepared)}"
                self.engine.execute(f"prepare {name} as {sql}")
                self._prepared[sql] = name
            self.engine.execute(f"update which set n = {number}")
            return self.engine.execute(f"execute {self._prepared[sql]}").fetchall()
        except duckdb.Error as error:
            return f"error: {error}"

    def _forget(self) -> None:
        for name in self._prepared.values():
            self.engine.execute(f"deallocate {name}")
        self._cached, self._prepared = {}, {}

    def change_column(self, table: str, column: str) -> None:
        """Other values in one column, in all sets."""
        pool = _VALUES[TABLES[table][column]]
        self._forget()
        count = self.engine.execute(f'select count(*) from "all {table}"').fetchall()[0][0]
        values = [(self.rng.choice(pool), row) for row in range(count)]
        self.engine.executemany(f'update "all {table}" set "{column}" = ? where rowid = ?', values)


def _rows(rng: Random, sizes: Sequence[int]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for table, columns in TABLES.items():
        # Nulls and NaN are rare in half of the tables: where they are everywhere, conditions are hardly ever true.
        pools = [_VALUES[t] if rng.random() < 0.6 else _VALUES[t][:3] for t in columns.values()]
        rows = [tuple(rng.choice(pool) for pool in pools) for _ in range(rng.choice(sizes))]
        if rows and rng.random() < 0.5:
            rows.append(rng.choice(rows))
        found[table] = rows
    return found


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
