"""Options of DuckDB's file readers: checked against the readers' own lists, and written as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from mlproj.adapters.json_cache import JsonCache
from mlproj.compiler.text import literal
from mlproj.diagnostics import did_you_mean
from mlproj.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection

READERS = {"csv": "read_csv", "parquet": "read_parquet", "json": "read_json"}

# Said by `columns:` of the source, so that they cannot be said twice; the last ones would leave tables behind.
_DECLARED = frozenset({"columns", "types", "dtypes", "column_types", "column_names"})
_OURS = _DECLARED | {"store_rejects", "rejects_table", "rejects_scan", "rejects_limit"}
_NUMBERS = ("BIGINT", "UBIGINT", "INTEGER", "UINTEGER")


class ReaderOptions:
    """The options that each reader of this DuckDB knows, by name and type; asked for once per version and cached."""

    def __init__(self, cache: JsonCache, connect: Callable[[], DuckDBPyConnection]) -> None:
        self._cache, self._connect = cache, connect

    def check(self, name: str, file_format: str, options: Mapping[str, Any]) -> None:
        """Raises `SourceError` E415 for an option that the reader has not, or a value that it cannot take."""
        if not options:
            return
        known = {k: v for k, v in self._known(READERS[file_format]).items() if k not in _OURS}
        for option, value in options.items():
            if option in _OURS and file_format != "parquet":
                hint = "write `columns: {name: TYPE}` in the source" if option in _DECLARED else "leave it out"
                raise SourceError("E415", f"source '{name}': option '{option}' is for mlproj to set", hint)
            if option not in known:
                hint = did_you_mean(option, known) or f"{READERS[file_format]} takes {', '.join(sorted(known))}"
                raise SourceError("E415", f"source '{name}': the {file_format} reader has no option '{option}'", hint)
            _check_value(name, option, known[option], value)

    def _known(self, reader: str) -> dict[str, str]:
        key = f"options of {reader} in duckdb {duckdb_version()}"
        known = self._cache.get(key)
        if not isinstance(known, dict):
            sql = f"select parameters, parameter_types from duckdb_functions() where function_name = '{reader}' limit 1"
            row = self._connect().execute(sql).fetchone()
            names, types = row or ([], [])
            known = {str(n): str(t) for n, t in zip(names, types, strict=True) if n != "col0"}
            self._cache.put({key: known})
        return known


@cache
def duckdb_version() -> str:
    """The installed version, without importing the engine."""
    from importlib.metadata import version

    return version("duckdb")


def option_arguments(options: Mapping[str, Any]) -> list[str]:
    """As named arguments, in order of name."""
    return [f"{name} = {literal(value)}" for name, value in sorted(options.items())]


def _check_value(source: str, option: str, type_name: str, value: Any) -> None:
    if type_name == "BOOLEAN":
        wanted, fits = "true or false", isinstance(value, bool)
    elif type_name in _NUMBERS:
        wanted, fits = "a whole number", isinstance(value, int) and not isinstance(value, bool)
    elif type_name == "VARCHAR":
        wanted, fits = "a text", isinstance(value, str)
    elif type_name == "VARCHAR[]":
        wanted, fits = "a list of texts", isinstance(value, list) and all(isinstance(item, str) for item in value)
    else:
        return
    if not fits:
        raise SourceError("E415", f"source '{source}': option '{option}' takes {wanted}, not {value!r}", None)
