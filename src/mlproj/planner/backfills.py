"""Which part of an incremental group a backfill computes anew, and in which chunks. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from mlproj.compiler.manifest import Manifest
from mlproj.diagnostics import Diagnostic, ProjectError, fail
from mlproj.planner.increments import basis
from mlproj.planner.plan import Scope
from mlproj.specs.duration import parse_duration
from mlproj.state import GroupNode, TargetState

# As much as is computed at once where `batch:` says nothing.
_BATCH = timedelta(days=30)
_REASON = re.compile(r"backfill from (\S+) to (\S+)|backfill of ({.+})")


def scope_of(part: tuple[str, str] | Mapping[str, str] | None) -> Scope | None:
    """What the user asks for: from a time up to another, or a partition as column → value. Raises E540."""
    if not part:
        return None
    if isinstance(part, Mapping):
        return Scope(partition={name: str(value) for name, value in part.items()})
    start, end = part
    first, last = _moment(start), _moment(end)
    if first >= last:
        raise fail("E540", f"the range from {start} to {end} is empty", hint="--to is the first moment after the range")
    return Scope(start=first.isoformat(), end=last.isoformat())


def _moment(text: str) -> datetime:
    """A time as the lake has it: without a zone, in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise fail("E540", f"'{text}' is no time", hint="write it as 2026-01-31 or '2026-01-31 12:00'") from None
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def chunks(scope: Scope, batch: str | None) -> Iterator[tuple[str, str]]:
    """The ranges that are computed one after another, from the first to the last; of a partition there is one."""
    if scope.partition:
        yield "", ""
        return
    step = parse_duration(batch) if batch else _BATCH
    at, end = datetime.fromisoformat(scope.start), datetime.fromisoformat(scope.end)
    while at < end:
        following = min(at + step, end)
        yield at.isoformat(), following.isoformat()
        at = following


def said(scope: Scope) -> str:
    """The reason of a step that computes part of a group anew."""
    if scope.partition:
        return "backfill of " + json.dumps(scope.partition, ensure_ascii=False)
    return f"backfill from {scope.start} to {scope.end}"


def meant(reason: str) -> Scope | None:
    """The inverse of `said`; None for any other reason."""
    found = _REASON.fullmatch(reason)
    if not found:
        return None
    if found[3]:
        return Scope(partition=json.loads(found[3]))
    return Scope(start=found[1], end=found[2])


def reached(
    scope: Scope, manifest: Manifest, state: TargetState, selected: frozenset[str] | None, *, full_refresh: bool
) -> frozenset[str]:
    """The groups that a backfill is for. Raises E540 where it is for none, E541 where one is not as it is defined."""
    if full_refresh:
        raise fail("E540", "a full refresh computes all of a group", hint="leave out the part, or --full-refresh")
    if selected is None:
        raise fail("E540", "a backfill is of selected groups", hint="name them: --select NODE")
    groups = [g for n in manifest.order if n in selected and isinstance(g := manifest.nodes[n], GroupNode)]
    found = [g for g in groups if g.increment and _is_for(g, scope)]
    if not found:
        wanted = f"partition_by: [{', '.join(scope.partition)}]" if scope.partition else "a `watermark:`"
        raise fail("E540", "nothing that is selected can be backfilled", hint=f"an incremental group with {wanted} can")
    behind = [g for g in found if basis(g, state.published.get(g.id)) != "same"]
    if behind:
        raise ProjectError([_behind(g, g.id in state.published) for g in behind])
    return frozenset(g.id for g in found)


def _behind(group: GroupNode, published: bool) -> Diagnostic:
    message = "has not been built since its definition changed" if published else "has not been built yet"
    hint = f"build it first: --select {group.name}" + ("" if published else "; the first build computes all of it")
    return Diagnostic("E541", f"{group.relation} {message}", group.span, hint, node=group.id)


def _is_for(group: GroupNode, scope: Scope) -> bool:
    if scope.partition:
        return set(scope.partition) == set(group.partition_by)
    return group.increment is not None and group.increment.watermark is not None
