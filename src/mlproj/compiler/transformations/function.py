"""What a transformation function is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Arguments = Mapping[str, Any]
Statistics = Mapping[str, Any]


@dataclass(frozen=True)
class Argument:
    """`types` are the Python types that YAML may give; without a `default` the argument is required."""

    types: tuple[type, ...]
    default: Any = None
    required: bool = False


@dataclass(frozen=True)
class Function:
    """One transformation function.

    `statistics(x, args)` gives SQL aggregates over the training split by name; `apply(x, args, statistics)` the columns
    it makes, as (suffix, SQL), the suffix None where there is one column that keeps the feature's name.
    `output(type, args)` is the type of what it makes, `accepts(type)` the types that it takes.
    """

    name: str
    accepts: Callable[[str], bool]
    wants: str
    output: Callable[[str, Arguments], str]
    apply: Callable[[str, Arguments, Statistics], list[tuple[str | None, str]]]
    statistics: Callable[[str, Arguments], dict[str, str]] = lambda _x, _args: {}
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    # Whether statistics must exist: an all-null training split is then an error that says so.
    needs_values: bool = False


def single(sql: str) -> list[tuple[str | None, str]]:
    return [(None, sql)]
