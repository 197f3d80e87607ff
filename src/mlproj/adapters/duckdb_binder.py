"""The type checker: DuckDB over empty tables, with no way out of memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from mlproj.adapters.duckdb_error import CONFIG, SESSION, DuckDBError, read_error
from mlproj.compiler.text import identifier
from mlproj.ports import BindError
from mlproj.state import Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_DESCRIBE = "describe "
_TYPE = "describe select cast(null as "
_SYSTEM = ("pg_", "duckdb_", "sqlite_", "pragma_")
_KINDS = {"macro": ("macro", "table_macro")}


class DuckDBBinder:
    """`ports.Binder`. Files, network and settings are out of reach of what is bound."""

    def __init__(self) -> None:
        self._open: DuckDBPyConnection | None = None
        self._lock = Lock()
        self._types: dict[str, str] = {}

    def declare(self, name: str, columns: Sequence[Column]) -> None:
        if not columns:
            raise BindError(f"{name} has no columns")
        body = ", ".join(f"{identifier(c.name)} {self.normalise_type(c.type)}" for c in columns)
        self._run(f"create or replace table {identifier(name)} ({body})", 0)

    def describe(self, sql: str) -> tuple[Column, ...]:
        self._refuse_other_statements(sql)
        rows = self._run(_DESCRIBE + sql, len(_DESCRIBE), sql)
        return tuple(Column(name=str(row[0]), type=str(row[1])) for row in rows)

    def normalise_type(self, type_name: str) -> str:
        if type_name not in self._types:
            if re.search(r";|--|/\*", type_name) or not _balanced(type_name):
                raise BindError(f"'{type_name}' is not a type", 0, syntax=True)
            rows = self._run(f"{_TYPE}{type_name}) as c", len(_TYPE), type_name)
            self._types[type_name] = str(rows[0][1])
        return self._types[type_name]

    def functions(self, kind: str) -> frozenset[str]:
        kinds = ", ".join(f"'{k}'" for k in _KINDS.get(kind, (kind.replace("'", ""),)))
        sql = f"select distinct lower(function_name) from duckdb_functions() where function_type in ({kinds})"
        return frozenset(str(row[0]) for row in self._run(sql, 0))

    def _connection(self) -> DuckDBPyConnection:
        if self._open is None:
            import duckdb

            self._open = duckdb.connect(config={**CONFIG, "enable_external_access": "false"})
            self._open.execute(f"{SESSION}; set lock_configuration = true")
        return self._open

    def _refuse_other_statements(self, sql: str) -> None:
        import duckdb

        with self._lock:
            try:
                found = self._connection().extract_statements(sql)
            except duckdb.Error as error:
                raise _bind_error(read_error(error), sql, 0) from error
        kinds = [statement.type.name for statement in found]
        if kinds == ["CREATE", "SELECT"]:
            raise BindError("PIVOT needs its values, or its columns would depend on data: `ON c IN (…)`", 0)
        if len(kinds) != 1:
            first = len(found[0].query) if found else 0
            second = first + len(sql[first:]) - len(sql[first:].lstrip("; \t\r\n")) if found else 0
            what = f"{len(kinds) or 'no'} statements, where one SELECT is expected"
            raise BindError(what, second, syntax=True)
        if kinds != ["SELECT"]:
            raise BindError(f"{kinds[0]} is not allowed here: one SELECT is expected", 0, syntax=True)

    def _run(self, statement: str, prefix: int, sql: str = "") -> list[tuple[object, ...]]:
        import duckdb

        with self._lock:
            try:
                return self._connection().execute(statement).fetchall()
            except duckdb.Error as error:
                raise _bind_error(read_error(error), sql, prefix) from error


def _balanced(text: str) -> bool:
    """Whether every parenthesis that is closed was opened, so that a type cannot end the cast that it stands in."""
    depth = 0
    for character in re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def _bind_error(error: DuckDBError, sql: str, prefix: int) -> BindError:
    candidates = tuple(c for c in error.candidates if not c.startswith(_SYSTEM))
    return BindError(_message(error), _position(error, sql, prefix), candidates, syntax=error.kind == "Parser")


def _position(error: DuckDBError, sql: str, prefix: int) -> int | None:
    """Characters of `sql`, from bytes of the statement that it stands in after `prefix` bytes."""
    if error.position is None or not sql:
        return None
    before = sql.encode()[: max(error.position - prefix, 0)]
    return len(before.decode(errors="ignore"))


def _message(error: DuckDBError) -> str:
    if error.kind == "Permission":
        file = re.search(r'Cannot access \w+ "(.*?)" - ', error.detail)
        what = f"'{file[1]}'" if file else "files"
        return f"SQL may not read {what} by itself: declare it as a source and write {{{{ source('…') }}}}"
    if error.kind == "ExtensionAutoloading" or "exists in the" in error.message:
        extension = re.search(r"extension '(\w+)'|in the (\w+) extension", error.detail)
        name = (extension[1] or extension[2]) if extension else "another"
        return f"this needs DuckDB's extension '{name}', which mlproj does not load"
    return error.message
