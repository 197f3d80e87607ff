"""Sources that are tables of a database: Postgres, MySQL and SQLite, read-only through DuckDB's scanners."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlproj.adapters.database_kinds import KINDS, DatabaseKind, denied, explain_refusal, hide_secrets
from mlproj.adapters.duckdb_error import engine_error
from mlproj.adapters.duckdb_extensions import load_extension
from mlproj.adapters.file_content import MISSING, FileContent
from mlproj.adapters.source_contract import (
    TableError, check_contract, contract_type, select_columns, without_values,
)  # fmt: skip
from mlproj.compiler.connections import SECRETS
from mlproj.compiler.text import identifier, literal
from mlproj.diagnostics import did_you_mean
from mlproj.ports import EngineError, SourceError, SourceSpec
from mlproj.state import Column, Location, SourceNode
from mlproj.state.content import UNKNOWN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlproj.adapters.duckdb_engine import DuckDBEngine

RECIPE = "db1"


class DatabaseSources:
    """`ports.SourceReader` for tables. They are attached to the engine that is handed in, each database once."""

    def __init__(self, engine: Callable[[], DuckDBEngine], files: FileContent) -> None:
        self._engine, self._files = engine, files
        self._database: object = None
        self._attached: dict[str, str] = {}  # settings as JSON → name in the engine

    def columns(self, source: SourceSpec) -> tuple[Column, ...]:
        """E443: the database cannot be reached; E444: no such table, or no right to read it."""
        assert source.location is not None
        if source.columns is not None:
            return source.columns
        found = self._look(source.name, source.location)
        return tuple(c.model_copy(update={"type": contract_type(c.type)}) for c in found)

    def version(self, source: SourceNode) -> str:
        """What `version_query` gives, of this table in this database; of a SQLite table that of its file.

        Raises `SourceError`, also E444 where the table no longer has the columns that the source was compiled with.
        """
        place = _place(source)
        if source.format == "sqlite":
            return self._file_version(place)
        if place.version_query is None:
            return UNKNOWN
        self._check(source)
        with self._reading(source.name, place) as (cursor, name, kind):
            call = f"{kind.query}({literal(name)}, {literal(place.version_query)})"
            rows = cursor.execute(f"select cast(t as varchar) from {call} as t order by 1").fetchall()
        where = [place.settings.get(key) for key in ("type", "host", "port", "database")]
        text = json.dumps([where, place.table, place.version_query, rows])
        return f"{RECIPE}:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"

    def size(self, source: SourceNode) -> int:
        """Of a view 0. Raises `SourceError`."""
        place = _place(source)
        if source.format == "sqlite":
            return self._files.size(place.settings["path"])
        with self._reading(source.name, place) as (cursor, name, kind):
            schema = literal(place.table[0]) if len(place.table) == 2 else "null"
            table = literal(kind.table(place.table))
            sql = kind.size.format(table=table, name=literal(place.table[-1]), schema=schema)
            row = cursor.execute(f"from {kind.query}({literal(name)}, {literal(sql)})").fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def relation(self, source: SourceNode) -> str:
        """Raises `TableError` where the table has not the columns that the source was compiled with."""
        try:
            actual = self._check(source)
            name = self._attach(source.name, _place(source))
        except SourceError as error:
            raise TableError(source.name, error) from None
        return select_columns(source.columns, actual, _table(name, _place(source)))

    def explain_read_error(self, source: SourceNode, error: EngineError) -> tuple[str, str | None]:
        """(message, hint) for a read of `source` that failed; no message where the error is about something else."""
        if isinstance(error, TableError):
            return (error.message, error.hint) if error.source == source.name else ("", None)
        place, said = _place(source), error.detail
        if not any(word in said for word in _SPOKEN[source.format]):
            return "", None
        words, mark, _ = without_values(source, error).partition(" * SET sqlite_all_varchar")
        told = denied(said) or explain_refusal(words, place.settings)
        message = hide_secrets(told[0], place.settings, SECRETS)
        hint = "in SQLite any column holds anything: make a view there that casts it" if mark else told[1]
        return f"source '{source.name}': reading {_shown(place)} failed: {message}", hint

    def _file_version(self, place: Location) -> str:
        path = place.settings["path"]
        found = self._files.version(path)
        if found == MISSING:
            return found
        # What was written last may stand in the log beside the file alone. Whoever reads makes an empty one.
        log = f"{path}-wal"
        said = self._files.version(log) if self._files.size(log) else MISSING
        return f"{RECIPE}:{place.table}:{found}:{said}"

    def _check(self, source: SourceNode) -> dict[str, str]:
        """The types of the table's columns by name. Raises `SourceError` E444 where they break the contract."""
        place = _place(source)
        actual = {c.name: c.type for c in self._look(source.name, place)}
        check_contract(source.name, _shown(place), source.columns, actual, found=place.found)
        return actual

    def _look(self, source: str, place: Location) -> tuple[Column, ...]:
        """The columns of a table that may be read."""
        import duckdb

        with self._reading(source, place) as (cursor, name, kind):
            try:
                rows = cursor.execute(f"describe {_table(name, place)}").fetchall()
            except duckdb.CatalogException:
                raise self._no_table(source, place, name, cursor) from None
            if kind.settings:
                # Who may see a table need not be allowed to read it.
                sql = f"select 1 as may from {kind.table(place.table)} limit 0"
                cursor.execute(f"from {kind.query}({literal(name)}, {literal(sql)})").fetchall()
        return tuple(Column(name=str(row[0]), type=str(row[1])) for row in rows)

    def _no_table(self, source: str, place: Location, name: str, cursor: DuckDBPyConnection) -> SourceError:
        sql = "select distinct schema_name, table_name from duckdb_tables() where database_name = ? order by all"
        there = [(str(s), str(t)) for s, t in cursor.execute(sql, [name]).fetchall()]
        # Some have a schema for all that need not be said.
        names = [f"{s}.{t}" if len(place.table) == 2 else t for s, t in there]
        near = did_you_mean(".".join(place.table), names)
        other = next((f"{s}.{t}" for s, t in there if t == place.table[-1]), None)
        hint = near or (f"there is {other}" if other else None) or "compare its name and schema, and the user's rights"
        return SourceError("E444", f"source '{source}': there is no table {_shown(place)}", hint)

    @contextmanager
    def _reading(self, source: str, place: Location) -> Iterator[tuple[DuckDBPyConnection, str, DatabaseKind]]:
        """A cursor, the database's name in it, and its kind; what goes wrong is a `SourceError`."""
        import duckdb

        name = self._attach(source, place)
        try:
            yield self._engine().cursor(), name, KINDS[place.settings["type"]]
        except duckdb.Error as error:
            said = engine_error(error)
            refused = denied(said.detail)
            message, hint = refused or explain_refusal(said.message, place.settings)
            message = hide_secrets(message, place.settings, SECRETS)
            raise SourceError("E444", f"source '{source}': {_shown(place)}: {message}", hint) from None

    def _attach(self, source: str, place: Location) -> str:
        """The name of the database in the engine. Raises `SourceError` E443 or E614."""
        import duckdb

        if self._database is not self._engine().database():
            self._database, self._attached = self._engine().database(), {}
        key = json.dumps([place.connection, place.settings], sort_keys=True)
        if key in self._attached:
            return self._attached[key]
        kind, cursor = KINDS[place.settings["type"]], self._engine().cursor()
        name = f"connection:{place.connection}:{len(self._attached)}"
        load_extension(cursor, kind.extension, source)
        try:
            self._log_in(cursor, kind, name, place, source)
        except duckdb.Error as error:
            # Without its cause, which may know more than is to be seen.
            message, hint = explain_refusal(engine_error(error).message, place.settings)
            message = hide_secrets(message, place.settings, SECRETS)
            what = f"source '{source}': cannot connect to '{place.connection}': {message}"
            raise SourceError("E443", what, hint) from None
        self._attached[key] = name
        return name

    def _log_in(self, cursor: DuckDBPyConnection, kind: DatabaseKind, name: str, place: Location, source: str) -> None:
        if not kind.settings:
            path = place.settings["path"]
            files = self._files.files(path)
            if not files:
                hint = "paths are relative to the project's folder"
                message = f"source '{source}': cannot connect to '{place.connection}': there is no file '{path}'"
                raise SourceError("E443", message, hint)
            cursor.execute(f"attach {literal(str(files[0]))} as {identifier(name)} (type {kind.name}, read_only)")
            return
        cursor.execute(kind.secret(name, place.settings))
        options = [
            kind.options,
            *(f"sslmode={place.settings[k]}" for k in ("ssl_mode",) if kind.name == "postgres" and k in place.settings),
        ]
        text = literal(" ".join(filter(None, options)))
        cursor.execute(f"attach {text} as {identifier(name)} (type {kind.name}, secret {identifier(name)}, read_only)")


# Words by which an error of a running query is known to come from the database.
_SPOKEN: Mapping[str, Sequence[str]] = {
    "postgres": (
        "Failed to prepare COPY",
        "Failed to execute query",
        "Unable to connect to Postgres",
        "libpq",
        "COPY (SELECT",
        "server closed the connection",
    ),
    "mysql": ("MySQL", "Attempted host"),
    "sqlite": ("SQLite", "sqlite"),
}


def _place(source: SourceNode) -> Location:
    assert source.location is not None
    return source.location


def _shown(place: Location) -> str:
    return ".".join(place.table)


def _table(database: str, place: Location) -> str:
    return ".".join(identifier(part) for part in (database, *place.table))
