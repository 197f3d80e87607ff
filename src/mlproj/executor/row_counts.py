"""What a build's new rows change against those published before: for history, and so that only they are written."""

from __future__ import annotations

from dataclasses import replace

from mlproj.compiler.row_changes import COUNTS, changed_keys_sql, compared_columns
from mlproj.compiler.text import identifier
from mlproj.compiler.windows import stored_relation
from mlproj.executor.workspace import GroupOutcome, Workspace
from mlproj.ports import EngineError, Merge
from mlproj.state import Published, RowChanges


def count_changes(outcome: GroupOutcome, space: Workspace) -> GroupOutcome:
    """The outcome of a group whose rows are new, with what they change, and how they are merged where that pays.

    Nothing is counted where an increment knows it, or the rows before cannot be read: a build may be what mends them.
    """
    before = space.state.published.get(outcome.node.id)
    if before is not None and outcome.node.increment is not None and outcome.changes.added is not None:
        return outcome
    if before is None or before.table is None or before.commit is None:
        return replace(outcome, changes=RowChanges(added=outcome.rows, changed=0, deleted=0))
    try:
        return _compared(outcome, before, before.commit, space)
    except EngineError:
        return outcome


def _compared(outcome: GroupOutcome, before: Published, commit: int, space: Workspace) -> GroupOutcome:
    node, engine = outcome.node, space.adapters.engine
    old, new = space.adapters.lake.relation(before.table or "", commit), identifier(stored_relation(node))
    stood, stands = ({c.name: c.type for c in engine.describe(f"select * from {side}")} for side in (old, new))
    on = node.row_key
    if not set(on) <= set(stood):
        return replace(outcome, changes=RowChanges(added=outcome.rows, changed=0, deleted=before.rows))
    key, values = (compared_columns(stood, stands, names) for names in (on, [n for n in stands if n not in on]))
    keys = f"changes:{node.relation}"
    engine.create_table(keys, changed_keys_sql(old, new, key, values))
    added, changed, deleted = engine.rows(f"select {COUNTS} from {identifier(keys)}")[0]
    outcome = replace(outcome, changes=RowChanges(added=added, changed=changed, deleted=deleted))
    # Beyond half of the rows a table is as quickly written anew, and read more quickly afterwards.
    pays = 0 < 2 * (added + changed + deleted) <= outcome.rows
    if not pays or space.full_refresh or before.table != outcome.table:
        return outcome
    return replace(outcome, merge=Merge(f"select * from {identifier(keys)}", on, commit))
