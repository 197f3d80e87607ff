"""gc, forget."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlproj.cli.context import Context, pass_context

if TYPE_CHECKING:
    from mlproj.specs import Retention
    from mlproj.state.garbage import Garbage


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, drop nothing.")
@click.option("--older-than", metavar="T", help="Keep what is younger, as '90 days', whatever `retention:` says.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def gc(context: Context, *, dry_run: bool, older_than: str | None, yes: bool) -> None:
    """Drop what no publication, training dataset, model version or retained commit needs."""
    from mlproj.cli.render.upkeep import gc_document, gc_lines
    from mlproj.project import upkeep

    def agreed(garbage: Garbage) -> bool:
        return not dry_run and (yes or _confirmed(context, gc_lines(garbage, dropped=None)))

    garbage, dropped = upkeep.gc(context.project, _age(older_than), agreed)
    document = gc_document(garbage, dropped=dropped, dry_run=dry_run)
    context.answer(document, lambda: gc_lines(garbage, dropped=dropped))


def _age(text: str | None) -> Retention | None:
    if text is None:
        return None
    from pydantic import ValidationError

    from mlproj.specs import Retention

    try:
        return Retention.model_validate(text)
    except ValidationError:
        raise click.BadParameter(f"'{text}' is no age; write it as '90 days'", param_hint="--older-than") from None


def _confirmed(context: Context, lines: list[str]) -> bool:
    """Ask who sits there. Raises E526 where nobody does: what is dropped is gone."""
    if context.json or not sys.stdin.isatty():
        from mlproj.diagnostics import fail

        raise fail("E526", "there is nobody to ask", hint="look first: --dry-run; then --yes", exit_code=2)
    for line in lines:
        click.echo(line, err=True)
    return click.confirm("Go on?", err=True)


@click.command()
@click.argument("node")
@click.option(
    "--keys", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="A csv or parquet file with the columns of the primary key.",
)  # fmt: skip
@click.option("--because", default="", metavar="TEXT", help="Why; it is kept in history.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, erase nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def forget(context: Context, node: str, keys: Path, because: str, *, dry_run: bool, yes: bool) -> None:
    """Erase rows of a feature group for good: at every commit, in training datasets and examples.

    NODE is a feature group; without a version all its versions are meant. Every target of the lake is concerned.
    """
    from mlproj.cli.render.upkeep import forget_lines
    from mlproj.project import forget as erasing

    def agreed(document: dict[str, Any]) -> bool:
        return not dry_run and (yes or _confirmed(context, forget_lines(document)))

    document = erasing.forget(context.project, node, keys, because, agreed)
    context.answer(document, lambda: forget_lines(document))


COMMANDS = (gc, forget)
