"""Which files of a folder belong to the project, and how they are read."""

from __future__ import annotations

import os
import stat
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from mlproj.diagnostics import Collector, Span

PROJECT_FILE = "mlproj.yml"
LOCK_FILE = "mlproj.lock"
TRANSFORMATIONS = "transformations"  # the folder of Python functions
_SKIPPED = frozenset({"node_modules", "__pycache__"})


@dataclass(frozen=True)
class ProjectFiles:
    """Sorted POSIX paths relative to the root: `yaml` (with mlproj.yml, where it stands), `sql`, and `python`."""

    yaml: tuple[str, ...]
    sql: tuple[str, ...]
    python: tuple[str, ...] = ()


class Folder:
    """A project's folder as it stood when each of its files was first asked for: what is hashed is what is loaded."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._contents: dict[str, bytes | OSError] = {}

    @cached_property
    def files(self) -> ProjectFiles:
        return find_files(self.root)

    @property
    def paths(self) -> list[str]:
        """Every file that can influence loading: YAML, SQL and transformations/*.py, sorted, and mlproj.lock."""
        lock = (LOCK_FILE,) if (self.root / LOCK_FILE).is_file() else ()
        return [*sorted(self.files.yaml + self.files.sql + self.files.python), *lock]

    def content(self, path: str) -> bytes:
        """What a file holds. Raises `OSError`."""
        found = self._contents.get(path)
        if found is None:
            found = self._contents[path] = self._read(path)
        if isinstance(found, OSError):
            raise found
        return found

    @cached_property
    def digest(self) -> str:
        """A hash of all files, in milliseconds for a thousand of them."""
        digest = blake2b(digest_size=16)
        for path in self.paths:
            digest.update(path.encode("utf-8", "surrogateescape"))
            try:
                digest.update(blake2b(self.content(path), digest_size=16).digest())
            except OSError:
                digest.update(b"unreadable")
        return digest.hexdigest()

    def _read(self, path: str) -> bytes | OSError:
        try:
            with open(os.path.join(self.root, path), "rb") as file:  # noqa: PTH118, PTH123  (as below)
                return file.read()
        except OSError as error:
            return error


def find_files(root: Path) -> ProjectFiles:
    """All *.yml, *.yaml and *.sql below `root`, and transformations/*.py.

    Left out are hidden files and folders, target/, virtual environments, node_modules, __pycache__, and folders with
    an mlproj.yml of their own, which are other projects. A linked folder is entered once, so that a loop of links ends.
    """
    yaml: list[str] = []
    sql: list[str] = []
    python: list[str] = []
    seen: set[tuple[int, int]] = set()
    # Real folders come before linked ones: a file is known by its real path where it has one below the root.
    waiting = deque([""])
    while waiting:
        folder = waiting.popleft()
        entries = _entries(root, folder, seen)
        names = {entry.name for entry in entries}
        if folder and (PROJECT_FILE in names or "pyvenv.cfg" in names):
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _is_folder(entry):
                if entry.name not in _SKIPPED and path != "target":
                    (waiting.append if entry.is_symlink() else waiting.appendleft)(path)
            elif entry.name.endswith((".yml", ".yaml", ".sql")) and not _is_device(entry):
                (sql if entry.name.endswith(".sql") else yaml).append(path)
            elif folder == TRANSFORMATIONS and entry.name.endswith(".py") and not _is_device(entry):
                python.append(path)
    return ProjectFiles(tuple(sorted(yaml)), tuple(sorted(sql)), tuple(sorted(python)))


def _entries(root: Path, folder: str, seen: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    """What stands in a folder, hidden names left out; nothing where it was seen before or cannot be read."""
    place = os.path.join(root, folder)  # noqa: PTH118  (a thousand folders: pathlib costs more than the reading)
    try:
        about = os.stat(place)  # noqa: PTH116  (as above)
        if (about.st_dev, about.st_ino) in seen:
            return []
        seen.add((about.st_dev, about.st_ino))
        with os.scandir(place) as entries:
            return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_device(entry: os.DirEntry[str]) -> bool:
    """Whether reading could wait for ever, as a named pipe's; a broken link is a file that cannot be read."""
    try:
        mode = entry.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode)


def read_text(folder: Folder, path: str, collector: Collector) -> str | None:
    """The text of a file in UTF-8, with or without a byte order mark; None where E106 was found."""
    try:
        content = folder.content(path)
    except OSError as error:
        collector.error("E106", f"the file cannot be read: {(error.strerror or 'unknown error').lower()}", Span(path))
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        collector.error(
            "E106",
            f"the file is not UTF-8: byte 0x{content[error.start]:02x} cannot be read",
            Span(path, before.count(b"\n") + 1, column),
            "save the file as UTF-8",
        )
        return None
