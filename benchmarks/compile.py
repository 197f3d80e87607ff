"""Compile, plan and build a synthetic project, as whole processes; with `--dbt`, dbt-core on the same graph beside it.

python benchmarks/compile.py --n 1000 --runs 3 --dbt

mlproj and dbt take turns, run by run, so that a busy machine is busy for both; the table shows medians and ratios.
dbt-core and dbt-duckdb are installed once, in a virtual environment of their own under `--peer-venv`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEER_REQUIREMENTS = ("dbt-core>=1.11,<1.12", "dbt-duckdb>=1.10,<1.11", "duckdb==1.5.5")
Timing = tuple[str, float]
BREAKING = 4  # mlproj's exit code


def timed(command: list[str], folder: Path, log: Path, code: int = 0) -> float:
    """Seconds of one process that ends with `code`; another ends the benchmark with the process's own words."""
    environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_PROFILES_DIR": str(folder)}
    with log.open("w", encoding="utf-8") as output:
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
        seconds = time.perf_counter() - start
    if done.returncode != code:
        sys.exit(f"{' '.join(command)} exited {done.returncode}:\n{log.read_text(encoding='utf-8')[-4000:]}")
    return seconds


def remove(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def edit(folder: Path) -> None:
    """One more condition in the query of one node in the middle of the graph, as any day would have it."""
    paths = sorted(path for path in folder.glob("*/**/*.sql") if "target" not in path.parts)
    path = next(path for path in paths[len(paths) // 2 :] if "where amount_sum" in path.read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("where amount_sum", "where n_rows > 0 and amount_sum", 1), encoding="utf-8")


def mlproj_run(folder: Path, log: Path) -> Iterator[Timing]:
    mlproj = str(Path(sys.executable).with_name("mlproj"))
    remove(folder, "target", ".mlproj")
    yield "plan, cold", timed([mlproj, "--quiet", "plan"], folder, log)
    yield "plan, unchanged", timed([mlproj, "--quiet", "plan"], folder, log)
    edit(folder)
    yield "plan, one edit", timed([mlproj, "--quiet", "plan"], folder, log)
    yield "build", timed([mlproj, "--quiet", "build"], folder, log)
    yield "plan, after build", timed([mlproj, "--quiet", "plan"], folder, log)
    edit(folder)
    # What is published means something else now: a breaking change, and the plan says so.
    yield "plan, one edit after build", timed([mlproj, "--quiet", "plan"], folder, log, code=BREAKING)


def dbt_run(dbt: Path, folder: Path, log: Path) -> Iterator[Timing]:
    remove(folder, "target", "synth.duckdb")
    # The raw tables are the peer's input, as the CSV files are ours: not timed.
    script = "import duckdb, sys; duckdb.connect('synth.duckdb').execute(open('raw_setup.sql').read())"
    timed([str(dbt.with_name("python")), "-c", script], folder, log)
    quiet = [str(dbt), "--quiet", "--no-version-check"]
    yield "plan, cold", timed([*quiet, "parse"], folder, log)
    yield "plan, unchanged", timed([*quiet, "parse"], folder, log)
    edit(folder)
    yield "plan, one edit", timed([*quiet, "parse"], folder, log)
    yield "build", timed([*quiet, "run", "--threads", "2"], folder, log)
    yield "plan, after build", timed([*quiet, "parse"], folder, log)
    edit(folder)
    yield "plan, one edit after build", timed([*quiet, "parse"], folder, log)


def generate(generator: Path, dialect: str, options: argparse.Namespace, folder: Path) -> None:
    arguments = ["--n", str(options.n), "--seed", str(options.seed), "--out", str(folder), "--dialect", dialect]
    subprocess.run([sys.executable, str(generator), *arguments], check=True, stdout=subprocess.DEVNULL)


def peer(folder: Path) -> Path:
    """The dbt command of the environment at `folder`, which is made where it is missing."""
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    if not (scripts / "dbt").exists():
        print(f"installing {', '.join(PEER_REQUIREMENTS)} in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(scripts / "python"), "-m", "pip", "install", "--quiet", *PEER_REQUIREMENTS], check=True)
    return scripts / "dbt"


def measure(tools: dict[str, Callable[[], Iterator[Timing]]], runs: int) -> dict[str, dict[str, list[float]]]:
    """Step → tool → seconds of each run, the tools taking turns."""
    seconds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in range(runs):
        for tool, steps in tools.items():
            for step, value in steps():
                seconds[step][tool].append(value)
                print(f"run {run + 1}/{runs}  {tool:<8}{step:<28}{value:7.2f} s", file=sys.stderr)
    return seconds


def table(seconds: dict[str, dict[str, list[float]]], tools: list[str]) -> str:
    """Markdown: a row per step, medians per tool, and how many times longer the last tool takes than the first."""
    header = ["", *tools] + ([f"{tools[-1]} / {tools[0]}"] if len(tools) > 1 else [])
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for step, by_tool in seconds.items():
        medians = [statistics.median(by_tool[tool]) for tool in tools]
        cells = [step, *(f"{value:.2f} s" for value in medians)]
        lines.append("| " + " | ".join(cells + ([f"{medians[-1] / medians[0]:.1f}"] if len(tools) > 1 else [])) + " |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time mlproj, and dbt beside it, on a synthetic project.")
    parser.add_argument("--generator", type=Path, default=ROOT / ".." / "shared" / "bench" / "gen_project.py")
    parser.add_argument("--n", type=int, default=1000, help="feature groups (dbt: models) in the project")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dbt", action="store_true", help="run dbt-core beside mlproj, in alternation")
    parser.add_argument("--only-dbt", action="store_true", help="run dbt-core alone")
    parser.add_argument(
        "--peer-venv", type=Path, default=ROOT / ".venv-dbt", help="where dbt is, or will be, installed"
    )
    options = parser.parse_args()
    if not options.generator.exists():
        parser.error(f"there is no generator at {options.generator}; name one with --generator")
    return options


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        tools: dict[str, Callable[[], Iterator[Timing]]] = {}
        if not options.only_dbt:
            generate(options.generator, "mlproj", options, work / "mlproj")
            tools["mlproj"] = lambda: mlproj_run(work / "mlproj", work / "mlproj.log")
        if options.dbt or options.only_dbt:
            dbt = peer(options.peer_venv.absolute())
            generate(options.generator, "dbt", options, work / "dbt")
            tools["dbt"] = lambda: dbt_run(dbt, work / "dbt", work / "dbt.log")
        seconds = measure(tools, options.runs)
    print(f"\n{options.n} nodes, median of {options.runs}, {os.cpu_count()} cores\n")
    print("For dbt, plan is `parse` and build is `run` (without tests, which mlproj's build includes).\n")
    print(table(seconds, list(tools)))


if __name__ == "__main__":
    main()
