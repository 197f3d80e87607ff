"""A file of the lake that is gone or damaged: whatever is tried again, only a backup brings it back."""

from __future__ import annotations

import re

from mlproj.ports import EngineError

RESTORE = (
    "restore the lake's files from a backup: a published commit is never written again; "
    "without one, move catalog, data and state away and build anew"
)
# "Cannot open file" of one that is gone; what cannot be written is said otherwise.
_LOST = re.compile(
    r"(Cannot open file|File) .*ducklake-[^/\\]*\.parquet['\"](: No such file| too small|.*Parquet)", re.DOTALL
)


def hint_of(error: EngineError, otherwise: str | None) -> str | None:
    return RESTORE if _LOST.search(error.message) else otherwise
