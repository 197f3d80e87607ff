"""Connections of mlproj.yml, checked, and the place that a source has in one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlproj.diagnostics import Collector, did_you_mean
from mlproj.loader import Loaded, LoadedProject
from mlproj.loader.environment import fill_environment, variable_of
from mlproj.specs import Connection, Source
from mlproj.state import Location, SourceNode

SECRETS = frozenset({"password", "secret_access_key", "session_token"})
_SERVER = frozenset({"host", "port", "user", "password", "database", "ssl_mode"})
_STORE = frozenset({"endpoint", "region", "url_style", "access_key_id", "secret_access_key", "session_token"})
_KEYS: dict[str, tuple[frozenset[str], frozenset[str]]] = {  # what a type needs, and what else it may say
    "postgres": (frozenset({"host", "database"}), _SERVER),
    "mysql": (frozenset({"host", "database"}), _SERVER),
    "sqlite": (frozenset({"path"}), frozenset({"path"})),
    "s3": (frozenset(), _STORE),
}
_TABLE = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^".\s][^".]*?))\s*(\.|$)')


def check_connections(loaded: LoadedProject, collector: Collector) -> frozenset[str]:
    """E441 for a connection that lacks something, says what its type has no use for, or shows a secret: their names."""
    return frozenset(n for n, spec in loaded.spec.connections.items() if not _is_whole(n, spec, loaded, collector))


def _is_whole(name: str, spec: Connection, loaded: LoadedProject, collector: Collector) -> bool:
    before = len(collector)
    said = settings_of(spec)
    needs, takes = _KEYS[spec.type]
    span = loaded.locate(("connections", name), key=True)
    for key in sorted(needs - said.keys()):
        collector.error("E441", f"connection '{name}': {spec.type} needs `{key}`", span, f"add `{key}:`")
    for key in sorted(said.keys() - takes - {"type"}):
        hint = f"leave it out; {spec.type} takes {', '.join(sorted(takes))}"
        place = loaded.locate(("connections", name, key), key=True)
        collector.error("E441", f"connection '{name}': {spec.type} has no `{key}`", place, hint)
    for key in sorted(SECRETS & said.keys()):
        variable = variable_of(said[key])
        if variable is None or variable in loaded.env_defaults:
            # At the connection's name: the line of the secret is not to be shown.
            wrong = "has a default" if variable else "stands in the file"
            hint = f"keep it in the environment: {key}: \"{{{{ env_var('{name.upper()}_{key.upper()}') }}}}\""
            collector.error("E441", f"connection '{name}': its {key} {wrong}", span, hint)
    return len(collector) == before


def settings_of(spec: Connection) -> dict[str, str]:
    """What a connection says, as text, with placeholders for values of the environment."""
    return {name: str(value) for name, value in spec.model_dump(exclude_none=True).items()}


def location_of(source: Loaded[Source], loaded: LoadedProject, collector: Collector) -> Location | None:
    """Where the source is; None for files of the project, and with E442 where its keys do not go together."""
    spec, node = source.spec, f"source:{source.spec.name}"
    known = loaded.spec.connections
    connection = known.get(spec.connection) if spec.connection else None
    if spec.connection and connection is None:
        hint = did_you_mean(spec.connection, known) or "declare it under connections: in mlproj.yml"
        found: tuple[str, str, str] | None = ("connection", f"unknown connection '{spec.connection}'", hint)
    elif connection is None or connection.type == "s3":
        found = _wrong_files(spec, connection)
    else:
        found = _wrong_table(spec, connection)
    if found:
        key, message, hint = found
        collector.error("E442", message, source.locate((key,), key=True), hint, node)
    if found or connection is None or spec.connection is None:
        return None
    return Location(
        connection=spec.connection, settings=settings_of(connection), table=table_name(spec.table or ""),
        version_query=spec.version_query, found=spec.columns is None,
    )  # fmt: skip


def _wrong_files(spec: Source, store: Connection | None) -> tuple[str, str, str] | None:
    """Key, message and hint of what does not suit files; `store` is where they are, None for the project's folder."""
    if spec.table is not None:
        hint = (
            "declare one under connections: in mlproj.yml" if store is None else "name files: path: s3://bucket/x.csv"
        )
        return "table", "`table` needs the `connection` to a database", hint
    if spec.path is None:
        return "name", "a source needs a `path`, or a `connection` and a `table`", "say where its rows are"
    if spec.version_query is not None:
        return "version_query", "`version_query` is for tables", "leave it out: the version of a file is known"
    scheme = spec.path.partition("://")[0] if "://" in spec.path else ""
    if store is None and scheme == "s3":
        hint = "declare one under connections: in mlproj.yml, with `type: s3`, and name it: connection: lake"
        return "path", "an s3 path needs a `connection`", hint
    if store is not None and scheme != "s3" and not spec.path.startswith("__MLPROJ_ENV_"):
        return "path", "a path in a store begins with its bucket", "path: s3://bucket/folder/*.parquet"
    return None


def _wrong_table(spec: Source, database: Connection) -> tuple[str, str, str] | None:
    """Key, message and hint of what does not suit a table."""
    for key in ("path", "format", "options"):
        if getattr(spec, key):
            return key, f"`{key}` is for files, and this source is a table", "leave it out"
    if spec.table is None:
        return "connection", "`connection` needs the `table` that is read", "table: sales.orders"
    if not table_name(spec.table):
        hint = 'write it as orders, sales.orders or sales."a.b"'
        return "table", f"'{spec.table}' is no name of a table", hint
    if database.type == "sqlite" and spec.version_query is not None:
        return "version_query", "`version_query` is for servers", "leave it out: the version of a file is known"
    return None


def table_name(text: str) -> tuple[str, ...]:
    """`sales."Orders 2024"` → its parts, one or two; none where it is no name."""
    parts: list[str] = []
    position = 0
    while match := _TABLE.match(text, position):
        parts.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        position = match.end()
        if not match[3]:
            return tuple(parts) if len(parts) <= 2 and position == len(text) else ()
    return ()


def filled(node: SourceNode, environment: Mapping[str, str], defaults: Mapping[str, str] | None = None) -> SourceNode:
    """The source with the environment's values in its path and settings, for readers alone: never written down."""
    update: dict[str, Any] = {"path": fill_environment(node.path, environment, defaults)}
    if node.location is not None:
        update["location"] = filled_location(node.location, environment, defaults)
    return node.model_copy(update=update)


def filled_location(
    location: Location, environment: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> Location:
    settings = {k: fill_environment(v, environment, defaults) for k, v in location.settings.items()}
    query = location.version_query and fill_environment(location.version_query, environment, defaults)
    return location.model_copy(update={"settings": settings, "version_query": query})
