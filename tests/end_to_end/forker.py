"""Runs commands in forked children, so that a child starts in milliseconds, and kills them where it is told to.

A program of its own: it imports what a build needs and opens nothing. Commands are lines of JSON on stdin, answers are
lines of JSON on stdout.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import mlproj

_HEAVY = ("_strptime", "duckdb", "pyarrow.compute", "sqlalchemy.dialects.sqlite", "alembic.command", "sqlglot")
_SHOWN = {"a": "lines_v1", "b": "even_v1", "c": "totals_v1"}


def build(root: Path, command: dict[str, Any]) -> Any:
    """Build or retry; `die` is a method (module, class, name) and whether to be killed before or after it."""
    from mlproj.project import Project

    if "die" in command:
        _die_at(*command["die"])
    with Project(root) as project:
        results = project.retry() if command["do"] == "retry" else project.build()
        return {"status": results.status, "steps": len(results.results), **_look(project)}


def _die_at(module: str, owner: str, name: str, side: str) -> None:
    where = getattr(import_module(module), owner)
    whole = getattr(where, name)

    def dying(*arguments: Any, **options: Any) -> Any:
        if side == "after":
            whole(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(where, name, dying)


def look(root: Path, _command: dict[str, Any]) -> Any:
    from mlproj.project import Project

    with Project(root) as project:
        return _look(project)


def plan(root: Path, _command: dict[str, Any]) -> Any:
    from mlproj.project import Project

    with Project(root) as project:
        return [change.node for change in project.plan().changes]


def _look(project: Any) -> dict[str, Any]:
    """What consumers' views show, (rows, lowest and highest generation) of each; then what mlproj says."""
    project.session.lake.relation("")
    rows = project.session.engine.rows
    shown = [f"select '{n}', count(*), min(gen), max(gen) from lake.dev.{view}" for n, view in _SHOWN.items()]
    found = {name: rest for name, *rest in rows(" union all ".join(shown))}
    state = project.state()
    return {
        "shown": found,
        "total": rows("select max(n) from lake.dev.totals_v1")[0][0],
        "said": {n.partition(":")[2]: p.rows for n, p in state.published.items() if p.rows is not None},
        "dataset": state.training_datasets["feature_view:lines@1"].number,
        "commits": [m.partition(" ")[0] for _n, _at, _who, m in project.session.lake.commits() if m],
    }


def run(root: Path, command: dict[str, Any]) -> dict[str, Any]:
    """The answer of a child, or that it was killed: `kill_after` seconds, or where it killed itself."""
    work: Callable[[Path, dict[str, Any]], Any] = {"look": look, "plan": plan}.get(command["do"], build)
    reading, writing = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            answer = {"answer": work(root, command)}
        except BaseException as error:  # noqa: BLE001  (whatever it is, the test is to see it)
            answer = {"error": f"{type(error).__name__}: {error}"}
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    if "kill_after" in command:
        time.sleep(command["kill_after"])
        os.kill(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    seconds = time.monotonic() - started
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    if os.WIFSIGNALED(status) and not text:
        return {"killed": True, "seconds": seconds}
    return {"killed": False, "seconds": seconds, **json.loads(text)}


def main(root: Path) -> None:
    for name in _HEAVY:
        import_module(name)
    for module in walk_packages(mlproj.__path__, "mlproj."):
        if "template" not in module.name and "migrations" not in module.name and "trainer" not in module.name:
            import_module(module.name)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(root, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
