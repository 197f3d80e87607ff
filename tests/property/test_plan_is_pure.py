"""Plan never writes outside of target/, and equal inputs give a byte-identical plan, whatever was built and edited."""

from __future__ import annotations

import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from tests.lake_project import LakeProject
from tests.property.test_history import WORLDS, World


def contents(folder: LakeProject) -> dict[str, str]:
    """Every file but those in target/, by its hash; what SQLite lays beside a catalog that is only read is empty."""
    files = (p for p in folder.root.rglob("*") if p.is_file() and p.relative_to(folder.root).parts[0] != "target")
    kept = [p for p in files if not p.name.endswith("-shm") and not (p.name.endswith("-wal") and not p.stat().st_size)]
    return {p.relative_to(folder.root).as_posix(): sha256(p.read_bytes()).hexdigest() for p in kept}


@settings(
    max_examples=3, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(world=WORLDS)
def test_plan_writes_nothing_and_says_the_same_again(folder: LakeProject, world: World) -> None:
    built = LakeProject(folder.root.parent / "built")
    if not built.root.exists():
        World().put(built)
        built.built()
    edited = LakeProject(Path(tempfile.mkdtemp(dir=folder.root.parent)) / "edited")
    shutil.copytree(built.root, edited.root)
    world.put(edited)
    before = contents(edited)

    plans = [edited.plan().model_dump_json()]
    shutil.rmtree(edited.root / "target")
    plans.append(edited.plan().model_dump_json())

    assert contents(edited) == before
    assert plans[0] == plans[1]
    shutil.rmtree(edited.root)
