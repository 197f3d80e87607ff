from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mlproj.loader import load
from mlproj.loader.discover import Folder

Write = Callable[[Mapping[str, str]], Path]


def _names(root: Path) -> list[str]:
    return Folder(root).paths


def test_files_are_yaml_and_sql_sorted(write: Write) -> None:
    root = write({"b/x.yaml": "", "b/x.sql": "", "a.yml": "", "b/readme.md": "", "data/c.csv": "", "b/X.YML": ""})

    assert _names(root) == ["a.yml", "b/x.sql", "b/x.yaml", "mlproj.yml"]


@pytest.mark.parametrize(
    "path",
    [
        ".github/x.yml",
        ".hidden.yml",
        "target/compiled/x.sql",
        ".mlproj/x.yml",
        "a/.venv/x.yml",
        "a/node_modules/x.yml",
        "a/__pycache__/x.yml",
    ],
)
def test_folders_that_are_not_the_users_are_left_out(write: Write, path: str) -> None:
    assert _names(write({path: "x: ["})) == ["mlproj.yml"]


def test_a_folder_named_target_further_down_is_the_users(write: Write) -> None:
    assert "groups/target/x.sql" in _names(write({"groups/target/x.sql": ""}))


def test_projects_and_environments_below_are_others(write: Write) -> None:
    root = write({"example/mlproj.yml": "name: x", "example/a.yml": "x", "venv/pyvenv.cfg": "", "venv/lib/a.yml": "x"})

    assert _names(root) == ["mlproj.yml"]


def test_a_hidden_root_is_a_root(tmp_path: Path) -> None:
    root = tmp_path / ".project"
    root.mkdir()
    (root / "mlproj.yml").write_text("name: x", encoding="utf-8")

    assert _names(root) == ["mlproj.yml"]


def test_loops_of_links_end_and_real_paths_win(write: Write) -> None:
    root = write({"z/real.yml": "sources: [{name: a, path: x}]"})
    (root / "a_link").symlink_to(root / "z", target_is_directory=True)
    (root / "z" / "up").symlink_to(root, target_is_directory=True)
    (root / "z" / "self").symlink_to(root / "z" / "self")

    assert _names(root) == ["mlproj.yml", "z/real.yml"]
    assert [source.path for source in load(root, environment={}).sources] == ["z/real.yml"]


def test_a_linked_folder_is_read(write: Write, tmp_path_factory: pytest.TempPathFactory) -> None:
    shared = tmp_path_factory.mktemp("shared")
    (shared / "s.yml").write_text("sources: [{name: a, path: x}]", encoding="utf-8")
    root = write({})
    (root / "shared").symlink_to(shared, target_is_directory=True)

    assert [source.path for source in load(root, environment={}).sources] == ["shared/s.yml"]


def test_a_link_to_nowhere_is_an_error_of_that_file(write: Write, errors: Callable[..., list[object]]) -> None:
    (write({}) / "gone.yml").symlink_to("nowhere.yml")

    assert [str(getattr(e, "span", None)) for e in errors({})] == ["gone.yml:1:1"]


def test_a_named_pipe_is_not_waited_for(write: Write) -> None:
    root = write({})
    os.mkfifo(root / "pipe.yml")

    assert _names(root) == ["mlproj.yml"]
