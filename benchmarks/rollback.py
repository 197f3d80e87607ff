"""Rolling back a change of few rows among many, beside writing all rows anew: time and bytes written.

.venv/bin/python benchmarks/rollback.py --rows 1000000 --changed 100
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DuckLake
from mlproj.adapters.ducklake_history import DuckLakeHistory
from mlproj.ports import CommitInfo, Merge, TableWrite

INFO = CommitInfo("benchmark", "rows", "{}")
COLUMNS = ", ".join(f"hash(range * {i}) % 1000 / 7.0 as f{i}" for i in range(1, 9))


def rows(count: int, every: int | None = None) -> str:
    """Twelve columns; with `every`, one row of so many has another age."""
    age = "range % 50" if every is None else f"case when range % {every} = 0 then -1 else range % 50 end"
    more = f"'city ' || (range % 100) as city, {age} as age, nullif(range % 10, 0) as ten"
    return f"select range as id, {COLUMNS}, {more} from range({count})"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--changed", type=int, default=100, help="one row of so many is changed")
    options.add_argument("--runs", type=int, default=3)
    asked = options.parse_args()
    print("| | seconds | MB written |\n|---|---|---|")
    for name, work in (("rollback", back), ("all rows anew", anew)):
        found = sorted(measured(asked.rows, asked.changed, work) for _ in range(asked.runs))
        seconds, size = found[len(found) // 2]
        print(f"| {name} | {seconds:.2f} | {size / 1e6:.2f} |")


def measured(
    count: int, every: int, work: Callable[[DuckDBEngine, DuckLake, DuckLakeHistory, int], object]
) -> tuple[float, int]:
    """Seconds, and bytes of the files that were written."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        engine = DuckDBEngine()
        lake = DuckLake(engine, "sqlite:catalog.sqlite", "data", root)
        first = lake.write([TableWrite("t", rows(count))], INFO)
        # As a build writes: only the keys that differ.
        merge = Merge(f"select range as k0 from range({count}) where range % {every} = 0", ("id",), first)
        lake.write([TableWrite("t", rows(count, every), merge=merge)], INFO)
        before = set(root.rglob("*.parquet"))
        started = time.perf_counter()
        work(engine, lake, DuckLakeHistory(engine, lake), first)
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in root.rglob("*.parquet") if path not in before)
        engine.close()
        return seconds, size


def back(_engine: DuckDBEngine, _lake: DuckLake, history: DuckLakeHistory, commit: int) -> object:
    return history.restore("t", commit, INFO)


def anew(engine: DuckDBEngine, lake: DuckLake, _history: DuckLakeHistory, commit: int) -> object:
    # Through memory: within a transaction that deleted them, rows of old commits are gone too.
    engine.create_table("old", f"select * from {lake.relation('t', commit)}")
    return lake.write([TableWrite("t", "from old")], INFO)


if __name__ == "__main__":
    main()
