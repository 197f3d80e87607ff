"""Order and cycles."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mlproj.compiler.graph import topological


def test_parents_come_first_and_names_decide_among_equals() -> None:
    assert topological({"c": ["a"], "b": ["a"], "a": [], "d": ["b", "c"]}) == (["a", "b", "c", "d"], [])


def test_parents_that_are_no_nodes_are_left_out() -> None:
    assert topological({"b": ["source:x"], "a": ["b"]}) == (["b", "a"], [])


def test_every_cycle_is_told_and_what_hangs_on_it_left_out() -> None:
    parents = {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["c"], "e": ["d", "f"], "f": [], "g": ["g"], "h": ["f"]}

    assert topological(parents) == (["f", "h"], [["a", "b", "c", "a"], ["g", "g"]])


GRAPHS = st.dictionaries(st.integers(0, 9).map(str), st.lists(st.integers(0, 9).map(str), max_size=3), max_size=10)


@given(GRAPHS)
def test_an_order_is_an_order_and_a_cycle_is_a_cycle(parents: dict[str, list[str]]) -> None:
    order, cycles = topological(parents)

    for position, node in enumerate(order):
        assert {p for p in parents[node] if p in parents} <= set(order[:position])
    for cycle in cycles:
        assert cycle[0] == cycle[-1] == min(cycle)
        assert all(read in parents[reader] for reader, read in pairwise(cycle))
    assert bool(cycles) == (len(order) < len(parents))
    if not cycles:
        assert topological(dict(reversed(parents.items()))) == (order, cycles)


@given(GRAPHS)
def test_whoever_is_missing_hangs_on_a_cycle(parents: dict[str, list[str]]) -> None:
    order, cycles = topological(parents)
    on_cycles = {node for cycle in cycles for node in cycle}

    def hangs(node: str, seen: frozenset[str]) -> bool:
        return node in on_cycles or any(hangs(p, seen | {p}) for p in parents.get(node, []) if p not in seen)

    assert {node for node in parents if hangs(node, frozenset({node}))} == set(parents) - set(order)
