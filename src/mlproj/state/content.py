"""Versions of what is in sources."""

from __future__ import annotations

from collections.abc import Mapping

# The version of what nothing is known of: it equals no version, not even itself.
UNKNOWN = "unknown"


def same_content(before: str | None, now: str) -> bool:
    """Whether a source certainly has the content that it had."""
    return before == now != UNKNOWN


def same_contents(before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether all of these sources, and no others, certainly have the content that they had."""
    return before == now and UNKNOWN not in now.values()
