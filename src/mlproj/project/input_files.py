"""Files that a user hands over: observations, rows to predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlproj.diagnostics import Span, fail
from mlproj.ports import SourceError, SourceSpec
from mlproj.state import Fingerprints, SourceNode

if TYPE_CHECKING:
    from mlproj.project.project import Project


def file_relation(project: Project, path: Path) -> str:
    """SQL that reads a csv or parquet file, with the types that its content shows."""
    from glob import escape

    spec = SourceSpec(path.name, escape(str(path.resolve())), format_of(path), {}, None)
    try:
        columns = project.session.sources.columns(spec)
    except SourceError as error:
        said = error.message.removeprefix(f"source '{path.name}': ")
        hint = "a csv file with a header, in UTF-8, or a parquet file"
        near = error.hint if error.hint and error.hint.startswith("did you mean") else None
        raise fail("E610", said, hint=near or hint) from error
    node = SourceNode(
        id="source:input",
        name=path.name,
        span=Span(path.name),
        fingerprints=Fingerprints(local="", deep="", metadata=""),
        path=spec.path,
        format=format_of(path),
        columns=columns,
    )
    return project.session.sources.relation(node)


def format_of(path: Path) -> Literal["csv", "parquet"]:
    if path.suffix.lower() == ".csv":
        return "csv"
    if path.suffix.lower() == ".parquet":
        return "parquet"
    raise fail("E619", f"cannot tell the format of '{path.name}'", hint="name it .csv or .parquet")


def output_format_of(path: Path) -> Literal["csv", "parquet", "arrow"]:
    """The format that a file is to be written in, by its name. Raises E619."""
    return "arrow" if path.suffix.lower() == ".arrow" else format_of(path)
