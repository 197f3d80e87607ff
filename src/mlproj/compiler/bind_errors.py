"""What the engine says of a user's SQL, told with a hint and a place in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlproj.compiler.source_map import offset_span
from mlproj.diagnostics import Span, did_you_mean
from mlproj.ports import BindError

_TABLE = re.compile(r"Table with name (.+) does not exist$")
_FILE = re.compile(r"SQL may not read '(.+?)'")
_UNNAMED = re.compile(r"\W+")
# Words of SQL that make good names of columns, and have to be quoted as such.
_WORDS = re.compile(
    r"\b(at|check|column|desc|end|for|from|group|left|limit|offset|order|primary|right|table|to|when|window)\W*$",
    re.IGNORECASE,
)


def bind_hint(error: BindError, relations: Mapping[str, str]) -> str | None:
    """What to do about it; `relations` says how each name of the project is written in SQL."""
    file, table = _FILE.match(error.message), _TABLE.match(error.message)
    if file:
        name = _UNNAMED.sub("_", file[1].rpartition("/")[2].partition(".")[0]).strip("_") or "name"
        return f"sources: [{{name: {name}, path: {file[1]}}}]"
    if table:
        near = did_you_mean(table[1], relations)
        written = relations.get(table[1])
        if written:
            return f"write {written}"
        return near or "other groups are read with {{ ref('…') }}, files with {{ source('…') }}"
    if is_not_one_query(error):
        return "the file holds one SELECT; its parts can be CTEs: with a as (…) select …"
    if any("->" in candidate for candidate in error.candidates):
        return "cast the arguments, as in x::DOUBLE"
    if error.candidates:
        return f"did you mean {', '.join(repr(c) for c in error.candidates[:3])}?"
    return None


def is_not_one_query(error: BindError) -> bool:
    """Whether the text holds no statement, several, or another one than a SELECT."""
    return "one SELECT is expected" in error.message


def word_hint(error: BindError, sql: str) -> str | None:
    """What to do where the engine stumbled over a word of SQL that may have been meant as a column."""
    if not error.syntax or error.position is None:
        return None
    after = re.match(r"\w*", sql[error.position :])
    found = _WORDS.search(sql[: error.position]) or (after and _WORDS.search(after[0]))
    return f"'{found[1]}' is a word of SQL: a column of that name is written \"{found[1]}\"" if found else None


def bind_position(error: BindError, sql: str) -> int | None:
    """The engine's position; where it gives none, that of the file that it names, if there is one such text."""
    file = _FILE.match(error.message)
    if error.position is None and file and sql.count(file[1]) == 1:
        return sql.index(file[1])
    if not sql.strip():
        return 0
    return error.position


def column_place(path: str, text: str, name: str) -> Span:
    """Where a query's output column is named, or computed where it has no name; the file where that is not seen."""
    quoted = re.escape('"' + name.replace('"', '""') + '"')
    word = rf"(?:{quoted}|(?<![\w.\"]){re.escape(name)}(?![\w\"]))"
    aliases = list(re.finditer(rf"\bas\s+({word})", text, re.IGNORECASE))
    if aliases:
        return offset_span(path, text, aliases[-1].start(1), len(aliases[-1][1]))
    named = re.search(word, text, re.IGNORECASE) or re.search(_as_written(name), text, re.IGNORECASE)
    return offset_span(path, text, named.start(), len(named[0])) if named else Span(path)


def _as_written(name: str) -> str:
    """A pattern of the expression that the engine names a column after: `(age + 1)`, `count_star()`."""
    text = name[1:-1] if name.startswith("(") and name.endswith(")") else name
    tokens = re.findall(r"\w+|[^\w\s]", text.replace("count_star()", "count(*)"))
    return r"\s*".join(re.escape(token) for token in tokens) or r"(?!)"
