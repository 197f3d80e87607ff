"""The installed command, as a user starts it: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXECUTABLE = Path(sys.executable).with_name("mlproj")
# As a user has it: what changes the terminal is not set, nor what makes Python compile our sources at every start.
_UNSET = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in _UNSET} | {"MLPROJ_AUTHOR": "ada"}


@dataclass(frozen=True)
class Outcome:
    """What a finished command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout; anything else there fails the test."""
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        """Codes of the diagnostics, where the answer is those."""
        document = self.json
        assert document["artifact"] == "diagnostics", document
        assert document["version"] == 1
        return [d["code"] for d in document["diagnostics"]]


def mlproj(folder: Path, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Outcome:
    """Run the command on a project's folder. No command may ever show a traceback."""
    done = subprocess.run(
        [EXECUTABLE, "--project-dir", folder, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**ENVIRONMENT, **(env or {})},
        check=False,
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "E699" not in done.stderr + done.stdout, done.stderr + done.stdout
    return Outcome(done.returncode, done.stdout, done.stderr)


def ask(folder: Path, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Outcome:
    """The same, answered as JSON."""
    return mlproj(folder, "--format", "json", *arguments, env=env)


def start(folder: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start the command and return at once; the caller waits for it."""
    return subprocess.Popen(
        [EXECUTABLE, "--project-dir", folder, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=ENVIRONMENT,
        # Whoever runs the tests in the background has Ctrl-C ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
