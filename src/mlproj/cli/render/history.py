"""A history as a table: what matters first, so that a narrow terminal shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlproj.cli.render.tables import table

if TYPE_CHECKING:
    from mlproj.cli.context import Context

_TIMES = ("at", "started")
_WHOLE = (*_TIMES, "kind")


def history_lines(document: dict[str, Any], context: Context) -> list[str]:
    """A row for each entry; times to the minute, and no column that would only repeat another."""
    entries = [_shown(entry) for entry in document["entries"]]
    columns = [c for c in (entries[0] if entries else ()) if c != "message" or any(e["message"] for e in entries)]
    rows = [[entry[c] for c in columns] for entry in entries]
    events = document.get("events", [])
    return [
        *(table(columns, rows, context, whole=_WHOLE) if rows else ["nothing yet"]),
        *(["", *_accepted(events, context)] if events else []),
    ]


def _accepted(events: list[dict[str, Any]], context: Context) -> list[str]:
    """What was let through, and why, as a table of its own."""
    columns = ["at", "who", "what", "because", "rules", "features", "build"]
    shown = [
        _shown(event)
        | {"what": event["what"].replace("_", " ")}
        | {name: ", ".join(event[name]) for name in ("rules", "features")}
        for event in events
    ]
    return table(columns, [[event[c] for c in columns] for event in shown], context, whole=_WHOLE)


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    shown = dict(entry)
    for name in set(_TIMES) & set(entry):
        shown[name] = entry[name][:16].replace("T", " ")
    if "message" in entry and entry["message"] == f"build {entry['build']}":
        shown["message"] = ""
    if shown.pop("expired", False):
        shown["kind"] = f"{entry['kind']}, expired"
    return shown
