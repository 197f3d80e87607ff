"""What computes a project's own transformations for a few rows: DuckDB, for those in SQL."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlproj.adapters.duckdb_error import CONFIG, SESSION
from mlproj.compiler.transformations.chain import function_of
from mlproj.compiler.transformations.online import Calculate
from mlproj.state import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection


class OwnSteps:
    """`compiler.transformations.online.OwnSteps`; one connection in memory, safe to call from several threads."""

    def __init__(self) -> None:
        self._open: DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    def __call__(self, step: Step, statistics: Mapping[str, Any]) -> Calculate:
        assert step.own is not None
        expression = function_of(step).apply("x", step.args, statistics)[0][1]
        # A list keeps its order; of no rows it is null.
        query = f"select list({expression} order by i) from (select unnest(?::{step.own.takes}[]) as x, unnest(?) as i)"

        def calculate(values: Sequence[Any]) -> list[Any]:
            with self._lock:
                row = self._connection().execute(query, [list(values), list(range(len(values)))]).fetchone()
            return list(row[0] or []) if row else []

        return calculate

    def _connection(self) -> DuckDBPyConnection:
        if self._open is None:
            import duckdb

            self._open = duckdb.connect(config={**CONFIG, "threads": "1", "enable_external_access": "false"})
            self._open.execute(SESSION)
        return self._open
