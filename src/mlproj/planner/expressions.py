"""Two expressions side by side, in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

CUT = "…"  # at the end of a text that was longer
_LONG = 100
_DIFFERENCE = 200  # characters of what differs in long ones, and of what stands around it
_AROUND = 6  # words and signs on either side of a difference
_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")
_CLAUSES = {"FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "CASE"}

_Span = tuple[int, int]


def shown(expression: str, longest: int = _LONG) -> str:
    """In quotes and on one line; `something else` where there is no text of it."""
    text = " ".join(expression.split())
    if not text:
        return "something else"
    return f'"{text if len(text) <= longest else text[: longest - 1] + CUT}"'


def differing(old: str, new: str) -> str:
    """`was "WHERE … age > 2 AND …", is "WHERE … age > 3 AND …"`: of long ones what differs, and what is around it."""
    before, after = differing_parts(old, new)
    return f"was {shown(before, _DIFFERENCE)}, is {shown(after, _DIFFERENCE)}"


def differing_parts(old: str, new: str) -> tuple[str, str]:
    """Both on one line; of long ones each place that differs, behind the clause that it stands in."""
    before, after = (" ".join(text.split()) for text in (old, new))
    if not before or not after or max(len(before), len(after)) <= _LONG:
        return before, after
    return _places(_TOKENS.findall(before), _TOKENS.findall(after))


def _places(old: list[str], new: list[str]) -> tuple[str, str]:
    from difflib import SequenceMatcher

    # Comparing is quadratic: most edits are short, and what stands before and after them is not compared.
    head = _equal(zip(old, new, strict=False))
    tail = _equal(zip(reversed(old[head:]), reversed(new[head:]), strict=False))
    middles = old[head : len(old) - tail], new[head : len(new) - tail]
    hunks: list[tuple[_Span, _Span]] = []
    for what, *ends in SequenceMatcher(None, *middles, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        i, j, k, m = (head + end for end in ends)
        (a, b), (c, d) = _around(old, i, j), _around(new, k, m)
        if hunks and (a <= hunks[-1][0][1] or c <= hunks[-1][1][1]):
            hunks[-1] = (hunks[-1][0][0], b), (hunks[-1][1][0], d)
        else:
            hunks.append(((a, b), (c, d)))
    return _told(old, [hunk[0] for hunk in hunks]), _told(new, [hunk[1] for hunk in hunks])


def _equal(pairs: Iterable[tuple[str, str]]) -> int:
    """How many pairs are equal before the first that is not."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _around(tokens: Sequence[str], start: int, end: int) -> _Span:
    """A span with some words on either side."""
    for step in (-1, 1):
        words, at = 0, start if step < 0 else end
        while 0 <= (place := at - 1 if step < 0 else at) < len(tokens) and words < _AROUND:
            words += not tokens[place].isspace()
            at += step
        start, end = (at, end) if step < 0 else (start, at)
    return start, end


def _told(tokens: Sequence[str], spans: Sequence[_Span]) -> str:
    """The spans, and `…` for what is left out between them."""
    found: list[str] = []
    last = 0
    for start, end in spans:
        if start > last:
            clause = _clause(tokens, start) if not found else ""
            found += [f"{clause} {CUT}".strip()]
        found.append("".join(tokens[start:end]).strip())
        last = end
    return " ".join([*found, *([CUT] if last < len(tokens) else [])])


def _clause(tokens: Sequence[str], place: int) -> str:
    """The clause that a place stands in, as `WHERE`; nothing where it is in none."""
    depth = 0
    for word in reversed(tokens[:place]):
        depth += (word == ")") - (word == "(")
        if depth <= 0 and word in _CLAUSES:
            return f"{word} BY" if word in {"GROUP", "ORDER"} else word
        depth = max(depth, 0)
    return ""
