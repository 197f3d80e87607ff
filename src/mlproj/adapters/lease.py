"""The lease of a lake: one writer at a time, across processes, kept in a small SQLite file beside the catalog.

Not in the catalog itself: Python's SQLite and DuckDB's must not have one file open in the same process.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlproj.adapters.ducklake_catalog import resolve_catalog
from mlproj.diagnostics import ProjectError, fail

HEARTBEAT_SECONDS = 5.0
SILENCE_SECONDS = 60.0
_POLL_SECONDS = 0.2
_BUSY_SECONDS = 10.0
_WRITABLE = "it has to be a file that can be written, on a disk with space; another program may have it open"

_TABLE = (
    "create table if not exists lease (id integer primary key check (id = 1), token text not null, "
    "host text not null, pid integer not null, process_start text, holder text not null, "
    "acquired_at real not null, heartbeat_at real not null)"
)
_COLUMNS = "token, host, pid, process_start, holder, acquired_at, heartbeat_at"


@dataclass(frozen=True)
class Holder:
    """Who has the lease; times in seconds since 1970, `process_start` None where the system does not tell."""

    token: str
    host: str
    pid: int
    process_start: str | None
    holder: str
    acquired_at: float
    heartbeat_at: float

    def is_gone(self, now: float) -> bool:
        """A process of this host is asked for; another host's is given up after a minute of silence."""
        if self.host != socket.gethostname() or os.name != "posix":
            return now - self.heartbeat_at > SILENCE_SECONDS
        recycled = self.process_start is not None and process_start(self.pid) != self.process_start
        return recycled or not _is_alive(self.pid)


class CatalogLease:
    """`ports.Lease` of the lake behind `catalog`; `holder` is what others are told, such as the build's id."""

    def __init__(self, catalog: str, root: Path, holder: str) -> None:
        path = resolve_catalog(catalog, root)
        self._path = path.with_name(f"{path.stem}.lease.sqlite")
        self._holder = holder
        self._token = f"{os.getpid()}-{os.urandom(8).hex()}"
        self._held = threading.Event()
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def acquire(self, wait_seconds: float) -> None:
        until = time.monotonic() + wait_seconds
        while True:
            other = self._try()
            if other is None:
                break
            if time.monotonic() >= until:
                raise _refused(other)
            time.sleep(min(_POLL_SECONDS, max(until - time.monotonic(), 0.01)))
        self._start_heart()

    def release(self) -> None:
        if not self._held.is_set():
            return
        self._held.clear()
        self._stop.set()
        if self._heart is not None:
            self._heart.join()
        with self._database() as connection:
            connection.execute("delete from lease where token = ?", (self._token,))

    def _try(self) -> Holder | None:
        """Take it and return None, or return who has it."""
        now = time.time()
        with self._database() as connection:
            row = connection.execute(f"select {_COLUMNS} from lease").fetchone()
            found = Holder(*row) if row else None
            if found is not None and found.token != self._token and not found.is_gone(now):
                return found
            pid = os.getpid()
            values = (self._token, socket.gethostname(), pid, process_start(pid), self._holder, now, now)
            connection.execute(f"insert or replace into lease (id, {_COLUMNS}) values (1, ?, ?, ?, ?, ?, ?, ?)", values)
        return None

    def _start_heart(self) -> None:
        if self._held.is_set():
            return
        self._held.set()
        self._stop.clear()
        self._heart = threading.Thread(target=self._beat, name="mlproj-lease", daemon=True)
        self._heart.start()

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            # A beat that fails is made up for by the next; the lease lasts much longer than one.
            with suppress(ProjectError), self._database() as connection:
                connection.execute("update lease set heartbeat_at = ? where token = ?", (time.time(), self._token))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """A transaction that locks out others from its first moment. Raises `ProjectError` E612."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                connection.execute("begin immediate")
                connection.execute(_TABLE)
                yield connection
                connection.execute("commit")
        except (sqlite3.Error, OSError) as error:
            # Only a file that is no database is mended by its removal; a full disk, or one for reading, is not.
            damaged = getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
            hint = "if no build is running, delete this file" if damaged else _WRITABLE
            raise fail("E612", f"lease '{self._path.name}' cannot be used: {error}", hint=hint, exit_code=1) from error


def is_held(catalog: str, root: Path) -> bool:
    """Whether somebody writes to the lake now, found out without writing; also where that cannot be told."""
    path = resolve_catalog(catalog, root)
    path = path.with_name(f"{path.stem}.lease.sqlite")
    if not path.is_file():
        return False
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)) as database:
            row = database.execute(f"select {_COLUMNS} from lease").fetchone()
    except sqlite3.Error:
        return True
    return row is not None and not Holder(*row).is_gone(time.time())


def process_start(pid: int) -> str | None:
    """When a process was started, in the system's own ticks; None for one that ended, or where it does not tell."""
    try:
        # The second field, the program's name in parentheses, may hold blanks; state is field 3, start is field 22.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        # A zombie has ended, whether or not its parent has taken notice.
        return None if fields[0] in {"Z", "X"} else fields[19]
    except (OSError, IndexError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _refused(other: Holder) -> ProjectError:
    since = datetime.fromtimestamp(other.acquired_at, UTC).isoformat(timespec="seconds")
    who = f"{other.holder} (process {other.pid} on {other.host}) since {since}"
    return fail("E604", f"another build is writing to this lake: {who}", hint="wait for it with --wait", exit_code=1)
