"""Keeping a DuckLake small: what it holds file by file, and the removal of what nothing needs.

DuckLake expires whole commits, and keeps every file that any commit left can see. Where a commit is kept for one
table, it would keep the files of all others. So a table is also given a floor, the first commit at which it is there:
its older files go, and who reads it below the floor is told that there is no such table, not shown half of its rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.adapters.ducklake import DATA_SCHEMA, DuckLake
from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.compiler.text import identifiers, literal
from mlproj.ports import CommitInfo, TableWrite
from mlproj.state.garbage import Inventory, LakeCommit, LakeFile, LakeTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SMALL_BYTES = 16 << 20
_METADATA = "__ducklake_metadata_lake"
_PIN = re.compile(
    rf"""\b{DATA_SCHEMA}\."?(?P<table>[^\s".()]+)"?(?:\s+AT\s*\(\s*VERSION\s*=>\s*(?P<commit>\d+)\s*\))?""",
    re.IGNORECASE,
)
_TABLES = """
select t.table_id, t.table_name, t.begin_snapshot, t.end_snapshot, t.path from {{catalog}}ducklake_table t
join {{catalog}}ducklake_schema s on s.schema_id = t.schema_id and s.end_snapshot is null
where s.schema_name = {schema} order by t.table_id
"""
_FILES = """
select f.table_id, f.begin_snapshot, f.end_snapshot, f.file_size_bytes,
  f.end_snapshot is null and f.file_size_bytes < {small} and f.partition_id is null and not exists (
    select 1 from {{catalog}}ducklake_delete_file d where d.data_file_id = f.data_file_id and d.end_snapshot is null)
from {{catalog}}ducklake_data_file f union all
select table_id, begin_snapshot, end_snapshot, file_size_bytes, false from {{catalog}}ducklake_delete_file
"""
_COMMITS = """
select s.snapshot_id, s.schema_version, c.commit_extra_info from {catalog}ducklake_snapshot s
left join {catalog}ducklake_snapshot_changes c using (snapshot_id) order by s.snapshot_id
"""
_SCHEDULED = "select path, path_is_relative from {catalog}ducklake_files_scheduled_for_deletion"
_VIEWS = "select sql from {catalog}ducklake_view where end_snapshot is null"


