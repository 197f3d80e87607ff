"""What a command does not import, it does not wait for (docs/architecture.md)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.command import ENVIRONMENT, EXECUTABLE, ask

HEAVY = {"pandas", "sklearn", "xgboost", "skops", "scipy", "fastapi", "pyarrow"}
COMPILING = {"duckdb", "sqlglot", "sqlalchemy", "alembic", "jinja2", "pydantic", "rich"}
RECORDER = """\
import atexit, os, sys
if os.path.basename(sys.argv[0] if sys.argv else "") != "-c":
    def tell():
        with open(os.environ["MODULES_FILE"], "a") as file:
            file.write(" ".join(sorted({name.partition(".")[0] for name in sys.modules})) + "\\n")
    atexit.register(tell)
"""


def _imported(folder: Path, tmp_path: Path, *arguments: str) -> set[str]:
    """Top-level modules of the command's own process when it ends; of its children only the command itself tells."""
    hook, said = tmp_path / "hook", tmp_path / "modules.txt"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(RECORDER, encoding="utf-8")
    said.unlink(missing_ok=True)
    path = os.pathsep.join([str(hook), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, EXECUTABLE, "--project-dir", folder, *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT | {"PYTHONPATH": path, "MODULES_FILE": str(said)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # Children that find something out end before the command does.
    modules = set(said.read_text(encoding="utf-8").splitlines()[-1].split())
    assert {"mlproj", "click"} <= modules
    return modules


def test_help_imports_nothing_but_click(tmp_path: Path) -> None:
    assert not _imported(tmp_path, tmp_path, "--help") & (HEAVY | COMPILING | {"numpy", "yaml"})


def test_plan_never_imports_what_trains(example: Path, tmp_path: Path) -> None:
    """Cold: it compiles the project, and looks at estimators in a child process."""
    cold = _imported(example, tmp_path, "plan")

    assert "duckdb" in cold, "the type checker; without it this test would look at nothing"
    assert not cold & HEAVY
    assert not _imported(example, tmp_path, "plan", "--full-refresh") & HEAVY


def test_an_unchanged_plan_imports_hardly_anything(built_example: Path, tmp_path: Path) -> None:
    assert ask(built_example, "plan").json["changes"] == []

    assert not _imported(built_example, tmp_path, "plan") & (HEAVY | COMPILING)
