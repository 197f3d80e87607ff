"""Units of work in dependency order: what fails, what is skipped, what runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Barrier, Lock

import pytest

from mlproj.executor.scheduler import run_units

# a → b → d, a → c → d, and e alone
GRAPH: dict[str, Sequence[str]] = {"a": (), "b": ("a",), "c": ("a", "elsewhere"), "d": ("b", "c"), "e": ()}


class Run:
    """What was done and what was skipped, in order; `broken` units fail."""

    def __init__(self, *broken: str, threads: int = 2, fail_fast: bool = False) -> None:
        self.done: list[str] = []
        self.skipped: list[str] = []
        self._broken, self._lock = broken, Lock()
        self.ok = run_units(GRAPH, self._work, self.skipped.append, threads=threads, fail_fast=fail_fast)

    def _work(self, unit: str) -> bool:
        with self._lock:
            self.done.append(unit)
        return unit not in self._broken


@pytest.mark.parametrize("threads", [0, 1, 2, 8])
def test_parents_come_first_and_everything_is_done_once(threads: int) -> None:
    run = Run(threads=threads)

    assert run.ok
    assert sorted(run.done) == sorted(GRAPH)
    for unit, parents in GRAPH.items():
        assert all(run.done.index(p) < run.done.index(unit) for p in parents if p in GRAPH)
    assert run.skipped == []


@pytest.mark.parametrize("threads", [1, 4])
def test_what_hangs_on_a_failure_is_skipped_and_the_rest_is_done(threads: int) -> None:
    run = Run("b", threads=threads)

    assert not run.ok
    assert sorted(run.done) == ["a", "b", "c", "e"]
    assert run.skipped == ["d"]


def test_descendants_at_any_depth_are_skipped() -> None:
    run = Run("a")

    assert sorted(run.done) == ["a", "e"]
    assert sorted(run.skipped) == ["b", "c", "d"]


def test_fail_fast_starts_nothing_more() -> None:
    run = Run("a", "e", threads=1, fail_fast=True)

    assert not run.ok
    assert len(run.done) + len(run.skipped) == len(GRAPH)
    assert {"b", "c", "d"} <= set(run.skipped)


def test_units_that_need_not_wait_run_at_once() -> None:
    together = Barrier(2, timeout=20)

    def work(_unit: str) -> bool:
        together.wait()
        return True

    assert run_units({"x": (), "y": ()}, work, print, threads=2, fail_fast=False)


def test_nothing_to_do_is_done() -> None:
    assert run_units({}, lambda _unit: False, print, threads=2, fail_fast=False)


def test_an_error_nobody_expected_is_not_swallowed() -> None:
    def work(unit: str) -> bool:
        raise MemoryError(unit)

    with pytest.raises(MemoryError):
        run_units({"x": ()}, work, print, threads=1, fail_fast=False)
