"""What an incremental group is built upon: the rows that stand, where its definition still allows it."""

from __future__ import annotations

from typing import Literal

from mlproj.compiler.type_changes import compare_types
from mlproj.state import Feature, GroupNode, Loaded, Made, Published
from mlproj.state.runs import Action

# `same`: rows of this definition; `grown`: rows to which features are added, or whose features are widened or dropped.
Basis = Literal["same", "grown"]


def basis(node: GroupNode, published: Published | None) -> Basis | None:
    """How the published rows of a group serve its next increment; None where all rows have to be computed."""
    if node.increment is None or published is None or published.table is None or published.commit is None:
        return None
    old = published.node
    if not isinstance(old, GroupNode) or old.increment is None:
        return None
    if old.fingerprints.deep == node.fingerprints.deep:
        return "same"
    kept = (old.row_key, old.created_time, old.partition_by, old.increment.deleted, old.shape.deep)
    if kept != (node.row_key, node.created_time, node.partition_by, node.increment.deleted, node.shape.deep):
        return None
    before = {f.name: f for f in old.features}
    return "grown" if all(_holds(before.get(f.name), f) for f in node.features) else None


def _holds(before: Feature | None, now: Feature) -> bool:
    """Whether the values of a feature are those that it has, or there are none yet."""
    if before is None:
        return True
    return before.deep == now.deep and compare_types(before.type, now.type) in ("same", "widened")


def row_action(node: GroupNode, published: Published | None, *, full_refresh: bool) -> Action:
    """How a group is given its rows."""
    found = None if full_refresh else basis(node, published)
    if node.increment is None or found is None:
        return "materialize"
    return "append" if node.increment.strategy == "append" and found == "same" else "merge"


def kept_up_otherwise(node: GroupNode, published: Published) -> bool:
    """Whether the next increment is to be computed though nothing came that was not there: how has changed."""
    old = published.node
    if node.increment is None or not isinstance(old, GroupNode) or old.increment is None:
        return False
    return ways(old) != ways(node)


def recomputes(node: GroupNode, published: Published) -> bool:
    """Whether the next increment may change rows that stand though neither sources nor inputs moved."""
    return kept_up_otherwise(node, published) or basis(node, published) == "grown"


def ways(node: GroupNode) -> dict[str, str | None]:
    """What decides which rows increments bring, in the words of the user; `is_incremental()` as a fingerprint."""
    found = node.increment
    if found is None:
        return {}
    own = {name: getattr(found, name) for name in ("strategy", "watermark", "lookback")}
    return {**own, "is_incremental()": found.rows}


def is_part(made: Made) -> bool:
    """Whether rows are those of a backfill that has not come to its end, or of a first load of a part."""
    return bool(made.chunks) and (not made.digest or made.since is None)


def caught_up(loaded: Loaded | None) -> Loaded | None:
    """How far a group has come that was loaded in part, once an increment brought what is newer."""
    return Loaded(since=loaded.since) if loaded and loaded.since else None


def built_upon(made: Made, published: Published | None) -> bool:
    """Whether rows that a failed build made of an incremental group are those that stand, and what was to be added."""
    return made.since == (published.commit if published else None)
