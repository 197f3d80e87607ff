"""Merging 1 % into an incremental group, beside a full refresh of it, in one run.

python benchmarks/incremental.py --rows 5000000 --runs 3

The source is a folder of Parquet files. Half of the 1 % are new rows, half are rows that stand, with other values; a
batch comes as one small file, as it does where data arrives. Each run merges and refreshes by turns, so that a busy
machine is busy for both, and both end with the same rows, which is checked.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from mlproj.project import Project

FILES = {
    "mlproj.yml": "name: events\n",
    "events.yml": """\
sources:
  - {name: events, path: data/*.parquet, format: parquet}
feature_groups:
  - name: events
    primary_key: [id]
    materialized: incremental
    watermark: noted
    lookback: 1 hour
    features:
      - {name: id, type: BIGINT, tests: [not_null]}
""",
    "events.v1.sql": "select * from {{ source('events') }}\n",
}
# One second between two rows, so that the lookback holds 3,600 of those that stand.
ROWS = """
select i as id, timestamp '2026-01-01' + to_seconds({shift} + i) as noted, i % 20000 as customer, i * 7919 % 99 as shop,
    hash(i + {shift}) % 50000 / 100 as amount, hash(i - {shift}) % 1000000 / 1000000 as score, i % 3 = 0 as online,
    'reference ' || (i * 31 % 100000) as reference, i % 7 as kind, hash(i * 3) % 10000 / 100 as weight
from range({start}, {end}) as r(i) where {those}
"""
EVERY = 200


def write(path: Path, start: int, end: int, shift: int = 0, those: str = "true") -> None:
    import duckdb

    path.parent.mkdir(exist_ok=True)
    query = ROWS.format(start=start, end=end, shift=shift, those=those)
    duckdb.connect().execute(f"copy ({query}) to '{path}' (format parquet)")


Seconds = tuple[float, float]  # by the clock, and of the processor


def build(root: Path, **options: Any) -> tuple[Seconds, str]:
    """Seconds of a build, planning included, and the digest of the rows."""
    with Project(root) as project:
        started, processor = time.perf_counter(), time.process_time()
        results = project.build(**options)
        seconds = time.perf_counter() - started, time.process_time() - processor
        assert results.status == "ok", results
        return seconds, project.state().published["feature_group:events@1"].digest or ""


def measure(root: Path, rows: int, runs: int) -> dict[str, list[Seconds]]:
    found: dict[str, list[Seconds]] = defaultdict(list)
    half, end = rows // 200, rows
    write(root / "data" / "first.parquet", 0, rows - half)
    write(root / "data" / "last.parquet", rows - half, rows)
    build(root)
    for _ in range(runs):
        # The last rows come again with other values and a later time, and as many new ones after them.
        write(root / "data" / "last.parquet", end - half, end + half, shift=half)
        seconds, merged = build(root)
        found["merge"].append(seconds)
        seconds, refreshed = build(root, full_refresh=True)
        found["full refresh"].append(seconds)
        assert merged == refreshed
        # Next time the rows that came now are those that stand.
        write(root / "data" / f"part{end}.parquet", end - half, end, shift=half)
        write(root / "data" / "last.parquet", end, end + half, shift=half)
        end += half
        build(root)
    return found


def measure_scattered(root: Path, rows: int, runs: int) -> dict[str, list[Seconds]]:
    found: dict[str, list[Seconds]] = defaultdict(list)
    write(root / "data" / "first.parquet", 0, rows, those=f"i % {EVERY} >= {runs}")
    for run in range(runs):
        write(root / "data" / f"every{run}.parquet", 0, rows, those=f"i % {EVERY} = {run}")
    build(root)
    for run in range(runs):
        # Every run's times come after those of all runs before, so that none of its rows lies before the watermark.
        later, new = 2 * rows * (run + 1), rows + run * (rows // EVERY)
        write(root / "data" / f"every{run}.parquet", 0, rows, shift=later, those=f"i % {EVERY} = {run}")
        write(root / "data" / f"new{run}.parquet", new, new + rows // EVERY, shift=later)
        seconds, merged = build(root)
        found["merge"].append(seconds)
        seconds, refreshed = build(root, full_refresh=True)
        found["full refresh"].append(seconds)
        assert merged == refreshed
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scattered", action="store_true", help="what changes lies all over the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in FILES.items():
            (root / name).write_text(text, encoding="utf-8")
        found = (measure_scattered if options.scattered else measure)(root, options.rows, options.runs)
    for kind, what in enumerate(("by the clock", "of the processor")):
        medians = {name: statistics.median(s[kind] for s in seconds) for name, seconds in found.items()}
        for name, seconds in found.items():
            print(f"{name:<14} {medians[name]:7.2f} s   {', '.join(f'{s[kind]:.2f}' for s in seconds)}   {what}")
        print(f"ratio          {medians['merge'] / medians['full refresh']:7.3f}")


if __name__ == "__main__":
    main()
