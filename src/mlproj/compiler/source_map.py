"""From a character of rendered SQL back to the user's line: a second rendering with markers between the tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlproj.diagnostics import Span

if TYPE_CHECKING:
    from jinja2 import Environment

# Private-use characters: no query contains them, and neither Jinja nor a number does.
_OPEN, _CLOSE, _CALL = "\ue000", "\ue001", "\ue002"
_MARKER = re.compile(f"{_OPEN}({_CALL}?)(\\d+){_CLOSE}")


def marked_template(jinja: Environment, text: str) -> str:
    """The template with a marker, carrying its own offset, before each stretch of plain text and each `{{`."""
    parts: list[str] = []
    offset = 0
    for _line, kind, value in jinja.lex(text):
        start = text.index(value, offset)
        parts.append(text[offset:start])
        if kind == "data":
            parts.append(f"{_OPEN}{start}{_CLOSE}")
        elif kind == "variable_begin":
            marker = f"{_OPEN}{_CALL}{start}{_CLOSE}"
            # As text before `{{-` it would keep the whitespace that is to go.
            value_start = f'{{{{- "{marker}" }}}}{{{{' if value.endswith("-") else marker + value
            parts.append(value_start)
            offset = start + len(value)
            continue
        parts.append(value)
        offset = start + len(value)
    return "".join([*parts, text[offset:]])


def map_position(marked: str, position: int) -> int:
    """The template's offset for `position` of the rendering without markers; inside `{{ }}` that of its start."""
    produced, offset = 0, 0
    for before, following in _segments(marked):
        length = len(following)
        is_call, start = before
        offset = start if is_call else start + min(max(position - produced, 0), length)
        if produced + length > position:
            break
        produced += length
    return offset


def _segments(marked: str) -> list[tuple[tuple[bool, int], str]]:
    found = list(_MARKER.finditer(marked))
    if not found:
        return [((True, 0), marked)]
    first = [((True, 0), marked[: found[0].start()])]
    ends = [m.start() for m in found[1:]] + [len(marked)]
    return first + [((bool(m[1]), int(m[2])), marked[m.end() : end]) for m, end in zip(found, ends, strict=True)]


def offset_span(path: str, text: str, offset: int, length: int = 1) -> Span:
    """The span at a character offset of a text."""
    offset = min(max(offset, 0), len(text))
    line_start = text.rfind("\n", 0, offset) + 1
    return Span(path, text.count("\n", 0, offset) + 1, offset - line_start + 1, max(length, 1))
