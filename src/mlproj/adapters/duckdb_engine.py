"""Scratch space: one DuckDB database in memory, a cursor per thread."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.adapters.duckdb_error import CONFIG, SESSION, engine_error
from mlproj.adapters.ducklake_extension import trusted
from mlproj.compiler.text import identifier, literal
from mlproj.ports import EngineError
from mlproj.state import Column

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_FORMATS = {"parquet": "format parquet", "csv": "format csv, header true"}
_BATCH = 100_000  # rows
_ZONED = "WITH TIME ZONE"


class DuckDBEngine:
    """`ports.Engine`. `threads` None takes all cores; `temp_directory` takes what does not fit in `memory` (`4GB`)."""

    def __init__(
        self, threads: int | None = None, temp_directory: Path | None = None, memory: str | None = None
    ) -> None:
        self._threads, self._temp, self._memory = threads, temp_directory, memory
        self._open: DuckDBPyConnection | None = None
        self._lock = threading.Lock()
        self._local = threading.local()
        self._cursors: weakref.WeakSet[DuckDBPyConnection] = weakref.WeakSet()

    def create_table(self, name: str, sql: str) -> int:
        rows = self._create("table", name, sql)
        return int(rows[0][0]) if rows else 0

    def create_view(self, name: str, sql: str) -> None:
        self._create("view", name, sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._running() as cursor:
            found = cursor.execute(sql)
            if any(_ZONED in str(column[1]) for column in found.description or ()):
                # The engine would ask for pytz to make Python objects of these; Arrow needs only the standard library.
                table = found.to_arrow_table()
                columns = [column.to_pylist() for column in table.columns]
                return list(zip(*columns, strict=True))
            return found.fetchall()

    def arrow(self, sql: str) -> pa.Table:
        with self._running() as cursor:
            return cursor.execute(sql).to_arrow_table()

    def describe(self, sql: str) -> tuple[Column, ...]:
        with self._running() as cursor:
            rows = cursor.execute(f"describe {sql}").fetchall()
        return tuple(Column(name=str(row[0]), type=str(row[1])) for row in rows)

    def copy_to(self, sql: str, path: Path, file_format: str) -> int:
        if file_format not in (*_FORMATS, "arrow"):
            raise EngineError(f"unknown file format '{file_format}'", "IO")
        beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = self._write(sql, beside, file_format)
            beside.replace(path)
        except OSError as error:
            raise EngineError(f"cannot write '{path.name}': {error.strerror or error}", "IO") from error
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
        return rows

    def _write(self, sql: str, path: Path, file_format: str) -> int:
        with self._running() as cursor:
            if file_format == "arrow":
                return _write_arrow(cursor.execute(_body(sql)).to_arrow_reader(_BATCH), path)
            target = f"{literal(str(path))} ({_FORMATS[file_format]})"
            row = cursor.execute(f"copy (\n{_body(sql)}\n) to {target}").fetchone()
            return int(row[0]) if row else 0

    def limit_memory(self, size: str) -> None:
        """Hold at most this much (`4GB`) in memory; the rest waits in the temporary directory."""
        with self._running() as cursor:
            cursor.execute(f"set memory_limit = {literal(size)}")

    def interrupt(self) -> None:
        """Stop what all threads are running; their calls raise `EngineError` of kind `Interrupt`."""
        with self._lock:
            running = list(self._cursors)
        for cursor in running:
            cursor.interrupt()

    def close(self) -> None:
        """Forget all scratch tables. The next call starts an empty scratch space."""
        with self._lock:
            for cursor in list(self._cursors):
                cursor.close()
            if self._open is not None:
                self._open.close()
            self._open, self._local = None, threading.local()
            self._cursors = weakref.WeakSet()

    def cursor(self) -> DuckDBPyConnection:
        """This thread's own connection to the scratch database, for adapters that attach to it."""
        found: DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if found is None:
            base = self.database()
            with self._lock:
                found = base.cursor()
                self._cursors.add(found)
            found.execute(SESSION)
            self._local.cursor = found
        return found

    def database(self) -> DuckDBPyConnection:
        """The connection that all cursors come from; another object after `close`."""
        with self._lock:
            if self._open is None:
                self._open = _connect(self._threads, self._temp, self._memory)
            return self._open

    @contextmanager
    def _running(self) -> Iterator[DuckDBPyConnection]:
        import duckdb

        try:
            yield self.cursor()
        except duckdb.Error as error:
            raise engine_error(error) from error
        except (ValueError, OverflowError) as error:
            # A value that has no Python counterpart, such as a date in the year 200000 in an Arrow column.
            raise EngineError(str(error), "Conversion") from error

    def _create(self, kind: str, name: str, sql: str) -> list[tuple[Any, ...]]:
        """Create or replace, also what is of the other kind, which `create or replace` alone refuses."""
        import duckdb

        statement = f"create or replace {kind} {identifier(name)} as\n{_body(sql)}\n"
        with self._running() as cursor:
            try:
                return cursor.execute(statement).fetchall()
            except duckdb.CatalogException as error:
                if "trying to replace with type" not in str(error):
                    raise
            cursor.execute(f"drop {'view' if kind == 'table' else 'table'} {identifier(name)}")
            return cursor.execute(statement).fetchall()


def _connect(threads: int | None, temp: Path | None, memory: str | None) -> DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(config={**CONFIG, **trusted(), **({"threads": str(threads)} if threads else {})})
    if temp is not None:
        # The engine makes the folder itself, when it first needs it, but not those above it.
        temp.parent.mkdir(parents=True, exist_ok=True)
    # Without a folder of ours nothing is spilled: the engine would make `.tmp` in the current folder.
    connection.execute(f"set temp_directory = {literal(str(temp or ''))}")
    if memory is not None:
        connection.execute(f"set memory_limit = {literal(memory)}")
    return connection


def _write_arrow(batches: pa.RecordBatchReader, path: Path) -> int:
    """Write an Arrow IPC file, a batch at a time."""
    import pyarrow as pa

    rows = 0
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _body(sql: str) -> str:
    return sql.strip().rstrip(";").rstrip()
