"""Split and scale a table into a training dataset, beside DuckDB's SQL written by hand for the same.

python benchmarks/training_data.py --rows 5000000 --columns 20 --runs 3

Both start from the same published feature group and end with Parquet on disk, in total order by key: the split by a
hash of the key, and min-max scaled columns with the minimum and maximum of the training split. Every run is a process
of its own, in turns, so that a busy machine is busy for all; the table shows medians of seconds, of processor seconds,
and the peak of memory. The bare query does nothing else. The same work by hand also checks the key, and takes what
mlproj takes: statistics, quantiles and bars of every column and split, what these say of the scaled columns, and a
digest of every column in key order. mlproj makes a commit of it besides. Its engine is held to `--memory`, the process
needs about 350 MB more; what is written by hand may take all there is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

MLPROJ = Path(sys.executable).parent / "mlproj"
GROUP = "select id, {columns} from {{{{ source('numbers') }}}}"


def project(folder: Path, rows: int, columns: int, memory: str) -> None:
    """A group of `columns` doubles and a view that scales them; the group is built."""
    names = [f"x{i}" for i in range(columns)]
    values = ", ".join(f"random() * {i + 1} as {name}" for i, name in enumerate(names))
    with duckdb.connect() as connection:
        connection.execute("select setseed(0.5)")
        connection.execute(f"copy (select range as id, {values} from range({rows})) to '{folder / 'numbers.parquet'}'")
    (folder / "mlproj.yml").write_text(f"name: numbers\ntargets:\n  dev: {{memory: {memory}}}\n", encoding="utf-8")
    (folder / "numbers.v1.sql").write_text(GROUP.format(columns=", ".join(names)), encoding="utf-8")
    document = {
        "sources": [{"name": "numbers", "path": "numbers.parquet", "format": "parquet"}],
        "feature_groups": [{"name": "numbers", "primary_key": ["id"]}],
    }
    (folder / "numbers.yml").write_text(json.dumps(document), encoding="utf-8")
    subprocess.run([MLPROJ, "build"], cwd=folder, check=True, capture_output=True)


def view(folder: Path, columns: int, seed: int) -> None:
    """Another seed is another training dataset."""
    names = [f"x{i}" for i in range(columns)]
    document = {
        "feature_views": [
            {
                "name": "scaled",
                "base": "numbers@1",
                "features": names,
                "transformations": dict.fromkeys(names, "min_max_scaler"),
                "split": {"test": 0.2, "seed": seed},
            }
        ]
    }
    (folder / "scaled.yml").write_text(json.dumps(document), encoding="utf-8")


def table_of(folder: Path) -> str:
    """The Parquet files of the group, for SQL by hand."""
    return f"read_parquet({[str(p) for p in (folder / '.mlproj' / 'lake').rglob('*.parquet') if 'numbers' in str(p)]})"


def bare_query(folder: Path, columns: int, seed: int) -> None:
    """The query that somebody would write, and nothing else."""
    names = [f"x{i}" for i in range(columns)]
    split = (
        f"case when ('0x' || substr(md5('{seed}' || to_json([id::VARCHAR])::VARCHAR), 1, 13))::UBIGINT "
        "/ 4503599627370496.0 < 0.2 then 'test' else 'training' end"
    )
    bounds = ", ".join(f"min({n}) as {n}_min, max({n}) as {n}_max" for n in names)
    scaled = ", ".join(f"({n} - {n}_min) / ({n}_max - {n}_min) as {n}" for n in names)
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (with rows as (select *, {split} as split from {table_of(folder)}), "
            f"fitted as (select {bounds} from rows where split = 'training') "
            f"select id, {scaled}, split from rows, fitted order by id) to '{folder / 'by_hand.parquet'}'"
        )


def same_work(folder: Path, columns: int, seed: int) -> None:
    """All that mlproj finds out, in as few looks as SQL can: what holds of scaled columns follows from the raw ones."""
    names, table, out = [f"x{i}" for i in range(columns)], table_of(folder), folder / "same_work.parquet"
    # A fifth of all hashes is below: in digits that is compared without making a number of them.
    split = (
        f"case when md5('{seed}' || to_json([id::VARCHAR])::VARCHAR) < '3333333333334' then 'test' else 'training' end"
    )
    measures = ", ".join(
        f"count({n}), count(*) - count({n}), approx_count_distinct({n}), min({n}), max({n}), avg({n}), stddev_pop({n})"
        for n in names
    )
    quantiles = ", ".join(f"quantile_cont({n}, [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])" for n in names)
    with duckdb.connect() as connection:
        rows = f"(select *, {split} as split from {table})"
        query = f"select split, {measures} from {rows} group by 1"
        found = {row[0]: row[1:] for row in connection.execute(query).fetchall()}
        total, repeated = connection.execute(
            f"select count(*), count(id) - count(distinct id) from {table}"
        ).fetchall()[0]
        assert not repeated
        some = f"select * from {table} where hash(id) % {max(total // 100_000, 1)} = 0"
        connection.execute(f"create table sample as select *, {split} as split from ({some})")
        places = connection.execute(f"select split, {quantiles} from sample group by 1").fetchall()
        ends = {r[0]: [(q[0], q[-1]) for q in r[1:]] for r in places}["training"]
        bars = ", ".join(
            f"histogram({n}, {[low + (high - low) * (i + 1) / 20 for i in range(20)]}::DOUBLE[])"
            for n, (low, high) in zip(names, ends, strict=True)
        )
        connection.execute(f"select split, {bars} from sample group by 1").fetchall()
        fitted = [found["training"][7 * i + 3 : 7 * i + 5] for i in range(columns)]
        scaled = ", ".join(
            f"({n} - {low:.17e}) / {high - low:.17e} as {n}" for n, (low, high) in zip(names, fitted, strict=True)
        )
        connection.execute(f"copy (select id, {scaled}, split from {rows} order by id) to '{out}'")
        for name in ("id", *names, "split"):
            column = connection.execute(f"select {name} from read_parquet('{out}')").to_arrow_table().column(0)
            digest = hashlib.blake2b(digest_size=16)
            for chunk in column.chunks:
                for buffer in chunk.buffers():
                    digest.update(buffer or b"")


BY_HAND = {"bare query": bare_query, "same work": same_work}


def run(command: list[str], folder: Path) -> dict[str, float]:
    """Seconds, processor seconds and peak MB of a process."""
    start = time.perf_counter()
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        _pid, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit((folder / "log.txt").read_text()[-2000:])
    scale = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": time.perf_counter() - start,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak MB": usage.ru_maxrss * scale / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory", default="330MB")
    parser.add_argument("--by-hand", choices=BY_HAND, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.by_hand is not None:
        BY_HAND[options.by_hand](Path.cwd(), options.columns, options.seed)
        return
    measured: dict[str, list[dict[str, Any]]] = {who: [] for who in ("mlproj", *BY_HAND)}
    with tempfile.TemporaryDirectory(prefix="mlproj-training-data-") as name:
        folder = Path(name)
        project(folder, options.rows, options.columns, options.memory)
        for seed in range(options.runs):
            view(folder, options.columns, seed)
            measured["mlproj"].append(run([str(MLPROJ), "build"], folder))
            for who in BY_HAND:
                hand = [sys.executable, str(Path(__file__).resolve()), "--by-hand", who, "--seed", str(seed)]
                measured[who].append(run([*hand, "--columns", str(options.columns)], folder))
    medians = {who: {k: statistics.median(r[k] for r in runs) for k in runs[0]} for who, runs in measured.items()}
    print(f"{options.rows:,} rows × {options.columns} columns, median of {options.runs}")
    for key in ("seconds", "processor", "peak MB"):
        shown = f"{key:<10} mlproj {medians['mlproj'][key]:9.2f}"
        for who in BY_HAND:
            shown += f"   {who} {medians[who][key]:9.2f}  × {medians['mlproj'][key] / medians[who][key]:.2f}"
        print(shown)


if __name__ == "__main__":
    main()
