"""A traceback for `--debug`, which quotes no value of a column that is marked pii."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterator

from mlproj.diagnostics import ProjectError

_HUSHED = "(its words are not shown, since they may hold a value that is marked pii)"


def trace(error: BaseException, hidden: Collection[str]) -> str:
    """All frames, the first cause first, as Python prints them."""
    parts = [
        f"Traceback (most recent call last):\n{''.join(traceback.format_tb(one.__traceback__))}"
        f"{type(one).__name__}: {words(one, hidden)}"
        for one in _causes(error)
    ]
    return "\n\nThe above exception led to:\n\n".join(reversed(parts))


def words(error: BaseException, hidden: Collection[str]) -> str:
    """What an exception says; diagnostics are masked where they are made, of others nobody knows what they quote."""
    if isinstance(error, ProjectError):
        return "; ".join(f"{d.code} {d.message}" for d in error.diagnostics)
    return _HUSHED if hidden else str(error).strip()


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
