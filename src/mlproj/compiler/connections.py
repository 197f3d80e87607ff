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

SECRETS = frozenset({"password"})
_SERVER = frozenset({"host", "port", "user", "password", "database", "ssl_mode"})
_KEYS: dict[str, tuple[frozenset[str], frozenset[str]]] = {  # what a type needs, and what else it may say
    "postgres": (frozenset({"host", "database"}), _SERVER),
    "mysql": (frozenset({"host", "database"}), _SERVER),
    "sqlite": (frozenset({"path"}), frozenset({"path"})),
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
    """Where the source's table is; None for files, and with E442 where keys are missing or do not go together."""
    spec, node = source.spec, f"source:{source.spec.name}"

    def wrong(key: str, message: str, hint: str | None) -> None:
        collector.error("E442", message, source.locate((key,), key=True), hint, node)

    if spec.connection is None and spec.table is None:
        if spec.path is None:
            wrong("name", "a source needs a `path`, or a `connection` and a `table`", "say where its rows are")
        elif spec.version_query is not None:
            wrong("version_query", "`version_query` is for tables", "leave it out: the version of a file is known")
        return None
    for key in ("path", "format", "options"):
        if getattr(spec, key):
            wrong(key, f"`{key}` is for files, and this source is a table", "leave it out")
    if spec.connection is None:
        wrong("table", "`table` needs the `connection` that it is in", "declare one under connections: in mlproj.yml")
    elif spec.connection not in loaded.spec.connections:
        known = loaded.spec.connections
        hint = did_you_mean(spec.connection, known) or "declare it under connections: in mlproj.yml"
        wrong("connection", f"unknown connection '{spec.connection}'", hint)
    elif spec.table is None:
        wrong("connection", "`connection` needs the `table` that is read", "table: sales.orders")
    else:
        table = table_name(spec.table)
        connection = loaded.spec.connections[spec.connection]
        if not table:
            wrong("table", f"'{spec.table}' is no name of a table", 'write it as orders, sales.orders or sales."a.b"')
        elif connection.type == "sqlite" and spec.version_query is not None:
            wrong("version_query", "`version_query` is for servers", "leave it out: the version of a file is known")
        else:
            return Location(
                connection=spec.connection, settings=settings_of(connection), table=table,
                version_query=spec.version_query, found=spec.columns is None,
            )  # fmt: skip
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
