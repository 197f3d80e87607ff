"""A document as a card: its facts, then its tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from mlproj.cli.render.tables import models_table, table, text

if TYPE_CHECKING:
    from mlproj.cli.context import Context

_TITLES = ("node", "model_version", "training_dataset")
_LEFT_OUT = {"artifact", "version", "statistics", "preview", "as_of", "input_example"}


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
    lines += [
        f"  {name.replace('_', ' '):<{width}}  {_fact(value)}" for name, value in facts.items() if not _is_table(value)
    ]
    for name, value in facts.items():
        if _is_table(value):
            lines += ["", click.style(name.replace("_", " "), bold=True), *_indented(_table(name, value, context))]
    preview = document.get("preview")
    if preview:
        commit = f" at commit {document['as_of']}" if document.get("as_of") is not None else ""
        lines += [
            "",
            click.style(f"first {len(preview['rows'])} rows{commit}", bold=True),
            *_indented(table(preview["columns"], preview["rows"], context)),
        ]
    return lines


def _is_table(value: Any) -> bool:
    records = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    return records or (isinstance(value, dict) and bool(value) and all(isinstance(v, dict) for v in value.values()))


def _table(name: str, value: Any, context: Context) -> list[str]:
    if name == "versions":
        return models_table({"models": value}, context)
    if isinstance(value, dict):
        columns = list(dict.fromkeys(c for row in value.values() for c in row))
        return table(
            ["split", *columns], [[key, *(row.get(c) for c in columns)] for key, row in value.items()], context
        )
    columns = [c for c in value[0] if any(row.get(c) not in (None, "", []) for row in value)]
    return table(
        [c.replace("_", " ") for c in columns], [[_cell(row.get(c)) for c in columns] for row in value], context
    )


def _cell(value: Any) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {text(item)}" for key, item in value.items())
    return text(value)


def _indented(lines: list[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
