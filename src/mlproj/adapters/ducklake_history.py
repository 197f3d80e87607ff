"""Old commits of DuckLake tables, and the way back to them: only the rows that differ are written.

What differs is read from the change feed where every commit since then is still there. Where not, both commits are
compared row by row. Either way rows count as wholes, by a hash of all columns and how often each occurs, so that no key
is needed and repeated rows come out right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DATA_SCHEMA, DuckLake
from mlproj.compiler.text import identifiers, literal
from mlproj.ports import CommitInfo, RowsBack

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ALIVE = """
select 1 from {{catalog}}ducklake_table t join {{catalog}}ducklake_snapshot s
on t.begin_snapshot <= s.snapshot_id and (t.end_snapshot is null or t.end_snapshot > s.snapshot_id)
where t.table_name = {table} and s.snapshot_id = {commit}
"""


# Commits since then that are there, of how many there were; none where the table is not the same any more.
_FEED = """
select (select count(*) from {{catalog}}ducklake_snapshot where snapshot_id > {commit}),
       (select max(snapshot_id) from {{catalog}}ducklake_snapshot)
from {{catalog}}ducklake_table where table_name = {table} and end_snapshot is null and begin_snapshot <= {commit}
"""


class DuckLakeHistory:
    """`ports.TableHistory`."""

    def __init__(self, engine: DuckDBEngine, lake: DuckLake) -> None:
        self._engine, self._lake = engine, lake

    def holds(self, table: str, commit: int) -> bool:
        return bool(self._lake.catalog_rows(_ALIVE.format(table=literal(table), commit=int(commit))))

    def difference(self, table: str, commit: int) -> RowsBack:
        sides = self._sides(table, commit)
        row = self._engine.rows(f"select sum(n) filter (n > 0), -sum(n) filter (n < 0) from ({sides.counts}) as c")[0]
        return RowsBack(deleted=int(row[0] or 0), inserted=int(row[1] or 0))

    def restore(self, table: str, commit: int, info: CommitInfo) -> tuple[int, RowsBack]:
        head = self._lake.relation(table)
        if self.holds(table, commit) and self._lake.stands(table, commit):
            return int(self._engine.rows("from lake.current_snapshot()")[0][0]), RowsBack(0, 0)
        sides = self._sides(table, commit)
        found = {"deleted": 0, "inserted": 0}

        def work(cursor: DuckDBPyConnection) -> None:
            cursor.execute(f"create or replace temp table rollback_counts as {sides.counts}")
            cursor.execute(f"create or replace temp table rollback_gone as {sides.surplus(1)}")
            back = f"select {sides.names} from {sides.old} where rowid in ({sides.surplus(-1)})"
            found["inserted"] = _count(cursor.execute(f"insert into {head} by name {back}"))
            gone = "select row from rollback_gone"
            found["deleted"] = _count(cursor.execute(f"delete from {head} where rowid in ({gone})"))
            for scratch in ("rollback_counts", "rollback_gone"):
                cursor.execute(f"drop table {scratch}")

        made, done = self._lake.change(work, info), RowsBack(**found)
        if done == RowsBack(0, 0):  # a transaction that changes nothing makes no commit
            made = int(self._engine.rows("from lake.current_snapshot()")[0][0])
        return made, done

    def _sides(self, table: str, commit: int) -> _Sides:
        """What is in the head and not in the commit, and the other way round."""
        head, old = self._lake.relation(table), self._lake.relation(table, commit)
        names = identifiers(c.name for c in self._engine.describe(f"select * from {head}"))
        newest = self._fed_up_to(table, commit)
        if newest is None:
            return _Sides(names, head, old)
        feed = f"ducklake_table_changes('lake', {literal(DATA_SCHEMA)}, {literal(table)}, {commit + 1}, {newest})"
        came, went = (f"(from {feed} where change_type {which})" for which in _CHANGES)
        # A row that came and went since is in neither.
        new, lost = (
            f"(select * from {a} as a where not exists (select 1 from {b} as b where b.rowid = a.rowid))"
            for a, b in ((came, went), (went, came))
        )
        return _Sides(names, new, lost)

    def _fed_up_to(self, table: str, commit: int) -> int | None:
        """The newest commit, where the feed from `commit` to there has no hole."""
        rows = self._lake.catalog_rows(_FEED.format(table=literal(table), commit=int(commit)))
        return int(rows[0][1]) if rows and rows[0][1] - commit == rows[0][0] > 0 else None


_CHANGES = ("in ('insert', 'update_postimage')", "in ('delete', 'update_preimage')")


@dataclass(frozen=True)
class _Sides:
    """Two relations with `rowid`, whose common rows count for nothing; `names` are the columns of both."""

    names: str
    head: str
    old: str

    @property
    def counts(self) -> str:
        """How often each row is in `head` more than in `old`, by its hash."""
        both = " union all ".join(
            f"select hash({self.names}) as h, {sign} as n from {relation} as r"
            for relation, sign in ((f"(from {self.head})", 1), (f"(from {self.old})", -1))
        )
        return f"select h, sum(n)::BIGINT as n from ({both}) as both_ group by h having sum(n) <> 0"

    def surplus(self, sign: int) -> str:
        """Ids of as many rows of each hash as the other side lacks: of `head` for 1, of `old` for -1."""
        relation = self.head if sign > 0 else self.old
        ranked = (
            f"select r.row, {sign} * c.n as surplus, row_number() over (partition by r.h) as place "
            f"from (select rowid as row, hash({self.names}) as h from {relation}) as r "
            f"join rollback_counts as c on r.h = c.h where {sign} * c.n > 0"
        )
        return f"select row from ({ranked}) as ranked where place <= surplus"


def _count(done: DuckDBPyConnection) -> int:
    row = done.fetchone()
    return int(row[0]) if row else 0
