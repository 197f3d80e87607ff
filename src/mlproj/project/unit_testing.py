"""Unit tests, run where what they test, or they themselves, are other than when they last passed."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from mlproj.adapters.json_cache import JsonCache
from mlproj.compiler import Manifest
from mlproj.compiler.fingerprints import fingerprint
from mlproj.diagnostics import Diagnostic
from mlproj.loader.environment import fill_environment
from mlproj.project.inputs import cache_dir, versions
from mlproj.state import CompiledUnitTest, StepResult, TestRun

FAILED = "E625"


def failing_unit_tests(root: Path, manifest: Manifest, nodes: Collection[str] | None) -> list[Diagnostic]:
    """E625 for each test of the nodes (None: of all) that fails; those that have passed as they are, are not run."""
    cache = JsonCache(cache_dir(root) / "unit_tests.json")
    keys = {t.id: _key(t, manifest) for t in manifest.unit_tests if nodes is None or t.node in nodes}
    waiting = [t for t in manifest.unit_tests if t.id in keys and not cache.get(keys[t.id])]
    found: list[Diagnostic] = []
    passed: dict[str, bool] = {}
    for test, run in _run(waiting, manifest):
        if run.status == "passed":
            passed |= {keys[test.id]: True} if _is_public(test, manifest) else {}
        else:
            found.append(diagnostic(test, run))
    if passed:
        cache.put(passed)
    return found


def unit_test_results(manifest: Manifest, nodes: Collection[str]) -> Iterator[tuple[StepResult, list[Diagnostic]]]:
    """What comes of all unit tests of each of the nodes, in the order of the manifest."""
    for node_id in [n for n in manifest.order if n in nodes]:
        tests = [t for t in manifest.unit_tests if t.node == node_id]
        if not tests:
            continue
        started = time.perf_counter()
        runs = list(_run(tests, manifest))
        wrong = [diagnostic(test, run) for test, run in runs if run.status != "passed"]
        count = f"{len(runs)} unit {'test' if len(runs) == 1 else 'tests'} passed"
        yield (
            StepResult(
                node=node_id,
                action="test",
                status="failed" if wrong else "ok",
                seconds=time.perf_counter() - started,
                message="; ".join(d.message for d in wrong) or count,
                tests=tuple(run for _test, run in runs),
            ),
            wrong,
        )


def diagnostic(test: CompiledUnitTest, run: TestRun) -> Diagnostic:
    hint = "mend the SQL, or what the test expects"
    return Diagnostic(FAILED, f"{test.id}: {run.message}", test.span, hint, node=test.node)


def _run(tests: Collection[CompiledUnitTest], manifest: Manifest) -> Iterator[tuple[CompiledUnitTest, TestRun]]:
    if not tests:
        return
    from mlproj.adapters.duckdb_engine import DuckDBEngine
    from mlproj.executor.unit_tests import run_unit_test

    engine = DuckDBEngine(threads=1)
    try:
        for test in tests:
            yield test, run_unit_test(test, engine, lambda text: _filled(text, manifest))
    finally:
        engine.close()


def _filled(text: str, manifest: Manifest) -> str:
    return fill_environment(text, os.environ, manifest.env_defaults)


def _key(test: CompiledUnitTest, manifest: Manifest) -> str:
    return fingerprint(test.fingerprint, versions(), manifest.env_defaults)


def _is_public(test: CompiledUnitTest, manifest: Manifest) -> bool:
    """Whether its outcome hangs on no value of the environment, which nobody writes down."""
    texts = [test.sql, test.expected, *(fixture.sql for fixture in test.given)]
    return all(_filled(text, manifest) == text for text in texts)
