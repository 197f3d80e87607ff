"""Where a target's state is, and how it is opened. Only writing imports SQLAlchemy."""

from __future__ import annotations

from pathlib import Path

from mlproj.adapters.sql_state.database import Database
from mlproj.adapters.sql_state.reader import SqlReader
from mlproj.adapters.sql_state.revisions import bring_up_to_date
from mlproj.adapters.sql_state.store import SqlState
from mlproj.diagnostics import fail

PREFIX = "sqlite:///"
EXAMPLE = f"{PREFIX}.mlproj/state.sqlite"


def open_reader(url: str, root: Path) -> SqlReader:
    """A reader that never writes or creates anything; an absent file reads as empty, whenever it is asked.

    Its methods raise `ProjectError` E611 for a state of another mlproj, E612 for a file that cannot be read, E613 for
    one that stays locked. Raises E612 for a URL that names no SQLite file.
    """
    return SqlReader(Database(state_path(url, root), root))


def open_store(url: str, root: Path) -> SqlState:
    """A store that reads and writes; makes the folder and the file, and brings an older state up to date.

    Raises `ProjectError` as `open_reader` and its methods do.
    """
    database = Database(state_path(url, root), root)
    database.make_folder()
    bring_up_to_date(database)
    return SqlState(database)


def state_path(url: str, root: Path) -> Path:
    """The file behind `sqlite:///relative/to/root` or `sqlite:////absolute`; raises `ProjectError` E612 for others."""
    name = url.removeprefix(PREFIX)
    if name == url:
        # Of what the user wrote only the scheme is repeated: the rest may hold a password.
        scheme = url.partition(":")[0] if ":" in url else url
        raise fail("E612", f"state cannot be kept in '{scheme}', only in SQLite", hint=f"write `state: {EXAMPLE}`")
    if name in {"", ":memory:"}:
        raise fail("E612", f"state '{url}' names no file: what is built would be forgotten", hint=f"write `{EXAMPLE}`")
    return root / name
