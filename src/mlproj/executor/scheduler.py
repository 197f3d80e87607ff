"""Runs units of work in dependency order on a few threads; what depends on a failure is skipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

Work = Callable[[str], bool]


def run_units(
    parents: Mapping[str, Sequence[str]],
    work: Work,
    skip: Callable[[str], None],
    *,
    threads: int,
    fail_fast: bool,
    interrupt: Callable[[], None] = lambda: None,
) -> bool:
    """Call `work(unit)` for every unit after its parents; it returns whether it succeeded. True if all did.

    `skip(unit)` is called for units behind a failure, and with `fail_fast` for all that had not started. `interrupt` is
    to stop what is running, where the caller itself is interrupted.
    """
    sorter = TopologicalSorter({u: [p for p in ps if p in parents] for u, ps in parents.items()})
    sorter.prepare()
    failed: set[str] = set()
    running: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(max_workers=max(threads, 1), thread_name_prefix="mlproj") as pool:
        try:
            while sorter.is_active():
                for unit in sorter.get_ready():
                    if failed and (fail_fast or failed.intersection(parents[unit])):
                        failed.add(unit)
                        skip(unit)
                        sorter.done(unit)
                    else:
                        running[pool.submit(work, unit)] = unit
                if not running:
                    continue
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    unit = running.pop(future)
                    if not future.result():
                        failed.add(unit)
                    sorter.done(unit)
        except BaseException:
            # Ctrl-C. The pool waits for its threads, which are deep in queries.
            pool.shutdown(wait=False, cancel_futures=True)
            while wait([f for f in running if not f.cancelled()], timeout=0.1).not_done:
                interrupt()
            raise
    return not failed
