"""How far a group has come, as a value in its query: what reads a source can leave out older rows only of a value."""

from __future__ import annotations

import re

from mlproj.compiler.text import literal
from mlproj.ports import Engine


def with_newest(sql: str, this: str, engine: Engine) -> str:
    """The query with `(select max(seen) from {{ this }})` as the value that this has now; `this` is quoted.

    The same rows come of it: no join with a subquery is handed on to a database, or to a file's statistics.
    """
    pattern = rf'\(\s*select\s+(?:max|min)\(\s*(?:\w+|"(?:[^"]|"")+")\s*\)\s+from\s+{re.escape(this)}\s*\)'

    def value(match: re.Match[str]) -> str:
        if sql[: match.start()].count("'") % 2:
            return match[0]  # in a text
        column = engine.describe(match[0][1:-1])[0]
        if not column.type.startswith(("DATE", "TIMESTAMP")) and column.type not in _WHOLE:
            return match[0]
        found = engine.rows(f"select ({match[0]})::VARCHAR")[0][0]
        return f"{literal(found)}::{column.type}"

    return re.sub(pattern, value, sql, flags=re.IGNORECASE)


_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
