"""Results of a build as a noun (spec.md §3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from mlproj.state import StepResult
from mlproj.state.noun import Noun


class RunResults(Noun):
    artifact: Literal["run_results"] = "run_results"
    version: Literal[1] = 1
    build: str
    status: Literal["ok", "failed"]
    results: tuple[StepResult, ...] = ()
    summary: dict[str, int] = {}


def run_results(build: str, results: Sequence[StepResult]) -> RunResults:
    """`failed` where any step failed; the summary counts steps by status."""
    counts: Counter[str] = Counter(r.status for r in results)
    summary = {name: counts.get(name, 0) for name in ("ok", "failed", "skipped", "reused")}
    return RunResults(
        build=build, status="failed" if counts["failed"] else "ok", results=tuple(results), summary=summary
    )
