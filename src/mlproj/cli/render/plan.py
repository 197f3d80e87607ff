"""A plan as text: what changed and why, whom it touches, what would be done."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlproj.cli.render.plan_words import AS_TEXT, artifacts, compared, summary
from mlproj.cli.render.results import short_name
from mlproj.cli.render.wrapping import wrapped

if TYPE_CHECKING:
    from mlproj.cli.context import Context
    from mlproj.planner import Reason

_SIGNS = {
    "new": ("+", "green"),
    "breaking": ("✗", "red"),
    "additive": ("+", "cyan"),
    "metadata": ("~", "blue"),
    "removed": ("-", "yellow"),
    "stale": ("↻", "yellow"),
}
# A first build of a thousand nodes is told in numbers; what breaks is always told in full.
_MANY = 25
_WHOLE = 300  # characters of old and new rows, of which the message shows what differs
_NOTHING = "nothing to do, everything is as published"


def save(path: Path, document: dict[str, Any]) -> None:
    """Write the plan for `build FILE`. Raises E620 where it cannot be written."""
    from mlproj.diagnostics import fail
    from mlproj.project.inputs import write_text

    try:
        write_text(path.resolve(), json.dumps(document, ensure_ascii=False))
    except OSError as error:
        raise fail(
            "E620", f"cannot write {path}: {error.strerror}", hint="name a file in a folder that exists"
        ) from error


def plan_lines(document: dict[str, Any], context: Context) -> list[str]:
    """The whole plan: the verdict, what changed and whom it touches, the steps, and the verdict again."""
    if context.output == "markdown":
        from mlproj.cli.render.plan_markdown import markdown_lines

        return markdown_lines(document)
    changes, width = document["changes"], context.width
    warnings = [
        f"{d['severity']}: {d['code']} {d['message']}"
        + (f" ({d['span']['path']}:{d['span']['line']})" if d["span"] else "")
        for d in document["diagnostics"]
    ]
    held = [f"  held {short_name(h['node'])}: {h['reason']} (since {h['since']})" for h in document["held"]]
    head = click.style(f"{document['project']} {compared(document)}", bold=True)
    if not changes and not document["steps"]:
        same = f"nothing differs from {document['against']}" if document["against"] else _NOTHING
        return list(wrapped([f"{head}: {same}", *held, *warnings], width))
    lines = [f"{head}: {summary(document)}", ""]
    shown: Counter[str] = Counter()
    for change in sorted(changes, key=lambda c: c["change"] != "breaking"):
        shown[change["change"]] += 1
        if shown[change["change"]] <= _MANY or change["change"] == "breaking":
            lines += _change(change, width)
    lines += [
        f"  … and {count - _MANY} more {kind}" for kind, count in shown.items() if count > _MANY and kind != "breaking"
    ]
    lines += [*held, "", *_steps(document), *warnings]
    lines += [*([""] if document["steps"] or warnings else []), summary(document)]
    if any(c["needs_bump"] for c in changes):
        lines.append(
            click.style("nothing will be built before the breaking changes get a version of their own", fg="red")
            + ", or are accepted: --accept-breaking NODE --because TEXT"
        )
    return list(wrapped(lines, width))


def _change(change: dict[str, Any], width: int) -> Iterator[str]:
    sign, tone = _SIGNS[change["change"]]
    kind, _, name = change["node"].partition(":")
    said = change["change"]
    if change["accepted"]:
        said += f" (accepted: {change['because']})" if change["because"] else " (accepted)"
    plain = change["change"] == "new" or (len(change["reasons"]) == 1 and change["change"] != "breaking")
    why = "" if change["change"] == "new" else f": {change['reasons'][0]['message']}" if plain else ""
    yield f"  {click.style(sign, fg=tone)} {kind.replace('_', ' '):<13} {name}  {click.style(said, fg=tone)}{why}"
    if plain:
        return
    yield from _reasons(change, width)
    yield from _equivalents(change)
    yield from _impact(change)
    if change["needs_bump"]:
        yield f"      {click.style('→', fg='red')} {_bump(change)}"


def _reasons(change: dict[str, Any], width: int) -> Iterator[str]:
    """Each rule that applies, with its place; under a change of meaning what was above what is."""
    from mlproj.planner import Change
    from mlproj.project.planning import told_once

    reasons = Change.model_validate(change).reasons
    whole = {r.message: r for r in reasons if r.old != r.new and (r.feature or _short(r))}
    for rule, message, span in told_once(reasons):
        place = click.style(f"  {span.path}:{span.line}", dim=True) if span else ""
        reason = whole.get(message)
        said = reason.feature if reason and reason.feature and rule == "meaning_changed" else message
        yield f"      {rule}: {said}{place}"
        if reason:
            for word, text, tone in (("was", reason.old, "red"), ("now", reason.new, "green")):
                flat = " ".join((text or "").split()) or AS_TEXT
                yield from wrapped([f"        {click.style(word, fg=tone)}  {flat}"], width, hang=5)


def _short(reason: Reason) -> bool:
    """Whether old and new are worth printing whole, where the message has cut out what differs."""
    return "…" in reason.message and len(reason.old or "") + len(reason.new or "") <= _WHOLE


def _impact(change: dict[str, Any]) -> Iterator[str]:
    """Whom it touches, by which path and with what of theirs, and whom not, and why."""
    # The planner is imported where something changed: an unchanged plan is answered without it.
    from mlproj.planner.columns import label

    affected, spared = change["affected"], change["unaffected"]
    if affected:
        yield "      touches"
    for dependant in affected[:_MANY]:
        yield f"        {' → '.join(dependant['path'])}"
        if artifacts(dependant):
            yield f"          {', '.join(artifacts(dependant))}"
    if spared:
        yield "      spares"
    for dependant in spared[:_MANY]:
        yield f"        {label(dependant['node'])}: {dependant['why']}"
    left = max(len(affected) - _MANY, 0), max(len(spared) - _MANY, 0)
    if any(left):
        yield f"        … touches {left[0]} and spares {left[1]} more: --format json"


def _equivalents(change: dict[str, Any]) -> Iterator[str]:
    """What to write where the values are those of before, feature by feature."""
    if not change["needs_bump"]:
        return
    breaking = [r for r in change["reasons"] if r["of"] and r["change"] == "breaking"]
    rows = {r["of"] for r in breaking if not r["feature"]}
    for reason in breaking:
        # What differs through the rows alone is said of the rows.
        if not reason["feature"] or reason["of"] not in rows:
            where = reason["feature"] or "the group"
            yield f"      the same values? then write on {where}"
            yield f'        equivalent: {{of: {reason["of"]}, because: "…"}}'


def _bump(change: dict[str, Any]) -> str:
    from mlproj.planner import Change
    from mlproj.project.planning import bump_hint

    return bump_hint(Change.model_validate(change))


_TAKEN_OVER = ("already ", "computed by build ", "made by build ")


def _steps(document: dict[str, Any]) -> Iterator[str]:
    steps = document["steps"]
    if not steps:
        return
    yield click.style(f"{len(steps)} {'step' if len(steps) == 1 else 'steps'}", bold=True)
    by_action: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        # Whose work a step takes over; why it is to be done at all is said above, with what changed.
        taken = step["reason"] if step["reason"].startswith(_TAKEN_OVER) else ""
        by_action.setdefault((step["action"], taken), []).append(short_name(step["node"]))
    for (action, taken), nodes in by_action.items():
        names = ", ".join(nodes[:6]) + (f" and {len(nodes) - 6} more" if len(nodes) > 6 else "")
        yield f"  {action:<12} {names}" + (f"  ({taken})" if taken else "")
