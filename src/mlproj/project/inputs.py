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
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.loader.discover import Folder

if TYPE_CHECKING:
    from mlproj.adapters.line_cache import LineCache
    from mlproj.loader import LoadedProject

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


class Inputs:
    """What one compilation is made from: files as they stood when they were first read, and what was asked for."""

    def __init__(self, root: Path, target: str | None, variables: Mapping[str, Any]) -> None:
        self.root, self.target, self.variables = root, target, dict(variables)
        self.environment = RecordingEnvironment(os.environ)
        self._folder = Folder(root)

    def load(self, *, resources: bool = True) -> LoadedProject:
        from mlproj.loader import load

        return load(
            self.root, target=self.target, vars=self.variables, environment=self.environment, resources=resources,
            folder=self._folder, memory=self.memory if resources else None,
        )  # fmt: skip

    @cached_property
    def memory(self) -> LineCache:
        """What was found out before, by content."""
        return memory(self.root)

    def key(self, asked: Iterable[str], source_paths: Iterable[str]) -> str:
        """A hash of every input. `asked` names environment variables, `source_paths` the files of sources."""
        environment = [(n, os.environ.get(n)) for n in sorted(asked)]
        sources = [[pattern, _stats(self.root, pattern)] for pattern in sorted(source_paths)]
        inputs = [versions(), self.target, self.variables, environment, self._folder.digest, sources]
        return hashlib.blake2b(json.dumps(inputs, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def memory(root: Path) -> LineCache:
    """What compilations of this project found out, by content."""
    from mlproj.adapters.line_cache import LineCache

    return LineCache(cache_dir(root) / "compile.jsonl", {"format": 1, **versions()})


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
    write(path, text.encode())


def write(path: Path, content: bytes) -> None:
    """Write a whole file or none of it, and leave it alone where it has this content."""
    try:
        if path.stat().st_size == len(content) and path.read_bytes() == content:
            return
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


@cache
def versions() -> Mapping[str, str]:
    """Versions of the libraries that take part, of those that are installed."""
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
