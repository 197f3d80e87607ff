"""What databases have of their own: extension, login, quotes, and where they say how big a table is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlproj.compiler.text import identifier, literal

_RIGHTS = "grant the right to read it, or name another user"
# What a server says → what to do about it.
_SAYINGS = {
    "Access denied for user .* to database": ("the user {user} may not use the database {database}", _RIGHTS),
    r"password authentication failed|Access denied for user|no password supplied": (
        "the password is wrong, or the user {user}",
        "compare them with the connection in mlproj.yml",
    ),
    r'database "[^"]*" does not exist|Unknown database': ("it has no database {database}", "compare `database:`"),
    r"could not translate host name|Unknown (?:MySQL )?server host": ("there is no host {host}", "compare `host:`"),
    r"Connection refused|Can't connect to|could not connect|timeout expired|No such file or directory": (
        "nobody answers at {server}",
        "start the server, or compare `host:` and `port:`",
    ),
}


@dataclass(frozen=True)
class DatabaseKind:
    """`size` is SQL of the database that gives the bytes of a table named by its parts."""

    name: str
    extension: str
    quote: str
    settings: Mapping[str, str]
    query: str
    options: str = ""
    size: str = ""

    def secret(self, name: str, said: Mapping[str, str]) -> str:
        """The statement that tells the engine how to log in; it keeps this in memory."""
        given = [f"{own} {literal(said[key])}" for key, own in self.settings.items() if key in said]
        return f"create or replace temporary secret {identifier(name)} ({', '.join([f'type {self.name}', *given])})"

    def table(self, parts: tuple[str, ...]) -> str:
        """A table's name in the database's own SQL."""
        return ".".join(self.quote + p.replace(self.quote, self.quote * 2) + self.quote for p in parts)


_LOGIN = {"host": "host", "port": "port", "user": "user", "password": "password", "database": "database"}
KINDS = {
    "postgres": DatabaseKind(
        "postgres", "postgres_scanner", '"', _LOGIN, "postgres_query", "connect_timeout=10",
        "select pg_total_relation_size({table}::regclass) as bytes",
    ),
    "sqlite": DatabaseKind("sqlite", "sqlite_scanner", '"', {}, "sqlite_query"),
    "mysql": DatabaseKind(
        "mysql", "mysql_scanner", "`", {**_LOGIN, "ssl_mode": "ssl_mode"}, "mysql_query", "",
        "select coalesce(sum(data_length), 0) as bytes from information_schema.tables"
        " where table_name = {name} and table_schema = coalesce({schema}, database())",
    ),
}  # fmt: skip


def explain_refusal(said: str, settings: Mapping[str, str]) -> tuple[str, str | None]:
    """(message, hint) for what a server said when it was called."""
    shown = {k: f"'{settings[k]}'" for k in ("user", "host", "database") if settings.get(k)}
    server = f"'{settings.get('host', '')}{':' if 'port' in settings else ''}{settings.get('port', '')}'"
    names = {"user": "", "host": "", "database": "", **shown, "server": server}
    for pattern, (message, hint) in _SAYINGS.items():
        if re.search(pattern, said):
            return message.format_map(names).strip(), hint
    return " ".join(said.split()), None


def hide_secrets(text: str, settings: Mapping[str, str], secrets: frozenset[str]) -> str:
    """A text without the values of secret settings."""
    for key in secrets & settings.keys():
        text = text.replace(settings[key], "***") if settings[key] else text
    return text


def denied(said: str) -> tuple[str, str] | None:
    """(message, hint) where a server refuses to show a table that is there."""
    if re.search(r"permission denied for|command denied to user", said):
        return "this user may not read it", _RIGHTS
    if re.search(r"relation .* does not exist|Table '.*' doesn't exist", said):
        return (
            "there is no such table, or this user may not see it",
            "compare its name and schema, and the user's rights",
        )
    return None
