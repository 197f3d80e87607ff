"""Rows that data tests failed for, in target/failures: a file per node, as its last tests left it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

from pydantic import ValidationError

from mlproj.state import FailedRows


class FailedRowsFolder:
    """`keep` is for `executor.Adapters.keep_failed_rows`. Nothing else depends on these files: they may be deleted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, node: str, found: Sequence[FailedRows]) -> None:
        """In place of what was kept of the node before; nothing where nothing failed."""
        path = self._folder / f"{node.partition(':')[2]}.json"
        # They are for a look: where they cannot be written, the tests say what they said.
        with suppress(OSError):
            if not found:
                path.unlink(missing_ok=True)
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            content = [rows.model_dump(mode="json") for rows in found]
            beside.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
            beside.replace(path)

    def all(self) -> list[FailedRows]:
        """By node and test; files that somebody else has put there are left alone."""
        found: list[FailedRows] = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                found += [FailedRows.model_validate(rows) for rows in json.loads(path.read_text(encoding="utf-8"))]
            except (OSError, ValueError, ValidationError):
                continue
        return found

    def clear(self) -> None:
        rmtree(self._folder, ignore_errors=True)
