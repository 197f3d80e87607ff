"""Doing what a rollback decided: data first, then the one transaction that moves the views, then state.

As with a build, the lake's commit that moves the views is the decision: what dies before it changed nothing that
anybody reads, what dies after it is completed by the next command (`executor.recovery`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from mlproj.compiler.row_changes import COUNTS, changed_keys_sql, compared_columns
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor.adapters import Adapters
from mlproj.executor.lost_file import hint_of
from mlproj.executor.publication import view_moves
from mlproj.executor.recovery import publication_record
from mlproj.executor.workspace import table_name
from mlproj.planner.rollback import Move, Rollback, rolled_back, same_rows
from mlproj.planner.standing import Difference
from mlproj.ports import CommitInfo, EngineError, RowsBack, TableWrite
from mlproj.state import BuildRecord, GroupNode, Publication, Published, RowChanges, JournalStep, TargetState, ViewMove


def roll_back_group(
    row: Published, old: Published, state: TargetState, adapters: Adapters, build_id: str, message: str
) -> Rollback:
    """A new commit of the group's table equal to the old one; only rows that differ are written.

    Where the rows are the old ones already, the group is held as it stands.
    """
    node = row.node
    with _journaled([node.id], state.target, adapters, build_id):
        info = CommitInfo(adapters.author, f"{message} (build {build_id})", f'{{"build": "{build_id}"}}')
        stays = same_rows(row, old)
        table, commit, done = _as_it_is(row) if stays else _rows_back(row, old, state, adapters, info)
        after = rolled_back(row, old, (table, commit), build_id, adapters.now(), message)
        changes = {} if stays else {node.id: _counted(row, (table, commit), adapters)}
        publication = Publication(
            build_id=build_id,
            target=state.target,
            at=after.published_at,
            author=adapters.author,
            published={node.id: after.model_dump(mode="json")},
            kind="rollback",
            changes=changes,
            message=message,
        )
        moves = list(view_moves({**state.published, node.id: after}, {node.id: after}, ()))
        publish_rollback(publication, moves, adapters)
    return group_rollback(row, old, state.target, message, done).model_copy(
        update={"build": build_id, "commit": None if stays else commit, "dry_run": False}
    )


def _as_it_is(row: Published) -> tuple[str, int, RowsBack]:
    assert row.table is not None and row.commit is not None  # noqa: PT018
    return row.table, row.commit, RowsBack(0, 0)


def _rows_back(
    row: Published, old: Published, state: TargetState, adapters: Adapters, info: CommitInfo
) -> tuple[str, int, RowsBack]:
    """Table and commit that hold the old rows again. A table of another target is left alone: its rows are copied."""
    node = row.node
    assert isinstance(node, GroupNode)
    table = row.table or ""
    if row.owner is not None or table in state.foreign_tables:
        table = table_name(f"{node.name}__v{node.version}", node.fingerprints.deep, state)
    if old.table == table:
        commit, done = adapters.tables.restore(table, old.commit or 0, info)
        return table, commit, done
    query = f"select * from {adapters.lake.relation(old.table or '', old.commit)}"
    commit = adapters.lake.write([TableWrite(table, query, node.partition_by)], info)
    return table, commit, RowsBack(row.rows or 0, old.rows or 0)


def _counted(row: Published, place: tuple[str, int], adapters: Adapters) -> RowChanges:
    """What the new commit changed against the one before, by key."""
    node = row.node
    assert isinstance(node, GroupNode)
    old, new = adapters.lake.relation(row.table or "", row.commit), adapters.lake.relation(*place)
    types = {c.name: c.type for c in adapters.engine.describe(f"select * from {new}")}
    key, values = (
        compared_columns(types, types, names) for names in (node.row_key, [n for n in types if n not in node.row_key])
    )
    counts = adapters.engine.rows(f"select {COUNTS} from ({changed_keys_sql(old, new, key, values)}) as k")[0]
    return RowChanges(added=counts[0], changed=counts[1], deleted=counts[2])


def roll_back_build(found: Difference, publication: Publication, moves: Sequence[ViewMove], adapters: Adapters) -> int:
    """All that a build left comes back in one transaction; returns the lake's commit."""
    nodes = [*found.published, *found.removed, *found.current, *(a.partition("@")[0] for a in found.aliases)]
    with _journaled(nodes, publication.target, adapters, publication.build_id):
        return publish_rollback(publication, moves, adapters)


def group_rollback(row: Published, old: Published, target: str, message: str, rows: RowsBack) -> Rollback:
    """What rolling a group back would do."""
    move = Move(node=row.node.id, what="commit", before=str(row.commit), after=str(old.commit))
    counts = {"deleted": rows.deleted, "inserted": rows.inserted}
    if same_rows(row, old):
        move, counts = Move(node=row.node.id, what="hold", before="free", after="held"), {}
    return Rollback(
        target=target, scope="group", to=str(old.commit), message=message, dry_run=True, rows=counts, moves=(move,)
    )


def publish_rollback(publication: Publication, moves: Sequence[ViewMove], adapters: Adapters) -> int:
    """Move the views and tell state; returns the lake's commit."""
    info = CommitInfo(
        adapters.author,
        f"{publication.message} in {publication.target} (build {publication.build_id})",
        publication_record(publication, adapters.artifacts),
    )
    commit = adapters.lake.publish(publication.target, moves, info)
    adapters.store.apply_publication(publication, commit)
    return commit


@contextmanager
def _journaled(nodes: Sequence[str], target: str, adapters: Adapters, build_id: str) -> Iterator[None]:
    """Write down what is about to be done, and how it ended. Raises E618 where the lake refuses."""
    results: Mapping[str, JournalStep] = {
        n: JournalStep(node=n, action="rollback", status="pending") for n in dict.fromkeys(nodes)
    }
    record = BuildRecord(
        id=build_id,
        target=target,
        status="running",
        author=adapters.author,
        started_at=adapters.now(),
        steps=tuple(results.values()),
    )
    adapters.store.begin_build(record)
    try:
        yield
    except (EngineError, ProjectError) as error:
        _end(results, "failed", adapters, build_id)
        if isinstance(error, ProjectError):
            raise
        message = f"the lake refused the rollback: {error.message}"
        hint = hint_of(error, "nothing was moved; run it again")
        raise ProjectError([Diagnostic("E618", message, hint=hint)], exit_code=1) from error
    _end(results, "ok", adapters, build_id)


def _end(results: Mapping[str, JournalStep], status: str, adapters: Adapters, build_id: str) -> None:
    adapters.store.record_steps(build_id, [r.model_copy(update={"status": status}) for r in results.values()])
    adapters.store.end_build(build_id, status, adapters.now())
