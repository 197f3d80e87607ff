"""Computing part of an incremental group anew, chunk by chunk: each chunk is a commit that nobody reads yet.

The journal tells of every chunk before it is written, so that whatever stops a backfill, the next one goes on after it.
"""

from __future__ import annotations

import time
from dataclasses import replace

from mlproj.compiler.text import identifier, literal
from mlproj.executor.groups import explained, measured, refuse_trouble, result_of
from mlproj.executor.increments import Addition, moment, told
from mlproj.executor.journal import commit_info, journaled
from mlproj.executor.workspace import GroupOutcome, Workspace
from mlproj.planner.backfills import chunks
from mlproj.planner.increments import built_upon
from mlproj.planner.plan import Scope
from mlproj.ports import EngineError, Merge, TableWrite
from mlproj.state import GroupNode, Made, Published, RowChanges, StepResult
from mlproj.state.published import Chunk
from mlproj.state.runs import StepStatus


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
    return result_of(node, status, started, space, said, outcome.warnings, action="merge")


class _Backfill:
    def __init__(self, node: GroupNode, scope: Scope, space: Workspace, inputs: dict[str, str]) -> None:
        assert node.increment is not None
        self._node, self._scope, self._space, self._inputs = node, scope, space, inputs
        self._increment, self._versions = node.increment, space.versions_below(node)
        self._published = space.state.published[node.id]
        self._table = space.table_name(node)
        self._done: tuple[Chunk, ...] = ()

    def outcome(self) -> GroupOutcome:
        commit = self._start()
        planned = [*chunks(self._scope, self._increment.batch)]
        for number, (start, end) in enumerate(planned, 1):
            what = self._scope.model_copy(update={"start": start, "end": end}).words
            if what in {chunk.what for chunk in self._done}:
                continue
            commit, changes = self._chunk(what, self._condition(start, end), commit)
            message = f"{number} of {len(planned)}: {what}, {told(changes)}"
            self._space.tell(StepResult(node=self._node.id, action="merge", status="pending", message=message))
        return self._whole(commit)

    def _start(self) -> int:
        """The commit to begin with: that of the chunks that are done already, or what is published."""
        space, row = self._space, self._published
        kept = space.state.kept.get(self._node.id)
        if kept and self._goes_on_from(kept):
            self._done = kept.chunks
            return self._head(kept.commit or 0)
        if row.owner is None and row.table == self._table:
            return self._head(row.commit or 0)
        info = commit_info(space, f"copy {self._node.relation}")
        query = f"select * from {space.adapters.lake.relation(row.table or '', row.commit)}"
        return space.adapters.lake.write([TableWrite(self._table, query, self._node.partition_by)], info)

    def _head(self, commit: int) -> int:
        """The newest commit of the table, which has the rows of `commit` from now on."""
        info = commit_info(self._space, f"put {self._node.relation} back to commit {commit}")
        return self._space.adapters.tables.restore(self._table, commit, info)[0]

    def _goes_on_from(self, kept: Made) -> bool:
        alike = (kept.fingerprint, kept.table, kept.inputs, kept.source_versions)
        own = (self._node.fingerprints.deep, self._table, self._inputs, self._versions)
        return bool(kept.chunks) and alike == own and built_upon(kept, self._published)

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

    def _whole(self, commit: int) -> GroupOutcome:
        """All rows, with those that came since the sources were last looked at."""
        row, space = self._published, self._space
        changes = _sum([chunk.changes for chunk in self._done])
        if row.source_versions != self._versions or row.inputs != self._inputs:
            more = Addition(self._node, self._row(commit), "same", space).outcome(self._inputs, self._versions)
            if more.changed:
                return replace(more, changes=_sum([changes, more.changes]), chunks=self._done)
        made = self._made(commit, changes)
        space.adapters.engine.create_view(
            self._node.relation, f"select * from {space.adapters.lake.relation(self._table, commit)}"
        )
        space.made(self._node.id)
        made = measured(made, space)
        if made.digest != row.digest:
            return made
        return replace(made, table=row.table, commit=row.commit, owner=row.owner, by=row.build_id, changed=False)


def _sum(parts: list[RowChanges]) -> RowChanges:
    names = ("added", "changed", "deleted")
    return RowChanges(**{name: sum(getattr(part, name) or 0 for part in parts) for name in names})
