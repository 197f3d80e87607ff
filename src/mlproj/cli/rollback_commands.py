"""promote, rollback: what goes forward, and the way back."""

from __future__ import annotations

import click

from mlproj.cli.context import Context, pass_context, waiting


@click.command()
@click.argument("model")
@click.argument("alias")
@click.option("--because", metavar="TEXT", default="", help="Why; it is kept in history.")
@click.option("--force", is_flag=True, help="Also a version whose tests failed; needs --because.")
@pass_context
def promote(context: Context, model: str, alias: str, because: str, *, force: bool) -> None:
    """Let ALIAS of a model mean a version: `promote income_model@1.2 champion`."""
    from mlproj.cli.render.rollback import promotion_lines
    from mlproj.project.aliases import promote as move

    if force and not because.strip():
        raise click.UsageError("--force needs --because TEXT: the reason is kept in history")
    done = move(context.project, model, alias, because=because, force=force)
    context.answer(done.model_dump(mode="json"), lambda: promotion_lines(done))


@click.command()
@click.argument("node", required=False)
@click.option("--build", metavar="B", help="Instead of NODE: all that stood after a build, in one transaction.")
@click.option("--to", metavar="X", help="Of a group a commit, a build or a time; of an alias a model version.")
@click.option("--because", metavar="TEXT", help="Why; it is kept in history.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@waiting
@pass_context
def rollback(
    context: Context,
    node: str | None,
    build: str | None,
    to: str | None,
    because: str | None,
    wait: float,
    *,
    dry_run: bool,
) -> None:
    """Put a group's data back to a commit, a model's alias to where it was before, or all to what a build left."""
    from mlproj.cli.render.rollback import rollback_lines

    if (node is None) == (build is None) or (build and to):
        raise click.UsageError("name what is rolled back: NODE with --to, a MODEL, or --build B alone")
    done = context.project.rollback(node, to=to, build=build, because=because, dry_run=dry_run, wait=wait)
    context.answer(done.model_dump(mode="json"), lambda: rollback_lines(done, context))


COMMANDS = (promote, rollback)
