"""Order and cycles of what depends on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter


def topological(parents: Mapping[str, Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Ids so that parents come first, by name among equals; and the cycles, each as a path back to its start.

    A cycle starts at its smallest id and goes from what reads to what is read; of cycles that share a node, one is
    told. Nodes on or behind a cycle are left out of the order.
    """
    cycles: list[list[str]] = []
    while True:
        on_cycles = {node for cycle in cycles for node in cycle}
        try:
            order = _sorted({n: p for n, p in parents.items() if n not in on_cycles})
        except CycleError as error:
            cycles.append(_from_smallest(list(reversed(error.args[1]))))
            continue
        behind = _behind(parents, on_cycles)
        return [node for node in order if node not in behind], sorted(cycles)


def _from_smallest(cycle: list[str]) -> list[str]:
    ring = cycle[:-1]
    start = ring.index(min(ring))
    return [*ring[start:], *ring[:start], ring[start]]


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
