"""Every error code: a project that has the error, and the exact text that a user reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import mlproj
from mlproj.diagnostics import Diagnostic

CASES = sorted(path for path in (Path(__file__).parent / "errors").iterdir() if path.is_dir())
SOURCE = Path(mlproj.__file__).parent
# What loads and compiles a project: all codes that it knows can come from what a user writes.
MODULES = [
    *sorted((SOURCE / "loader").rglob("*.py")),
    *sorted((SOURCE / "compiler").rglob("*.py")),
    *(SOURCE / "adapters" / f"{name}.py" for name in ("file_sources", "reader_options", "duckdb_binder")),
]


def _rendered(diagnostic: Diagnostic) -> str:
    place = f"{diagnostic.span}: " if diagnostic.span else ""
    hint = f"hint: {diagnostic.hint}\n" if diagnostic.hint else ""
    return f"{place}{diagnostic.code} {diagnostic.message}\n{hint}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_error(case: Path, diagnose: Callable[[Path], list[Diagnostic]], expect: Callable[[Path, str], None]) -> None:
    found = diagnose(case / "project")

    expect(case / "expected.txt", "".join(_rendered(diagnostic) for diagnostic in found))
    assert case.name.partition("_")[0] in {diagnostic.code for diagnostic in found}
    assert {diagnostic.code for diagnostic in found if diagnostic.span is None} <= {"E101"}


@pytest.mark.parametrize("layer", ["loader", "compiler", "adapters"])
def test_every_code_has_a_case(layer: str) -> None:
    used = {
        code
        for file in MODULES
        if file.relative_to(SOURCE).parts[0] == layer
        for code in re.findall(r'"([EW]\d{3})"', file.read_text(encoding="utf-8"))
    }

    assert len(used) > 2
    assert used - {case.name.partition("_")[0] for case in CASES} == set()
