"""What a rollback did, or would do, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlproj.cli.render.tables import table

if TYPE_CHECKING:
    from mlproj.cli.context import Context
    from mlproj.planner.rollback import Rollback
    from mlproj.project.aliases import Promotion


def rollback_lines(done: Rollback, context: Context) -> list[str]:
    """The moves as a table, and what follows from them."""
    head = "would move (nothing is changed)" if done.dry_run else "rolled back"
    rows = [[m.node, m.what.replace("_", " "), m.before or "-", m.after or "-"] for m in done.moves]
    lines = [click.style(head, bold=True), *table(["node", "what", "was", "is"], rows, context)]
    if done.rows:
        written = f"{done.rows['deleted']:,} rows deleted, {done.rows['inserted']:,} put back"
        lines.append(f"{written}, as commit {done.commit}" if done.commit is not None else written)
    if done.scope == "group" and not done.dry_run:
        name = done.moves[0].node.partition(":")[2]
        lines.append(f"{name} is held: builds leave it so until `mlproj build --resume {name}`")
    return lines


def promotion_lines(done: Promotion) -> list[str]:
    """One line."""
    if not done.moved:
        return [f"{done.alias} is {done.after} already"]
    before = f", before it was {done.before}" if done.before else ""
    return [f"{done.alias} is {done.after}{before}"]
