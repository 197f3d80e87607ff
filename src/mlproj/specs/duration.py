"""Lengths of time as a user writes them: `7 days`, `90 minutes`, `1 day 12 hours`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_PART = re.compile(r"(\d{1,9}) ?(second|minute|hour|day|week)s?")
_WHOLE = re.compile(rf"{_PART.pattern}(?: {_PART.pattern})*")
_HINT = "write a number and a unit (seconds, minutes, hours, days or weeks), like '7 days' or '1 day 12 hours'"


def parse_duration(value: Any) -> Any:
    """A fixed length of time; months and years have none. Raises ValueError with what to write."""
    if isinstance(value, timedelta):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if not _WHOLE.fullmatch(text):
        raise ValueError(_HINT)
    try:
        return timedelta(seconds=sum(int(n) * _SECONDS[unit] for n, unit in _PART.findall(text)))
    except OverflowError:
        raise ValueError("this is longer than time itself; " + _HINT) from None


def microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def written_duration(length: int, *, weeks: bool = True) -> str:
    """Microseconds in the largest units that hold them: `1 day 12 hours`; without `weeks` in days at most."""
    rest, parts = length // 1_000_000, []
    for unit, seconds in reversed(_SECONDS.items()):
        if unit == "week" and not weeks:
            continue
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts) or "0 seconds"


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
