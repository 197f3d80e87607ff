"""What every node is made of, and the node that nothing is below: a source."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import JsonValue, SerializerFunctionWrapHandler, model_serializer

from mlproj.diagnostics import Span
from mlproj.state.noun import Noun


class Fingerprints(Noun):
    """versions.md §1: `local` sees other nodes as symbols, `deep` sees through them down to source columns."""

    local: str
    deep: str
    metadata: str


class Column(Noun):
    name: str
    type: str


class Band(Noun):
    """What is usual: within `sigma` standard deviations of the mean of the last `builds`, and `tolerance` at least.

    Of `feature` the fraction of nulls, without one the number of rows. With fewer than `at_least` builds nothing is.
    """

    feature: str | None = None
    builds: int
    at_least: int
    sigma: float
    tolerance: float


class CompiledTest(Noun):
    """A data test: `failures` is a SQL aggregate that counts failing rows, `rows` a query of them on `{relation}`.

    Without `failures` the rows of `rows` are counted; `reads` are the groups that it names. `found` is an aggregate
    that says in words what was found, where it is not rows that fail but all of them together; without `rows` there are
    none to show. With `clock` time alone can make it fail. `warn_if` and `error_if` are conditions on the count.
    """

    id: str
    description: str
    failures: str
    rows: str
    span: Span | None = None
    unique: tuple[str, ...] = ()  # the columns that it guarantees to be unique together, in all rows
    found: str = ""
    severity: Literal["error", "warn"] = "error"
    warn_if: str = "!= 0"
    error_if: str = "!= 0"
    reads: tuple[str, ...] = ()
    clock: bool = False
    band: Band | None = None  # then `failures` counts what is compared with it

    @property
    def terms(self) -> tuple[str, ...]:
        """All that decides whether it fails."""
        rules = (self.severity, self.warn_if, self.error_if)
        said: tuple[str, ...] = (self.failures,) if self.failures else (self.rows,)
        if self.band is not None:
            said = (*said, self.band.model_dump_json())
        return said if rules == ("error", "!= 0", "!= 0") else (*said, *rules)


class NodeBase(Noun):
    """`pii` are the columns whose values are not shown: marked so, or computed from what is."""

    id: str
    name: str
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    pii: tuple[str, ...] = ()
    span: Span
    depends_on: tuple[str, ...] = ()
    fingerprints: Fingerprints
    # The files' own text of this definition, by role ("yaml", "sql"), so that a released version can be restored.
    source_text: dict[str, str] = {}


class Location(Noun):
    """Where a source is that is no file of the project: a connection's name and settings, and the table.

    `table` is its name, after that of its schema where it has one. `version_query` says whether its rows changed. Where
    the columns are `found`, nobody declared them: they are those that were there when the project was compiled.
    """

    connection: str
    settings: dict[str, str]
    table: tuple[str, ...] = ()
    version_query: str | None = None
    found: bool = False


class SourceNode(NodeBase):
    """`path` is empty where the source is a table."""

    kind: Literal["source"] = "source"
    path: str
    format: Literal["csv", "parquet", "json", "delta", "iceberg", "postgres", "mysql", "sqlite"]
    location: Location | None = None
    options: dict[str, JsonValue] = {}
    columns: tuple[Column, ...]
    tests: tuple[CompiledTest, ...] = ()

    @model_serializer(mode="wrap")
    def _as_before_there_were_locations(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = serialise(self)
        if self.location is None:
            found.pop("location", None)
        return found
