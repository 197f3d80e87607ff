"""Projects written from literals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.loader import LoadedProject, load

Write = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below a folder; mlproj.yml is `name: census` where it is not among them."""

    def _write(files: Mapping[str, str]) -> Path:
        for path, text in {"mlproj.yml": "name: census\n", **files}.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        return tmp_path

    return _write


@pytest.fixture
def loaded(write: Write) -> Callable[..., LoadedProject]:
    def _loaded(files: Mapping[str, str], **options: Any) -> LoadedProject:
        return load(write(files), **{"environment": {}, **options})

    return _loaded


@pytest.fixture
def errors(write: Write) -> Callable[..., list[Diagnostic]]:
    def _errors(files: Mapping[str, str], **options: Any) -> list[Diagnostic]:
        with pytest.raises(ProjectError) as caught:
            load(write(files), **{"environment": {}, **options})
        assert caught.value.exit_code == 2
        return caught.value.diagnostics

    return _errors
