"""SQL text: identifiers and literals that read back as exactly the value they were made from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

# What may hold a semicolon, a comment's mark or capitals that count, and those themselves.
_SPECIAL = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|;""", re.DOTALL
)


def one_statement(sql: str) -> str:
    """A statement without the semicolon that ends it and what follows, which can only be comments."""
    if ";" in sql:
        sql = sql[: next((match.start() for match in _SPECIAL.finditer(sql) if match[0] == ";"), len(sql))]
    return sql.strip()


def without_comments(sql: str) -> str:
    """The statement with blanks for its comments; whatever else stands in it keeps its place."""
    if "--" not in sql and "/*" not in sql:
        return sql
    return _SPECIAL.sub(lambda match: " " * len(match[0]) if match[0].startswith(("--", "/*")) else match[0], sql)


def plain_text(sql: str) -> str:
    """The statement without what means nothing in any SQL: comments, capitals, kind and number of blanks."""
    sql, end, parts = without_comments(sql), 0, []
    for match in _SPECIAL.finditer(sql):
        parts += [re.sub(r"\s+", " ", sql[end : match.start()]).lower(), match[0]]
        end = match.end()
    return "".join([*parts, re.sub(r"\s+", " ", sql[end:]).lower()]).strip()


def identifier(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def identifiers(names: Iterable[str]) -> str:
    return ", ".join(identifier(name) for name in names)


def total_order(keys: Iterable[str], columns: Iterable[str]) -> str:
    """Columns to order by: the keys, then all others, so that ties of keys do not leave the order open."""
    return identifiers(dict.fromkeys([*keys, *columns]))


def written(value: Any) -> str:
    """A value as the user would write it in YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}'" if isinstance(value, str) else str(value)


def literal(value: Any) -> str:
    """A literal of DuckDB's SQL.

    Doubles are written with 17 digits and an exponent: DuckDB reads `0.1` as a DECIMAL.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.17e}" if math.isfinite(value) else f"'{value}'::DOUBLE"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"
