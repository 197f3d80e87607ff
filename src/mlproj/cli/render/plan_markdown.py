"""A plan as a comment on a pull request: verdict, table, what is spared, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from mlproj.cli.render.plan_words import AS_TEXT, artifacts, compared, summary
from mlproj.planner.columns import label
from mlproj.planner.expressions import differing_parts

_Item = TypeVar("_Item")

# GitHub takes 65,536 characters; what is cut is counted.
_ROOM = 52_000
_SPARED_ROOM = 8_000
_CELL = 1_500
_EXPRESSION = 240
_ORDER = ("breaking", "new", "additive", "metadata", "removed", "stale")


def markdown_lines(document: dict[str, Any]) -> list[str]:
    """The whole comment, whatever the size of the plan."""
    changes = sorted(document["changes"], key=lambda c: _ORDER.index(c["change"]))
    lines = [f"### mlproj plan: {_text(document['project'])} {_text(compared(document))}", "", _verdict(document)]
    if changes:
        lines += ["", "| change | node | why | touches |", "|---|---|---|---|"]
        lines += _within(changes, _row, _ROOM, "| … | {} more changes | `mlproj plan` tells all | |")
    lines += _spared(changes)
    lines += _next(changes)
    lines += _diagnostics(document)
    return lines


def _verdict(document: dict[str, Any]) -> str:
    breaking = [c for c in document["changes"] if c["needs_bump"]]
    if breaking:
        count = f"{len(breaking)} breaking changes need" if len(breaking) > 1 else "1 breaking change needs"
        return f"**{count} another version**, before anything is built ({summary(document)})"
    if not document["changes"]:
        return f"**Nothing differs** from {_text(document['against'] or 'what is published')}"
    return f"**Nothing breaks**: {summary(document)}"


def _row(change: dict[str, Any]) -> str:
    said = change["change"] + (f" (accepted: {_text(change['because'] or '')})" if change["accepted"] else "")
    strong = f"**{said}**" if change["needs_bump"] else said
    reasons = [r for r in change["reasons"] if r["change"] == change["change"] or r["change"] == "breaking"]
    why, touched = _cut(reasons, _reason), _cut(change["affected"], _touched)
    return f"| {strong} | {_code(change['node'])} | {why} | {touched} |"


def _reason(reason: dict[str, Any]) -> str:
    place = _place(reason["span"])
    if reason["old"] != reason["new"]:
        what = f"{_code(reason['feature'])} means something else" if reason["feature"] else "other rows"
        old, new = differing_parts(reason["old"] or "", reason["new"] or "")
        return f"{what}: {_code(old) if old else AS_TEXT} → {_code(new) if new else AS_TEXT}{place}"
    return f"{_text(reason['message'])}{place}"


def _place(span: dict[str, Any] | None) -> str:
    return f" ({_text(span['path'])}:{span['line']})" if span else ""


def _touched(dependant: dict[str, Any]) -> str:
    held = artifacts(dependant)
    return _code(" → ".join(dependant["path"])) + (f" ({', '.join(map(_text, held))})" if held else "")


def _spared(changes: Iterable[dict[str, Any]]) -> list[str]:
    spared = [u for c in changes for u in c["unaffected"]]
    if not spared:
        return []
    kept = _within(spared, lambda u: f"- {_code(label(u['node']))}: {_text(u['why'])}", _SPARED_ROOM, "- … and {} more")
    return ["", f"<details><summary>Not touched: {len(spared)}</summary>", "", *kept, "", "</details>"]


def _next(changes: Iterable[dict[str, Any]]) -> list[str]:
    """The commands that give each breaking change a version of its own."""
    from mlproj.planner import Change
    from mlproj.project.planning import bump_hint

    hints = [f"- {_hint(c['node'], bump_hint(Change.model_validate(c)))}" for c in changes if c["needs_bump"]]
    return (
        ["", "**What to do**", "", *hints[:10], *([f"- … and {len(hints) - 10} more"] if hints[10:] else [])]
        if (hints)
        else []
    )


def _hint(node: str, text: str) -> str:
    said, colon, command = text.partition(": ")
    if colon:
        return f"{_text(said)}: {_code(command)}"
    quoted = (_code(part) if odd % 2 else _escaped(part) for odd, part in enumerate(text.split("`")))
    return f"{_code(label(node))}: {''.join(quoted)}"


def _diagnostics(document: dict[str, Any]) -> list[str]:
    found = [f"- {d['code']} {_text(d['message'])}{_place(d['span'])}" for d in document["diagnostics"]]
    return ["", *found[:10], *([f"- … and {len(found) - 10} more"] if found[10:] else [])] if found else []


def _within(items: Sequence[_Item], row: Callable[[_Item], str], room: int, rest: str) -> Iterator[str]:
    """Rows of the first items, while there is room, then how many are left; those are not even made."""
    for count, item in enumerate(items):
        line = row(item)
        room -= len(line) + 1
        if room < 0:
            yield rest.format(len(items) - count)
            return
        yield line


def _cut(items: Sequence[_Item], part: Callable[[_Item], str]) -> str:
    """The parts of one cell, each on a line of its own."""
    return "<br>".join(_within(items, part, _CELL, "… and {} more"))


def _code(text: str) -> str:
    """A code span of any text, within a table: one line, its bars escaped, in more backticks than it holds itself."""
    flat = " ".join(text.split())
    flat = flat if len(flat) <= _EXPRESSION else flat[: _EXPRESSION - 1] + "…"
    ticks = "`" * (max((len(run) for run in "".join(c if c == "`" else " " for c in flat).split()), default=0) + 1)
    inside = f" {flat} " if "`" in flat else flat or " "
    return f"{ticks}{inside}{ticks}".replace("|", "\\|")


def _text(text: str) -> str:
    """Plain text that Markdown takes for nothing else."""
    return _escaped(" ".join(text.split()))


def _escaped(line: str) -> str:
    escaped = "".join(f"\\{c}" if c in "\\`*_[]|~#" else c for c in line)
    return escaped.replace("&", "&amp;").replace("<", "&lt;")
