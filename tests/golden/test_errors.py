"""Every error code: a project that has the error, and the exact text that a user reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import mlproj.loader
from mlproj.diagnostics import Diagnostic

CASES = sorted(path for path in (Path(__file__).parent / "errors").iterdir() if path.is_dir())


def _rendered(diagnostic: Diagnostic) -> str:
    place = f"{diagnostic.span}: " if diagnostic.span else ""
    hint = f"hint: {diagnostic.hint}\n" if diagnostic.hint else ""
    return f"{place}{diagnostic.code} {diagnostic.message}\n{hint}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_error(case: Path, diagnose: Callable[[Path], list[Diagnostic]], expect: Callable[[Path, str], None]) -> None:
    found = diagnose(case / "project")

    expect(case / "expected.txt", "".join(_rendered(diagnostic) for diagnostic in found))
    assert case.name.partition("_")[0] in {diagnostic.code for diagnostic in found}


def test_every_code_of_the_loader_has_a_case() -> None:
    folder = Path(mlproj.loader.__file__).parent
    used = {
        code for file in folder.glob("*.py") for code in re.findall(r'"(E\d{3})"', file.read_text(encoding="utf-8"))
    }

    assert used >= {"E101", "E201", "E303"}
    assert used - {case.name.partition("_")[0] for case in CASES} == set()
