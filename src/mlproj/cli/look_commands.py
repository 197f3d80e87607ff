"""ls, show, compile, lineage."""

from __future__ import annotations

import click

from mlproj.cli.context import Context, as_of_option, pass_context, selection


@click.command()
@selection
@click.option("--search", metavar="WORDS", help="Nodes and features whose name, description, tags or owner hold these.")
@pass_context
def ls(context: Context, select: tuple[str, ...], exclude: tuple[str, ...], search: str | None) -> None:
    """List nodes, or search them and their features."""
    from mlproj.cli.documents import nodes_document, search_document
    from mlproj.cli.render.tables import search_lines, table

    if search is not None:
        matches = search_document(context.project, search, select, exclude)
        context.answer(matches, lambda: search_lines(matches, context))
        return
    document = nodes_document(context.project, select, exclude)
    rows = [[n["kind"], n["node"].partition(":")[2], n["status"], n["description"]] for n in document["nodes"]]
    context.answer(document, lambda: table(["kind", "name", "status", "description"], rows, context))


@click.command()
@click.argument("node")
@as_of_option
@click.option("--limit", type=click.IntRange(0), default=10, metavar="N", help="Rows to preview (default: 10).")
@click.option("--stats", is_flag=True, help="Statistics of every column instead of rows.")
@pass_context
def show(context: Context, node: str, as_of: str | None, limit: int, *, stats: bool) -> None:
    """Show a node: its definition and a preview of its rows; or the card of a model version or a training dataset."""
    from mlproj.cli.documents import show_document
    from mlproj.cli.render.cards import card_lines

    document = show_document(context.project, node, as_of, limit, stats=stats)
    context.answer(document, lambda: card_lines(document, context))


@click.command("compile")
@click.argument("node", required=False)
@pass_context
def compile_command(context: Context, node: str | None) -> None:
    """Check the whole project, and write target/manifest.json and target/compiled; with NODE, print its SQL."""
    from mlproj.cli.documents import compile_document

    document = compile_document(context.project, node)
    context.complain(context.project.manifest.warnings)
    context.answer(
        document, lambda: [document["sql"]] if node else [f"{document['nodes']} nodes compiled, into target/compiled"]
    )


@click.command()
@click.argument("node", metavar="NODE[.FEATURE]")
@click.option("--upstream", "direction", flag_value="upstream", help="Only what it depends on.")
@click.option("--downstream", "direction", flag_value="downstream", help="Only what depends on it.")
@click.option("--mermaid", is_flag=True, help="As a Mermaid graph.")
@pass_context
def lineage(context: Context, node: str, direction: str | None, *, mermaid: bool) -> None:
    """What a node, a feature or a model version is made from, and what is made of it."""
    from mlproj.cli.lineage_document import lineage_document
    from mlproj.cli.render.lineage import lineage_lines

    document = lineage_document(context.project, node, direction or "both")  # type: ignore[arg-type]
    fenced = context.output == "markdown"
    context.answer(document, lambda: lineage_lines(document, mermaid=mermaid or fenced, fenced=fenced))


COMMANDS = (ls, show, compile_command, lineage)
