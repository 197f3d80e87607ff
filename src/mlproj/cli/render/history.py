"""A history as a table: what matters first, so that a narrow terminal shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlproj.cli.render.tables import table
from mlproj.planner.columns import label

if TYPE_CHECKING:
    from mlproj.cli.context import Context

_TIMES = ("at", "started")
_WHOLE = (*_TIMES, "kind")
_ACCEPTED = ("at", "who", "what", "because", "rules", "features", "build")
_MOVED = ("at", "who", "how", "alias", "from", "to", "because")


def history_lines(document: dict[str, Any], context: Context) -> list[str]:
    """A row for each entry, under the node's name; times as `--as-of` takes them, no column that repeats another."""
    entries = [_shown(entry) for entry in document["entries"]]
    columns = [c for c in (entries[0] if entries else ()) if c != "message" or any(e["message"] for e in entries)]
    rows = [[entry[c] for c in columns] for entry in entries]
    events = document.get("events", [])
    headed = document["node"] is not None and context.output != "markdown"
    lines = [click.style(label(document["node"]), bold=True)] if headed else []
    lines += table(columns, rows, context, whole=_WHOLE) if rows else ["nothing yet"]
    for names in (_ACCEPTED, _MOVED):
        told = [event for event in events if ("alias" in event) == ("alias" in names)]
        lines += ["", *_told(told, names, context)] if told else []
    return lines


def _told(events: list[dict[str, Any]], columns: tuple[str, ...], context: Context) -> list[str]:
    """What was let through or moved, and why, as a table of its own."""
    shown = [
        _shown(event)
        | {"what": event["what"].replace("_", " ")}
        | {name: ", ".join(value) for name, value in event.items() if isinstance(value, list | tuple)}
        for event in events
    ]
    return table(columns, [[event[c] for c in columns] for event in shown], context, whole=_WHOLE)


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    shown = dict(entry)
    for name in set(_TIMES) & set(entry):
        # A commit is as of its millisecond: less of it would name a moment before.
        shown[name] = entry[name].removesuffix("Z").replace("T", " ")[: 23 if name == "at" else 19]
    if "message" in entry and entry["message"] == f"build {entry['build']}":
        shown["message"] = ""
    if shown.pop("expired", False):
        shown["kind"] = f"{entry['kind']}, expired"
    return shown
