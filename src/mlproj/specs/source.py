"""A source: files that somebody else writes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlproj.specs.base import Name, Scalar, Spec
from mlproj.specs.data_test import FreshnessBounds

Format = Literal["csv", "parquet", "json"]


class Source(Spec):
    """Files at `path` (a glob is allowed), relative to the project's folder.

    `options` go to the engine's reader. Where `columns` is given, compiling needs no data; a subset is allowed.
    Values of the columns that `pii` names are masked wherever they are printed, and so is what is computed from them.
    `freshness` is a test of the rows: of how old the newest of them is.
    """

    name: Name
    description: str = ""
    owner: str = ""
    tags: list[str] = []
    path: str = Field(min_length=1)
    format: Format | None = None
    options: dict[str, Scalar | list[Scalar]] = {}
    columns: dict[str, str] | None = None
    pii: list[str] = []
    freshness: FreshnessBounds | None = None
