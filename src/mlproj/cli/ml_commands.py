"""train-data, models, predict."""

from __future__ import annotations

from pathlib import Path

import click

from mlproj.cli.context import Context, as_of_option, pass_context


@click.command("train-data")
@click.argument("view")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write one file per split into DIR."
)
@click.option(
    "--as", "file_format", type=click.Choice(["parquet", "csv", "arrow"]), default="parquet", help="The files' format."
)
@click.option(
    "--entities",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="F",
    help="Your own observations instead, csv or parquet: each gets the joined features as of its time, in DIR.",
)
@click.option("--card", is_flag=True, help="A data card in Markdown: printed, or with --out written to DIR/card.md.")
@click.option("--transform", is_flag=True, help="With --entities: features as the training dataset has them.")
@click.option("--memory", metavar="SIZE", help="With --entities: hold that much at most; else the target's, or 4GB.")
@as_of_option
@pass_context
def train_data(
    context: Context,
    view: str,
    out: Path | None,
    file_format: str,
    entities: Path | None,
    card: bool,
    transform: bool,
    memory: str | None,
    as_of: str | None,
) -> None:
    """The current training dataset of a view: what it is, or its rows as files."""
    from mlproj.cli.documents import card_document, dataset_document, historical_document
    from mlproj.cli.render.cards import card_lines

    if entities and not out:
        raise click.UsageError("--entities needs --out DIR: the rows are written there")
    if transform and not entities:
        raise click.UsageError("--transform is for --entities: a training dataset is transformed already")
    if card and entities:
        raise click.UsageError("--card is of a training dataset, and --entities are rows of your own")
    if card and not out:
        document = card_document(context.project, view, as_of)
        context.answer(document, document["card"].splitlines)
        return
    document = (
        historical_document(context.project, view, (entities, out, file_format), as_of, memory, transform=transform)
        if entities and out
        else dataset_document(context.project, view, out, file_format, as_of, card=card)
    )
    context.answer(document, lambda: card_lines(document, context))


@click.command()
@click.argument("name", required=False)
@pass_context
def models(context: Context, name: str | None) -> None:
    """List registered model versions with their metrics."""
    from mlproj.cli.documents import models_document
    from mlproj.cli.render.tables import models_table

    document = models_document(context.project, name)
    context.answer(document, lambda: models_table(document, context))


@click.command()
@click.argument("model")
@click.option(
    "--input",
    "source",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="F",
    help="A csv or parquet file with the view's features, untransformed.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="F",
    help="Where the rows with predictions go, csv or parquet; otherwise a preview is printed.",
)
@pass_context
def predict(context: Context, model: str, source: Path, out: Path | None) -> None:
    """Score a file: the view's transformations as fitted, then the model."""
    from mlproj.cli.documents import predict_document
    from mlproj.cli.render.cards import card_lines

    document = predict_document(context.project, model, source, out)
    context.answer(document, lambda: card_lines(document, context))


COMMANDS = (train_data, models, predict)
