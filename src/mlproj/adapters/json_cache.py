"""A small JSON file that may be deleted at any time: what it says can always be found out again."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


class JsonCache:
    """String keys to JSON values, read once, written whole or not at all. A damaged file counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._entries: dict[str, Any] | None = None

    def get(self, key: str) -> Any:
        with self._lock:
            return self._read().get(key)

    def put(self, found: Mapping[str, Any]) -> None:
        with self._lock:
            entries = self._read()
            if all(key in entries and entries[key] == value for key, value in found.items()):
                return
            entries.update(found)
            # A cache that cannot be written costs time, and nothing else.
            with suppress(OSError):
                self._write(entries)

    def _read(self) -> dict[str, Any]:
        if self._entries is None:
            try:
                found = json.loads(self._path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                found = None
            self._entries = found if isinstance(found, dict) else {}
        return self._entries

    def _write(self, entries: dict[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        beside.write_text(json.dumps(entries, sort_keys=True, ensure_ascii=False), encoding="utf-8")
        beside.replace(self._path)
