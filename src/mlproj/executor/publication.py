"""Moving the views: the one transaction that makes a build visible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlproj.compiler.text import identifier, identifiers
from mlproj.executor.recovery import publication_record
from mlproj.executor.workspace import GroupOutcome, Workspace
from mlproj.planner import Change
from mlproj.planner.acceptance import acknowledgements
from mlproj.ports import CommitInfo
from mlproj.state import GroupNode, Publication, Published, ViewMove


def publish(space: Workspace, nodes: Iterable[str], removed: Iterable[str], changes: Iterable[Change] = ()) -> int:
    """Move the target's views to what this build made, and tell state; returns the lake's commit.

    What was accepted of the `changes` is written down with it.
    """
    at = space.adapters.now()
    nodes = list(nodes)
    published = {n: _published(n, space, at) for n in nodes}
    looked_at = {n: _looked_at(n, space) for n in {*space.digests, *space.keyed} if n not in published}
    gone = tuple(sorted(removed))
    datasets = {n: d.dataset for n, d in space.datasets.items() if d.dataset.build_id == space.build_id}
    publication = Publication(
        build_id=space.build_id,
        target=space.state.target,
        at=at,
        author=space.adapters.author,
        published={n: p.model_dump(mode="json") for n, p in {**looked_at, **published}.items()},
        training_datasets={n: d.model_dump(mode="json") for n, d in datasets.items()},
        removed=gone,
        changes={n: o.changes for n in published if (o := space.outcomes.get(n)) and _moves_rows(o, space)},
        events=tuple(
            acknowledgements(
                changes, target=space.state.target, who=space.adapters.author, at=at, build_id=space.build_id
            )
        ),
    )
    after = {**{n: p for n, p in space.state.published.items() if n not in gone}, **published}
    moves = list(view_moves(_pinned(after, space), published, gone))
    info = CommitInfo(
        space.adapters.author,
        f"publish {len(published)} nodes to {space.state.target} (build {space.build_id})",
        publication_record(publication, space.adapters.artifacts),
    )
    commit = space.adapters.lake.publish(space.state.target, moves, info)
    space.adapters.store.apply_publication(publication, commit)
    return commit


def _moves_rows(outcome: GroupOutcome, space: Workspace) -> bool:
    before = space.state.published.get(outcome.node.id)
    return outcome.table is not None and (before is None or before.commit != outcome.commit)


def _published(node_id: str, space: Workspace, at: str) -> Published:
    node, outcome, before = (
        space.manifest.nodes[node_id],
        space.outcomes.get(node_id),
        space.state.published.get(node_id),
    )
    common: dict[str, Any] = {"node": node, "build_id": space.build_id, "published_at": at}
    if outcome:
        return Published(
            **common,
            table=outcome.table,
            commit=outcome.commit,
            owner=outcome.owner,
            rows=outcome.rows,
            digest=outcome.digest,
            column_digests=space.column_digests(node_id),
            null_counts=outcome.null_counts,
            source_versions=outcome.source_versions,
            inputs=outcome.inputs,
            loaded=outcome.loaded,
        )
    if before:
        return before.model_copy(update={**common, "column_digests": space.column_digests(node_id)})
    return Published(**common)


def _looked_at(node_id: str, space: Workspace) -> Published:
    """A group that stays as it was published, with what this build found out of its columns and its key."""
    row = space.state.published[node_id]
    node = row.node.model_copy(update={"unique_key": True}) if node_id in space.keyed else row.node
    return row.model_copy(update={"node": node, "column_digests": space.column_digests(node_id)})


def view_moves(
    after: Mapping[str, Published],
    moved: Mapping[str, Published],
    gone: tuple[str, ...],
    within: Callable[[Published], Mapping[str, Published]] | None = None,
) -> Iterable[ViewMove]:
    """Views to move: `<group>_v<n>`, and `<group>` for the version that is current; dropped ones last.

    `within` gives what a row's parents are to be taken from, where that is not what stands `after`.
    """
    found_in = within or (lambda _row: after)
    names: set[str] = set()
    for row in moved.values():
        node: object = row.node
        if isinstance(node, GroupNode):
            yield ViewMove(name=f"{node.name}_v{node.version}", sql=consumer_sql(node, row, found_in(row)))
            names.add(node.name)
    removed = [tuple(n.partition(":")[2].split("@")) for n in gone if n.startswith("feature_group:")]
    for name, version in removed:
        yield ViewMove(name=f"{name}_v{version}", sql=None)
        names.add(name)
    for name in sorted(names):
        rows = [r for r in after.values() if isinstance(r.node, GroupNode) and r.node.name == name]
        current = max(rows, key=_currency, default=None)
        node = current.node if current else None
        sql = consumer_sql(node, current, found_in(current)) if current and isinstance(node, GroupNode) else None
        yield ViewMove(name=name, sql=sql)


def _pinned(after: Mapping[str, Published], space: Workspace) -> dict[str, Published]:
    """Rows as they stand, pinned as the project says now: a pin may have moved from a version that is not built."""
    found = dict(after)
    for node_id, row in after.items():
        declared, node = space.manifest.nodes.get(node_id), row.node
        if isinstance(declared, GroupNode) and isinstance(node, GroupNode) and declared.current != node.current:
            node = node.model_copy(update={"current": declared.current})
            found[node_id] = row.model_copy(update={"node": node})
    return found


def _currency(row: Published) -> tuple[bool, int]:
    """The version that `current_version` pins comes first, then the highest."""
    assert isinstance(row.node, GroupNode)
    return row.node.current, row.node.version


def consumer_sql(node: GroupNode, row: Published, after: Mapping[str, Published]) -> str:
    """What consumers read: the contract's columns in its order, pinned at a commit.

    A view's own query over pinned parents.
    """
    columns = identifiers(f.name for f in node.features)
    if row.table is not None:
        return f"select {columns} from lake.mlproj_data.{identifier(row.table)} at (version => {row.commit})"
    parents = [after[p] for p in node.depends_on]
    ctes = ", ".join(
        f"{identifier(p.node.id.partition(':')[2])} as ({consumer_sql(p.node, p, after)})"
        for p in parents
        if isinstance(p.node, GroupNode)
    )
    return f"with {ctes} select {columns} from (\n{node.sql}\n) as q"
