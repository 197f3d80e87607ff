"""Recipes with a hole: each forgets something that matters, and has to be found out.

A hole changes the tree before it is fingerprinted, so that it can be put into any recipe.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.property.sql.tree import (
    Agg, Case, Cast, Item, Join, Key, Lit, Op, Select, SetOp, Sub, Window, transformed,
)  # fmt: skip

Hole = Callable[[Any], Any]


def _everywhere(change: Hole) -> Hole:
    return lambda tree: transformed(tree, change)


def _outer(node: Any) -> Any:
    if isinstance(node, Join) and node.kind in ("left join", "right join", "full join", "left outer join",
                                                "right outer join", "full outer join"):  # fmt: skip
        return replace(node, kind="join")
    return node


def _limits_inside(tree: Any) -> Any:
    def drop(node: Any) -> Any:
        if isinstance(node, Item) and node.query is not None:
            return replace(node, query=replace(node.query, order=(), limit=None, offset=0))
        return node

    ctes = tuple(replace(c, query=replace(c.query, order=(), limit=None, offset=0)) for c in tree.ctes)
    return transformed(replace(tree, ctes=ctes), drop)


def _conjuncts(node: Any) -> list[Any]:
    if isinstance(node, Op) and node.op == "and":
        return [part for arg in node.args for part in _conjuncts(arg)]
    return [] if node in (None, Lit("true", "bool")) else [node]


def _on_into_where(node: Any) -> Any:
    if not isinstance(node, Select) or not any(join.kind == "left join" for join in node.joins):
        return node
    parts = _conjuncts(node.where)
    joins = []
    for join in node.joins:
        if join.kind == "left join" and join.on is not None:
            parts += _conjuncts(join.on)
            join = replace(join, on=None)  # noqa: PLW2901 - the join of this step
        joins.append(join)
    where = Op("and", tuple(sorted(parts, key=repr)), "bool") if parts else None
    return replace(node, where=where, joins=tuple(joins))


def _sorted_operands(*ops: str) -> Hole:
    def change(node: Any) -> Any:
        return (
            replace(node, args=tuple(sorted(node.args, key=repr))) if isinstance(node, Op) and node.op in ops else node
        )

    return change


def _op(old: str, new: str) -> Hole:
    return lambda node: replace(node, op=new) if isinstance(node, Op) and node.op == old else node


def _of(kind: type, **values: Any) -> Hole:
    return lambda node: replace(node, **values) if isinstance(node, kind) else node


def _set_sides(node: Any) -> Any:
    if isinstance(node, SetOp) and node.op.startswith("except"):
        left, right = sorted((node.left, node.right), key=repr)
        return replace(node, left=left, right=right)
    return node


def _untyped(node: Any) -> Any:
    """1.0, 1e0, 1.00, 1::bigint → 1."""
    whole = re.fullmatch(r"(\d)(\.0+|e0|::\w+)", node.text) if isinstance(node, Lit) else None
    return replace(node, text=whole[1]) if whole else node


HOLES: dict[str, Hole] = {
    "distinct": _everywhere(_of(Select, distinct=False)),
    "kind of outer join": _everywhere(_outer),
    "limit of an inner query": _limits_inside,
    "limit": lambda tree: replace(tree, order=(), limit=None, offset=0),
    "order of a window": _everywhere(_of(Window, order=())),
    "partition of a window": _everywhere(_of(Window, partition=())),
    "frame of a window": _everywhere(_of(Window, frame="")),
    "distinct in an aggregate": _everywhere(_of(Agg, distinct=False)),
    "filter of an aggregate": _everywhere(_of(Agg, where=None)),
    "direction of a key": _everywhere(_of(Key, desc=False)),
    "place of nulls": _everywhere(_of(Key, nulls="")),
    "all of a union": _everywhere(
        lambda n: replace(n, op="union") if isinstance(n, SetOp) and n.op == "union all" else n
    ),
    "sides of except": _everywhere(_set_sides),
    "type of a literal": _everywhere(_untyped),
    "coalesce": _everywhere(lambda n: n.args[0] if isinstance(n, Op) and n.op.startswith("coalesce(") else n),
    "inner cast": _everywhere(lambda n: n.value if isinstance(n, Cast) else n),
    "not of exists": _everywhere(lambda n: replace(n, kind=n.kind.removeprefix("not ")) if isinstance(n, Sub) else n),
    "ON of a left join as WHERE": _everywhere(_on_into_where),
    "nulls in comparisons": _everywhere(_op("is distinct from", "<>")),
    "edge of a comparison": _everywhere(_op("<=", "<")),
    "order of a difference": _everywhere(_sorted_operands("-", "/", "//", "%")),
    "order of a concatenation": _everywhere(_sorted_operands("||")),
    "order of conditions": _everywhere(
        lambda n: replace(n, whens=tuple(sorted(n.whens, key=repr))) if isinstance(n, Case) else n
    ),
    "having": _everywhere(_of(Select, having=None)),
    "where": _everywhere(_of(Select, where=None)),
    "condition of a semi join": _everywhere(
        lambda n: replace(n, kind="semi join") if isinstance(n, Join) and n.kind == "anti join" else n
    ),
}
