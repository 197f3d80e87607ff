"""Encoders: categories to numbers. Values are sorted, so that their order in the data decides nothing."""

from __future__ import annotations

from mlproj.compiler.text import literal
from mlproj.compiler.transformations.function import Argument, Arguments, Function, Statistics, single
from mlproj.compiler.types import is_category, is_temporal


def _bigint(_type: str, _args: Arguments) -> str:
    return "BIGINT"


def _comparable(x: str) -> str:
    """Categories are compared as text, which every type has; for dates and times text sorts as they do."""
    return f"({x})::VARCHAR"


def _values(x: str, _args: Arguments) -> dict[str, str]:
    """In the order of their type; with the text that the engine has for each, since `.5` seconds have several."""
    values = f"list(distinct ({x}) order by ({x})) filter (where ({x}) is not null)"
    return {"values": values, "texts": f"({values})::VARCHAR[]"}


def _counted(x: str, args: Arguments) -> dict[str, str]:
    if args.get("max_categories") is None:
        return _values(x, args)
    return {"histogram": f"histogram({_comparable(x)}) filter (where ({x}) is not null)", **_values(x, args)}


def _kept(args: Arguments, statistics: Statistics) -> list[str]:
    """All values; with `max_categories`, the most frequent of them, ties by value, in sorted order."""
    values: list[str] = statistics["texts"] or []
    limit = args.get("max_categories")
    if limit is None or len(values) <= limit:
        return values
    counts = statistics["histogram"]
    kept = set(sorted(values, key=lambda v: -counts[v])[:limit])  # stable: ties stay in the order of values
    return [value for value in values if value in kept]


def _label(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    position = f"list_position({literal(s['texts'] or [])}::VARCHAR[], {_comparable(x)})"
    return single(f"case when ({x}) is not null then (coalesce({position}, 0) - 1)::BIGINT end")


def _one_hot(x: str, args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    return [(text, f"(coalesce({_comparable(x)} = {literal(text)}, false))::BIGINT") for text in _kept(args, s)]


def _accepts(type_name: str) -> bool:
    return is_category(type_name) and not (is_temporal(type_name) and "ZONE" in type_name)


_CATEGORIES = "text, whole numbers, booleans or dates"
ENCODERS = (
    Function(
        name="label_encoder", accepts=_accepts, wants=_CATEGORIES, output=_bigint, statistics=_values, apply=_label
    ),
    Function(
        name="one_hot_encoder",
        accepts=_accepts,
        wants=_CATEGORIES,
        output=_bigint,
        statistics=_counted,
        apply=_one_hot,
        arguments={"max_categories": Argument((int,))},
    ),
)
