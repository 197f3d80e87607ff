"""Two expressions side by side, in one line."""

from __future__ import annotations

import re

CUT = "…"  # at the end of a text that was longer
_LONG = 100
_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")


def shown(expression: str) -> str:
    """In quotes and on one line; `something else` where there is no text of it."""
    text = " ".join(expression.split())
    if not text:
        return "something else"
    return f'"{text if len(text) <= _LONG else text[: _LONG - 1] + "…"}"'


def differing(old: str, new: str) -> str:
    """`was "… age > 2", is "… age > 3"`: both, without what long ones have in common at their start and end."""
    before, after = differing_parts(old, new)
    return f"was {shown(before)}, is {shown(after)}"


def differing_parts(old: str, new: str) -> tuple[str, str]:
    """Both on one line; of long ones what differs, with a word on either side."""
    before, after = (" ".join(text.split()) for text in (old, new))
    return _without_common(before, after) if max(len(before), len(after)) > _LONG else (before, after)


def _without_common(old: str, new: str) -> tuple[str, str]:
    before, after = _TOKENS.findall(old), _TOKENS.findall(new)
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    # One word on either side says where it is.
    start, end = max(start - 2, 0), max(end - 2, 0)
    parts = ("".join(words[start : len(words) - end]).strip() for words in (before, after))
    first, second = (("… " if start else "") + part + (" …" if end else "") for part in parts)
    return first, second


def _common(first: list[str], second: list[str]) -> int:
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count
