"""history."""

from __future__ import annotations

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


COMMANDS = (history,)
