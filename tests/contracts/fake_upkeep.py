"""A lake in memory that keeps rows in files as DuckLake does, for upkeep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlproj.ports import CommitInfo, TableWrite
from mlproj.state.garbage import Inventory, LakeCommit, LakeFile, LakeTable, Pin


@dataclass
class _Table:
    id: int
    name: str
    begin: int
    end: int | None = None


@dataclass
class _File:
    table: int
    begin: int
    end: int | None
    rows: tuple[int, ...]
    since: tuple[int, ...]  # of each row the commit that it came with


@dataclass
class FakeLakeUpkeep:
    """`ports.LakeUpkeep`. Rows are numbers, and queries their list as text. `stored` are files on the disk."""

    commits: dict[int, int] = field(default_factory=lambda: {0: 0})
    tables: list[_Table] = field(default_factory=list)
    files: list[_File] = field(default_factory=list)
    stored: int = 0
    pins: set[Pin] = field(default_factory=set)

    def _commit(self, *, schema: bool) -> int:
        head = max(self.commits)
        self.commits[head + 1] = self.commits[head] + schema
        return head + 1

    def _live(self, name: str) -> _Table | None:
        return next((t for t in self.tables if t.name == name and t.end is None), None)

    def append(self, name: str, rows: Iterable[int]) -> int:
        """Add a file of rows to a table, which is made where there is none."""
        table = self._live(name)
        commit = self._commit(schema=table is None)
        if table is None:
            table = _Table(len(self.tables) + 1, name, commit)
            self.tables.append(table)
        rows = tuple(rows)
        self.files.append(_File(table.id, commit, None, rows, (commit,) * len(rows)))
        return commit

    def clear(self, name: str) -> int:
        table = self._live(name)
        assert table is not None
        commit = self._commit(schema=False)
        self._end_files(table.id, commit)
        return commit

    def _end_files(self, table: int, commit: int) -> None:
        for file in self.files:
            if file.table == table and file.end is None:
                file.end = commit

    def read(self, name: str, commit: int) -> list[int]:
        """Raises `LookupError` where the commit is gone, or the table was not there."""
        if commit not in self.commits:
            raise LookupError(commit)
        table = next(
            (t for t in self.tables if t.name == name and t.begin <= commit and (t.end is None or commit < t.end)), None
        )
        if table is None:
            raise LookupError(name)
        return sorted(
            row
            for file in self.files
            if file.table == table.id and file.begin <= commit and (file.end is None or commit < file.end)
            for row, since in zip(file.rows, file.since, strict=True)
            if since <= commit
        )

    def inventory(self) -> Inventory:
        return Inventory(
            tables=tuple(LakeTable(id=t.id, name=t.name, begin=t.begin, end=t.end) for t in self.tables),
            files=tuple(
                LakeFile(table=f.table, begin=f.begin, end=f.end, bytes=len(f.rows), small=f.end is None)
                for f in self.files
            ),
            commits=tuple(LakeCommit(id=c, schema_version=v) for c, v in sorted(self.commits.items())),
            pins=frozenset(self.pins),
            named=frozenset(t for t, _ in self.pins),
            loose=("scheduled",) * self.stored,
        )

    def drop(self, tables: Sequence[str], info: CommitInfo) -> int:
        commit = self._commit(schema=True)
        for name in tables:
            table = self._live(name)
            assert table is not None
            self._end_files(table.id, commit)
            table.end = commit
        return commit

    def rewrite(self, tables: Sequence[TableWrite], info: CommitInfo) -> int:
        commit = self._commit(schema=True)
        for write in tables:
            old = self._live(write.table)
            if old:
                self._end_files(old.id, commit)
                old.end = commit
            self.tables.append(_Table(len(self.tables) + 1, write.table, commit))
            rows = tuple(int(row) for row in write.query.split())
            self.files.append(_File(len(self.tables), commit, None, rows, (commit,) * len(rows)))
        return commit

    def merge(self, table: str) -> int:
        found = self._live(table)
        assert found is not None
        parts = [f for f in self.files if f.table == found.id and f.end is None]
        rest = [f for f in self.files if f not in parts]
        rows = tuple(r for f in parts for r in f.rows)
        since = tuple(s for f in parts for s in f.since)
        self.files = [*rest, _File(found.id, min(f.begin for f in parts), None, rows, since)]
        self.stored += len(parts)
        return self._commit(schema=False)

    def expire(self, commits: Iterable[int], floors: Mapping[int, int | None]) -> None:
        for commit in set(commits) - {max(self.commits)}:
            self.commits.pop(commit, None)
        for table in self.tables:
            if table.id in floors:
                floor = floors[table.id]
                table.begin = floor if floor is not None else table.end if table.end is not None else table.begin
        kept = [f for f in self.files if f.end is None or self._is_seen(f)]
        self.stored += len(self.files) - len(kept)
        self.files = kept

    def _is_seen(self, file: _File) -> bool:
        """By any commit where the table is there; tables that stand at none do not count."""
        table = self.tables[file.table - 1]
        low, high = max(file.begin, table.begin), min(file.end or 0, table.end if table.end is not None else 1 << 60)
        return any(low <= commit < high for commit in self.commits)

    def sweep(self) -> None:
        self.stored = 0
