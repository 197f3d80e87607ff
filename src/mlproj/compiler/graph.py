"""Order and cycles of what depends on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter


def topological(parents: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """Ids so that parents come first, by name among equals; and a cycle, as a path back to its start, if there is one.

    Nodes on or behind a cycle are left out of the order.
    """
    try:
        return _sorted(parents), []
    except CycleError as error:
        cycle: list[str] = list(reversed(error.args[1]))
        behind = _behind(parents, set(cycle))
        return _sorted({n: p for n, p in parents.items() if n not in behind}), cycle


def _sorted(parents: Mapping[str, Sequence[str]]) -> list[str]:
    sorter = TopologicalSorter({n: [p for p in ps if p in parents] for n, ps in parents.items()})
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order.extend(ready)
        sorter.done(*ready)
    return order


def _behind(parents: Mapping[str, Sequence[str]], start: set[str]) -> set[str]:
    found, grown = set(start), True
    while grown:
        more = {n for n, ps in parents.items() if n not in found and found.intersection(ps)}
        grown = bool(more)
        found |= more
    return found
