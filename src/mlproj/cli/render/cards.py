"""A document as a card: its facts, then its tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from mlproj.cli.render.fitted import fitted_rows
from mlproj.cli.render.tables import models_table, table, text

if TYPE_CHECKING:
    from mlproj.cli.context import Context

_TITLES = ("node", "model_version", "training_dataset")
_LEFT_OUT = {"artifact", "version", "statistics", "split_statistics", "preview", "as_of", "input_example"}


def card_lines(document: dict[str, Any], context: Context) -> list[str]:
    """Facts first, lists of records as tables, the preview of rows last."""
    title = next((document[k] for k in _TITLES if document.get(k)), document["artifact"])
    lines = [click.style(str(title), bold=True)]
    facts = {
        k: v
        for k, v in document.items()
        if k not in _LEFT_OUT and document.get(k) != title and v not in (None, "", [], {})
    }
    width = max((len(k) for k, v in facts.items() if not _is_table(v)), default=0)
    for name, value in facts.items():
        if not _is_table(value):
            lines += _wrapped(f"  {name.replace('_', ' '):<{width}}  ", _fact(name, value), context.width)
    for name, value in facts.items():
        if _is_table(value):
            lines += ["", click.style(name.replace("_", " "), bold=True), *_indented(_table(name, value, context))]
    fitted = fitted_rows(document.get("statistics") or {"chains": {}})
    if fitted:
        lines += ["", click.style("transformations as fitted", bold=True), *_indented(_table("", fitted, context))]
    preview = document.get("preview")
    if preview:
        commit = f" as of {document['as_of']}" if document.get("as_of") is not None else ""
        count = len(preview["rows"])
        title = {0: "no rows", 1: "first row"}.get(count, f"first {count} rows")
        lines += ["", click.style(f"{title}{commit}", bold=True)]
        lines += _indented(table(preview["columns"], preview["rows"], context, indent=2))
    return lines


def _is_table(value: Any) -> bool:
    records = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    return records or (isinstance(value, dict) and bool(value) and all(isinstance(v, dict) for v in value.values()))


def _table(name: str, value: Any, context: Context) -> list[str]:
    if name == "versions":
        return models_table({"models": value}, context, indent=2)
    if isinstance(value, dict):
        columns = list(dict.fromkeys(c for row in value.values() for c in row))
        rows = [[key, *(row.get(c) for c in columns)] for key, row in value.items()]
        return table(["split", *columns], rows, context, indent=2)
    names = dict.fromkeys(c for row in value for c in row)
    columns = [c for c in names if any(row.get(c) not in (None, "", []) for row in value)]
    return table(
        [c.replace("_", " ") for c in columns],
        [[_cell(row.get(c)) for c in columns] for row in value],
        context,
        indent=2,
    )


def _cell(value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], list):
        return ", ".join(f"{text(item)} ({text(count)})" for item, count in value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _wrapped(label: str, fact: str, width: int) -> list[str]:
    """A fact behind its label, on as many lines as it needs."""
    import textwrap

    if width - len(label) < 20:
        return [label + fact]
    return textwrap.wrap(
        fact, width, initial_indent=label, subsequent_indent=" " * len(label), break_on_hyphens=False
    ) or [label.rstrip()]


def _fact(name: str, value: Any) -> str:
    if name == "files" and isinstance(value, dict):
        # A person compares the beginning of a hash.
        shown = {file: f"{what[:12]}…" if isinstance(what, str) else what for file, what in value.items()}
        return ", ".join(f"{file} {what}" for file, what in shown.items())
    if isinstance(value, dict):
        return ", ".join(f"{key} {text(item)}" for key, item in value.items() if item is not None)
    return text(value)


def _indented(lines: list[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
