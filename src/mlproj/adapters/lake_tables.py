"""Sources that are Delta or Iceberg tables, in the project's folder or in a store, read by DuckDB's extensions."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.adapters.duckdb_error import engine_error
from mlproj.adapters.duckdb_extensions import load_extension
from mlproj.adapters.file_content import MISSING, FileContent
from mlproj.adapters.file_sources import Content
from mlproj.adapters.json_cache import JsonCache
from mlproj.adapters.object_content import ObjectContent
from mlproj.adapters.object_sources import open_bucket
from mlproj.adapters.reader_options import option_arguments
from mlproj.adapters.source_contract import (
    TableError, check_contract, contract_type, select_columns, without_values,
)  # fmt: skip
from mlproj.compiler.text import literal
from mlproj.diagnostics import did_you_mean
from mlproj.ports import EngineError, SourceError, SourceSpec
from mlproj.state import Column, Location, SourceNode

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlproj.adapters.duckdb_engine import DuckDBEngine

_EXTENSIONS = {"delta": ("delta",), "iceberg": ("avro", "iceberg")}
# What says which version a table has, below its folder; the newest is the last by its number.
_LOGS = {"delta": "_delta_log/*.json", "iceberg": "metadata/*.metadata.json"}
_NUMBER = re.compile(r"v?(\d+)")
_OPTIONS: dict[str, dict[str, type]] = {
    "delta": {"version": int},
    "iceberg": {"snapshot_from_id": int, "snapshot_from_timestamp": str, "allow_moved_paths": bool},
}
_OF_LAKES = ("DeltaKernel", "delta", "Iceberg", "iceberg", "HTTP", "metadata.json")


class LakeTables:
    """`ports.SourceReader`. A version is that of the newest entry of the table's own log, so it is exact and cheap."""

    def __init__(self, root: Path, cache_dir: Path, engine: Callable[[], DuckDBEngine]) -> None:
        self._root, self._engine = root, engine
        self._files = JsonCache(cache_dir / "files.json")

    def columns(self, source: SourceSpec) -> tuple[Column, ...]:
        """E415: unknown option; E443, E444 and E614 as for other tables."""
        _check_options(source)
        if source.columns is not None:
            return source.columns
        found = self._look(source)
        return tuple(Column(name=name, type=contract_type(type_name)) for name, type_name in found.items())

    def version(self, source: SourceNode) -> str:
        """Raises `SourceError`."""
        newest = self._newest(_spec(source))
        if newest is None:
            return MISSING
        content = self._content(_spec(source))
        # By its content, too: a table may be made anew, and count from the start.
        parts = [newest.name, content.version(_escaped(str(newest))), dict(source.options)]
        return f"{source.format}1:{hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()}"

    def size(self, source: SourceNode) -> int:
        """Of all files, old ones too. Raises `SourceError`."""
        return self._content(_spec(source)).size(f"{source.path.rstrip('/')}/**/*.parquet")

    def relation(self, source: SourceNode) -> str:
        """Of the version that is the newest when it is asked for."""
        try:
            actual = self._look(_spec(source))
            found = source.location is not None and source.location.found
            check_contract(source.name, f"'{source.path}'", source.columns, actual, found=found)
            return select_columns(source.columns, actual, self._call(_spec(source)))
        except SourceError as error:
            raise TableError(source.name, error) from None

    def explain_read_error(self, source: SourceNode, error: EngineError) -> tuple[str, str | None]:
        if isinstance(error, TableError):
            return (error.message, error.hint) if error.source == source.name else ("", None)
        if not any(word in error.detail for word in _OF_LAKES):
            return "", None
        return f"source '{source.name}': reading '{source.path}' failed: {without_values(source, error)}", None

    def _look(self, source: SourceSpec) -> dict[str, str]:
        """The types of the table's columns by name, as they are now."""
        call = self._call(source)
        with self._reading(source) as cursor:
            return {str(row[0]): str(row[1]) for row in cursor.execute(f"describe from {call}").fetchall()}

    def _call(self, source: SourceSpec) -> str:
        newest = self._newest(source)
        if newest is None:
            log = _LOGS[source.format].partition("/")[0]
            hint = f"name the table's folder, in which {log} is"
            raise SourceError(
                "E444", f"source '{source.name}': there is no {source.format} table '{source.path}'", hint
            )
        # The very file of an Iceberg table that lists what belongs to its newest version; it has no better name.
        place = str(newest) if source.format == "iceberg" else self._content(source).address(source.path)
        return f"{source.format}_scan({', '.join([literal(place), *option_arguments(source.options)])})"

    def _newest(self, source: SourceSpec) -> Any:
        """The last entry of the table's log; None where there is none."""
        content = self._content(source)
        if source.format == "iceberg" and source.path.endswith(".metadata.json"):
            return next(iter(content.files(source.path)), None)
        folder = _escaped(source.path.rstrip("/"))
        found = content.files(f"{folder}/{_LOGS[source.format]}")
        numbers = [(int(number[1]), file.name, file) for file in found if (number := _NUMBER.match(file.name))]
        return max(numbers, key=lambda n: n[:2])[2] if numbers else None

    def _content(self, source: SourceSpec) -> Content:
        if source.location is not None:
            return ObjectContent(source.name, source.location.settings)
        return FileContent(self._root, self._files)

    @contextmanager
    def _reading(self, source: SourceSpec) -> Iterator[DuckDBPyConnection]:
        """A cursor that can read the table; what goes wrong is a `SourceError`."""
        import duckdb

        cursor = self._engine().cursor()
        prepare(cursor, source.name, source.format, source.path, source.location)
        try:
            yield cursor
        except duckdb.Error as error:
            said = engine_error(error).message.replace(f"{self._root}/", "")
            raise SourceError("E444", f"source '{source.name}': cannot read '{source.path}': {said}") from None


def prepare(cursor: DuckDBPyConnection, source: str, table_format: str, path: str, place: Location | None) -> None:
    """Raises `SourceError` E614 where an extension is missing."""
    open_bucket(cursor, source, path, place)
    for extension in _EXTENSIONS[table_format]:
        load_extension(cursor, extension, source)


def _check_options(source: SourceSpec) -> None:
    known: Mapping[str, type] = _OPTIONS[source.format]
    for option, value in source.options.items():
        if option not in known:
            hint = did_you_mean(option, known) or f"{source.format} takes {', '.join(known)}"
            message = f"source '{source.name}': the {source.format} reader has no option '{option}'"
            raise SourceError("E415", message, hint)
        if type(value) is not known[option]:
            wanted = {int: "a whole number", str: "a text", bool: "true or false"}[known[option]]
            raise SourceError("E415", f"source '{source.name}': option '{option}' takes {wanted}, not {value!r}")


def _spec(source: SourceNode) -> SourceSpec:
    return SourceSpec(source.name, source.path, source.format, source.options, source.columns, source.location)


def _escaped(path: str) -> str:
    """A path in which nothing is a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", path)
