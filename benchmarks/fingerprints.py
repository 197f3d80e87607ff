"""What fingerprints cost: per query beside sqlglot's own lineage helper, and a plan after one edit among many nodes.

python benchmarks/fingerprints.py --n 1000 --runs 5 [--built]

Seconds are those of the processor (user and system), the least of all runs, which other programs on the machine disturb
least; wall-clock time of whole plans stands beside them. How long the libraries alone take to import, and a fixed piece
of work, says how fast the machine was. With `--built` the project is built first, so that plans have a state to compare
with. The peer finds, column by column, what a query is made from, which is a part of what
a fingerprint needs; it is asked for fewer queries, since it takes so long.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
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
_LIBRARIES = "click, duckdb, jinja2, pydantic, sqlglot, yaml"
_WORK = "n = 0\nfor i in range(5_000_000): n += i * i % 7"
_CONDITION = re.compile(r"where (?:\d+ < n_rows and )?amount_sum")
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
    return {name: min(values) for name, values in times.items()}


def command(arguments: Sequence[str], folder: Path) -> tuple[float, float]:
    """Wall-clock and processor seconds of a program, whose byte code is kept as that of an installed package is."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(arguments, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def plans(project: Path, runs: int, *, built: bool) -> Iterator[tuple[str, tuple[float, float]]]:
    """Cold plans, then by turns one where nothing changed and one after an edit of one file."""
    mlproj = [str(Path(sys.executable).with_name("mlproj")), "--quiet"]
    command([*mlproj, "build" if built else "plan"], project)
    for _run in range(min(runs, 3)):
        shutil.rmtree(project / "target")
        yield "plan, cold", command([*mlproj, "plan"], project)
    paths = sorted((project / "feature_groups").rglob("*.sql"))
    path = paths[len(paths) // 2]
    for run in range(runs):
        yield "a fixed piece of work", command([sys.executable, "-c", _WORK], project)
        yield "importing the libraries", command([sys.executable, "-c", f"import {_LIBRARIES}"], project)
        yield "plan, unchanged", command([*mlproj, "plan"], project)
        edited = _CONDITION.sub(f"where {run} < n_rows and amount_sum", path.read_text(encoding="utf-8"))
        assert edited != path.read_text(encoding="utf-8")
        path.write_text(edited, encoding="utf-8")
        yield "plan, one edit", command([*mlproj, "plan"], project)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time fingerprints, and sqlglot's lineage helper beside them.")
    parser.add_argument("--generator", type=Path, default=ROOT / ".." / "shared" / "bench" / "gen_project.py")
    parser.add_argument("--n", type=int, default=1000, help="feature groups in the project")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--built", action="store_true", help="plan against what was built of it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "project"
        arguments = ["--n", str(options.n), "--seed", "7", "--out", str(project), "--dialect", "mlproj"]
        subprocess.run([sys.executable, str(options.generator), *arguments], check=True, stdout=subprocess.DEVNULL)
        print(f"{options.n} nodes, least of {options.runs}, {os.cpu_count()} cores\n")
        print("| per query | processor |\n|---|---|")
        for name, value in per_query(project, min(options.runs, 3)).items():
            print(f"| {name} | {value:.2f} ms |")
        found: dict[str, list[tuple[float, float]]] = {}
        for name, value in plans(project, options.runs, built=options.built):
            found.setdefault(name, []).append(value)
        print("\n| whole command | wall clock | processor |\n|---|---|---|")
        for name, values in found.items():
            wall, processor = (min(column) for column in zip(*values, strict=True))
            print(f"| {name} | {wall:.2f} s | {processor:.2f} s |")


if __name__ == "__main__":
    main()
