"""One built copy of the example for all that only look at it, and a copy of that for those who change it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.command import Outcome, ask
from tests.end_to_end.small_project import write

ROOT = Path(__file__).resolve().parents[2]
MADE = shutil.ignore_patterns(".mlproj", "target")


@dataclass(frozen=True)
class Built:
    """A project that was built, and what was said of it."""

    folder: Path
    first_plan: Outcome
    build: Outcome


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example as it was cloned."""
    return shutil.copytree(ROOT / "example_project", tmp_path / "example", ignore=MADE)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The example, built once for all: for looking only."""
    folder = tmp_path_factory.mktemp("built") / "example"
    shutil.copytree(ROOT / "example_project", folder, ignore=MADE)
    first = ask(folder, "plan")
    return Built(folder, first, ask(folder, "build"))


@pytest.fixture
def built_example(built: Built, tmp_path: Path) -> Path:
    """A copy of the built example, to do with as one likes."""
    assert built.build.code == 0, built.build.err
    return shutil.copytree(built.folder, tmp_path / "example")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The small project, as written."""
    return write(tmp_path / "shop")


@pytest.fixture(scope="session")
def standing_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project, built once for all: for looking only."""
    folder = write(tmp_path_factory.mktemp("built") / "shop")
    outcome = ask(folder, "build")
    assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture
def built_shop(standing_shop: Path, tmp_path: Path) -> Path:
    """A copy of the small project, built."""
    return shutil.copytree(standing_shop, tmp_path / "shop")
