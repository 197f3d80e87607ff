"""Split and scale a table into a training dataset, beside one DuckDB query written by hand for the same.

python benchmarks/training_data.py --rows 5000000 --columns 20 --runs 3

Both start from the same published feature group and end with Parquet on disk, in total order by key: the split by a
hash of the key, and min-max scaled columns with the minimum and maximum of the training split. Every run is a process
of its own, in turns, so that a busy machine is busy for both; the table shows medians of seconds, of processor seconds,
and the peak of memory. mlproj also takes digests, statistics and a commit, which the query by hand does not. Its engine
is held to `--memory`; the process needs about 350 MB more.
"""

from __future__ import annotations

import argparse
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


def by_hand(folder: Path, columns: int, seed: int) -> None:
    """The query that somebody would write, over the Parquet files of the group."""
    files = [str(p) for p in (folder / ".mlproj" / "lake").rglob("*.parquet") if "numbers" in str(p)]
    names = [f"x{i}" for i in range(columns)]
    split = (
        f"case when ('0x' || substr(md5('{seed}' || to_json([id::VARCHAR])::VARCHAR), 1, 13))::UBIGINT "
        "/ 4503599627370496.0 < 0.2 then 'test' else 'training' end"
    )
    bounds = ", ".join(f"min({n}) as {n}_min, max({n}) as {n}_max" for n in names)
    scaled = ", ".join(f"({n} - {n}_min) / ({n}_max - {n}_min) as {n}" for n in names)
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (with rows as (select *, {split} as split from read_parquet({files})), "
            f"fitted as (select {bounds} from rows where split = 'training') "
            f"select id, {scaled}, split from rows, fitted order by id) to '{folder / 'by_hand.parquet'}'"
        )


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
    parser.add_argument("--by-hand", type=int, metavar="SEED", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.by_hand is not None:
        by_hand(Path.cwd(), options.columns, options.by_hand)
        return
    measured: dict[str, list[dict[str, Any]]] = {"mlproj": [], "by hand": []}
    with tempfile.TemporaryDirectory(prefix="mlproj-training-data-") as name:
        folder = Path(name)
        project(folder, options.rows, options.columns, options.memory)
        for seed in range(options.runs):
            view(folder, options.columns, seed)
            measured["mlproj"].append(run([str(MLPROJ), "build"], folder))
            hand = [sys.executable, str(Path(__file__).resolve()), "--by-hand", str(seed)]
            measured["by hand"].append(run([*hand, "--columns", str(options.columns)], folder))
    medians = {who: {k: statistics.median(r[k] for r in runs) for k in runs[0]} for who, runs in measured.items()}
    print(f"{options.rows:,} rows × {options.columns} columns, median of {options.runs}")
    for key in ("seconds", "processor", "peak MB"):
        ours, theirs = medians["mlproj"][key], medians["by hand"][key]
        print(f"{key:<10} mlproj {ours:9.2f}   by hand {theirs:9.2f}   × {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