class DuckLakeUpkeep:
    """`ports.LakeUpkeep`. `data` is the folder of the lake's files."""

    def __init__(self, engine: DuckDBEngine, lake: DuckLake, data: Path) -> None:
        self._engine, self._lake, self._data = engine, lake, data

    def inventory(self) -> Inventory:
        rows = self._lake.catalog_rows
        tables = rows(_TABLES.format(schema=literal(DATA_SCHEMA)))
        found = [m for (sql,) in rows(_VIEWS) for m in _PIN.finditer(str(sql))]
        loose = [*self._loose(), *self._scheduled()] if tables else []
        return Inventory(
            tables=tuple(
                LakeTable(id=i, name=name, begin=begin, end=end, folder=str(path).rstrip("/").rpartition("/")[2])
                for i, name, begin, end, path in tables
            ),
            files=tuple(
                LakeFile(table=table, begin=begin, end=end, bytes=size or 0, small=bool(small))
                for table, begin, end, size, small in rows(_FILES.format(small=SMALL_BYTES))
            ),
            commits=tuple(_commit(*row) for row in rows(_COMMITS)),
            pins=frozenset((m["table"], int(m["commit"])) for m in found if m["commit"]),
            named=frozenset(m["table"] for m in found),
            loose=tuple(sorted(str(path) for path in loose)),
            loose_bytes=sum(path.stat().st_size for path in loose),
        )

    def drop(self, tables: Sequence[str], info: CommitInfo) -> int:
        def work(cursor: DuckDBPyConnection) -> None:
            for table in tables:
                cursor.execute(f"drop table {self._lake.relation(table)}")

        return self._lake.change(work, info)

    def rewrite(self, tables: Sequence[TableWrite], info: CommitInfo) -> int:
        def work(cursor: DuckDBPyConnection) -> None:
            # All is read before any table goes: the queries may be of it, also those of tables beside it.
            for number, write in enumerate(tables):
                cursor.execute(f"create or replace temp table rewritten_{number} as {write.query}")
            for number, write in enumerate(tables):
                scratch, name = f"temp.rewritten_{number}", self._lake.relation(write.table)
                cursor.execute(f"drop table if exists {name}")
                cursor.execute(f"create table {name} as from {scratch} limit 0")
                if write.partition_by:
                    cursor.execute(f"alter table {name} set partitioned by ({identifiers(write.partition_by)})")
                cursor.execute(f"insert into {name} from {scratch}")
                cursor.execute(f"drop table {scratch}")

        return self._lake.change(work, info)

    def merge(self, table: str) -> int:
        with self._lake.catalog_transaction() as cursor:
            # DuckLake looks the table up at the commit of each file, and below its floor there is none.
            cursor.execute(
                f"update {_METADATA}.ducklake_data_file f set begin_snapshot = t.begin_snapshot "
                f"from {_METADATA}.ducklake_table t where t.table_id = f.table_id and t.end_snapshot is null "
                f"and t.table_name = {literal(table)} and f.end_snapshot is null "
                f"and f.begin_snapshot < t.begin_snapshot"
            )
        arguments = f"'lake', {literal(table)}, schema => {literal(DATA_SCHEMA)}, max_file_size => {SMALL_BYTES}"
        self._engine.rows(f"select * from ducklake_merge_adjacent_files({arguments})")
        return self._head()

    def expire(self, commits: Iterable[int], floors: Mapping[int, int | None]) -> None:
        self._lake.relation("")
        there = {row[0] for row in self._lake.catalog_rows(_COMMITS)} - {self._head()}
        gone = sorted(set(commits) & there)
        if gone:
            versions = ", ".join(str(c) for c in gone)
            self._engine.rows(f"select snapshot_id from ducklake_expire_snapshots('lake', versions => [{versions}])")
        if floors:
            self._raise_floors(floors)

    def sweep(self) -> None:
        self._lake.relation("")
        self._engine.rows("select path from ducklake_cleanup_old_files('lake', cleanup_all => true)")
        for path in self._loose():
            path.unlink(missing_ok=True)
        for folder in sorted((self._data / DATA_SCHEMA).rglob("*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _head(self) -> int:
        return int(self._engine.rows("from lake.current_snapshot()")[0][0])

    def _raise_floors(self, floors: Mapping[int, int | None]) -> None:
        """In one transaction of the catalog's own tables, as DuckLake itself does when it expires commits."""
        commits = ", ".join(str(row[0]) for row in self._lake.catalog_rows(_COMMITS))
        with self._lake.catalog_transaction() as cursor:
            for table, floor in floors.items():
                to = "coalesce(end_snapshot, begin_snapshot)" if floor is None else str(int(floor))
                cursor.execute(f"update {_METADATA}.ducklake_table set begin_snapshot = {to} where table_id = {table}")
            for kind, key in (("data", "data_file_id"), ("delete", "delete_file_id")):
                files = f"{_METADATA}.ducklake_{kind}_file"
                cursor.execute(
                    f"create or replace temp table lost as select f.{key} as id, s.path || t.path || f.path as path "
                    f"from {files} f join {_METADATA}.ducklake_table t using (table_id) "
                    f"join {_METADATA}.ducklake_schema s on s.schema_id = t.schema_id "
                    f"where f.table_id in ({', '.join(str(t) for t in floors)}) and f.end_snapshot is not null "
                    f"and f.path_is_relative and t.path_is_relative and s.path_is_relative "
                    f"and not exists (select 1 from {_METADATA}.ducklake_snapshot c where c.snapshot_id in ({commits}) "
                    f"and c.snapshot_id >= greatest(f.begin_snapshot, t.begin_snapshot) "
                    f"and c.snapshot_id < least(f.end_snapshot, coalesce(t.end_snapshot, f.end_snapshot)))"
                )
                cursor.execute(
                    f"insert into {_METADATA}.ducklake_files_scheduled_for_deletion "
                    f"select id, path, true, now() from lost"
                )
                for part in (f"{kind}_file", *(_PARTS if kind == "data" else ())):
                    cursor.execute(f"delete from {_METADATA}.ducklake_{part} where {key} in (select id from lost)")
                cursor.execute("drop table lost")

    def _scheduled(self) -> list[Path]:
        """Files that no commit sees, and that a sweep which was cut off did not come to."""
        rows = self._lake.catalog_rows(_SCHEDULED)
        paths = (self._data / path if relative else Path(path) for path, relative in rows)
        return [path for path in paths if path.is_file()]

    def _loose(self) -> list[Path]:
        """Parquet files in the lake's own folders that the catalog does not know."""
        folder = self._data / DATA_SCHEMA
        if not folder.is_dir():
            return []
        self._lake.relation("")
        lost = self._engine.rows(
            "select path from ducklake_delete_orphaned_files('lake', dry_run => true, cleanup_all => true)"
        )
        paths = (Path(row[0]).resolve() for row in lost)
        # Whoever keeps other files in that folder keeps them.
        return [p for p in paths if p.is_relative_to(folder.resolve()) and p.name.startswith("ducklake-")]


_PARTS = ("file_column_stats", "file_variant_stats", "file_partition_value")


def _commit(number: int, schema_version: int, extra: str | None) -> LakeCommit:
    try:
        record = json.loads(extra or "{}")
    except ValueError:
        record = {}
    published = record.get("publication") if isinstance(record, dict) else None
    if not isinstance(published, dict):
        build = record.get("build") if isinstance(record, dict) else None
        return LakeCommit(id=number, schema_version=schema_version, build=build)
    return LakeCommit(
        id=number,
        schema_version=schema_version,
        build=published.get("build_id"),
        publishes=published.get("target"),
        record=published.get("record"),
    )
