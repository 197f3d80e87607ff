"""Sources that are files: their columns, the version of their content, and the SQL that reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mlproj.adapters.duckdb_error import CONFIG, SESSION, engine_error
from mlproj.adapters.file_content import FileContent
from mlproj.adapters.json_cache import JsonCache
from mlproj.adapters.reader_options import READERS, ReaderOptions, duckdb_version, option_arguments
from mlproj.adapters.source_errors import (
    RAGGED,
    RAGGED_HINT,
    Header,
    encoding_hint,
    explain_read_error,
    parts_of_only_column,
)
from mlproj.compiler.text import identifier, literal
from mlproj.diagnostics import did_you_mean, fail
from mlproj.ports import EngineError, SourceError, SourceSpec
from mlproj.state import Column, SourceNode

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")

# Files up to this size are read whole when their types are sniffed, so that no later row contradicts the first ones.
_SNIFF_WHOLE_BYTES = 100_000_000
# Files of a glob whose header is looked at when one of them cannot be read.
_HEADERS = 100


class Content(Protocol):
    """The files behind paths; what a path matches has a name, and as text is what the engine calls it."""

    def files(self, path: str) -> Sequence[Any]: ...

    def version(self, path: str) -> str: ...

    def size(self, path: str) -> int: ...

    def is_folder(self, path: str) -> bool: ...

    def is_blank(self, file: Any) -> bool: ...

    def start(self, file: Any) -> bytes: ...

    def address(self, path: str) -> str: ...

    def names_beside(self, path: str) -> Sequence[str]: ...


class FileSources:
    """`ports.SourceReader`. `cache_dir` may be deleted at any time.

    Files are those of the project's folder, unless `content` has others, which `connection` can read.
    """

    def __init__(
        self,
        root: Path,
        cache_dir: Path,
        content: Content | None = None,
        connection: Callable[[], DuckDBPyConnection] | None = None,
    ) -> None:
        self._root = root.resolve()
        self._content: Content = content or FileContent(self._root, JsonCache(cache_dir / "files.json"))
        self._sniffed = JsonCache(cache_dir / "sniff.json")
        self._open: DuckDBPyConnection | None = None
        self._elsewhere = connection
        self._options = ReaderOptions(self._sniffed, self._connection)

    def columns(self, source: SourceSpec) -> tuple[Column, ...]:
        """E407: no such file, or unreadable; E415: unknown option; E416: nothing in it."""
        if self._elsewhere is None:
            _refuse_remote(source)
        self._options.check(source.name, source.format, source.options)
        if source.columns is not None:
            return source.columns
        version = self._version_of(source)
        key = _key(source, version)
        known = self._sniffed.get(key)
        if not _are_columns(known):
            known = self._sniff(source)
            self._sniffed.put({key: known})
        return tuple(Column(name=name, type=type_name) for name, type_name in known)

    def version(self, source: SourceNode) -> str:
        """Also raises `ProjectError` E407 for files that cannot be read."""
        return self._readable(source.path, self._content.version)

    def size(self, source: SourceNode) -> int:
        return self._readable(source.path, self._content.size)

    def _readable(self, path: str, read: Callable[[str], T]) -> T:
        try:
            return read(path)
        except OSError as error:
            hint = "check the path and its permissions"
            raise fail("E407", f"cannot read '{path}': {error.strerror or error}", hint=hint) from error

    def relation(self, source: SourceNode) -> str:
        call = self._call(source.path, source.format, source.options, source.columns)
        # CSV and JSON readers are told the types; a Parquet file has its own.
        cast = "::{}" if source.format == "parquet" else ""
        names = ((identifier(c.name), cast.format(c.type)) for c in source.columns)
        columns = ", ".join(f"file.{name}{to_type} as {name}" for name, to_type in names)
        return f"(select {columns} from {call} as file)"

    def explain_read_error(self, source: SourceNode, error: EngineError) -> tuple[str, str | None]:
        """What a failed read means for the user, with the file's real header at hand: (message, hint).

        The message is empty where the error is not about reading this source.
        """
        try:
            files = self._content.files(source.path)
            blank = all(self._content.is_blank(file) for file in files)
        except OSError as unreadable:
            return f"source '{source.name}': cannot read '{source.path}': {unreadable.strerror}", None
        if files and blank:
            return f"source '{source.name}': '{source.path}' is empty", "it has neither rows nor a header"
        return explain_read_error(source, error, self._header(source, files))

    def _header(self, source: SourceNode, files: Sequence[Any]) -> Header | None:
        """Of the first file that lacks a column, or else of the last one looked at."""
        wanted, header = {c.name for c in source.columns}, None
        for file in files[:_HEADERS]:
            names = self._names(source, file)
            header = Header(file.name, names, alone=len(files) == 1) if names else header
            if names and wanted - set(names):
                break
        return header

    def _names(self, source: SourceNode, file: Any) -> tuple[str, ...]:
        import duckdb

        try:
            call = self._call(escape(str(file)), source.format, source.options, None)
            return tuple(str(row[0]) for row in self._connection().execute(f"describe from {call}").fetchall())
        except duckdb.Error:
            return ()

    def _version_of(self, source: SourceSpec) -> str:
        try:
            files = self._content.files(source.path)
            if not files:
                raise self._missing(source)
            if all(self._content.is_blank(file) for file in files):
                hint = "give it a header, or declare `columns:` and let the data come later"
                raise SourceError("E416", f"source '{source.name}': '{source.path}' is empty", hint)
            return self._content.version(source.path)
        except OSError as error:
            message = f"source '{source.name}': cannot read '{source.path}': {error.strerror}"
            raise SourceError("E407", message) from error

    def _missing(self, source: SourceSpec) -> SourceError:
        if self._content.is_folder(source.path):
            hint = f"name the files in it: path: {source.path.rstrip('/')}/*.{source.format}"
            return SourceError("E407", f"source '{source.name}': '{source.path}' is a folder", hint)
        near = did_you_mean(Path(source.path).name, self._content.names_beside(source.path))
        hint = near or "paths are relative to the project's folder; with `columns:` declared, compiling needs no file"
        return SourceError("E407", f"source '{source.name}': no file '{source.path}'", hint)

    def _sniff(self, source: SourceSpec) -> list[list[str]]:
        import duckdb

        options = dict(source.options)
        if (
            source.format != "parquet"
            and "sample_size" not in options
            and self._readable(source.path, self._content.size) <= _SNIFF_WHOLE_BYTES
        ):
            options["sample_size"] = -1
        try:
            call = self._call(source.path, source.format, options, None)
            rows = self._connection().execute(f"describe from {call}").fetchall()
        except duckdb.Error as error:
            raise self._unreadable(source, engine_error(error)) from error
        if not rows:
            raise SourceError("E416", f"source '{source.name}': '{source.path}' has no columns", None)
        names = [str(row[0]) for row in rows]
        if source.format == "csv" and parts_of_only_column(names) and not {"delim", "sep"} & set(options):
            raise SourceError("E407", f"source '{source.name}': '{source.path}': {RAGGED}", RAGGED_HINT)
        return [[name, str(row[1])] for name, row in zip(names, rows, strict=True)]

    def _unreadable(self, source: SourceSpec, error: EngineError) -> SourceError:
        what = f"source '{source.name}': cannot read '{source.path}' as {source.format}"
        if "encoded" in error.detail or "unicode" in error.detail:
            file = self._content.files(source.path)[0]
            return SourceError("E407", f"{what}: it is not UTF-8", encoding_hint(self._content.start(file)))
        if error.kind == "Binder" and "named parameter" in error.detail:
            return SourceError("E415", f"{what}: {error.message}", None)
        message = error.message.replace(f"{self._root}/", "")
        if "does not support the encoding" in error.detail:
            message = message.partition(" It is possible")[0]
            return SourceError("E415", f"{what}: {message}", "it knows utf-8, utf-16 and latin-1")
        return SourceError("E407", f"{what}: {message}", None)

    def _call(self, path: str, file_format: str, options: Mapping[str, Any], columns: Sequence[Column] | None) -> str:
        """The reader's call. Files are named one by one, so that a folder's own brackets are no pattern."""
        files = [str(file) for file in self._content.files(path)] or [self._content.address(path)]
        arguments = [literal([escape(file) for file in files])]
        given = dict(options)
        types = "{" + ", ".join(f"{literal(c.name)}: {literal(c.type)}" for c in columns or ()) + "}"
        if file_format == "csv":
            if given.get("header") is False and "names" not in given and columns:
                given["names"] = [c.name for c in columns]
            if "names" not in given:
                given.setdefault("header", True)
            # The engine would pass over lines at the top that do not fit the others, and lose them without a word.
            given.setdefault("skip", 0)
            arguments += [f"types = {types}"] if columns else []
        elif file_format == "json" and columns:
            arguments.append(f"columns = {types}")
        return f"{READERS[file_format]}({', '.join([*arguments, *option_arguments(given)])})"

    def _connection(self) -> DuckDBPyConnection:
        if self._elsewhere is not None:
            return self._elsewhere()
        if self._open is None:
            import duckdb

            self._open = duckdb.connect(config=CONFIG)
            self._open.execute(SESSION)
        return self._open


def _refuse_remote(source: SourceSpec) -> None:
    if "://" in source.path:
        scheme = source.path.partition("://")[0]
        hint = "copy the file into the project, and name its path there"
        raise SourceError("E407", f"source '{source.name}': {scheme} paths are not read", hint)


def _key(source: SourceSpec, version: str) -> str:
    parts = [source.format, dict(source.options), version, duckdb_version()]
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _are_columns(found: Any) -> bool:
    return isinstance(found, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in found
    )
