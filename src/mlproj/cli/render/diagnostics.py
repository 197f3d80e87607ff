"""Diagnostics as text: place, code, message, the line with a caret, and a hint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from mlproj.diagnostics import Diagnostic


def draw(diagnostics: Sequence[Diagnostic], root: Path, *, color: bool) -> Iterator[str]:
    """Lines for all diagnostics, in the order given, and a count where there are several."""

    def style(text: str, **how: Any) -> str:
        return click.style(text, **how) if color else text

    for diagnostic in diagnostics:
        place = f"{diagnostic.span}: " if diagnostic.span else ""
        tone = "red" if diagnostic.severity == "error" else "yellow"
        kind = "" if diagnostic.severity == "error" else "warning: "
        yield f"{style(place, bold=True)}{style(diagnostic.code, fg=tone, bold=True)} {kind}{diagnostic.message}"
        yield from _excerpt(diagnostic, root, partial(style, fg=tone))
        if diagnostic.hint:
            yield f"  {style('hint:', fg='cyan')} {diagnostic.hint}"
    errors = sum(d.severity == "error" for d in diagnostics)
    if errors > 1:
        yield f"{errors} errors"


def _excerpt(diagnostic: Diagnostic, root: Path, style: Callable[[str], str]) -> Iterator[str]:
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
    start, width = max(span.column - 40, 0), 110
    shown = text[start : start + width]
    number = str(span.line)
    yield f"  {number} | {'…' if start else ''}{shown}{'…' if len(text) > start + width else ''}"
    length = max(1, min(span.length, len(text) - span.column + 1, width))
    caret = " " * (span.column - 1 - start + (1 if start else 0)) + "^" * length
    yield f"  {' ' * len(number)} | {style(caret)}"
