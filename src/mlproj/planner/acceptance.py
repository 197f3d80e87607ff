"""Breaking changes that somebody lets through, and what is written down of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from mlproj.planner.plan import Change
from mlproj.state import Event

ON_BREAKING = "on_breaking: warn"
ACCEPTED, EQUIVALENT = "breaking_accepted", "equivalent_acknowledged"


def accept(changes: Iterable[Change], because: Mapping[str, str]) -> tuple[Change, ...]:
    """The changes; of the nodes named, breaking ones are accepted for the reason given. `*` names all others."""
    return tuple(_accepted(change, because.get(change.node, because.get("*"))) for change in changes)


def _accepted(change: Change, because: str | None) -> Change:
    if because is None or change.change != "breaking":
        return change
    return change.model_copy(
        update={"needs_bump": False, "bump_to": None, "accepted": True, "because": because},
    )


def acknowledgements(changes: Iterable[Change], *, target: str, who: str, at: str, build_id: str) -> Iterator[Event]:
    """What was accepted or called equivalent, for the log."""
    for change in changes:
        if change.accepted:
            broken = [r for r in change.reasons if r.change == "breaking"]
            detail: dict[str, JsonValue] = {
                "because": change.because,
                "build_id": build_id,
                "rules": [*sorted({r.rule for r in broken})],
                "features": [*sorted({r.feature for r in broken if r.feature})],
            }
            yield Event(at=at, target=target, who=who, what=ACCEPTED, subject=change.node, detail=detail)
        for reason in change.reasons:
            if reason.rule == "equivalent":
                detail = reason.model_dump(include={"because", "of", "old", "new"}) | {
                    "build_id": build_id,
                    "rules": [reason.rule],
                    "features": [reason.feature] if reason.feature else [],
                }
                yield Event(at=at, target=target, who=who, what=EQUIVALENT, subject=change.node, detail=detail)
