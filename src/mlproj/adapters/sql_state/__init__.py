"""State of targets in a SQL database: `open_reader` and `open_store` are all that others need."""

from mlproj.adapters.sql_state.connect import open_reader, open_store

__all__ = ["open_reader", "open_store"]
