"""history, diff."""

from __future__ import annotations

from pathlib import Path

import click

from mlproj.cli.context import Context, pass_context


@click.command()
@click.argument("node", required=False)
@pass_context
def history(context: Context, node: str | None) -> None:
    """Commits of a feature group, versions of a view's training data or of a model; without NODE, builds."""
    from mlproj.cli.render.history import history_lines
    from mlproj.cli.time_documents import history_document

    document = history_document(context.project, node)
    context.answer(document, lambda: history_lines(document, context))


_EXAMPLES = """\b
Examples:
  mlproj diff income@1                     the last commit and the one before
  mlproj diff income@1 12                  commit 12 and what is published
  mlproj diff income@1 12 '2026-01-31'     two commits or times
  mlproj diff income@1 income@2            two versions
  mlproj diff income@1/td1 income@1/td3    two training datasets
  mlproj diff income@1 --targets dev prod  two targets"""


@click.command("diff", epilog=_EXAMPLES)
@click.argument("what", nargs=-1, required=True, metavar="NODE [OLD [NEW]]")
@click.option("--targets", nargs=2, metavar="OLD NEW", help="Compare the node in two targets.")
@click.option("--limit", type=click.IntRange(0), default=5, metavar="N", help="Rows to show of each kind (default: 5).")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page with histograms as well.",
)
@pass_context
def diff_command(
    context: Context, what: tuple[str, ...], targets: tuple[str, str] | None, limit: int, page: Path | None
) -> None:
    """What differs between two commits, times, versions, targets or training datasets: schema, values, rows by key."""
    from mlproj.cli.render.diff import diff_lines
    from mlproj.cli.time_documents import diff_document

    document = diff_document(context.project, what, targets or (), limit, page)
    context.answer(document, lambda: diff_lines(document, context))


COMMANDS = (history, diff_command)
