"""A source: files or a table that somebody else writes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlproj.specs.base import Name, Scalar, Spec
from mlproj.specs.data_test import FreshnessBounds

Format = Literal["csv", "parquet", "json", "delta", "iceberg"]


class Source(Spec):
    """Files at `path` (a glob is allowed), relative to the project's folder; or a `table` of a `connection`.

    `options` go to the engine's reader. Where `columns` is given, compiling needs no data; a subset is allowed.
    `table` is a name, with its schema or without: `orders`, `sales.orders`, `'sales."Orders 2024"'`. `version_query` is
    SQL of the database whose answer changes when the rows do, such as `select max(seen) as newest, count(*) as rows
    from orders`; without one every build reads the table again.
    Values of the columns that `pii` names are masked wherever they are printed, and so is what is computed from them.
    `freshness` is a test of the rows: of how old the newest of them is.
    """

    name: Name
    description: str = ""
    owner: str = ""
    tags: list[str] = []
    path: str | None = Field(default=None, min_length=1)
    connection: Name | None = None
    table: str | None = Field(default=None, min_length=1)
    version_query: str | None = Field(default=None, min_length=1)
    format: Format | None = None
    options: dict[str, Scalar | list[Scalar]] = {}
    columns: dict[str, str] | None = None
    pii: list[str] = []
    freshness: FreshnessBounds | None = None
