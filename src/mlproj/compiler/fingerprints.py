"""Fingerprints: blake2b (128 bits) over canonical JSON, prefixed by the recipe (versions.md §1)."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

RECIPE = "fp1"


def fingerprint(*parts: Any) -> str:
    """`fp1:` and 32 hex digits. `parts` are JSON values, or objects with `model_dump`."""
    return f"{RECIPE}:{blake2b(_ENCODER.encode(parts).encode(), digest_size=16).hexdigest()}"


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


# One encoder for all: `json.dumps` with these settings makes a new one at each call.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
