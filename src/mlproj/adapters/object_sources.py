"""Sources that are files of an S3-compatible store: listed by its own API, read by the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.adapters.database_kinds import hide_secrets
from mlproj.adapters.duckdb_extensions import load_extension
from mlproj.adapters.file_sources import FileSources
from mlproj.adapters.object_content import SCHEME, ObjectContent, bucket_of, secret_of
from mlproj.adapters.source_contract import TableError
from mlproj.compiler.connections import SECRETS
from mlproj.ports import EngineError, SourceError, SourceSpec
from mlproj.state import Column, Location, SourceNode

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlproj.adapters.duckdb_engine import DuckDBEngine


class ObjectSources:
    """`ports.SourceReader`. Every call lists the store anew; the columns of what is there are cached by its version."""

    def __init__(self, root: Path, cache_dir: Path, engine: Callable[[], DuckDBEngine]) -> None:
        self._root, self._cache_dir, self._engine = root, cache_dir, engine

    def columns(self, source: SourceSpec) -> tuple[Column, ...]:
        return self._files(source.name, source.path, source.location).columns(source)

    def version(self, source: SourceNode) -> str:
        """Of the objects' ETags. Raises `SourceError`."""
        return self._files(source.name, source.path, source.location).version(source)

    def size(self, source: SourceNode) -> int:
        """Raises `SourceError`."""
        return self._files(source.name, source.path, source.location).size(source)

    def relation(self, source: SourceNode) -> str:
        try:
            open_bucket(self._engine().cursor(), source.name, source.path, source.location)
            return self._files(source.name, source.path, source.location).relation(source)
        except SourceError as error:
            raise TableError(source.name, error) from None

    def explain_read_error(self, source: SourceNode, error: EngineError) -> tuple[str, str | None]:
        if isinstance(error, TableError):
            return (error.message, error.hint) if error.source == source.name else ("", None)
        if "HTTP" in error.detail and SCHEME in error.detail:
            settings = source.location.settings if source.location else {}
            said = hide_secrets(error.message, settings, SECRETS)
            return (
                f"source '{source.name}': reading '{source.path}' failed: {said}",
                "run it again once the store answers",
            )
        try:
            return self._files(source.name, source.path, source.location).explain_read_error(source, error)
        except SourceError as gone:
            return gone.message, gone.hint

    def _files(self, name: str, path: str, place: Location | None) -> FileSources:
        def connection() -> DuckDBPyConnection:
            cursor = self._engine().cursor()
            open_bucket(cursor, name, path, place)
            return cursor

        content = ObjectContent(name, place.settings if place else {})
        return FileSources(self._root, self._cache_dir, content, connection)


def open_bucket(cursor: DuckDBPyConnection, source: str, path: str, place: Location | None) -> None:
    """Let the engine read the bucket of a path; without effect for files of the project. Raises `SourceError` E614."""
    if place is None:
        return
    load_extension(cursor, "httpfs", source)
    bucket = bucket_of(path)[0]
    cursor.execute(secret_of(f"{place.connection}:{bucket}", bucket, place.settings))
