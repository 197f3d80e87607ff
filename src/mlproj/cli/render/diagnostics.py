"""Diagnostics as text: place, code, message, the line with a caret, and a hint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from mlproj.cli.render.tables import display_width
from mlproj.cli.render.wrapping import wrapped
from mlproj.diagnostics import Diagnostic


def draw(diagnostics: Sequence[Diagnostic], root: Path, *, color: bool, width: int) -> Iterator[str]:
    """Lines for all diagnostics, in the order given, and a count where there are several."""

    def style(text: str, **how: Any) -> str:
        return click.style(text, **how) if color else text

    for diagnostic in diagnostics:
        place = f"{diagnostic.span}: " if diagnostic.span else ""
        tone = "red" if diagnostic.severity == "error" else "yellow"
        kind = "" if diagnostic.severity == "error" else "warning: "
        said = f"{style(place, bold=True)}{style(diagnostic.code, fg=tone, bold=True)} {kind}{diagnostic.message}"
        yield from wrapped([said], width)
        yield from _excerpt(diagnostic, root, partial(style, fg=tone), width)
        if diagnostic.hint:
            yield from wrapped([f"  {style('hint:', fg='cyan')} {diagnostic.hint}"], width, hang=6)
    errors = sum(d.severity == "error" for d in diagnostics)
    if errors > 1:
        yield f"{errors} errors"


def _excerpt(diagnostic: Diagnostic, root: Path, style: Callable[[str], str], columns: int) -> Iterator[str]:
    """The line that the span is in, and a caret under its place; nothing where the file is gone."""
    span = diagnostic.span
    if span is None:
        return
    try:
        lines = (root / span.path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return
    if not 0 < span.line <= len(lines) or not lines[span.line - 1].strip():
        return
    text = lines[span.line - 1].replace("\t", " ")
    number = str(span.line)
    # The number, the bar, and an ellipsis on either side.
    width = max(min(columns - len(number) - 7, 110), 20)
    start = max(span.column - 1 - width // 3, 0) if span.column + span.length > width else 0
    shown = text[start : start + width]
    yield f"  {number} | {'…' if start else ''}{shown}{'…' if len(text) > start + width else ''}"
    length = max(1, min(span.length, len(text) - span.column + 1, start + width - span.column + 1))
    caret = " " * (display_width(text[start : span.column - 1]) + (1 if start else 0)) + "^" * length
    yield f"  {' ' * len(number)} | {style(caret)}"
