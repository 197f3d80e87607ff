"""Aggregates over windows of time: declared, as SQL of a group's rows, and as of the time of an observation."""

from mlproj.compiler.windows.declared import aggregated_node
from mlproj.compiler.windows.group import WindowedGroup, windowed_group
from mlproj.compiler.windows.observations import WindowJoin
from mlproj.compiler.windows.rows import (
    KEPT,
    observed_events,
    stored_columns,
    stored_relation,
    stored_sql,
    stored_types,
)

__all__ = [
    "KEPT", "WindowJoin", "WindowedGroup", "aggregated_node", "observed_events", "stored_columns", "stored_relation",
    "stored_sql", "stored_types", "windowed_group",
]  # fmt: skip
