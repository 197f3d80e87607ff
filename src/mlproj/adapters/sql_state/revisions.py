"""Which revision a state database has, and the way from there to ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.adapters.sql_state.database import Database
from mlproj.adapters.sql_state.migrations import FORMAT, HEAD, REVISIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection

Ask = Callable[[str], Any]  # the first value of a query, None where there is no row

_MADE = "select count(*) from sqlite_master where type = 'table' and name = 'alembic_version'"
_FORMAT = "select value from meta where key = 'format'"


def stored_revision(database: Database, ask: Ask) -> str | None:
    """The revision of the tables, None where there are none. Raises `ProjectError` E611 for those of another mlproj."""
    revision = ask("select version_num from alembic_version") if ask(_MADE) else None
    if revision is None:
        return None
    if revision not in REVISIONS:
        raise database.newer(f"revision {revision}, this one knows up to {HEAD}")
    stored_format = ask(_FORMAT)
    if stored_format is None or not stored_format.isdecimal():
        raise database.unreadable("its format is not written down")
    if int(stored_format) < FORMAT:
        raise database.older(f"format {stored_format}, this one knows only {FORMAT}")
    if int(stored_format) > FORMAT:
        raise database.newer(f"format {stored_format}, this one knows up to {FORMAT}")
    return str(revision)


def bring_up_to_date(database: Database) -> None:
    """Make or migrate the tables where that is needed, in one transaction; whoever comes second finds it done."""
    if database.exists:
        with database.reading() as reading:
            if stored_revision(database, first_value(reading.execute)) == HEAD:
                return
    with database.writing() as connection:
        if stored_revision(database, first_value(connection.exec_driver_sql)) != HEAD:
            _migrate(connection)


def first_value(execute: Callable[[str], Any]) -> Ask:
    """How to ask, given a connection's way to execute."""

    def ask(query: str) -> Any:
        row = execute(query).fetchone()
        return None if row is None else row[0]

    return ask


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    location = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", location.replace("%", "%%"))  # `%` begins an interpolation there
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
    connection.exec_driver_sql("insert or replace into meta (key, value) values ('format', ?)", (str(FORMAT),))
