"""Columns marked `pii: true`: what is printed, kept to be looked at or logged of their values passes here.

What a user takes out, frames, exported files and predictions, is data and stays whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mlproj.ports import EngineError
from mlproj.state import Node

HIDDEN = "***"
# Errors about files, names and resources: they speak of no value.
_OF_NO_VALUE = frozenset((
    "IO", "HTTP", "OutOfMemory", "Binder", "Catalog", "Parser", "Interrupt", "Permission", "Dependency", "Transaction",
    "ExtensionAutoloading",
))  # fmt: skip
_SAYS = {"Conversion": "a value cannot be converted", "OutOfRange": "a value is out of range"}


def hidden_columns(*nodes: Node | None) -> frozenset[str]:
    """The columns of any of these nodes whose values are not shown."""
    return frozenset(name for node in nodes if node is not None for name in node.pii)


def masked(value: Any) -> Any:
    """What stands for a value; that there is none may be seen."""
    return None if value is None else HIDDEN


def masked_rows(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], hidden: Collection[str]
) -> list[tuple[Any, ...]]:
    """Rows of these columns, the hidden ones masked."""
    return [tuple(masked(v) if c in hidden else v for c, v in zip(columns, row, strict=True)) for row in rows]


def masked_record(values: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """A row as a mapping from columns, the hidden ones masked."""
    return {name: masked(value) if name in hidden else value for name, value in values.items()}


def masked_fitted(statistics: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """`FittedStatistics` as JSON: what was learnt from hidden features is their smallest, largest and most frequent."""
    values = {
        feature: [dict.fromkeys(learnt, HIDDEN) for learnt in steps] if feature in hidden else steps
        for feature, steps in statistics["values"].items()
    }
    return {**statistics, "values": values}


def said(error: EngineError, hidden: Collection[str]) -> str:
    """The engine's words; not where they may hold a value of a hidden column."""
    if not hidden or error.kind in _OF_NO_VALUE:
        return error.message
    names = ", ".join(sorted(hidden))
    what = _SAYS.get(error.kind, "the engine refuses a value")
    return f"{what}; its words are not shown, since they may hold a value that is marked pii ({names})"
