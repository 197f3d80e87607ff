"""Files behind a path or glob: which there are, how big, and a version of what is in them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from glob import glob, has_magic
from pathlib import Path, PurePath
from typing import Any

from mlproj.adapters.json_cache import JsonCache

RECIPE = "src1"
MISSING = "missing"

# What is in a file that is as good as empty: blanks, and a byte order mark.
BLANK = b"\xef\xbb\xbf \t\r\n\x00"
BLANK_BYTES = 4096

_ESCAPED = re.compile(r"\[([\[*?])\]")

# A file this young may change again within the clock's resolution, and keep its size and time (git's racy entries).
_SETTLED_SECONDS = 2.0


class FileContent:
    """Paths are relative to `root`, or absolute; `**` stands for any folders."""

    def __init__(self, root: Path, cache: JsonCache) -> None:
        self._root, self._cache = root, cache

    def files(self, path: str) -> list[Path]:
        """The files that `path` matches, in order; a file of exactly this name is the only one. Raises `OSError`."""
        exact = self._root / path
        if exact.is_file():
            return [exact]
        if not has_magic(path):
            return []
        # Not Path.glob: that refuses absolute patterns.
        found = (self._root / name for name in glob(path, root_dir=self._root, recursive=True))  # noqa: PTH207
        return sorted(file for file in found if file.is_file())

    def is_folder(self, path: str) -> bool:
        return (self._root / path).is_dir()

    def is_blank(self, file: Path) -> bool:
        """Whether nothing but blanks and a byte order mark is in it; a big file is not. Raises `OSError`."""
        return file.stat().st_size <= BLANK_BYTES and not file.read_bytes().strip(BLANK)

    def start(self, file: Path) -> bytes:
        """The first two bytes."""
        with file.open("rb") as stream:
            return stream.read(2)

    def address(self, path: str) -> str:
        """What the engine calls a file that need not be there."""
        return str(self._root / path)

    def names_beside(self, path: str) -> list[str]:
        """Names of files in the same folder."""
        folder = (self._root / path).parent
        return [p.name for p in folder.iterdir() if p.is_file()] if folder.is_dir() else []

    def size(self, path: str) -> int:
        """Bytes. Raises `OSError`."""
        return sum(file.stat().st_size for file in self.files(path))

    def version(self, path: str) -> str:
        """`src1:` and a hash of the sorted (path below the folder that the pattern names, sha256). Raises `OSError`."""
        files = self.files(path)
        if not files:
            return MISSING
        folder = self._root / _fixed_folder(path)
        settled: dict[str, Any] = {}
        entries = sorted((file.relative_to(folder).as_posix(), self._sha256(file, settled)) for file in files)
        self._cache.put(settled)
        text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False)
        return f"{RECIPE}:{hashlib.blake2b(text.encode(errors='surrogateescape'), digest_size=16).hexdigest()}"

    def _sha256(self, file: Path, settled: dict[str, Any]) -> str:
        """From the cache or the file; what may be cached is put into `settled`."""
        before = _stamp(file)
        key = Path(os.path.relpath(file, self._root)).as_posix()
        known = self._cache.get(key)
        if isinstance(known, list) and len(known) == 2 and known[0] == before and isinstance(known[1], str):
            return known[1]
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if _stamp(file) == before and time.time() - before[1] / 1e9 > _SETTLED_SECONDS:
            settled[key] = [before, digest]
        return digest


def _stamp(file: Path) -> list[int]:
    found = file.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _fixed_folder(path: str) -> PurePath:
    """The folder above the first part that is a pattern: what moves with the project, and is no content."""
    fixed: list[str] = []
    for part in PurePath(path).parts[:-1]:
        # `[[]` stands for a bracket: escaped, a part is no pattern.
        if has_magic(_ESCAPED.sub("", part)):
            break
        fixed.append(_ESCAPED.sub(r"\1", part))
    return PurePath(*fixed)
