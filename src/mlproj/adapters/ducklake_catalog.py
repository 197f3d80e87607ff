"""The catalog file of a lake, read without attaching it: plain SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlproj.diagnostics import ProjectError, fail

FORMAT = 2
EXAMPLE = "sqlite:.mlproj/catalog.sqlite"

# `{catalog}` is where the tables are: nothing in SQLite, the metadata's database in DuckDB.
_PUBLICATIONS = (
    "select snapshot_id, commit_extra_info from {catalog}ducklake_snapshot_changes "
    "where commit_extra_info like '%\"publication\"%'"
)
COMMITS = (
    "select s.snapshot_id, cast(s.snapshot_time as varchar), coalesce(c.author, ''), coalesce(c.commit_message, '') "
    "from {catalog}ducklake_snapshot s left join {catalog}ducklake_snapshot_changes c using (snapshot_id) "
    "order by s.snapshot_id"
)
# The last commit that touched the rows of each table.
TOUCHED = (
    "select t.table_name, max(f.at) from {catalog}ducklake_table t join ("
    "select table_id, coalesce(end_snapshot, begin_snapshot) as at from {catalog}ducklake_data_file union all "
    "select table_id, coalesce(end_snapshot, begin_snapshot) from {catalog}ducklake_delete_file"
    ") f on f.table_id = t.table_id where t.end_snapshot is null group by t.table_name"
)

_BUSY_SECONDS = 10.0
_OUTSIDE = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_PERM")


def resolve_catalog(catalog: str, root: Path) -> Path:
    """The file behind `sqlite:PATH`. Raises `ProjectError` E612 for any other kind of catalog."""
    scheme, _, path = catalog.partition(":")
    if scheme != "sqlite" or not path:
        message = f"a lake's catalog cannot be kept in '{scheme}', only in SQLite"
        raise fail("E612", message, hint=f"write `catalog: {EXAMPLE}`")
    return (root / path).resolve()


def create_catalog(path: Path) -> None:
    """Make the file where there is none, in WAL mode: in SQLite's own default readers and a writer lock each other out.

    Never to be called while this process has the catalog attached. Raises `ProjectError` E612.
    """
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unreadable(path.name, error.strerror or str(error)) from error
    with _errors(path), closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")


def publications(before: int | None = None) -> str:
    """What may be one, newest first; with `before` from there on back."""
    older = "" if before is None else f" and snapshot_id < {int(before)}"
    return f"{_PUBLICATIONS}{older} order by snapshot_id desc limit 1000"


def read_catalog(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query; an empty file has none. Raises `ProjectError` E612 for a file that is no catalog."""
    address = f"{path.as_uri()}?mode=ro"
    with _errors(path), closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as connection:
        tables = connection.execute("select count(*) from sqlite_master").fetchone()
        return connection.execute(sql).fetchall() if tables[0] else []


def newest_publication(rows: Iterable[tuple[Any, ...]], name: str, target: str | None = None) -> tuple[int, str] | None:
    """The first of (commit, extra info), newest first, that is a publication, of `target` where one is given.

    Raises `ProjectError` E611 where another mlproj wrote it, in a format that this one cannot read.
    """
    for commit, text in rows:
        try:
            record = json.loads(text)
        except ValueError:
            continue
        if not isinstance(record, dict) or "publication" not in record:
            continue
        found = int(record.get("format", FORMAT))
        if found < FORMAT:
            message = f"lake '{name}' was published by an older mlproj (format {found}, not {FORMAT})"
            hint = "move catalog, data and state away and build anew: mlproj build; nothing in them was changed"
            raise fail("E611", message, hint=hint, exit_code=1)
        if found > FORMAT:
            message = f"lake '{name}' was published by a newer mlproj (format {found}, not {FORMAT})"
            raise fail("E611", message, hint="upgrade mlproj: pip install --upgrade mlproj", exit_code=1)
        if target is None or record["publication"].get("target") == target:
            return int(commit), str(text)
    return None


def iso_commits(rows: Iterable[tuple[Any, ...]]) -> list[tuple[int, str, str, str]]:
    def iso(text: str) -> str:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()

    return [(int(commit), iso(at), str(author), str(message)) for commit, at, author, message in rows]


def unreadable(name: str, reason: str) -> ProjectError:
    """E612: the catalog is there, or could not be made, and cannot be used."""
    hint = "restore the catalog from a backup, or move it away together with the lake's data to start anew"
    return fail("E612", f"lake catalog '{name}' cannot be read: {reason}", hint=hint, exit_code=1)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            message = f"lake catalog '{path.name}' stays locked by another program"
            raise fail("E613", message, hint="wait until it has ended and try again", exit_code=1) from error
        if str(getattr(error, "sqlite_errorname", "")).startswith(_OUTSIDE):
            # Nothing is wrong with the catalog: to move it away would be the end of what was published.
            hint = f"'{path.parent.name}' has to be a folder that can be written, on a disk with space, also to read"
            raise fail("E612", f"lake catalog '{path.name}' cannot be used: {error}", hint=hint, exit_code=1) from error
        raise unreadable(path.name, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise unreadable(path.name, str(error)) from error
