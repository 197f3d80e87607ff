"""What `ports.ArtifactStore` promises, asked of the fake and of the folder."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlproj.adapters.file_artifacts import FileArtifacts
from mlproj.diagnostics import ProjectError
from mlproj.ports import ArtifactStore
from tests.contracts.fake_training import MemoryArtifacts

NOTHING = hashlib.sha256(b"nothing").hexdigest()


@pytest.fixture(params=["memory", "files"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    return MemoryArtifacts() if request.param == "memory" else FileArtifacts(tmp_path / "artifacts – größe")


def code(error: pytest.ExceptionInfo[ProjectError]) -> tuple[str, int]:
    return error.value.diagnostics[0].code, error.value.exit_code


@pytest.mark.parametrize("content", [b"", b"model", bytes(range(256)) * 5000])
def test_what_is_put_can_be_got(artifacts: ArtifactStore, content: bytes) -> None:
    sha256 = artifacts.put("model.ubj", content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert artifacts.get("model.ubj", sha256) == content


def test_putting_twice_is_putting_once(artifacts: ArtifactStore) -> None:
    assert artifacts.put("model.ubj", b"model") == artifacts.put("model.ubj", b"model")


def test_one_content_may_have_two_names(artifacts: ArtifactStore) -> None:
    sha256 = artifacts.put("model.ubj", b"model")
    assert artifacts.put("model.skops", b"model") == sha256
    assert artifacts.get("model.skops", sha256) == artifacts.get("model.ubj", sha256) == b"model"


@pytest.mark.parametrize(("name", "sha256"), [("model.ubj", NOTHING), ("other.ubj", "")])
def test_what_is_absent_is_an_error(artifacts: ArtifactStore, name: str, sha256: str) -> None:
    known = artifacts.put("model.ubj", b"model")
    with pytest.raises(ProjectError) as error:
        artifacts.get(name, sha256 or known)
    assert code(error) == ("E609", 1)


def test_folder_holds_a_file_per_hash_and_nothing_else(tmp_path: Path) -> None:
    sha256 = FileArtifacts(tmp_path).put("model.ubj", b"model")
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == [f"{sha256}/model.ubj"]


@pytest.mark.parametrize("damage", [b"other", b"", b"model "])
def test_changed_file_is_refused_and_healed_by_putting_it_again(tmp_path: Path, damage: bytes) -> None:
    artifacts = FileArtifacts(tmp_path)
    sha256 = artifacts.put("model.ubj", b"model")
    (tmp_path / sha256 / "model.ubj").write_bytes(damage)
    with pytest.raises(ProjectError) as error:
        artifacts.get("model.ubj", sha256)
    assert code(error) == ("E609", 1)
    assert "sha256" in error.value.diagnostics[0].message
    artifacts.put("model.ubj", b"model")
    assert artifacts.get("model.ubj", sha256) == b"model"


@pytest.mark.parametrize("name", ["../secret", "a/b", "a\\b", "..", "", "C:secret"])
def test_names_do_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("secret")
    for act in (lambda store: store.get(name, NOTHING), lambda store: store.put(name, b"x")):
        with pytest.raises(ProjectError) as error:
            act(FileArtifacts(tmp_path / "artifacts"))
        assert code(error) == ("E609", 1)


@pytest.mark.parametrize("sha256", ["..", "../..", "", "A" * 64, "0" * 63])
def test_hashes_do_not_lead_out_of_the_folder(tmp_path: Path, sha256: str) -> None:
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(ProjectError) as error:
        FileArtifacts(tmp_path / "artifacts").get("secret", sha256)
    assert code(error) == ("E609", 1)


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file in its place")
    with pytest.raises(ProjectError) as error:
        FileArtifacts(tmp_path / "artifacts").put("model.ubj", b"model")
    assert code(error) == ("E620", 1)
    assert "artifacts" in error.value.diagnostics[0].message


def test_many_threads_may_put_the_same(tmp_path: Path) -> None:
    artifacts = FileArtifacts(tmp_path)
    content = b"model" * 10_000
    with ThreadPoolExecutor(8) as pool:
        hashes = set(pool.map(lambda _: artifacts.put("model.ubj", content), range(32)))
    assert len(hashes) == 1
    assert artifacts.get("model.ubj", hashes.pop()) == content
    assert len(list(tmp_path.rglob("*.*"))) == 1
