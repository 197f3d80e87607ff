"""What golden tests share: how a project is compiled, and how an expected text is compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlproj.compiler import Manifest
from mlproj.diagnostics import Diagnostic, ProjectError
from tests.compilation import compile_folder

# Expected texts name mlproj's version, and must outlive the next release.
VERSION = "0.1.0"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Path], Manifest]:
    """Load and compile a project; its environment is `environment.json` beside its folder, or empty."""
    monkeypatch.setattr("mlproj.__version__", VERSION)

    def _compiled(project: Path) -> Manifest:
        variables = project.parent / "environment.json"
        environment = json.loads(variables.read_bytes()) if variables.is_file() else {}
        return compile_folder(project, tmp_path / "cache", environment)

    return _compiled


@pytest.fixture
def diagnose(compiled: Callable[[Path], Manifest]) -> Callable[[Path], list[Diagnostic]]:
    """Everything that is said of a project, warnings included, in the order of the report."""

    def _diagnose(project: Path) -> list[Diagnostic]:
        try:
            return list(compiled(project).warnings)
        except ProjectError as error:
            return error.diagnostics

    return _diagnose


@pytest.fixture
def expect(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with the file that holds the expected one; with --update-golden write it there."""

    def _expect(file: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            file.write_text(text, encoding="utf-8", newline="\n")
        assert file.is_file(), f"no {file.name}: run pytest --update-golden, and review what it writes"
        assert text == file.read_text(encoding="utf-8")

    return _expect
