"""What the compiler knows of DuckDB's type names, in the engine's own spelling."""

from __future__ import annotations

import re
from typing import Any

from mlproj.diagnostics import did_you_mean

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
FLOATS = ("FLOAT", "DOUBLE")
_HUGE = ("HUGEINT", "UHUGEINT")
_TEMPORAL = re.compile(r"^(DATE|TIME\b|TIMESTAMP)")
_ARRAY = re.compile(r"\[\d+\]")
# Types stand in capitals, so that a field of a STRUCT is not taken for one.
_LOSES_DIGITS = re.compile(r"\bU?HUGEINT\b")
_AS_TEXT = re.compile(r"\b(?:ENUM\(|UNION\(|BIT\b|BIGNUM\b|TIME_NS\b)")
_UNNAMED_FIELDS = re.compile(r"\bSTRUCT\([A-Z_0-9]+[\[(,)]")
_NAMES = (*INTEGERS, *FLOATS, *_HUGE, "DECIMAL", "VARCHAR", "BOOLEAN", "DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ",
          "UUID", "JSON", "BLOB", "INTERVAL", "TEXT", "STRING", "INT", "FLOAT8", "STRUCT", "MAP")  # fmt: skip


def is_integer(type_name: str) -> bool:
    return type_name in INTEGERS or type_name in _HUGE


def is_float(type_name: str) -> bool:
    return type_name in FLOATS


def is_numeric(type_name: str) -> bool:
    return is_integer(type_name) or is_float(type_name) or type_name.startswith("DECIMAL")


def is_temporal(type_name: str) -> bool:
    return _TEMPORAL.match(type_name) is not None


def is_moment(type_name: str) -> bool:
    """A type that can say when something happened."""
    return type_name == "DATE" or type_name.startswith("TIMESTAMP")


def is_category(type_name: str) -> bool:
    """A type whose values can be listed: text, whole numbers, booleans, dates."""
    return type_name in ("VARCHAR", "BOOLEAN") or is_integer(type_name) or is_temporal(type_name)


def is_huge(type_name: str) -> bool:
    return type_name in _HUGE


def why_not_storable(type_name: str) -> tuple[str, str] | None:
    """(reason, hint) for a column type that the lake would lose or refuse; None for all others."""
    nested = type_name.startswith(("STRUCT(", "MAP(")) or type_name.endswith("]")
    if _LOSES_DIGITS.search(type_name):
        cast = f"x::{_LOSES_DIGITS.sub('BIGINT', type_name)}" if nested else "sum(x)::BIGINT or ::DECIMAL(38,0)"
        return ("is stored as DOUBLE and loses digits above 2^53", f"cast it: {cast}")
    if _ARRAY.search(type_name):
        return ("cannot be stored", f"cast it to a list: x::{_ARRAY.sub('[]', type_name)}")
    if _UNNAMED_FIELDS.search(type_name):
        return ("cannot be stored without names of its fields", "name them: {'a': x, 'b': y}")
    if type_name == "TIME WITH TIME ZONE":
        return ("is stored without its zone", "cast it: x::TIME, or x::VARCHAR")
    if _AS_TEXT.search(type_name):
        return ("cannot be stored", "cast what is of that type: x::VARCHAR" if nested else "cast it: x::VARCHAR")
    return None


def unknown_type_hint(text: str) -> str:
    return did_you_mean(text.upper(), _NAMES) or "types are DuckDB's: BIGINT, DOUBLE, VARCHAR, TIMESTAMP …"


def suits(value: Any, type_name: str) -> bool:
    """Whether a value written in YAML is of a column's type."""
    if isinstance(value, bool):
        return type_name == "BOOLEAN"
    if isinstance(value, int):
        return is_numeric(type_name)
    if isinstance(value, float):
        return is_float(type_name) or type_name.startswith("DECIMAL")
    return type_name == "VARCHAR" or is_temporal(type_name) or type_name in ("UUID", "INTERVAL", "JSON")
