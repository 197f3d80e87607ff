"""Which part of an incremental group a backfill computes anew, and in which chunks. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from mlproj.compiler.manifest import Manifest
from mlproj.diagnostics import Diagnostic, ProjectError, fail
from mlproj.planner.increments import basis
from mlproj.planner.plan import Scope, moment_words
from mlproj.specs.duration import parse_duration
from mlproj.state import GroupNode, Loaded, Published, TargetState

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
    behind = [d for g in found if (d := _behind(g, state.published.get(g.id), scope))]
    if behind:
        raise ProjectError(behind)
    return frozenset(g.id for g in found)


def _behind(group: GroupNode, published: Published | None, scope: Scope) -> Diagnostic | None:
    """Why a part of a group cannot be put in place; a range of times may also be what is loaded first."""
    if published is None and not scope.partition:
        return None
    until = published.loaded.until if published and published.loaded else ""
    if published is None:
        message, hint = "has not been built yet", "the first build computes all of it, or a range: --from and --to"
    elif basis(group, published) != "same":
        message, hint = "has not been built since its definition changed", f"build it first: --select {group.name}"
    elif until and scope.start > until:
        message = f"has been loaded up to {moment_words(until)}, and rows before this part would be left out"
        hint = f"begin there: --from {moment_words(until)}"
    else:
        return None
    return Diagnostic("E541", f"{group.relation} {message}", group.span, hint, node=group.id)


def loaded_by(scope: Scope, before: Loaded, *, older: bool, newer: bool) -> Loaded | None:
    """How far a group has come by a backfill, where the sources have `older` rows than its range, or `newer` ones.

    `before` is without times where nothing was loaded. None where all rows are loaded.
    """
    if before == Loaded():
        before = Loaded(since=scope.end, until=scope.start)
    since, until = before.since, before.until
    if since and scope.start < since <= scope.end:
        since = scope.start if older else ""
    if until and scope.start <= until < scope.end:
        until = scope.end if newer else ""
    return Loaded(since=since, until=until) if since or until else None


def _is_for(group: GroupNode, scope: Scope) -> bool:
    if scope.partition:
        return set(scope.partition) == set(group.partition_by)
    return group.increment is not None and group.increment.watermark is not None
