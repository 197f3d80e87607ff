"""The lake: DuckLake tables behind a SQLite catalog, attached to the engine on first use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.adapters.ducklake_catalog import (
    COMMITS, publications, TOUCHED, create_catalog, iso_commits, newest_publication, read_catalog, resolve_catalog,
    unreadable,
)  # fmt: skip
from mlproj.adapters.ducklake_extension import load_extensions
from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.duckdb_error import engine_error, read_error
from mlproj.compiler.row_changes import any_null_sql, same_key_sql
from mlproj.compiler.text import identifier, identifiers, literal
from mlproj.ports import CommitInfo, EngineError, Merge, TableWrite
from mlproj.state import ViewMove

if TYPE_CHECKING:
    from weakref import WeakSet

    from duckdb import DuckDBPyConnection

DATA_SCHEMA = "mlproj_data"
_METADATA = "__ducklake_metadata_lake"
_MARK = f'lake.{DATA_SCHEMA}."last_publication"'

# Catalogs that this process has attached. Two SQLite libraries (Python's and DuckDB's) that have one file open in one
# process undo each other's locks and corrupt it, so that Python's stays away from these.
_attached: dict[Path, WeakSet[DuckDBPyConnection]] = {}
_attaching = threading.Lock()


class DuckLake:
    """`ports.Lake`. `catalog` as in mlproj.yml (`sqlite:PATH`); it and `data` are relative to `root`."""

    def __init__(self, engine: DuckDBEngine, catalog: str, data: str, root: Path) -> None:
        self._engine = engine
        self._catalog = resolve_catalog(catalog, root)
        self._data = (root / data).resolve()
        self._writing = threading.RLock()

    def write(self, tables: Sequence[TableWrite], info: CommitInfo) -> int:
        with self._writing:
            self._attach()
            known = self._tables()
            merged = {t.table for t in tables if t.merge and t.table in known and self.stands(t.table, t.merge.since)}

            def replace(cursor: DuckDBPyConnection) -> None:
                for table in tables:
                    if table.merge and table.table in merged and _fits(cursor, table):
                        _merge_rows(cursor, table, table.merge)
                    elif table.merge and table.merge.alone:
                        raise EngineError(f"{table.table} is not what it was at commit {table.merge.since}")
                    else:
                        _replace_rows(cursor, table, table.table in known)

            return self._commit(replace, info)

    def publish(self, schema: str, moves: Sequence[ViewMove], info: CommitInfo) -> int:
        space = f"lake.{identifier(schema)}"

        def move(cursor: DuckDBPyConnection) -> None:
            cursor.execute(f"create schema if not exists {space}")
            for view in moves:
                name = f"{space}.{identifier(view.name)}"
                create = f"create or replace view {name} as\n{view.sql}\n"
                cursor.execute(create if view.sql is not None else f"drop view if exists {name}")
            if all(view.sql is None for view in moves):
                # A transaction that changes nothing makes no commit, and the publication would be lost with it.
                cursor.execute(f"create or replace view {_MARK} as select 1 as format")

        with self._writing:
            self._attach()
            return self._commit(move, info)

    def change(self, work: Callable[[DuckDBPyConnection], None], info: CommitInfo) -> int:
        """What `work` does, in one transaction; returns the commit, the newest of all where nothing was changed."""
        with self._writing:
            self._attach()
            return self._commit(work, info)

    def relation(self, table: str, commit: int | None = None) -> str:
        self._attach()
        pin = "" if commit is None else f" at (version => {int(commit)})"
        return f"lake.{DATA_SCHEMA}.{identifier(table)}{pin}"

    def catalog_rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the catalog's own tables, named `{catalog}ducklake_…`; none where there is no lake yet."""
        return self._read(sql) if self._is_there() else []

    def has_table(self, table: str) -> bool:
        """Whether the newest commit has a table of this name."""
        return table in (self._tables() if self._is_there() else ())

    def last_publication(self, target: str | None = None, before: int | None = None) -> tuple[int, str] | None:
        """Raises `ProjectError` E611 where a newer mlproj published it, E612 where the catalog cannot be read."""
        if not self._is_there():
            return None
        return newest_publication(self._read(publications(before)), self._catalog.name, target)

    def commits(self) -> list[tuple[int, str, str, str]]:
        return iso_commits(self._read(COMMITS)) if self._is_there() else []

    @contextmanager
    def catalog_transaction(self) -> Iterator[DuckDBPyConnection]:
        """All or nothing on the catalog's own tables, for upkeep."""
        with self._writing:
            self._attach()
            with self._transaction() as cursor:
                yield cursor

    def _is_there(self) -> bool:
        return self._catalog.exists()

    def _tables(self) -> frozenset[str]:
        sql = "select table_name from {catalog}ducklake_table where end_snapshot is null"
        return frozenset(str(row[0]) for row in self._read(sql))

    def stands(self, table: str, since: int) -> bool:
        """Whether no commit after `since` touched the rows of a table."""
        return not any(name == table and commit > since for name, commit in self._read(TOUCHED))

    def _read(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the catalog's own tables, by way of the one SQLite library that may have it open."""
        with _attaching:
            if not _attached.get(self._catalog):
                return read_catalog(self._catalog, sql.format(catalog=""))
        self._attach()
        return self._engine.rows(sql.format(catalog=f"{_METADATA}."))

    def _attach(self) -> None:
        database = self._engine.database()
        with _attaching:
            if database in _attached.get(self._catalog, ()):
                return
            if not _attached.get(self._catalog):
                create_catalog(self._catalog)
            load_extensions(database)
            self._attach_to(database)

    def _attach_to(self, database: DuckDBPyConnection) -> None:
        import weakref

        import duckdb

        self._data.mkdir(parents=True, exist_ok=True)
        where = literal(f"ducklake:sqlite:{self._catalog}")
        # The catalog remembers an absolute path; a project's folder may move, so that the one of today counts.
        # No inlining: for each table of rows there would be one more in the catalog, and all statements slower for it.
        options = f"data_path {literal(f'{self._data}/')}, override_data_path true, data_inlining_row_limit 0"
        try:
            cursor = self._engine.cursor()
            cursor.execute(f"attach {where} as lake ({options})")
            _attached.setdefault(self._catalog, weakref.WeakSet()).add(database)
            cursor.execute(f"create schema if not exists lake.{DATA_SCHEMA}")
        except duckdb.Error as error:
            raise unreadable(self._catalog.name, read_error(error).message) from error

    def _commit(self, work: Callable[[DuckDBPyConnection], None], info: CommitInfo) -> int:
        with self._transaction() as cursor:
            work(cursor)
            arguments = f"{literal(info.author)}, {literal(info.message)}, extra_info => {literal(info.extra)}"
            cursor.execute(f"call lake.set_commit_message({arguments})")
        # By their names in the engine: as functions of the lake they would be looked for among its views and tables,
        # all of which would be loaded for that.
        made = self._engine.rows("from ducklake_last_committed_snapshot('lake')")[0][0]
        return int(self._engine.rows("from ducklake_current_snapshot('lake')")[0][0] if made is None else made)

    @contextmanager
    def _transaction(self) -> Iterator[DuckDBPyConnection]:
        """All or nothing; whatever goes wrong, Ctrl-C included, is rolled back. Raises `EngineError`."""
        import duckdb

        cursor = self._engine.cursor()
        try:
            cursor.execute("begin")
            yield cursor
            cursor.execute("commit")
        except BaseException as error:
            # A commit that failed has rolled back already.
            with suppress(duckdb.Error):
                cursor.execute("rollback")
            if isinstance(error, duckdb.Error):
                raise engine_error(error) from error
            raise


def _replace_rows(cursor: DuckDBPyConnection, write: TableWrite, known: bool) -> None:
    """Delete and insert where the table stands with these columns: replacing it would cut the change feed."""
    name, query = _name(write), _query(write)
    if known and not _fits(cursor, write):
        # A killed build left a table of this name that is not what this build means by it.
        cursor.execute(f"drop table {name}")
        known = False
    if not known and not write.partition_by:
        cursor.execute(f"create table {name} as\n{query}\n")
        return
    if known:
        cursor.execute(f"delete from {name}")
    else:
        cursor.execute(f"create table {name} as\n{query}\nwith no data")
        cursor.execute(f"alter table {name} set partitioned by ({identifiers(write.partition_by)})")
    cursor.execute(f"insert into {name} by name\n{query}\n")


def _merge_rows(cursor: DuckDBPyConnection, write: TableWrite, merge: Merge) -> None:
    """Delete the rows of the keys that differ and insert theirs: what did not change is not written again."""
    if not merge.on:
        cursor.execute(f"insert into {_name(write)} by name\n{_query(write)}\n")
        return
    columns = [f"k{i}" for i in range(len(merge.on))]
    found = cursor.execute(any_null_sql(f"({merge.keys})", columns)).fetchone()
    pairs = ((f"t.{identifier(name)}", f"k.{column}") for name, column in zip(merge.on, columns, strict=True))
    differ = same_key_sql(pairs, nulls=found is None or bool(found[0]))
    those = f"where exists (select 1 from ({merge.keys}) as k where {differ})"
    # As a join, and not by EXISTS, the engine looks only into files that may hold the keys.
    cursor.execute(f"delete from {_name(write)} as t using ({merge.keys}) as k where {differ}")
    rows = _query(write) if merge.alone else f"select * from (\n{_query(write)}\n) as t {those}"
    cursor.execute(f"insert into {_name(write)} by name\n{rows}\n")


def _fits(cursor: DuckDBPyConnection, write: TableWrite) -> bool:
    return _columns(cursor, _name(write)) == _columns(cursor, f"\n{_query(write)}\n")


def _name(write: TableWrite) -> str:
    return f"lake.{DATA_SCHEMA}.{identifier(write.table)}"


def _query(write: TableWrite) -> str:
    return write.query.strip().rstrip(";")


def _columns(cursor: DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    return sorted((row[0], row[1]) for row in cursor.execute(f"describe {relation}").fetchall())
