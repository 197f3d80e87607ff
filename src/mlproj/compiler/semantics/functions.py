"""What we know of the engine's functions: which aggregate, which give rows, which give another value at each run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlproj.compiler.semantics.value import Trait


@dataclass(frozen=True)
class FunctionNames:
    """Lower-case names of the engine's functions; what stands in none of the sets is unknown to us."""

    scalar: frozenset[str]
    aggregate: frozenset[str]
    table: frozenset[str]
    macro: frozenset[str] = frozenset()
    kinds: ClassVar = ("scalar", "aggregate", "table", "macro")


VOLATILE = frozenset({
    "random", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "nextval", "currval", "stats",
    "now", "today", "current_date", "current_time", "current_timestamp", "get_current_time", "get_current_timestamp",
    "transaction_timestamp", "current_localtime", "current_localtimestamp", "localtime", "localtimestamp", "ago",
    "txid_current", "current_transaction_id", "current_query", "current_query_id", "current_connection_id",
    "pg_conf_load_time", "pg_postmaster_start_time", "getvariable", "current_setting", "write_log", "sleep_ms",
})  # fmt: skip
_ROWS = frozenset({"unnest", "generate_subscripts"})
# Macros of the engine that aggregate, and what the rows of a group decide; all others compute a value from values.
_AGGREGATE_MACROS = frozenset({"geomean", "geometric_mean", "wavg", "weighted_avg", "grouping", "grouping_id"})
_SCALAR_MACROS_START = ("list_", "array_", "pg_", "map_", "json_", "has_", "col_", "obj_", "shobj_", "date_")
_SCALAR_MACROS = frozenset({
    "round_even", "roundbankers", "nullif", "fdiv", "fmod", "md5_number_lower", "md5_number_upper", "split_part",
    "generate_subscripts", "format_type", "current_role", "current_catalog", "current_database", "current_schema",
    "current_schemas", "user", "session_user", "current_user", "inet_client_addr", "ifnull", "coalesce", "if", "row",
    "struct_pack", "try", "ago", "date", "json", "date_add", "datediff", "date_sub", "log2", "xor",
})  # fmt: skip
# Their result is the same in any order of the rows; sums of floats are not.
ANY_ORDER = frozenset({
    "count", "count_star", "count_if", "countif", "min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "bit_xor",
})  # fmt: skip
LAMBDAS = frozenset({
    "list_transform", "array_transform", "list_apply", "array_apply", "apply", "list_filter", "array_filter", "filter",
    "list_reduce", "array_reduce", "reduce",
})  # fmt: skip

_ALWAYS = {
    "count": "BIGINT", "count_star": "BIGINT", "count_if": "HUGEINT", "row_number": "BIGINT", "rank": "BIGINT",
    "dense_rank": "BIGINT", "ntile": "BIGINT", "percent_rank": "DOUBLE", "cume_dist": "DOUBLE", "length": "BIGINT",
    "strlen": "BIGINT", "upper": "VARCHAR", "lower": "VARCHAR", "replace": "VARCHAR", "concat": "VARCHAR",
    "concat_ws": "VARCHAR", "substring": "VARCHAR", "strftime": "VARCHAR", "regexp_replace": "VARCHAR",
    "regexp_matches": "BOOLEAN", "starts_with": "BOOLEAN", "contains": "BOOLEAN", "md5": "VARCHAR",
    "year": "BIGINT", "month": "BIGINT", "day": "BIGINT", "date_diff": "BIGINT", "sqrt": "DOUBLE", "ln": "DOUBLE",
    "log": "DOUBLE", "exp": "DOUBLE", "pow": "DOUBLE", "power": "DOUBLE", "stddev": "DOUBLE", "corr": "DOUBLE",
    "bool_and": "BOOLEAN", "bool_or": "BOOLEAN",
}  # fmt: skip
_AS_FIRST = frozenset({"min", "max", "any_value", "first", "last", "lag", "lead", "first_value", "last_value", "mode"})
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_NUMBERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}) | _FLOATS


def traits_of_function(name: str, names: FunctionNames) -> int:
    traits = Trait.VOLATILE if name in VOLATILE else Trait.PLAIN
    if name in _ROWS:
        return traits | Trait.ROWS
    if name in names.aggregate or name in _AGGREGATE_MACROS:
        return traits | Trait.AGGREGATE
    known = name in names.scalar or name in names.macro or name in VOLATILE or name in _SCALAR_MACROS
    return traits if known or name.startswith(_SCALAR_MACROS_START) else traits | Trait.UNKNOWN


def type_of_call(name: str, arguments: list[str | None]) -> str | None:
    """The type that a function gives, where that is beyond doubt."""
    first = arguments[0] if arguments else None
    if name in _AS_FIRST and len(arguments) == 1:
        return first
    if name == "avg" and first in _NUMBERS:
        return "DOUBLE"
    if name in ("sum", "abs", "round", "floor", "ceil") and first == "DOUBLE":
        return "DOUBLE"
    if name in ("coalesce", "greatest", "least", "ifnull") and first is not None and set(arguments) == {first}:
        return first
    return _ALWAYS.get(name)


def type_of_arithmetic(symbol: str, left: str | None, right: str | None) -> str | None:
    """The type of `left symbol right`, where that is beyond doubt."""
    if left not in _NUMBERS or right not in _NUMBERS:
        return None
    if symbol == "/":
        return "DOUBLE" if left != "FLOAT" and right != "FLOAT" else None
    return "DOUBLE" if "DOUBLE" in (left, right) and symbol in ("+", "-", "*") else None
