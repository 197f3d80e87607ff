"""Files that were damaged, lost or locked behind mlproj's back: told, never guessed, never a traceback."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.command import ENVIRONMENT, EXECUTABLE, ask, mlproj

GARBAGE = b"\x00\xffno database" * 500


def _state(folder: Path) -> None:
    (folder / ".mlproj" / "state.sqlite").write_bytes(GARBAGE)


def _catalog(folder: Path) -> None:
    (folder / ".mlproj" / "catalog.sqlite").write_bytes(GARBAGE)


def _no_catalog(folder: Path) -> None:
    for path in (folder / ".mlproj").glob("catalog.sqlite*"):
        path.unlink()


def _emptied_catalog(folder: Path) -> None:
    (folder / ".mlproj" / "catalog.sqlite").write_bytes(b"")


def _no_rows(folder: Path) -> None:
    shutil.rmtree(folder / ".mlproj" / "lake")


@pytest.mark.parametrize("damage", [_state, _catalog, _no_catalog, _emptied_catalog, _no_rows])
def test_damaged_state_or_lake_is_told(built_shop: Path, damage: Callable[[Path], None]) -> None:
    damage(built_shop)
    before = {p: p.read_bytes() for p in (built_shop / ".mlproj").rglob("*.sqlite")}

    shown = ask(built_shop, "show", "feature_group:orders@1")

    assert (shown.code, shown.codes) == (1, ["E612"])
    assert {p: p.read_bytes() for p in (built_shop / ".mlproj").rglob("*.sqlite")} == before
    if damage is not _no_rows:
        build = ask(built_shop, "build")
        assert (build.code, build.codes) == (1, ["E612"])
    else:
        source = built_shop / "data" / "orders.csv"
        source.write_text(source.read_text(encoding="utf-8") + "61,1,5.0,1\n", encoding="utf-8")
        refused = mlproj(built_shop, "build")
        assert refused.code == 1
        assert "hint: restore the lake's files from a backup" in refused.err


def test_a_lost_state_is_restored_from_the_lake(built_shop: Path) -> None:
    """The lake's commit is the decision (versions.md §5): what it published is known without the state."""
    before = ask(built_shop, "show", "feature_group:orders@1").json
    for path in (built_shop / ".mlproj").glob("state.sqlite*"):
        path.unlink()

    assert ask(built_shop, "plan").json["changes"] == []
    assert ask(built_shop, "show", "feature_group:orders@1").json == before


def _garbage(path: Path) -> None:
    path.write_bytes(GARBAGE)


def _another_shape(path: Path) -> None:
    path.write_text('{"key": [1, null], "versions": 3}', encoding="utf-8")


def _a_list(path: Path) -> None:
    path.write_text("[[]]", encoding="utf-8")


@pytest.mark.parametrize("damage", [_garbage, _another_shape, _a_list, Path.unlink])
def test_a_damaged_cache_costs_time_and_nothing_else(built_shop: Path, damage: Callable[[Path], None]) -> None:
    for path in [p for p in (built_shop / "target").rglob("*") if p.is_file()]:
        damage(path)

    plan = ask(built_shop, "plan", "--exit-code")
    assert plan.code == 0
    assert plan.json["changes"] == []
    assert ask(built_shop, "plan").json == plan.json


def test_a_model_file_that_was_changed_is_not_loaded(built_example: Path, tmp_path: Path) -> None:
    models = sorted((built_example / ".mlproj" / "artifacts").rglob("model.*"))
    assert [p.suffix for p in sorted(models, key=lambda p: p.suffix)] == [".skops", ".ubj"]
    for path in models:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    people = tmp_path / "people.csv"
    columns = "age,workclass,education_num,sex,capital_gain,capital_loss,hours_per_week,fnlwgt"
    people.write_text(f"{columns}\n40,1,10,1,0,0,40,1000\n", encoding="utf-8")

    for model in ("income_model@1.1", "income_model@2.1"):
        outcome = ask(built_example, "predict", model, "--input", people, "--out", tmp_path / "out.csv")
        assert (outcome.code, outcome.codes) == (1, ["E609"])
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("name", ["target", ".mlproj"])
def test_a_file_where_a_folder_belongs(shop: Path, name: str) -> None:
    (shop / name).write_text("", encoding="utf-8")

    build = ask(shop, "build")

    assert build.code == 1
    assert build.codes[0] in {"E612", "E620"}


def _obey_permissions() -> None:
    """Give up, in this process and its children, the right of root to write everywhere (Linux; CAP_DAC_OVERRIDE)."""
    if os.geteuid() == 0 and sys.platform == "linux":
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


@pytest.mark.parametrize("name", [".", ".mlproj", "target"])
def test_a_folder_that_may_not_be_written(built_shop: Path, name: str) -> None:
    source = built_shop / "data" / "orders.csv"
    source.write_text(source.read_text(encoding="utf-8") + "61,1,5.0,1\n", encoding="utf-8")
    folders = [built_shop / name, *(p for p in (built_shop / name).rglob("*") if p.is_dir())]
    files = [p for p in (built_shop / name).rglob("*") if p.is_file()]
    for path in files:
        path.chmod(0o444)
    for path in folders:
        path.chmod(0o555)
    try:
        done = subprocess.run(
            [EXECUTABLE, "--project-dir", built_shop, "build"],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            check=False,
            preexec_fn=_obey_permissions,
        )
    finally:
        for path in folders:
            path.chmod(0o755)
        for path in files:
            path.chmod(0o644)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "E699" not in done.stderr
    assert "E6" in done.stderr
    assert ask(built_shop, "show", "feature_group:orders@1").json["published"]["rows"] == 60
    assert ask(built_shop, "build").json["status"] == "ok"
