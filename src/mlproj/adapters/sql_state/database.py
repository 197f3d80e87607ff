"""The SQLite file of a state: connections, transactions, and what is said when they fail."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.diagnostics import ProjectError, fail

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

BUSY_SECONDS = 10.0

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_NO_ACCESS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Database:
    """One SQLite file, safe to use from several threads and processes.

    Reading goes through the driver itself and leaves nothing open. Writing goes through SQLAlchemy, which keeps its
    connections for the next transaction until `close`.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.label = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()

    @property
    def exists(self) -> bool:
        with self.explained():
            return self.path.exists()

    def make_folder(self) -> None:
        with self.explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one moment, whatever is written meanwhile; it cannot write or make the file."""
        with self.explained(), closing(_connect(self.path, _reading_mode(self.path))) as connection:
            connection.execute("pragma query_only = on")
            connection.execute("begin")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that has the write lock from its first moment, so that what it reads stays true."""
        with self.explained(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close what is open; the next transaction opens anew."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what goes wrong with the file into a `ProjectError`; violated constraints are for the caller."""
        try:
            yield
        except OSError as error:
            raise self._no_access(error.strerror or str(error)) from error
        except sqlite3.Error as error:
            raise self._explain(error) from error
        except Exception as error:
            cause = getattr(error, "orig", None)  # sqlalchemy's wrapping, without importing it
            if not isinstance(cause, sqlite3.Error) or isinstance(cause, sqlite3.IntegrityError):
                raise
            raise self._explain(cause) from error

    def unreadable(self, reason: str) -> ProjectError:
        """E612: the file is there, and is not what mlproj wrote."""
        hint = "restore the file from a copy; without it mlproj does not know what it published and which models it has"
        return fail("E612", f"state '{self.label}' cannot be read: {reason}", hint=hint, exit_code=1)

    def newer(self, found: str) -> ProjectError:
        """E611: a newer mlproj has been here."""
        message = f"state '{self.label}' was written by a newer mlproj ({found})"
        return fail("E611", message, hint="upgrade mlproj", exit_code=1)

    def older(self, found: str) -> ProjectError:
        """E611: a pre-release has been here, whose definitions cannot be compared with those of today."""
        folder = self.path.parent.name
        hint = f"move the folder '{folder}' away and build anew: mlproj build; nothing in it was changed"
        return fail("E611", f"state '{self.label}' was written by an older mlproj ({found})", hint=hint, exit_code=1)

    def outdated(self, found: str) -> ProjectError:
        """E611: whoever writes next brings it up to date."""
        message = f"state '{self.label}' was written by an older mlproj ({found})"
        return fail("E611", message, hint="`mlproj build` brings it up to date", exit_code=1)

    def _no_access(self, reason: str) -> ProjectError:
        hint = f"make '{self.path.parent.name}' a folder that can be written, or set another `state:` in mlproj.yml"
        return fail("E612", f"state '{self.label}' cannot be opened: {reason}", hint=hint, exit_code=1)

    def _explain(self, error: sqlite3.Error) -> ProjectError:
        code = _primary_code(error)
        if code in _BUSY:
            message = f"state '{self.label}' is locked by another process for more than {BUSY_SECONDS:g} s"
            return fail("E613", message, hint="wait until the other mlproj has ended and try again", exit_code=1)
        if code in _CORRUPT:
            return self.unreadable(str(error))
        if code in _NO_ACCESS:
            return self._no_access(str(error))
        hint = "check the file and the free space of its disk"
        return fail("E612", f"state '{self.label}' cannot be used: {error}", hint=hint, exit_code=1)

    @cached_property
    def _engine(self) -> Engine:
        from sqlalchemy import QueuePool, create_engine, event

        engine = create_engine("sqlite://", creator=partial(_connect_to_write, self.path), poolclass=QueuePool)
        event.listen(engine, "begin", _begin)
        weakref.finalize(self, engine.dispose)  # the engine must not know `self`, or nothing would ever be let go
        return engine


def _primary_code(error: sqlite3.Error) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else sqlite3.SQLITE_ERROR


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("begin immediate")


def _connect_to_write(path: Path) -> sqlite3.Connection:
    connection = _connect(path, "rwc")
    try:
        _switch_to_wal(connection)
        connection.execute("pragma synchronous = normal")
        connection.execute("pragma foreign_keys = on")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file, leaving transactions to the caller: the driver's own would start them late, or not at all."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True)


def _reading_mode(path: Path) -> str:
    # A reader takes part in the log's locks, which are files beside the database: with `mode=ro` they would stay
    # behind, and in a folder that cannot be written only a file without a log can be read.
    log = path.with_name(f"{path.name}-wal")
    return "rw" if os.access(path.parent, os.W_OK) or log.exists() else "ro&immutable=1"


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let readers work beside a writer. The switch needs the file alone, and does not wait for it by itself."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if _primary_code(error) not in _BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.02)
