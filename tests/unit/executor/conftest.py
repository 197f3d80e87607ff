"""Whole builds without the libraries that train."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lake_project import LakeProject, new_folder, without_libraries


@pytest.fixture(scope="module")
def no_training() -> Iterator[None]:
    """Whoever builds is given the fake."""
    with without_libraries():
        yield


@pytest.fixture
def folder(tmp_path: Path, no_training: None) -> LakeProject:
    """An empty project folder with sixty people in people.csv."""
    return new_folder(tmp_path / "project")
