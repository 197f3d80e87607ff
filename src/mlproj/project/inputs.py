"""What a project's compilation depends on, as a key: nothing else may change it. Imports nothing heavy.

The record of a compilation says which environment variables it asked for and which source files it looked into; the
key is made of these, of all files of the project, and of the versions of everything that takes part.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlproj.loader.discover import project_files

_LIBRARIES = ("mlproj", "duckdb", "sqlglot", "pydantic", "jinja2", "scikit-learn", "xgboost", "xgboost-cpu")


class RecordingEnvironment(Mapping[str, str]):
    """The process environment, remembering which variables were asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def cache_dir(root: Path) -> Path:
    return root / "target" / "cache"


def input_key(
    root: Path, target: str | None, variables: Mapping[str, Any], asked: Iterable[str], source_paths: Iterable[str]
) -> str:
    """A hash of every input, in milliseconds for a thousand files."""
    digest = hashlib.blake2b(digest_size=16)
    header = [versions(), target, variables, [(n, os.environ.get(n)) for n in sorted(asked)]]
    digest.update(json.dumps(header, sort_keys=True, default=str).encode())
    for path in project_files(root):
        digest.update(str(path.relative_to(root)).encode())
        try:
            digest.update(hashlib.blake2b(path.read_bytes(), digest_size=16).digest())
        except OSError:
            digest.update(b"unreadable")
    for pattern in sorted(source_paths):
        digest.update(json.dumps([pattern, _stats(root, pattern)]).encode())
    return digest.hexdigest()


def state_marker(root: Path, files: Iterable[str]) -> str:
    """Sizes and times of SQLite files and their logs: where these stand, so does what they hold."""
    found = [[name + suffix, *_stat(root / (name + suffix))] for name in files for suffix in ("", "-wal")]
    return json.dumps(found)


def read_json(path: Path) -> Any:
    """The file's JSON, or None where there is none that can be read: a cache may always be missing."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def write_text(path: Path, text: str) -> None:
    """Write a whole file or none of it, and leave it alone where it has this content."""
    content = text.encode()
    try:
        if path.read_bytes() == content:
            return
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


def versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _stats(root: Path, pattern: str) -> list[Any]:
    import glob

    # Path.glob takes no absolute pattern.
    paths = sorted(glob.glob(pattern, root_dir=root, recursive=True)) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207
    return [[path, *_stat(root / path)] for path in paths]


def _stat(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)
