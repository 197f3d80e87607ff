"""What a reader of a query should know, as warnings."""

from __future__ import annotations

from mlproj.compiler.meaning import Note
from mlproj.diagnostics import Collector, Span


def warn(note: Note, span: Span, node: str, collector: Collector) -> None:
    match note.kind:
        case "not_understood":
            message = f"this SQL is compared as text, so any edit of it counts as a change: {note.what}"
            collector.warn("W401", message, span, "write it in another way, or ignore this", node)
        case "not_deterministic":
            message = f"{note.what} gives another result at each run, so equal definitions may give unequal data"
            hint = "take the value from a source, or from a var(); or ignore this"
            if note.what.endswith("without ORDER BY"):
                hint = "add ORDER BY with a key that has no ties; or ignore this"
            elif note.what.startswith("SAMPLE"):
                hint = "add REPEATABLE (seed), or filter by a hash of the key; or ignore this"
            collector.warn("W402", message, span, hint, node)
