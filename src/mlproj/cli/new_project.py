"""`mlproj init`: a copy of the template."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mlproj.diagnostics import fail


def create(folder: Path) -> list[str]:
    """Write a project into a folder that is new or empty; returns the files.

    Raises E109 where there is something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise fail("E109", f"'{folder}' is there already, and not empty", hint="name a new folder")
    name = re.sub(r"\W+", "_", folder.resolve().name).strip("_") or "project"
    name = name if re.match(r"[^\W\d]", name) else f"p_{name}"
    written: list[str] = []
    _copy(files("mlproj.cli") / "template", folder, Path(), name, written)
    return sorted(written)


def _copy(source: Traversable, root: Path, place: Path, name: str, written: list[str]) -> None:
    for item in source.iterdir():
        if item.name == "__pycache__":
            continue
        # A file that git reads itself is stored under another name.
        path = place / (".gitignore" if item.name == "gitignore" else item.name)
        if item.is_dir():
            _copy(item, root, path, name, written)
            continue
        (root / place).mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(item.read_bytes().replace(b"__NAME__", name.encode()))
        written.append(path.as_posix())
