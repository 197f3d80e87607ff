"""What random edits are made of: where they find their place, and how one is drawn.

An edit takes a tree and a source of chance and gives another tree, or None where there is nothing of its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.property.sql.tree import Cte, Item, Op, found, put, walk

Edit = Callable[[Any, Random], Any]


def next_uid(tree: Any) -> int:
    return max([n.uid for _p, n in walk(tree) if isinstance(n, Item | Cte)], default=0) + 1


def pick(tree: Any, rng: Random, *kinds: type[Any], where: Callable[[Any], bool] = lambda _n: True) -> Any:
    """A random node of these kinds: (path, node), or (None, None)."""
    places = [(path, node) for path, node in found(tree, *kinds) if where(node)]
    return rng.choice(places) if places else (None, None)


def change(
    *kinds: type[Any], where: Callable[[Any], bool] = lambda _n: True
) -> Callable[[Callable[[Any, Random], Any]], Edit]:
    """An edit of one random node, from a function of that node alone."""

    def decorate(function: Callable[[Any, Random], Any]) -> Edit:
        def edit(tree: Any, rng: Random) -> Any:
            path, node = pick(tree, rng, *kinds, where=where)
            if path is None:
                return None
            new = function(node, rng)
            return None if new is None else put(tree, path, new)

        edit.__name__ = function.__name__
        return edit

    return decorate


def is_op(*ops: str) -> Callable[[Any], bool]:
    return lambda node: isinstance(node, Op) and node.op in ops


# What applies nearly everywhere would crowd out the rest.
_COMMON = {"wrap_table": 0.4, "wrap_table_in_cte": 0.4, "rename_alias": 0.5, "unused_cte": 0.3, "wrap_anything": 0.5,
           "wrap_with_filter": 0.3, "drop_projection": 0.4, "toggle_bare": 0.6, "dress": 0.7, "order_outermost": 0.5,
           "change_table": 0.4, "move_predicate": 3.0, "pull_predicate": 2.0, "using_to_on": 3.0,
           "use_merged_column": 2.0}  # fmt: skip


def edited(tree: Any, rng: Random, edits: dict[str, Edit], count: int) -> tuple[Any, list[str]]:
    """The tree after some edits, and their names; fewer where none applied."""
    done: list[str] = []
    names = tuple(edits)
    weights = [_COMMON.get(name, 1.0) for name in names]
    for name in rng.choices(names, weights, k=count * 8):
        new = edits[name](tree, rng)
        if new is not None and new != tree:
            tree = new
            done.append(name)
        if len(done) == count:
            break
    return tree, done
