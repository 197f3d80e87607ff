"""How one type relates to another: the lossless widenings of versions.md rule 5, and nested types by the same rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Verdict = Literal["same", "widened", "changed", "nested_changed"]
_DECIMAL = re.compile(r"^DECIMAL\((\d+),\s*(\d+)\)$")
_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
WHOLE = frozenset((*_SIGNED, *_UNSIGNED, "HUGEINT", "UHUGEINT"))
_WIDENINGS = {
    *((a, b) for chain in (_SIGNED, _UNSIGNED) for i, a in enumerate(chain) for b in chain[i + 1 :]),
    *((u, s) for i, u in enumerate(_UNSIGNED) for s in _SIGNED[i + 1 :]),
    ("FLOAT", "DOUBLE"),
    ("TINYINT", "FLOAT"),
    ("SMALLINT", "FLOAT"),
    ("UTINYINT", "FLOAT"),
    ("TINYINT", "DOUBLE"),
    ("SMALLINT", "DOUBLE"),
    ("INTEGER", "DOUBLE"),
    ("UTINYINT", "DOUBLE"),
    ("USMALLINT", "DOUBLE"),
}


def compare_types(old: str, new: str) -> Verdict:
    """`widened` where every old value has an equal new one; nested types are compared part by part."""
    if old == new:
        return "same"
    if (old, new) in _WIDENINGS or _decimal_widens(old, new):
        return "widened"
    old_parts, new_parts = _parts(old), _parts(new)
    if old_parts is None or new_parts is None or old_parts[0] != new_parts[0]:
        return "changed"
    before, after = old_parts[1], new_parts[1]
    if set(before) - set(after):
        return "nested_changed"
    verdicts = {compare_types(before[name], after[name]) for name in before}
    return "nested_changed" if verdicts & {"changed", "nested_changed"} else "widened"


def _decimal_widens(old: str, new: str) -> bool:
    before, after = _DECIMAL.match(old), _DECIMAL.match(new)
    if not before or not after:
        return False
    (p, s), (p2, s2) = (int(before[1]), int(before[2])), (int(after[1]), int(after[2]))
    return s2 >= s and p2 - s2 >= p - s


def _parts(type_name: str) -> tuple[str, dict[str, str]] | None:
    """Kind and parts of a nested type: fields of a STRUCT, element of a LIST, key and value of a MAP."""
    if type_name.endswith("[]"):
        return "LIST", {"element": type_name[:-2]}
    for kind in ("STRUCT", "MAP"):
        if type_name.startswith(f"{kind}(") and type_name.endswith(")"):
            inner = list(_split(type_name[len(kind) + 1 : -1]))
            if kind == "MAP":
                return kind, dict(zip(("key", "value"), inner, strict=True))
            return kind, dict(_field(part) for part in inner)
    return None


def _split(text: str) -> Iterator[str]:
    depth, quoted, start = 0, False, 0
    for index, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif not quoted and char in "()":
            depth += 1 if char == "(" else -1
        elif not quoted and char == "," and not depth:
            yield text[start:index].strip()
            start = index + 1
    yield text[start:].strip()


def _field(part: str) -> tuple[str, str]:
    if part.startswith('"'):
        end = part.index('"', 1)
        return part[1:end], part[end + 1 :].strip()
    name, _, type_name = part.partition(" ")
    return name, type_name
