"""`bump` on files written in every way that YAML allows: what git shows afterwards, from the released files on.

A case is `released/` (the project as published), `edited/` (files that a person changed since), and `arguments.txt`. In
the expected text `␍` is a carriage return; it is the diff from what was released, and then what was said.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path

import pytest

from mlproj.diagnostics import ProjectError
from mlproj.project import Project
from mlproj.project.session import Session
from tests.compilation import FixedEstimators
from tests.unit.planner.small_project import published

CASES = sorted(path for path in (Path(__file__).parent / "bumps").iterdir() if path.is_dir())
PROJECT = "name: census\nvars: {about: of the census, key: id, folder: queries}\n"
SOURCES = """\
sources:
  - {name: people, path: people.csv, columns: {id: BIGINT, age: BIGINT, pay: DOUBLE, rich: BOOLEAN}}
"""


class _Estimators(FixedEstimators):
    def prefetch(self, paths: object) -> None:
        """Nothing to fetch."""


@pytest.fixture(autouse=True)
def _without_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "estimators", property(lambda _self: _Estimators()))


def _texts(root: Path) -> dict[str, str]:
    files = [p for p in root.rglob("*") if p.suffix in {".yml", ".sql"} and "target" not in p.parts]
    return {p.relative_to(root).as_posix(): p.read_bytes().decode() for p in files}


def _diff(before: dict[str, str], after: dict[str, str]) -> str:
    lines: list[str] = []
    for path in sorted({*before, *after}):
        old, new = (texts.get(path, "").splitlines(keepends=True) for texts in (before, after))
        lines += unified_diff(old, new, path if path in before else "nothing", path, n=1)
    return "".join(
        (line if line.endswith("\n") else f"{line}\n\\ no newline\n").replace("\r", "␍").replace("\ufeff", "<BOM>")
        for line in lines
    )


def _prepare(case: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The edited project in `root`, and a state that holds the released one; the texts that were released."""
    shutil.copytree(case / "released", root)
    (root / "mlproj.yml").write_text(PROJECT, encoding="utf-8")
    (root / "sources.yml").write_text(SOURCES, encoding="utf-8")
    before = _texts(root)
    with Project(root) as project:
        state = published(project.manifest)
    drafts = case / "edited"
    shutil.copytree(drafts, root, dirs_exist_ok=True)
    versions = {"source:people": "v1"}
    monkeypatch.setattr(Project, "state", lambda _self: state)
    monkeypatch.setattr("mlproj.project.planning.source_versions", lambda _project, _manifest: (versions, []))
    return before


def _bump(root: Path, case: Path) -> str:
    name, *options = (case / "arguments.txt").read_text(encoding="utf-8").split()
    with Project(root) as project:
        try:
            done = project.bump(name, with_dependants="--with-dependants" in options)
        except ProjectError as error:
            said = [(str(d.span or "-"), d.code, d.message, f"\nhint: {d.hint}\n") for d in error.diagnostics]
            return "".join(" ".join(parts[:3]) + parts[3] for parts in said)
    lines = [f"{b.node} → {b.to}" for b in done.bumped]
    lines += [f"pinned {n}" for n in done.pinned] + [f"repointed {n}" for n in done.repointed]
    lines += [f"{f.change} {f.path}" for f in done.files]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bump(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect: Callable[[Path, str], None]) -> None:
    root = tmp_path / "project"
    before = _prepare(case, root, monkeypatch)
    edited = _texts(root)

    said = _bump(root, case)

    after = _texts(root)
    refused = " E5" in said
    expect(case / "expected.diff", said if refused else _diff(before, after) + said)
    if refused:
        assert after == edited
        return
    with Project(root) as project:
        changes = {c.node: c.change for c in project.plan().changes}
    for line in said.splitlines():
        released, arrow, new = line.partition(" → ")
        if arrow:
            assert changes.get(new) == "new"
            assert changes.get(released) in (None, "stale")  # a reader of what was not bumped may be stale
