"""A plan as text: what changed and why, whom it touches, what would be done."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlproj.cli.render.results import short_name
from mlproj.cli.render.tables import table
from mlproj.cli.render.wrapping import wrapped

if TYPE_CHECKING:
    from mlproj.cli.context import Context

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
    """The whole plan."""
    changes = document["changes"]
    if context.output == "markdown":
        rows = [
            [
                c["change"],
                f"`{c['node']}`",
                "; ".join(r["message"] for r in c["reasons"]),
                ", ".join(f"`{a['node']}`" for a in c["affected"]),
            ]
            for c in changes
        ]
        return [
            f"**{document['project']} → {document['target']}**: {_summary(document)}",
            "",
            *(table(["change", "node", "why", "affected"], rows, context) if rows else []),
        ]
    warnings = [
        f"{d['severity']}: {d['code']} {d['message']}"
        + (f" ({d['span']['path']}:{d['span']['line']})" if d["span"] else "")
        for d in document["diagnostics"]
    ]
    head = click.style(f"{document['project']} → {document['target']}", bold=True)
    if not changes and not document["steps"]:
        return list(wrapped([f"{head}: nothing to do, everything is as published", *warnings], context.width))
    lines = [head, ""]
    shown: Counter[str] = Counter()
    for change in changes:
        shown[change["change"]] += 1
        if shown[change["change"]] <= _MANY or change["change"] == "breaking":
            lines += _change(change)
    lines += [
        f"  … and {count - _MANY} more {kind}" for kind, count in shown.items() if count > _MANY and kind != "breaking"
    ]
    lines += ["", *_steps(document), *warnings, "", _summary(document)]
    if any(c["needs_bump"] for c in changes):
        lines.append(
            click.style("nothing will be built before the breaking changes get a version of their own", fg="red")
            + ", or are accepted: --accept-breaking NODE --because TEXT"
        )
    return list(wrapped(lines, context.width))


def _change(change: dict[str, Any]) -> Iterator[str]:
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
    for rule, message, span in _reasons(change):
        place = f"  {span.path}:{span.line}" if span else ""
        yield f"      {rule}: {message}{click.style(place, dim=True)}" if rule else f"        {message}"
    yield from _equivalents(change)
    for affected in change["affected"]:
        features = f" ({', '.join(affected['features'])})" if affected["features"] else ""
        yield f"      touches {' → '.join(affected['path'])}{features}"
    for spared in change["unaffected"]:
        yield f"      spares {spared['node'].partition(':')[2]}: {spared['why']}"
    if change["needs_bump"]:
        yield f"      {click.style('→', fg='red')} {_bump(change)}"


def _reasons(change: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Rule, message and place; where a message is cut, it is followed by the whole, old above new."""
    from mlproj.planner import Change
    from mlproj.project.planning import told_once

    reasons = Change.model_validate(change).reasons
    long = {r.message: r for r in reasons if "…" in r.message and (r.old or r.new)}
    for rule, message, span in told_once(reasons):
        yield rule, message, span
        if message in long:
            for sign, text in (("-", long[message].old), ("+", long[message].new)):
                for line in (text or "").splitlines():
                    yield "", f"{sign} {line}", None


def _equivalents(change: dict[str, Any]) -> Iterator[str]:
    """What to write where the values are those of before, feature by feature."""
    if not change["needs_bump"]:
        return
    for reason in change["reasons"]:
        if reason["of"] and reason["change"] == "breaking":
            what = f"of {reason['feature']}" if reason["feature"] else "of the group"
            yield f"      same values? {what}: equivalent: {{of: {reason['of']}, because: …}}"


def _bump(change: dict[str, Any]) -> str:
    from mlproj.planner import Change
    from mlproj.project.planning import bump_hint

    return bump_hint(Change.model_validate(change))


def _steps(document: dict[str, Any]) -> Iterator[str]:
    steps = document["steps"]
    if not steps:
        return
    yield click.style(f"{len(steps)} {'step' if len(steps) == 1 else 'steps'}", bold=True)
    by_action: dict[str, list[str]] = {}
    for step in steps:
        by_action.setdefault(step["action"], []).append(short_name(step["node"]))
    for action, nodes in by_action.items():
        names = ", ".join(nodes[:6]) + (f" and {len(nodes) - 6} more" if len(nodes) > 6 else "")
        yield f"  {action:<12} {names}"


def _summary(document: dict[str, Any]) -> str:
    summary = document["summary"]
    parts = [
        f"{summary[name]} {name}"
        for name in ("new", "breaking", "additive", "metadata", "removed", "stale")
        if summary[name]
    ]
    return ", ".join(parts) if parts else "no changes"
