"""DuckDB's extensions for what stands outside: loaded from their wheels, which extras of mlproj bring along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlproj.adapters.ducklake_extension import wheel_of
from mlproj.compiler.text import literal
from mlproj.ports import SourceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Extension → the extra that brings it; those before it have to be loaded first.
EXTRAS = {
    "postgres_scanner": "postgres", "mysql_scanner": "mysql", "httpfs": "s3", "delta": "delta", "avro": "iceberg",
    "iceberg": "iceberg",
}  # fmt: skip


def load_extension(connection: DuckDBPyConnection, name: str, source: str) -> None:
    """Raises `SourceError` E614 where the extension is not installed, or does not load."""
    import duckdb

    path = wheel_of(f"duckdb_extension_{name}")
    what = f"source '{source}': DuckDB's extension '{name}'"
    hint = f"pip install 'mlproj[{EXTRAS[name]}]'" if name in EXTRAS else None
    if path is None:
        raise SourceError("E614", f"{what} is not installed", hint)
    try:
        connection.execute(f"load {literal(str(path))}")
    except duckdb.Error as error:
        raise SourceError("E614", f"{what} does not load", hint) from error
