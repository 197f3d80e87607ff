"""DuckDB's exceptions as data: kind, first sentence, position, candidates."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from mlproj.ports import EngineError

# What every connection of ours is opened with: nothing is fetched from the network unasked.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

# What every cursor starts with, since settings of a session are not inherited. An ASOF join whose left side is thought
# to be short would compare all pairs, for hours where it is not; without the last setting a missing table named like a
# variable of the calling Python code would read that variable.
SESSION = (
    "set errors_as_json = true; set TimeZone = 'UTC'; set asof_loop_join_threshold = 0;"
    " set python_enable_replacements = false"
)

# What a function in Python raised, between the engine's words and the stack.
_PYTHON = re.compile(r"Python exception occurred while executing the UDF: \w+: (.*?)(?:\n\s*At:|\Z)", re.DOTALL)
_FUNCTIONS = "Candidate functions:"
_LISTED = 3
_SUGGESTIONS = re.compile(
    r"\n\s*\n|\n\s*(?:Candidate bindings:|Candidates:|Did you mean|LINE \d+:|Possible Solution|Please try )"
)


@dataclass(frozen=True)
class DuckDBError:
    """`position` counts bytes of the statement in UTF-8 from 0; `detail` is all that the engine said."""

    kind: str
    message: str
    detail: str
    position: int | None = None
    candidates: tuple[str, ...] = ()


def read_error(error: BaseException) -> DuckDBError:
    """Of any exception that the engine raised, with or without `errors_as_json`."""
    text, kind = str(error), type(error).__name__.removesuffix("Exception")
    found = _json_of(text)
    if found is None:
        before, _, rest = text.partition(": ")
        return DuckDBError(kind, _plain(rest if before.endswith("Error") else text), text)
    detail = str(found.get("exception_message", text)).strip()
    position = found.get("position")
    return DuckDBError(
        # A few kinds have no class of their own.
        kind if kind != "Error" else str(found.get("exception_type", "")).replace(" ", ""),
        _plain(detail),
        detail,
        int(position) if position is not None else None,
        split_candidates(str(found.get("candidates", ""))),
    )


def engine_error(error: BaseException) -> EngineError:
    found = read_error(error)
    if match := _PYTHON.search(found.detail):
        return EngineError(match[1].strip(), found.kind, found.detail)
    return EngineError(found.message, found.kind, found.detail)


def split_candidates(text: str) -> tuple[str, ...]:
    """`a,sum(DECIMAL(4,2), INT) -> INT` is two: commas in parentheses do not part."""
    parts = re.findall(r"(?:[^,()]|\((?:[^()]|\([^()]*\))*\))+", text)
    return tuple(part.strip() for part in parts if part.strip())


def _json_of(text: str) -> dict[str, Any] | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        found = json.loads(text[start:])
    except ValueError:
        return None
    return found if isinstance(found, dict) and "exception_message" in found else None


def _plain(message: str) -> str:
    """The engine's own words up to its suggestions; of a list of functions the first few."""
    head, mark, functions = message.partition(_FUNCTIONS)
    head = _SUGGESTIONS.split(head.strip(), maxsplit=1)[0]
    text = " ".join(head.split()).removesuffix("!")
    lines = [line.strip() for line in functions.splitlines() if line.strip()]
    if not mark or not lines:
        return text
    more = [f"  and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
    return "\n".join([text, *(f"  {line}" for line in lines[:_LISTED]), *more])
