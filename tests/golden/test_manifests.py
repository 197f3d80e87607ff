"""What a project compiles to, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlproj.compiler import Manifest
from mlproj.state import GroupNode, ViewNode

CASES = sorted(path for path in (Path(__file__).parent / "manifests").iterdir() if path.is_dir())

_COMPILE = """
import sys
from pathlib import Path
from tests.compilation import compile_folder

sys.stdout.buffer.write(compile_folder(*map(Path, sys.argv[1:])).model_dump_json().encode())
"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_manifest(case: Path, compiled: Callable[[Path], Manifest], expect: Callable[[Path, str], None]) -> None:
    manifest = compiled(case / "project")

    text = json.dumps(json.loads(manifest.model_dump_json()), indent=1, ensure_ascii=False)
    expect(case / "manifest.json", text + "\n")
    for node in manifest.nodes.values():
        if isinstance(node, GroupNode | ViewNode):
            expect(case / f"{node.kind}.{node.name}.v{node.version}.sql", node.sql + "\n")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_manifest_is_read_back_as_it_was_written(case: Path, compiled: Callable[[Path], Manifest]) -> None:
    manifest = compiled(case / "project")

    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_another_process_in_another_folder_gives_the_same_bytes(
    compiled: Callable[[Path], Manifest], tmp_path: Path
) -> None:
    project = CASES[0] / "project"
    elsewhere = shutil.copytree(project, tmp_path / "somewhere else, with ü" / "p")
    environment = {**os.environ, "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "PYTHONPATH": os.pathsep.join(sys.path)}

    written = subprocess.run(
        [sys.executable, "-c", _COMPILE, str(elsewhere), str(tmp_path / "other cache")],
        env=environment, cwd=tmp_path, check=True, capture_output=True,
    ).stdout  # fmt: skip

    assert written.decode() == compiled(project).model_dump_json()
