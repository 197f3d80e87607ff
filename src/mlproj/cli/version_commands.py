"""bump."""

from __future__ import annotations

import click

from mlproj.cli.context import Context, pass_context


@click.command()
@click.argument("name")
@click.option(
    "--with-dependants", is_flag=True, help="Copy what refers to it too, and let the copies refer to the new one."
)
@click.option("--dry-run", is_flag=True, help="Show the difference, write nothing.")
@pass_context
def bump(context: Context, name: str, *, with_dependants: bool, dry_run: bool) -> None:
    """Make the next version from what was changed in place, and put the published one back.

    NAME is a feature group, a feature view or a model: of its definitions the one that plan calls breaking. Where
    several are, write kind:name@version.
    """
    from mlproj.cli.render.bump import bump_lines

    done = context.project.bump(name, with_dependants=with_dependants, dry_run=dry_run)
    context.answer(done.model_dump(mode="json"), lambda: bump_lines(done))


COMMANDS = (bump,)
