"""Encoders: categories to numbers. Values are sorted, so that their order in the data decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlproj.compiler.text import literal, written
from mlproj.compiler.transformations.function import (
    Argument,
    Arguments,
    Evaluate,
    Function,
    Rows,
    Statistics,
    bigint,
    single,
    unless_null,
)
from mlproj.compiler.transformations.hashing import bits, bits_sql
from mlproj.compiler.transformations.values import parse, writer
from mlproj.compiler.types import is_category, is_temporal, suits

OTHER = "other"


def comparable(x: str) -> str:
    """Categories are compared as text, which every type has; for dates and times text sorts as they do."""
    return f"({x})::VARCHAR"


def accepts_categories(type_name: str) -> bool:
    return is_category(type_name) and not (is_temporal(type_name) and "ZONE" in type_name)


CATEGORIES = "text, whole numbers, booleans or dates"


def _values(x: str, _args: Arguments) -> dict[str, str]:
    """In the order of their type; with the text that the engine has for each, since `.5` seconds have several."""
    values = f"list(distinct ({x}) order by ({x})) filter (where ({x}) is not null)"
    return {"values": values, "texts": f"({values})::VARCHAR[]"}


def _counted(x: str, args: Arguments) -> dict[str, str]:
    if args.get("max_categories") is None:
        return _values(x, args)
    return {"histogram": f"histogram({comparable(x)}) filter (where ({x}) is not null)", **_values(x, args)}


def _kept(args: Arguments, statistics: Statistics) -> list[str]:
    """All values; with `max_categories`, the most frequent of them, ties by value, in sorted order."""
    values: list[str] = statistics["texts"] or []
    limit = args.get("max_categories")
    if limit is None or len(values) <= limit:
        return values
    counts = statistics["histogram"]
    kept = set(sorted(values, key=lambda v: -counts[v])[:limit])  # stable: ties stay in the order of values
    return [value for value in values if value in kept]


def _index_sql(x: str, texts: Sequence[str]) -> list[tuple[str | None, str]]:
    """The index of each value, -1 of those that are not among the texts."""
    position = f"list_position({literal(texts)}::VARCHAR[], {comparable(x)})"
    return single(f"case when ({x}) is not null then (coalesce({position}, 0) - 1)::BIGINT end")


def _index(type_name: str, texts: Sequence[str]) -> Evaluate:
    text, positions = writer(type_name), {text: index for index, text in enumerate(texts)}
    return unless_null(lambda value: positions.get(text(value), -1))


def _one_hot_sql(x: str, args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    return [(text, f"(coalesce({comparable(x)} = {literal(text)}, false))::BIGINT") for text in _kept(args, s)]


def _one_hot(type_name: str, args: Arguments, s: Statistics) -> Evaluate:
    text, kept = writer(type_name), _kept(args, s)

    def row(value: Any) -> tuple[int, ...]:
        found = None if value is None else text(value)
        return tuple(int(name == found) for name in kept)

    return row


# The order of an ordinal_encoder is written in YAML, in whatever way its type may be written there.


def _order(args: Arguments) -> list[str]:
    return [value if isinstance(value, str) else written(value) for value in args["order"]]


def _order_problem(type_name: str, args: Arguments) -> str | None:
    for value in args["order"]:
        if not suits(value, type_name):
            return f"ordinal_encoder: {written(value)} is no {type_name}"
    if not args["order"]:
        return "ordinal_encoder: order names no value"
    if len(set(_order(args))) < len(args["order"]):
        return "ordinal_encoder: order names a value twice"
    return None


def _ordinal(type_name: str, args: Arguments, _s: Statistics) -> Evaluate:
    text = writer(type_name)
    return _index(type_name, [text(parse(value, type_name)) for value in _order(args)])


def _ordinal_sql(x: str, args: Arguments, _s: Statistics) -> list[tuple[str | None, str]]:
    """Written values are cast to the feature's type and back, so that 2026-01-31 and its timestamp are one."""
    values = ", ".join(f"cast_to_type({literal(value)}, {x})::VARCHAR" for value in _order(args))
    position = f"list_position([{values}], {comparable(x)})"
    return single(f"case when ({x}) is not null then (coalesce({position}, 0) - 1)::BIGINT end")


def _top_query(x: str, _type: str, args: Arguments, rows: Rows) -> dict[str, str]:
    counted = f"select ({x}) as v, count(*) as n from {rows.sql} and ({x}) is not null group by v"
    top = f"select v, n from ({counted}) as c order by n desc, v limit {args['k']}"
    return {"values": f"(select list(v::VARCHAR order by n desc, v) from ({top}) as t)"}


def _top_sql(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    if not s["values"]:
        return single(literal(OTHER))
    kept, text = f"{literal(s['values'])}::VARCHAR[]", comparable(x)
    return single(f"case when list_contains({kept}, {text}) then {text} else {literal(OTHER)} end")


def _top(type_name: str, _args: Arguments, s: Statistics) -> Evaluate:
    text, kept = writer(type_name), frozenset(s["values"] or ())

    def name(value: Any) -> str:
        found = None if value is None else text(value)
        return found if found is not None and found in kept else OTHER

    return name


def _positive(name: str, argument: str, args: Arguments) -> str | None:
    value = args.get(argument)
    return f"{name}: {argument} must be at least 1" if value is not None and value < 1 else None


def _bucket_sql(x: str, args: Arguments, _s: Statistics) -> list[tuple[str | None, str]]:
    hashed = f"({bits_sql(str(args['seed']), [x])} % {args['n']})::BIGINT"
    return single(f"case when ({x}) is not null then {hashed} end")


def _bucket(type_name: str, args: Arguments, _s: Statistics) -> Evaluate:
    text, seed, n = writer(type_name), str(args["seed"]), args["n"]
    return unless_null(lambda value: bits(seed, [text(value)]) % n)


ENCODERS = (
    Function(
        name="label_encoder",
        accepts=accepts_categories,
        wants=CATEGORIES,
        output=bigint,
        statistics=_values,
        apply=lambda x, _args, s: _index_sql(x, s["texts"] or []),
        evaluate=lambda type_name, _args, s: _index(type_name, s["texts"] or []),
    ),
    Function(
        name="one_hot_encoder",
        accepts=accepts_categories,
        wants=CATEGORIES,
        output=bigint,
        statistics=_counted,
        apply=_one_hot_sql,
        evaluate=_one_hot,
        arguments={"max_categories": Argument((int,))},
        check=lambda _t, args: _positive("one_hot_encoder", "max_categories", args),
        several=True,
    ),
    Function(
        name="ordinal_encoder",
        accepts=accepts_categories,
        wants=CATEGORIES,
        output=bigint,
        apply=_ordinal_sql,
        evaluate=_ordinal,
        arguments={"order": Argument((list, tuple), required=True)},
        check=_order_problem,
    ),
    Function(
        name="top_k_encoder",
        accepts=accepts_categories,
        wants=CATEGORIES,
        output=lambda _t, _a: "VARCHAR",
        queries=_top_query,
        apply=_top_sql,
        evaluate=_top,
        arguments={"k": Argument((int,), 10)},
        check=lambda _t, args: _positive("top_k_encoder", "k", args),
    ),
    Function(
        name="hash_bucket",
        accepts=accepts_categories,
        wants=CATEGORIES,
        output=bigint,
        apply=_bucket_sql,
        evaluate=_bucket,
        arguments={"n": Argument((int,), required=True), "seed": Argument((int,), 42)},
        check=lambda _t, args: _positive("hash_bucket", "n", args),
    ),
)
