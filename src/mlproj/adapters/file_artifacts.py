"""Artifacts as files: `<root>/<sha256>/<name>`."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from mlproj.diagnostics import ProjectError, fail

_SHA256 = re.compile(r"[0-9a-f]{64}")


class FileArtifacts:
    """Files named by their own content, so that nothing is ever changed and everything can be checked."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, content: bytes) -> str:
        """Store under its sha256, whole or not at all; twice is the same as once. Raises E620 where it cannot."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(name, sha256)
        try:
            if not _holds(path, sha256):  # also where an older file was damaged
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_whole(path, content)
        except OSError as error:
            message = f"cannot store {name} in {self._root}: {error.strerror or error}"
            raise fail("E620", message, hint="see `artifacts:` of the target", exit_code=1) from error
        return sha256

    def get(self, name: str, sha256: str) -> bytes:
        """The content, checked. Raises E609 where it is absent, unreadable or not of this hash."""
        path = self._path(name, sha256)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            hint = "copy it back from where the model was trained, or train the model again"
            raise fail("E609", f"artifact {name} ({sha256[:12]}…) is missing", hint=hint, exit_code=1) from error
        except OSError as error:
            message = f"artifact {name} ({sha256[:12]}…) cannot be read: {error.strerror or error}"
            raise fail("E609", message, exit_code=1) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            hint = "somebody or something changed the file; train the model again"
            raise fail("E609", f"artifact {name} does not have its sha256 {sha256[:12]}…", hint=hint, exit_code=1)
        return content

    def stored(self) -> dict[str, int]:
        """sha256 → bytes of everything there is."""
        try:
            folders = [f for f in self._root.iterdir() if _SHA256.fullmatch(f.name) and f.is_dir()]
        except FileNotFoundError:
            return {}
        return {f.name: sum(p.stat().st_size for p in f.iterdir()) for f in sorted(folders)}

    def remove(self, sha256: str) -> None:
        """Without effect where it is not there."""
        if _SHA256.fullmatch(sha256):
            shutil.rmtree(self._root / sha256, ignore_errors=True)

    def _path(self, name: str, sha256: str) -> Path:
        """Names and hashes come from the state's JSON too: neither may lead out of the folder."""
        if not _SHA256.fullmatch(sha256) or name in ("", ".", "..") or re.search(r"[/\\\0:]", name):
            raise _refused(name, sha256)
        return self._root / sha256 / name


def _refused(name: str, sha256: str) -> ProjectError:
    return fail("E609", f"{sha256[:70]}/{name[:70]} does not name an artifact", exit_code=1)


def _holds(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except FileNotFoundError:
        return False


def _write_whole(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would keep a team out
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
