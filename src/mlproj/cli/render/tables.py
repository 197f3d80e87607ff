"""Tables that fit the terminal; as Markdown on request."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlproj.cli.context import Context

# A text that is cut keeps at least so much.
_SHORTEST = 8


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    context: Context,
    *,
    indent: int = 0,
    whole: Collection[str] = (),
) -> list[str]:
    """Columns as wide as they need; on a terminal texts and headers are cut until a row fits, then columns left out.

    `indent` is how many columns of the terminal the caller puts before each line, `whole` are columns never cut.
    """
    cells = [[text(value) for value in row] for row in rows]
    if context.output == "markdown":
        escaped = [[c.replace("|", "\\|") for c in row] for row in cells]
        return [
            f"| {' | '.join(headers)} |",
            f"|{'|'.join(' --- ' for _ in headers)}|",
            *(f"| {' | '.join(row)} |" for row in escaped),
        ]
    right = [
        bool(rows) and all(isinstance(row[i], int | float) and not isinstance(row[i], bool) for row in rows)
        for i in range(len(headers))
    ]
    uncut = [number or i == 0 or headers[i] in whole for i, number in enumerate(right)]
    widths = _widths(headers, cells, uncut, context.width - indent)
    shown = len(widths)
    lines = [list(headers), ["─" * w for w in widths], *cells]
    tail = "  …" if shown < len(headers) else ""
    return [
        ("  ".join(_fit(cell, widths[i], right[i]) for i, cell in enumerate(line[:shown])) + tail).rstrip()
        for line in lines
    ]


def _widths(headers: Sequence[str], cells: Sequence[Sequence[str]], uncut: Sequence[bool], available: int) -> list[int]:
    """A width for each column that is shown: all of them, or the first ones and room for `…`."""
    needed = [max((display_width(row[i]) for row in cells), default=0) for i in range(len(headers))]
    heads = [display_width(h) for h in headers]
    # Names in the first column and numbers are not cut: half a number is another number.
    least = [n if uncut[i] else min(n, _SHORTEST) for i, n in enumerate(needed)]
    least = [max(n, min(h, _SHORTEST)) for n, h in zip(least, heads, strict=True)]
    full = [max(n, h) for n, h in zip(needed, heads, strict=True)]
    for shown in range(len(headers), 1, -1):
        room = available - 2 * (shown - 1) - (0 if shown == len(headers) else 3)
        if sum(least[:shown]) <= room:
            return _narrowed(full[:shown], least, room)
    return full[:1]


def _narrowed(widths: list[int], least: Sequence[int], room: int) -> list[int]:
    """The widest give way first."""
    while sum(widths) > room:
        widest = max((i for i, width in enumerate(widths) if width > least[i]), key=lambda i: (widths[i], i))
        widths[widest] -= 1
    return widths


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


def search_lines(document: dict[str, Any], context: Context) -> list[str]:
    """What was found, best first, and where the words stand."""
    if not document["matches"]:
        return [f"nothing is called '{document['search']}', described or tagged so, or owned by one called so"]
    rows = []
    for match in document["matches"]:
        kind, _, relation = match["node"].partition(":")
        name = f"{relation}.{match['feature']}" if match["feature"] else relation
        where = ["owner " + ", ".join(t) if k == "owner" else k for k, t in match["found"].items() if k != "tags"]
        where += [f"tag {tag}" for tag in match["found"].get("tags", ())]
        rows.append([name, "feature" if match["feature"] else kind, ", ".join(where), match["description"]])
    return table(["name", "kind", "found in", "description"], rows, context)


def models_table(document: dict[str, Any], context: Context, *, indent: int = 0) -> list[str]:
    """Versions with the metrics of their test split (of the training split where there is no test)."""
    models = document["models"]
    if not models:
        return ["no model is registered yet: mlproj build"]
    splits = [m["metrics"].get("test") or m["metrics"].get("training") or {} for m in models]
    names = list(dict.fromkeys(name for metrics in splits for name in metrics))
    aliased = any(m["aliases"] for m in models)
    headers = ["version", "status", *(["alias"] if aliased else []), *names, "training data", "created"]
    rows = [
        [
            m["model_version"],
            f"{m['status']} (taken back)" if m["taken_back"] else m["status"],
            *([", ".join(m["aliases"])] if aliased else []),
            *(round(s[n], 4) if n in s else "" for n in names),
            m["training_dataset"],
            m["created_at"][:16].replace("T", " "),
        ]
        for m, s in zip(models, splits, strict=True)
    ]
    return table(headers, rows, context, indent=indent)
