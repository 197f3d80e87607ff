"""Old commits of DuckLake tables, and the way back to them: only the rows that differ are written.

Rows are compared as wholes, by a hash of all columns and how often each occurs, so that no key is needed and repeated
rows come out right. That reads both commits; a change feed would read no less after a build, which replaces all rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.ducklake import DuckLake
from mlproj.compiler.text import identifiers, literal
from mlproj.ports import CommitInfo, RowsBack

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ALIVE = """
select 1 from {{catalog}}ducklake_table t join {{catalog}}ducklake_snapshot s
on t.begin_snapshot <= s.snapshot_id and (t.end_snapshot is null or t.end_snapshot > s.snapshot_id)
where t.table_name = {table} and s.snapshot_id = {commit}
"""


class DuckLakeHistory:
    """`ports.TableHistory`."""

    def __init__(self, engine: DuckDBEngine, lake: DuckLake) -> None:
        self._engine, self._lake = engine, lake

    def holds(self, table: str, commit: int) -> bool:
        return bool(self._lake.catalog_rows(_ALIVE.format(table=literal(table), commit=int(commit))))

    def difference(self, table: str, commit: int) -> RowsBack:
        counts = _counts(self._names(table), self._lake.relation(table), self._lake.relation(table, commit))
        row = self._engine.rows(f"select sum(n) filter (n > 0), -sum(n) filter (n < 0) from ({counts}) as c")[0]
        return RowsBack(deleted=int(row[0] or 0), inserted=int(row[1] or 0))

    def restore(self, table: str, commit: int, info: CommitInfo) -> tuple[int, RowsBack]:
        head, old = self._lake.relation(table), self._lake.relation(table, commit)
        names = self._names(table)
        found = {"deleted": 0, "inserted": 0}

        def work(cursor: DuckDBPyConnection) -> None:
            cursor.execute(f"create or replace temp table rollback_counts as {_counts(names, head, old)}")
            cursor.execute(f"create or replace temp table rollback_gone as {_surplus(names, head, 1)}")
            back = f"select {names} from {old} where rowid in ({_surplus(names, old, -1)})"
            found["inserted"] = _count(cursor.execute(f"insert into {head} by name {back}"))
            gone = "select row from rollback_gone"
            found["deleted"] = _count(cursor.execute(f"delete from {head} where rowid in ({gone})"))
            for scratch in ("rollback_counts", "rollback_gone"):
                cursor.execute(f"drop table {scratch}")

        made, done = self._lake.change(work, info), RowsBack(**found)
        if done == RowsBack(0, 0):  # a transaction that changes nothing makes no commit
            made = int(self._engine.rows("from lake.current_snapshot()")[0][0])
        return made, done

    def _names(self, table: str) -> str:
        columns = self._engine.describe(f"select * from {self._lake.relation(table)}")
        return identifiers(c.name for c in columns)


def _counts(names: str, head: str, old: str) -> str:
    """How often each row is in `head` more than in `old`, by its hash."""
    both = f"select hash({names}) as h, 1 as n from {head} union all select hash({names}), -1 from {old}"
    return f"select h, sum(n)::BIGINT as n from ({both}) as both_ group by h having sum(n) <> 0"


def _surplus(names: str, relation: str, sign: int) -> str:
    """Ids of as many rows of each hash as the other side lacks."""
    ranked = (
        f"select r.row, {sign} * c.n as surplus, row_number() over (partition by r.h) as place "
        f"from (select rowid as row, hash({names}) as h from {relation}) as r "
        f"join rollback_counts as c on r.h = c.h where {sign} * c.n > 0"
    )
    return f"select row from ({ranked}) as ranked where place <= surplus"


def _count(done: DuckDBPyConnection) -> int:
    row = done.fetchone()
    return int(row[0]) if row else 0
