"""A bump as text: what was copied, which files were written, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mlproj.cli.render.results import short_name

if TYPE_CHECKING:
    from mlproj.project.bump import Bump

_SIGNS = {"added": ("+", "green"), "changed": ("~", "blue")}
_TONES = {"+": "green", "-": "red", "@": "cyan"}


def bump_lines(done: Bump) -> list[str]:
    """A line for each new version and each file; of a dry run the difference."""
    lines = [f"{short_name(b.node)} → {click.style(short_name(b.to), bold=True)}" for b in done.bumped]
    lines += [f"{short_name(node)} reads the new version: it was never published" for node in done.repointed]
    lines += [f"{short_name(node)} names the version that it read so far" for node in done.pinned]
    lines.append("")
    if done.dry_run:
        return [*lines, *_colored(done.diff), "", "nothing was written; leave out --dry-run to do it"]
    for file in done.files:
        sign, tone = _SIGNS[file.change]
        lines.append(f"  {click.style(sign, fg=tone)} {file.path}")
    old = ", ".join(short_name(b.node) for b in done.bumped)
    stands = "stands" if len(done.bumped) == 1 else "stand"
    return [*lines, "", f"{old} {stands} as published. Look at it with `git diff`, then: {done.next}"]


def _colored(diff: str) -> Iterator[str]:
    for line in diff.splitlines():
        heading = line.startswith(("---", "+++"))
        tone = None if heading else _TONES.get(line[:1])
        yield click.style(line, fg=tone, bold=heading) if tone or heading else line
