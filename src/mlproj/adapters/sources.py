"""All kinds of sources behind one port: each is read by the adapter that knows its format."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlproj.adapters.file_content import FileContent
from mlproj.adapters.json_cache import JsonCache
from mlproj.ports import EngineError, SourceSpec
from mlproj.state import Column, SourceNode

if TYPE_CHECKING:
    from mlproj.adapters.database_sources import DatabaseSources
    from mlproj.adapters.duckdb_engine import DuckDBEngine
    from mlproj.adapters.file_sources import FileSources
    from mlproj.adapters.lake_tables import LakeTables
    from mlproj.adapters.object_sources import ObjectSources

_DATABASES = frozenset({"postgres", "mysql", "sqlite"})
_LAKES = frozenset({"delta", "iceberg"})


class _Reader(Protocol):
    """`ports.SourceReader`, and its errors in words."""

    def columns(self, source: SourceSpec) -> tuple[Column, ...]: ...

    def version(self, source: SourceNode) -> str: ...

    def size(self, source: SourceNode) -> int: ...

    def relation(self, source: SourceNode) -> str: ...

    def explain_read_error(self, source: SourceNode, error: EngineError) -> tuple[str, str | None]: ...


class Sources:
    """`ports.SourceReader`. `engine` is where tables are attached; it is opened by the first that is looked at."""

    def __init__(self, root: Path, cache_dir: Path, engine: Callable[[], DuckDBEngine]) -> None:
        self._root, self._cache_dir, self._engine = root.resolve(), cache_dir, engine

    def columns(self, source: SourceSpec) -> tuple[Column, ...]:
        return self._reader(source).columns(source)

    def version(self, source: SourceNode) -> str:
        return self._reader(source).version(source)

    def size(self, source: SourceNode) -> int:
        return self._reader(source).size(source)

    def relation(self, source: SourceNode) -> str:
        return self._reader(source).relation(source)

    def explain_read_error(self, source: SourceNode, error: EngineError) -> tuple[str, str | None]:
        return self._reader(source).explain_read_error(source, error)

    def _reader(self, source: SourceSpec | SourceNode) -> _Reader:
        if source.format in _DATABASES:
            return self._databases
        if source.format in _LAKES:
            return self._lakes
        return self._files if source.location is None else self._objects

    @cached_property
    def _files(self) -> FileSources:
        from mlproj.adapters.file_sources import FileSources

        return FileSources(self._root, self._cache_dir)

    @cached_property
    def _databases(self) -> DatabaseSources:
        from mlproj.adapters.database_sources import DatabaseSources

        content = FileContent(self._root, JsonCache(self._cache_dir / "files.json"))
        return DatabaseSources(self._engine, content)

    @cached_property
    def _objects(self) -> ObjectSources:
        from mlproj.adapters.object_sources import ObjectSources

        return ObjectSources(self._root, self._cache_dir, self._engine)

    @cached_property
    def _lakes(self) -> LakeTables:
        from mlproj.adapters.lake_tables import LakeTables

        return LakeTables(self._root, self._cache_dir, self._engine)
