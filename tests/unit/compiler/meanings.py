"""Two relations, `t` and `u`, and what queries over them mean."""

from __future__ import annotations

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.compiler.meaning import QueryMeaning
from mlproj.compiler.semantics import FunctionNames, query_meaning
from mlproj.state import Column

BINDER = DuckDBBinder()
FUNCTIONS = FunctionNames(*(BINDER.functions(kind) for kind in FunctionNames.kinds))
COLUMNS = {
    "t": {
        "id": "BIGINT", "a": "BIGINT", "b": "DOUBLE", "s": "VARCHAR", "d": "TIMESTAMP", "l": "BIGINT[]",
        "st": "STRUCT(x BIGINT, y VARCHAR)", "j": "JSON", "flag": "BOOLEAN", "small": "SMALLINT",
    },
    "u": {"id": "BIGINT", "a": "BIGINT", "c": "DOUBLE", "s": "VARCHAR"},
}  # fmt: skip
RELATIONS = {name: [Column(name=n, type=t) for n, t in columns.items()] for name, columns in COLUMNS.items()}
for _name, _columns in RELATIONS.items():
    BINDER.declare(_name, _columns)


def meaning(sql: str) -> QueryMeaning:
    return query_meaning(sql, RELATIONS, FUNCTIONS, BINDER.describe(sql))


def computed(found: QueryMeaning) -> dict[str, str]:
    """Fingerprints by column, in any order and case."""
    return {name.lower(): column.computed for name, column in found.columns.items()}


def problems(found: QueryMeaning) -> list[str]:
    return [note.what for note in found.notes if note.kind == "not_understood"]
