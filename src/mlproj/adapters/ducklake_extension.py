"""DuckLake and the SQLite scanner for DuckDB: from their wheels, from the network only where those are missing."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.compiler.text import literal
from mlproj.diagnostics import fail

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WHEELS = {"sqlite_scanner": "duckdb_extension_sqlite_scanner", "ducklake": "duckdb_extension_ducklake"}


def trusted() -> dict[str, str]:
    """Settings of a connection that may load the extensions: from wheels, without their signatures.

    A wheel is trusted as DuckDB's own is, and `pip` has checked it; hashing its 70 MB again takes 0.2 s a connection.
    What comes from the network has to be signed, and nothing is fetched unasked (`duckdb_error.CONFIG`).
    """
    return {"allow_unsigned_extensions": "true"} if all(map(wheel_of, _WHEELS.values())) else {}


def load_extensions(connection: DuckDBPyConnection) -> None:
    """Raises `ProjectError` E614 where an extension can be had from neither place."""
    for name, module in _WHEELS.items():
        _load(connection, name, module)


def _load(connection: DuckDBPyConnection, name: str, module: str) -> None:
    import duckdb

    path = wheel_of(module)
    try:
        if path is None:
            connection.execute(f"install {name}")
        connection.execute(f"load {literal(str(path))}" if path else f"load {name}")
    except duckdb.Error as error:
        wheel = module.replace("_", "-")
        reason = "is not installed" if path is None else "does not load"
        hint = f"pip install {wheel}=={duckdb.__version__}"
        raise fail("E614", f"DuckDB's extension '{name}' {reason}", hint=hint, exit_code=1) from error


@cache
def wheel_of(module: str) -> Path | None:
    """The extension in an installed wheel."""
    try:
        file = importlib.import_module(module).__file__
    except ImportError:
        return None
    return next(iter(sorted(Path(file or "").parent.rglob("*.duckdb_extension"))), None)
