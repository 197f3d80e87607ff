"""What a retry takes up: what the last build that failed did not get done, and what that needs by now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlproj.compiler.manifest import Manifest
from mlproj.planner.backfills import meant
from mlproj.planner.plan import Change, Scope
from mlproj.planner.steps import FULL_REFRESH
from mlproj.state import BuildRecord

_DONE = {"ok", "reused"}


def unfinished(builds: Iterable[BuildRecord]) -> tuple[BuildRecord, frozenset[str]] | None:
    """Of builds, newest first, the last that failed or was killed, and its nodes that no build has done since.

    None where there is no such build or node.
    """
    since: set[str] = set()
    for build in builds:
        if any(s.action == "rollback" for s in build.steps):  # no build, though it stands among them
            continue
        done = {s.node for s in build.steps} - {s.node for s in build.steps if s.status not in _DONE}
        if build.status != "ok":
            left = frozenset({s.node for s in build.steps} - done - since)
            return (build, left) if left else None
        since |= done
    return None


def was_forced(build: BuildRecord) -> bool:
    """Whether a build was a full refresh."""
    return any(step.reason == FULL_REFRESH for step in build.steps)


def part_of(build: BuildRecord, left: frozenset[str]) -> Scope | None:
    """What a build computed anew of groups that it left undone."""
    scopes = (meant(step.reason) for step in build.steps if step.node in left)
    return next((scope for scope in scopes if scope), None)


def selection(left: frozenset[str], changes: Sequence[Change], manifest: Manifest) -> frozenset[str]:
    """`left`, and what it reads that was defined otherwise meanwhile: without that it cannot be built."""
    redefined = {c.node for c in changes if c.change != "stale"}
    found, frontier = set(left), set(left)
    while frontier:
        frontier = {p for n in frontier if n in manifest.nodes for p in manifest.nodes[n].depends_on} - found
        found |= frontier
    return frozenset(left | (found & redefined))
