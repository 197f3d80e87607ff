"""Removes what nothing needs any more. Killed at any moment, it is completed by the next run.

The state is told first: a commit that is marked as gone and still there is found again, one that is gone and not marked
would be promised to somebody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from mlproj.ports import ArtifactUpkeep, CommitInfo, LakeUpkeep, StateUpkeep
from mlproj.state import Event
from mlproj.state.garbage import Expired, Garbage


@dataclass(frozen=True)
class UpkeepAdapters:
    """`states` by target."""

    lake: LakeUpkeep
    states: Mapping[str, StateUpkeep]
    artifacts: ArtifactUpkeep
    author: str
    now: str


def collect(garbage: Garbage, adapters: UpkeepAdapters) -> None:
    """Raises `EngineError` where the lake fails; run again, it goes on."""
    for expired in garbage.expired:
        if expired.commits or expired.builds:
            adapters.states[expired.target].expire(expired, _event(expired, garbage, adapters))
    made: list[int] = []
    if garbage.tables:
        info = CommitInfo(adapters.author, f"gc: drop {len(garbage.tables)} tables", '{"gc": true}')
        made.append(adapters.lake.drop(garbage.tables, info))
    made += [adapters.lake.merge(table) for table in garbage.merges]
    adapters.lake.expire([*garbage.commits, *made], garbage.floors)
    adapters.lake.sweep()
    for sha256 in garbage.artifacts:
        adapters.artifacts.remove(sha256)


def _event(expired: Expired, garbage: Garbage, adapters: UpkeepAdapters) -> Event:
    detail: dict[str, JsonValue] = {
        "commits": [f"{node.partition(':')[2]} {commit}" for node, commit in expired.commits],
        "builds": list(expired.builds),
        "tables": list(garbage.tables),
        "bytes": garbage.bytes,
    }
    return Event(at=adapters.now, target=expired.target, who=adapters.author, what="gc", subject="lake", detail=detail)
