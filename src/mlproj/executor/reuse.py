"""Groups whose rows stand already: as published, here or in another target, or as a failed build has left them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlproj.executor.workspace import GroupOutcome, Workspace
from mlproj.planner.reuse import find_rows, stands, tests_fingerprint
from mlproj.state import GroupNode, Made, Published, RowChanges


def standing(
    node: GroupNode, space: Workspace, inputs: Mapping[str, str], versions: dict[str, str]
) -> tuple[GroupOutcome, str] | None:
    """Rows that need not be computed, and why not in words."""
    published = space.state.published.get(node.id)
    if published and published.table and not space.full_refresh and stands(node, published, inputs, versions):
        return _as_published(node, published, versions), "its inputs came out the same"
    found = find_rows(node, space.state, inputs, versions)
    if not found:
        return None
    made, said = found
    since = published.commit if published else None
    # Against nothing, everything is new; what was counted against other rows than those published now says nothing.
    changes = made.changes if made.since == since else RowChanges()
    if since is None:
        changes = RowChanges(added=made.rows, changed=0, deleted=0)
    return replace(_as_made(node, made, versions), changes=changes), said


def _as_published(node: GroupNode, published: Published, versions: dict[str, str]) -> GroupOutcome:
    return GroupOutcome(
        node,
        published.rows or 0,
        published.digest or "",
        published.column_digests,
        published.null_counts,
        versions,
        published.inputs,
        published.table,
        published.commit,
        changed=False,
        by=published.build_id,
        owner=published.owner,
        loaded=published.loaded,
        keyed=not node.unique_key or (isinstance(published.node, GroupNode) and published.node.unique_key),
    )


def _as_made(node: GroupNode, made: Made, versions: dict[str, str]) -> GroupOutcome:
    return GroupOutcome(
        node,
        made.rows,
        made.digest,
        made.column_digests,
        made.null_counts,
        versions,
        made.inputs,
        made.table,
        made.commit,
        changed=False,
        by=made.by,
        owner=made.owner,
        tested=made.tested,
        loaded=made.loaded,
        keyed=not node.unique_key or made.tested == tests_fingerprint(node),
    )
