"""Computing part of an incremental group anew, or loading it first, chunk by chunk: each chunk is a commit that nobody
reads yet.

The journal tells of every chunk before it is written, so that whatever stops a backfill, the next one goes on after it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mlproj.compiler.text import identifier, identifiers, literal
from mlproj.executor.groups import explained, measured, refuse_trouble, result_of
from mlproj.executor.increments import Addition, moment, told
from mlproj.executor.journal import commit_info, journaled
from mlproj.executor.workspace import GroupOutcome, Workspace
from mlproj.planner.backfills import chunks, loaded_by
from mlproj.planner.increments import built_upon
from mlproj.planner.plan import Scope, moment_words
from mlproj.ports import EngineError, Merge, TableWrite
from mlproj.state import GroupNode, Loaded, Made, Published, RowChanges, StepResult
from mlproj.state.content import same_contents
from mlproj.state.published import Chunk
from mlproj.state.runs import StepStatus

_ZONED = "TIMESTAMP WITH TIME ZONE"


def backfill(node: GroupNode, scope: Scope, space: Workspace) -> StepResult:
    """Put in place of a part of the rows what the query gives of it now, and add what came since."""
    started = time.perf_counter()
    inputs = space.inputs_of(node)
    try:
        outcome = _Backfill(node, scope, space, inputs).outcome()
    except EngineError as error:
        raise explained(node, space, error) from error
    space.outcomes[node.id] = outcome
    refuse_trouble(node, outcome.warnings, space)
    status: StepStatus = "ok" if outcome.changed else "reused"
    said = told(outcome.changes) if outcome.changed else "the rows came out the same"
    said += "".join(f"; {words}" for words in _left_out(outcome.loaded))
    return result_of(node, status, started, space, said, outcome.warnings, action="merge")


def _left_out(loaded: Loaded | None) -> Iterator[str]:
    """What the sources have and the group does not, in words."""
    if loaded and loaded.since:
        yield f"rows before {moment_words(loaded.since)} are left out"
    if loaded and loaded.until:
        yield f"rows from {moment_words(loaded.until)} on come with the next build"


class _Backfill:
    def __init__(self, node: GroupNode, scope: Scope, space: Workspace, inputs: dict[str, str]) -> None:
        assert node.increment is not None
        self._node, self._scope, self._space, self._inputs = node, scope, space, inputs
        self._increment, self._versions = node.increment, space.versions_below(node)
        self._before = space.state.published.get(node.id)
        # A first load begins with nothing, of which as little is known as of rows that nobody has loaded yet.
        nothing = Published(node=node, build_id=space.build_id, published_at="", loaded=Loaded())
        self._published = self._before or nothing
        self._table = space.table_name(node)
        self._done: tuple[Chunk, ...] = ()

    def outcome(self) -> GroupOutcome:
        commit = self._start()
        planned, loaded = [*chunks(self._scope, self._increment.batch)], None
        if self._published.loaded is not None:
            extent = self._extent()
            loaded = loaded_by(self._scope, self._published.loaded, older=extent.older, newer=extent.newer)
            if self._before is None:
                planned = [c for c in planned if extent.touches(*c)] or planned[:1]
        for number, (start, end) in enumerate(planned, 1):
            what = self._scope.model_copy(update={"start": start, "end": end}).words
            if what in {chunk.what for chunk in self._done}:
                continue
            condition = self._condition(start, end)
            if self._before is None and number == 1:
                # Rows without a time come with every increment, and so with the first load.
                condition = f"({condition} or {identifier(self._increment.watermark or '')} is null)"
            commit, changes = self._chunk(what, condition, commit)
            message = f"{number} of {len(planned)}: {what}, {told(changes)}"
            self._space.tell(StepResult(node=self._node.id, action="merge", status="pending", message=message))
        return self._whole(commit, loaded)

    def _extent(self) -> _Extent:
        """Which times there are rows of in the sources."""
        for parent in self._node.depends_on:
            self._space.provide(parent)
        watermark = self._increment.watermark or ""
        time, types = identifier(watermark), {f.name: f.type for f in self._node.features}
        start, end = (moment(text, types[watermark]) for text in (self._scope.start, self._scope.end))
        within = f"filter (where {time} >= {start} and {time} < {end})"
        instant = f"{time} at time zone 'UTC'" if types[watermark] == _ZONED else f"{time}::TIMESTAMP"
        ends = (f"strftime({side}({instant}) {within}, '%Y-%m-%dT%H:%M:%S.%f')" for side in ("min", "max"))
        columns = [*ends, f"coalesce(bool_or({time} < {start}), false)", f"coalesce(bool_or({time} >= {end}), false)"]
        query = self._space.fill(self._node.sql)
        return _Extent(*self._space.adapters.engine.rows(f"select {', '.join(columns)} from (\n{query}\n) as q")[0])

    def _start(self) -> int:
        """The commit to begin with: that of the chunks that are done already, or what is published."""
        space, row = self._space, self._published
        kept = space.state.kept.get(self._node.id)
        if kept and self._goes_on_from(kept):
            self._done = kept.chunks
            return self._head(kept.commit or 0)
        if self._before is None:
            return self._empty()
        if row.owner is None and row.table == self._table:
            return self._head(row.commit or 0)
        info = commit_info(space, f"copy {self._node.relation}")
        query = f"select * from {space.adapters.lake.relation(row.table or '', row.commit)}"
        return space.adapters.lake.write([TableWrite(self._table, query, self._node.partition_by)], info)

    def _empty(self) -> int:
        """The commit of a table without rows."""
        for parent in self._node.depends_on:
            self._space.provide(parent)
        names = identifiers(f.name for f in self._node.features)
        query = f"select {names} from (\n{self._space.fill(self._node.sql)}\n) as q where false"
        info = commit_info(self._space, f"make {self._node.relation}")
        return self._space.adapters.lake.write([TableWrite(self._table, query, self._node.partition_by)], info)

    def _head(self, commit: int) -> int:
        """The newest commit of the table, which has the rows of `commit` from now on."""
        info = commit_info(self._space, f"put {self._node.relation} back to commit {commit}")
        return self._space.adapters.tables.restore(self._table, commit, info)[0]

    def _goes_on_from(self, kept: Made) -> bool:
        alike = (kept.fingerprint, kept.table, kept.inputs)
        own = (self._node.fingerprints.deep, self._table, self._inputs)
        same = alike == own and same_contents(kept.source_versions, self._versions)
        return bool(kept.chunks) and same and built_upon(kept, self._before)

    def _condition(self, start: str, end: str) -> str:
        types = {f.name: f.type for f in self._node.features}
        if not start:
            pairs = self._scope.partition.items()
            return " and ".join(f"{identifier(n)} is not distinct from {literal(v)}::{types[n]}" for n, v in pairs)
        name = self._increment.watermark or ""
        time_column = identifier(name)
        return f"{time_column} >= {moment(start, types[name])} and {time_column} < {moment(end, types[name])}"

    def _chunk(self, what: str, condition: str, commit: int) -> tuple[int, RowChanges]:
        space, node = self._space, self._node
        addition = Addition(node, self._row(commit), "same", space)
        changes = addition.replaced(condition)
        info = commit_info(space, f"backfill {node.relation} {what}")
        moves = changes != RowChanges(added=0, changed=0, deleted=0)
        self._done = (*self._done, Chunk(what=what, write=info.message if moves else "", changes=changes))
        space.intend(node.id, self._journaled(commit))
        if moves:
            merge = Merge(f"select * from {addition.keys}", node.row_key, commit, alone=True)
            write = TableWrite(self._table, f"select * from {addition.came}", node.partition_by, merge)
            commit = space.adapters.lake.write([write], info)
        return commit, changes

    def _journaled(self, commit: int) -> Made:
        made = journaled(self._made(commit, RowChanges()), "")
        return made.model_copy(update={"since": self._published.commit})

    def _row(self, commit: int) -> Published:
        """What stands by now: rows of which nobody has taken measures yet."""
        update = {"table": self._table, "commit": commit, "owner": None, "digest": None}
        return self._published.model_copy(update=update)

    def _made(self, commit: int, changes: RowChanges) -> GroupOutcome:
        return GroupOutcome(
            self._node, 0, "", {}, {}, self._versions, self._inputs, self._table, commit, changed=True,
            changes=changes, by=self._space.build_id, keyed=False, chunks=self._done,
        )  # fmt: skip

    def _whole(self, commit: int, loaded: Loaded | None) -> GroupOutcome:
        """All rows, with those that came since the sources were last looked at, where all that they had is loaded."""
        row, space = self._published, self._space
        changes = _sum([chunk.changes for chunk in self._done])
        moved = not same_contents(row.source_versions, self._versions) or row.inputs != self._inputs
        partly = row.loaded is not None and (self._before is None or bool(row.loaded.until))
        if moved and not partly:
            more = Addition(self._node, self._row(commit), "same", space, row).outcome(self._inputs, self._versions)
            if more.changed:
                return replace(more, changes=_sum([changes, more.changes]), chunks=self._done, loaded=loaded)
        made = replace(self._made(commit, changes), loaded=loaded)
        if partly and self._before is not None:
            # Had they moved since, the next build looks at what is newest.
            made = replace(made, source_versions=row.source_versions, inputs=row.inputs)
        space.adapters.engine.create_view(
            self._node.relation, f"select * from {space.adapters.lake.relation(self._table, commit)}"
        )
        space.made(self._node.id)
        made = measured(made, space)
        if self._before is None or made.digest != row.digest or loaded != row.loaded:
            return made
        return replace(made, table=row.table, commit=row.commit, owner=row.owner, by=row.build_id, changed=False)


@dataclass(frozen=True)
class _Extent:
    """The first and the last time of rows within a range, in UTC, and whether there are rows on either side of it."""

    first: str | None
    last: str | None
    older: bool
    newer: bool

    def touches(self, start: str, end: str) -> bool:
        return self.first is not None and self.last is not None and self.first < end and start <= self.last


def _sum(parts: list[RowChanges]) -> RowChanges:
    names = ("added", "changed", "deleted")
    return RowChanges(**{name: sum(getattr(part, name) or 0 for part in parts) for name in names})
