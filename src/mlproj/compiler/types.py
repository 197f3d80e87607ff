"""What the compiler knows of DuckDB's type names, in the engine's own spelling."""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import Any

from mlproj.diagnostics import did_you_mean

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_BITS = dict(zip(INTEGERS, (8, 16, 32, 64) * 2, strict=True))
FLOATS = ("FLOAT", "DOUBLE")
_HUGE = ("HUGEINT", "UHUGEINT")
_TEMPORAL = re.compile(r"^(DATE|TIME\b|TIMESTAMP)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?")
_MOMENT = re.compile(rf"{_DAY.pattern}([ T]{_CLOCK.pattern}(Z|[+-]\d\d(:\d\d)?)?)?")
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


def in_range(value: int, type_name: str) -> bool:
    """Whether a whole number is in the range of an integer type; of other types nothing is said."""
    if type_name not in _BITS:
        return True
    bits = _BITS[type_name]
    lowest = 0 if type_name.startswith("U") else -(1 << bits - 1)
    return lowest <= value < lowest + (1 << bits)


def suits(value: Any, type_name: str) -> bool:
    """Whether a value written in YAML is of a column's type."""
    if isinstance(value, bool):
        return type_name == "BOOLEAN"
    if isinstance(value, int):
        return is_numeric(type_name) and in_range(value, type_name)
    if isinstance(value, float):
        return is_float(type_name) or type_name.startswith("DECIMAL")
    if is_temporal(type_name):
        return _is_time(str(value), type_name)
    return type_name in ("VARCHAR", "UUID", "INTERVAL", "JSON")


def _is_time(text: str, type_name: str) -> bool:
    """As ISO 8601 has it, which both the engine and everybody reads the same way."""
    wanted = _CLOCK if type_name.startswith("TIME") and not type_name.startswith("TIMESTAMP") else _DAY
    wanted = _MOMENT if type_name.startswith("TIMESTAMP") else wanted
    if not wanted.fullmatch(text):
        return False
    try:
        _ = time.fromisoformat(text) if wanted is _CLOCK else datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
