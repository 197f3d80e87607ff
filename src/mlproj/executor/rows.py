"""Writing what was computed into the lake: one commit for all groups and training datasets in scratch space."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from mlproj.compiler.text import identifier
from mlproj.compiler.windows import stored_relation
from mlproj.executor.journal import commit_info
from mlproj.executor.row_counts import count_changes
from mlproj.executor.workspace import DatasetOutcome, GroupOutcome, Workspace
from mlproj.ports import CommitInfo, TableWrite


@dataclass(frozen=True)
class Unwritten:
    """Rows in scratch space, by group id and by view id, and what their commit will say."""

    groups: dict[str, GroupOutcome]
    datasets: dict[str, DatasetOutcome]
    info: CommitInfo

    def __bool__(self) -> bool:
        return bool(self.groups or self.datasets)


def unwritten(space: Workspace, done: Collection[str]) -> Unwritten:
    """What the nodes that are `done` have in scratch space only; counts what it changes."""
    for node_id, outcome in space.outcomes.items():
        if outcome.changed and outcome.table and node_id in done:
            space.outcomes[node_id] = count_changes(outcome, space)
    groups = {n: o for n, o in space.outcomes.items() if o.changed and o.table and o.commit is None and n in done}
    datasets = {n: d for n, d in space.datasets.items() if d.query and n in done}
    names = [o.table or "" for o in groups.values()] + [d.dataset.table for d in datasets.values()]
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Unwritten(groups, datasets, commit_info(space, f"write {listed}"))


def write_rows(space: Workspace, rows: Unwritten) -> None:
    """Copy rows into the lake, in one commit, and tell the workspace which it was."""
    if not rows:
        return
    writes = [
        TableWrite(
            o.table or "",
            o.query or f"select * from {identifier(stored_relation(o.node))}",
            o.node.partition_by,
            o.merge,
        )
        for o in rows.groups.values()
    ]
    writes += [TableWrite(d.dataset.table, d.query or "") for d in rows.datasets.values()]
    commit = space.adapters.lake.write(writes, rows.info)
    for node_id, outcome in rows.groups.items():
        space.outcomes[node_id] = replace(outcome, commit=commit)
    for view_id, made in rows.datasets.items():
        space.datasets[view_id] = DatasetOutcome(made.dataset.model_copy(update={"commit": commit}), None)


def trace_inputs(space: Workspace) -> None:
    """Write the commits that this build's training datasets were made from into them: they are known by now."""
    for view_id, made in space.datasets.items():
        if made.dataset.build_id == space.build_id:
            parents = space.manifest.nodes[view_id].depends_on
            commits = {n: c for parent in parents for n, c in space.commits_of(parent).items()}
            space.datasets[view_id] = replace(made, dataset=made.dataset.model_copy(update={"inputs": commits}))
