"""Files of a bump: all of them are written, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlproj.diagnostics import ProjectError
from mlproj.project.bump.files import Files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.yml", "b.sql"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def _changes(root: Path) -> Files:
    files = Files(root)
    for name in ("a.yml", "b.sql", "new/c.sql"):
        files.put(name, "new")
    return files


def _held(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_all_are_written(root: Path) -> None:
    (root / "a.yml").chmod(0o600)

    _changes(root).write()

    assert _held(root) == {"a.yml": b"new", "b.sql": b"new", "new/c.sql": b"new"}
    assert (root / "a.yml").stat().st_mode & 0o777 == 0o600


def test_a_link_stays_one(root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "a.yml").rename(root / "elsewhere" / "a.yml")
    (root / "a.yml").symlink_to("elsewhere/a.yml")

    _changes(root).write()

    assert (root / "a.yml").is_symlink()
    assert (root / "elsewhere" / "a.yml").read_bytes() == b"new"


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_none_is_written_where_one_cannot_be(root: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int) -> None:
    files, before, calls = _changes(root), _held(root), []
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == fails_at:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)

    with pytest.raises(ProjectError) as error:
        files.write()

    assert [d.code for d in error.value.diagnostics] == ["E620"]
    assert "No space left" in error.value.diagnostics[0].message
    assert _held(root) == before


def test_what_somebody_else_wrote_meanwhile_stays(root: Path) -> None:
    files = _changes(root)
    (root / "b.sql").write_bytes(b"theirs")

    with pytest.raises(ProjectError) as error:
        files.write()

    assert [d.code for d in error.value.diagnostics] == ["E523"]
    assert _held(root) == {"a.yml": b"a.yml", "b.sql": b"theirs"}
