"""Tables that fit the terminal; as Markdown on request."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlproj.cli.context import Context


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]], context: Context) -> list[str]:
    """Columns as wide as they need; on a terminal the widest are cut until a row fits."""
    cells = [[text(value) for value in row] for row in rows]
    if context.output == "markdown":
        escaped = [[c.replace("|", "\\|") for c in row] for row in cells]
        return [
            f"| {' | '.join(headers)} |",
            f"|{'|'.join(' --- ' for _ in headers)}|",
            *(f"| {' | '.join(row)} |" for row in escaped),
        ]
    widths = [max([display_width(h), *(display_width(row[i]) for row in cells)]) for i, h in enumerate(headers)]
    # The first column names the row, and is cut last.
    while sum(widths) + 2 * (len(widths) - 1) > context.width and max(widths) > 8:
        widest = max(range(len(widths)), key=lambda i: (widths[i] if i else widths[0] // 2, i))
        widths[widest] -= 1
    right = [
        bool(rows) and all(isinstance(row[i], int | float) and not isinstance(row[i], bool) for row in rows)
        for i in range(len(headers))
    ]
    lines = [list(headers), ["─" * w for w in widths], *cells]
    return ["  ".join(_fit(cell, widths[i], right[i]) for i, cell in enumerate(line)).rstrip() for line in lines]


def text(value: Any) -> str:
    """A value as a cell: short floats, lists joined, line breaks gone."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(text(item) for item in value)
    return " ".join(str(value).split())


def display_width(cell: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in cell)


def _fit(cell: str, width: int, right: bool) -> str:
    if display_width(cell) > width:
        while display_width(cell) > width - 1:
            cell = cell[:-1]
        cell += "…"
    padding = " " * (width - display_width(cell))
    return padding + cell if right else cell + padding


def models_table(document: dict[str, Any], context: Context) -> list[str]:
    """Versions with the metrics of their test split (of the training split where there is no test)."""
    models = document["models"]
    if not models:
        return ["no model is registered yet: mlproj build"]
    splits = [m["metrics"].get("test") or m["metrics"].get("training") or {} for m in models]
    names = list(dict.fromkeys(name for metrics in splits for name in metrics))
    headers = ["version", "status", "alias", *names, "training data", "created"]
    rows = [
        [
            m["model_version"],
            m["status"],
            ", ".join(m["aliases"]),
            *(round(s[n], 4) if n in s else "" for n in names),
            m["training_dataset"],
            m["created_at"][:16].replace("T", " "),
        ]
        for m, s in zip(models, splits, strict=True)
    ]
    return table(headers, rows, context)
