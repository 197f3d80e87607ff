"""The project's files with changes that are not written yet: shown, tried in a copy, then written all or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from difflib import unified_diff
from pathlib import Path

from mlproj.diagnostics import fail
from mlproj.loader.discover import find_files

_MARK = "\ufeff"  # a byte order mark, which stays where it was


class Files:
    """Texts by POSIX path relative to the root, as they would be; `changed` are the paths that differ."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._before: dict[str, bytes | None] = {}
        self._now: dict[str, bytes] = {}

    def exists(self, path: str) -> bool:
        return path in self._now or (self._root / path).exists()

    def text(self, path: str) -> str:
        return self._bytes(path).decode("utf-8").removeprefix(_MARK)

    def put(self, path: str, text: str) -> None:
        """Change a file, or add one."""
        there = self._bytes(path) if self.exists(path) else b""
        mark = _MARK.encode() if there.startswith(_MARK.encode()) else b""
        self._now[path] = mark + text.encode()

    def copy(self, path: str, to: str) -> None:
        """Add a file with the bytes that another has on disk."""
        self.exists(to)
        self._now[to] = self._on_disk(path) or b""

    @property
    def changed(self) -> dict[str, str]:
        """Path → `added` or `changed`, sorted."""
        return {
            path: "changed" if before is not None else "added"
            for path, content in sorted(self._now.items())
            if (before := self._on_disk(path)) != content
        }

    def diff(self) -> str:
        """The changes as git shows them."""
        return "".join(line for path, how in self.changed.items() for line in self._diff(path, how))

    def _diff(self, path: str, how: str) -> Iterator[str]:
        before = (self._on_disk(path) or b"").decode("utf-8", "replace").splitlines(keepends=True)
        after = self._now[path].decode().splitlines(keepends=True)
        for line in unified_diff(before, after, "/dev/null" if how == "added" else f"a/{path}", f"b/{path}"):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"

    def copy_to(self, folder: Path, fixtures: Iterable[str] = ()) -> None:
        """All files that make the project, with the changes, in another folder, and fixtures of unit tests."""
        found = find_files(self._root)
        for path in {*found.yaml, *found.sql, *found.python, *fixtures, *self._now}:
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self._bytes(path))

    def write(self) -> None:
        """Write every file whole, the added ones first. Raises E523 where a file moved on meanwhile, E620 where one
        cannot be written; then all are as they were.
        """
        order = sorted(self.changed.items(), key=lambda item: item[1])
        for path, _ in order:
            if self._read(path) != self._before.get(path):
                raise fail("E523", f"{path} was changed meanwhile", hint="nothing was written: bump again", exit_code=1)
        prepared: list[tuple[Path, Path]] = []
        written: list[str] = []
        try:
            for path, _ in order:
                prepared.append(self._prepare(path))
            for (path, _), (temporary, place) in zip(order, prepared, strict=True):
                written.append(path)
                temporary.replace(place)
        except OSError as error:
            self._undo(written)
            message = f"{path}: {error.strerror or error}"
            raise fail("E620", message, hint="nothing was written: all files are as they were", exit_code=1) from error
        finally:
            for temporary, _ in prepared:
                temporary.unlink(missing_ok=True)

    def _prepare(self, path: str) -> tuple[Path, Path]:
        """The new content in a file beside the old one; of a link, beside what it leads to."""
        place = (self._root / path).resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(self._now[path])
        if place.exists():
            shutil.copymode(place, name)
        else:
            Path(name).chmod(0o644)
        return Path(name), place

    def _undo(self, written: list[str]) -> None:
        for path in written:
            before = self._before[path]
            if before is None:
                (self._root / path).unlink(missing_ok=True)
            else:
                (self._root / path).resolve().write_bytes(before)

    def _bytes(self, path: str) -> bytes:
        return self._now[path] if path in self._now else self._on_disk(path) or b""

    def _on_disk(self, path: str) -> bytes | None:
        """As it was when it was first looked at."""
        if path not in self._before:
            self._before[path] = self._read(path)
        return self._before[path]

    def _read(self, path: str) -> bytes | None:
        try:
            return (self._root / path).read_bytes()
        except FileNotFoundError:
            return None
