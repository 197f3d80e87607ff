"""Values of DuckDB's types in Python: read as the engine would cast them, and written as the engine writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from mlproj.compiler.types import INTEGERS, in_range, is_integer, is_numeric

_WIDE = Context(prec=40)  # DECIMAL has up to 38 digits
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


def reader(type_name: str) -> Callable[[Any], Any]:
    """What makes a value of the type of what a caller gave: JSON, numpy or Python. NaN is null.

    It raises ValueError, TypeError or OverflowError for what is none; values of nested types pass as they are.
    """
    read = _READERS.get(type_name)
    if read is None and is_integer(type_name):
        read = _integer(type_name)
    elif read is None and (match := _DECIMAL.fullmatch(type_name)):
        read = _decimal(Decimal(1).scaleb(-int(match[2])))
    return _null_or(read or _as_it_is)


def writer(type_name: str) -> Callable[[Any], str]:
    """What writes a value of the type as the engine's `::VARCHAR` does, for types whose values can be listed."""
    if type_name == "BOOLEAN":
        return lambda value: "true" if value else "false"
    return _moment_text if type_name.startswith("TIME") else str


def parse(text: str, type_name: str) -> Any:
    """The inverse of `writer`."""
    if type_name == "BOOLEAN":
        return text == "true"
    return reader(type_name)(text)


def _null_or(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def found(value: Any) -> Any:
        if value is None or value != value:  # noqa: PLR0124 - NaN, NaT
            return None
        return read(value.item() if hasattr(value, "item") else value)

    return found


def _as_it_is(value: Any) -> Any:
    return value


def _double(value: Any) -> float:
    if isinstance(value, str | bool | int | float | Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is no number")


def _float(value: Any) -> float:
    import struct

    number = _double(value)
    return float(struct.unpack("f", struct.pack("f", number))[0]) if math.isfinite(number) else number


def _integer(type_name: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = int(value)
        if not isinstance(value, str | bool) and number != value:
            raise ValueError(f"{value} is no whole number")
        if type_name in INTEGERS and not in_range(number, type_name):
            raise OverflowError(f"{value} is out of range")
        return number

    return read


def _decimal(unit: Decimal) -> Callable[[Any], Decimal]:
    def read(value: Any) -> Decimal:
        try:
            return Decimal(str(value)).quantize(unit, ROUND_HALF_UP, _WIDE)
        except InvalidOperation:
            raise ValueError(f"{value} is no decimal number") from None

    return read


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{type(value).__name__} is no text")


def _boolean(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError(f"{value} is neither true nor false")


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def _timestamp(value: Any) -> datetime:
    """Without a zone, in UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001  (TIMESTAMP has no zone)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _time(value: Any) -> time:
    return value if isinstance(value, time) else time.fromisoformat(value)


def _moment_text(value: Any) -> str:
    """Seconds with as many digits as there are."""
    text = str(value)
    return text.rstrip("0") if "." in text else text


_READERS: dict[str, Callable[[Any], Any]] = {
    "DOUBLE": _double,
    "FLOAT": _float,
    "VARCHAR": _text,
    "BOOLEAN": _boolean,
    "DATE": _date,
    "TIMESTAMP": _timestamp,
    "TIMESTAMP_S": _timestamp,
    "TIMESTAMP_MS": _timestamp,
    "TIMESTAMP_NS": _timestamp,
    "TIMESTAMP WITH TIME ZONE": _timestamp,
    "TIME": _time,
}


def number(type_name: str) -> Callable[[Any], float]:
    """What makes a double of a value of a numeric type, as the engine's `::DOUBLE`."""
    assert is_numeric(type_name), type_name
    return float
