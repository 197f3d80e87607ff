"""What fingerprints cost: per query beside sqlglot's own lineage helper, and a plan after one edit among many nodes.

python benchmarks/fingerprints.py --n 1000 --runs 5

Seconds are those of the processor (user and system), which other programs on the machine disturb least; wall-clock time
of whole plans stands beside them. The peer finds, column by column, what a query is made from, which is a part of what
a fingerprint needs; it is asked for fewer queries, since it takes so long.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.compiler.semantics import FunctionNames, query_meaning
from mlproj.compiler.semantics.parse import parse
from mlproj.state import Column

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = {
    "entity_id": "BIGINT", "event_ts": "TIMESTAMP", "n_rows": "BIGINT", "amount_sum": "DOUBLE", "amount_avg": "DOUBLE",
    "amount_max": "DOUBLE", "score": "DOUBLE", "bucket": "VARCHAR", "is_active": "BOOLEAN", "rank_in_bucket": "BIGINT",
}  # fmt: skip
_CALL = re.compile(r"\{\{ (?:source|ref)\('(\w+)'[^)]*\) \}\}")


def queries(project: Path) -> Iterator[tuple[str, list[str]]]:
    """SQL of every group with plain names in place of references, and these names."""
    for path in sorted((project / "feature_groups").rglob("*.sql")):
        text = path.read_text(encoding="utf-8")
        yield _CALL.sub(r"\1", text), _CALL.findall(text)


def seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def per_query(project: Path, runs: int) -> dict[str, float]:
    """Milliseconds of the processor for one query: our walk, its parsing alone, and the peer."""
    binder = DuckDBBinder()
    names = FunctionNames(*(binder.functions(kind) for kind in FunctionNames.kinds))
    columns = [Column(name=name, type=kind) for name, kind in COLUMNS.items()]
    found = list(queries(project))

    def ours() -> None:
        for sql, reads in found:
            assert not query_meaning(sql, dict.fromkeys(reads, columns), names, columns).notes

    def parsing() -> None:
        for sql, _reads in found:
            parse(sql)

    few = found[:: max(len(found) // 20, 1)]

    def peer() -> None:
        from sqlglot.lineage import lineage

        for sql, reads in few:
            schema = dict.fromkeys(reads, COLUMNS)
            for column in COLUMNS:
                lineage(column, sql, schema=schema, dialect="duckdb")

    table = {"fingerprints": (ours, len(found)), "of which parsing": (parsing, len(found))}
    table["sqlglot.lineage, column by column"] = (peer, len(few))
    times: dict[str, list[float]] = {name: [] for name in table}
    for _run in range(runs):
        for name, (work, count) in table.items():
            times[name].append(seconds(work) / count * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def plan(project: Path) -> tuple[float, float]:
    """Wall-clock and processor seconds of one `mlproj plan`."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    mlproj = str(Path(sys.executable).with_name("mlproj"))
    subprocess.run([mlproj, "--quiet", "plan"], cwd=project, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def plans(project: Path, runs: int) -> Iterator[tuple[str, tuple[float, float]]]:
    """A first plan, then by turns one where nothing changed and one after an edit of one file."""
    yield "plan, cold", plan(project)
    paths = sorted((project / "feature_groups").rglob("*.sql"))
    for run in range(runs):
        yield "plan, unchanged", plan(project)
        path = paths[len(paths) // 2]
        path.write_text(
            path.read_text(encoding="utf-8").replace("where amount_sum", f"where {run} < n_rows and amount_sum")
        )
        yield "plan, one edit", plan(project)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time fingerprints, and sqlglot's lineage helper beside them.")
    parser.add_argument("--generator", type=Path, default=ROOT / ".." / "shared" / "bench" / "gen_project.py")
    parser.add_argument("--n", type=int, default=1000, help="feature groups in the project")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "project"
        arguments = ["--n", str(options.n), "--seed", "7", "--out", str(project), "--dialect", "mlproj"]
        subprocess.run([sys.executable, str(options.generator), *arguments], check=True, stdout=subprocess.DEVNULL)
        print(f"{options.n} nodes, median of {options.runs}, {os.cpu_count()} cores\n")
        print("| per query | processor |\n|---|---|")
        for name, value in per_query(project, min(options.runs, 3)).items():
            print(f"| {name} | {value:.2f} ms |")
        found: dict[str, list[tuple[float, float]]] = {}
        for name, value in plans(project, options.runs):
            found.setdefault(name, []).append(value)
        print("\n| whole command | wall clock | processor |\n|---|---|---|")
        for name, values in found.items():
            wall, processor = (statistics.median(column) for column in zip(*values, strict=True))
            print(f"| {name} | {wall:.2f} s | {processor:.2f} s |")


if __name__ == "__main__":
    main()
