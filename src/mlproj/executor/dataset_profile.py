"""What a training dataset is, in figures and digests: taken column by column, so that memory holds no table twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mlproj.compiler.column_statistics import Kind, finite_sql
from mlproj.compiler.text import identifier, identifiers
from mlproj.compiler.transformations.chain import function_of
from mlproj.compiler.types import is_numeric
from mlproj.executor.column_statistics import ColumnStatistics, is_usual, measured
from mlproj.ports import Engine
from mlproj.state import Column, FittedStatistics, Step, ViewNode

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

# Quartiles of more rows are those of about so many, by a hash of the key: exact ones cost more than all else together.
_QUARTILE_ROWS = 250_000
_COUNTED, _SPREAD = ("count", "nulls", "distinct"), ("std",)
_VALUES = ("min", "max", "mean", "p25", "p50", "p75")
_NOTHING: Mapping[str, dict[str, Any]] = MappingProxyType({})
_PLACE = '"its place"'  # not the name of a column, which has no blank


def profile(
    features: Sequence[str],
    table: Sequence[Column],
    engine: Engine,
    relation: str,
    rows: int,
    key: Sequence[str],
    known: Mapping[str, dict[str, Any]] = _NOTHING,
) -> dict[str, dict[str, Any]]:
    """Per feature, of the training split: count, nulls, distinct, and for numbers min, max, mean, std and quartiles.

    `relation` has the columns `table` and so many `rows`; what is `known` of features is not looked for.
    """
    measure = [name for name in features if name not in known]
    found = _profile(measure, table, engine, relation, rows, key) if measure else {}
    return {name: known[name] if name in known else found[name] for name in features}


def followed(
    view: ViewNode, fitted: FittedStatistics, measured: Mapping[str, ColumnStatistics], unusual: Collection[str]
) -> dict[str, dict[str, Any]]:
    """The profiles that follow from what was `measured` of features before transformation, in the training split.

    They do where a feature is left as it is or its values are only moved and divided, and none of them is `unusual`.
    """
    profiles: dict[str, dict[str, Any]] = {}
    for column in view.of_role("feature"):
        chain, values = fitted.chains.get(column.name, ()), fitted.values.get(column.name, ())
        found, type_name = measured.get(column.name, {}), column.type
        wanted = (*_COUNTED, *_SPREAD, *_VALUES) if is_numeric(type_name) else _COUNTED
        facts: dict[str, Any] | None = {name: found.get(name) for name in wanted}
        for step, learnt in zip(chain, values, strict=True):
            facts = facts and _moved(facts, type_name, step, learnt)
            type_name = function_of(step).output(type_name, step.args)
        if facts and column.name not in unusual and None not in facts.values() and is_usual(facts):
            profiles[column.name] = facts
    return profiles


def _moved(facts: dict[str, Any], type_name: str, step: Step, learnt: Mapping[str, Any]) -> dict[str, Any] | None:
    """Facts after a step; None where they do not follow."""
    function = function_of(step)
    if function.divisor is None or function.evaluate is None or None in (*facts.values(), *learnt.values()):
        return None
    moved = function.evaluate(type_name, step.args, learnt)
    return {**facts, **{n: moved(facts[n]) for n in _VALUES}, "std": facts["std"] / function.divisor(learnt)}


def _profile(
    features: Sequence[str], table: Sequence[Column], engine: Engine, relation: str, rows: int, key: Sequence[str]
) -> dict[str, dict[str, Any]]:
    types = {c.name: c.type for c in table if c.name in features}
    kinds: dict[str, Kind] = {n: "number" if is_numeric(t) else "other" for n, t in types.items()}
    seen = f"(select {identifiers(features)} from {relation} where split = 'training') as t"
    found = measured(engine, seen, types, kinds, exact=False).by_group[""]
    numbers = [n for n in features if kinds[n] == "number"]
    if numbers:
        # Looked at by themselves: with a filter in each aggregate they took thrice as long as all else.
        every = max(1, rows // _QUARTILE_ROWS)
        some = f"and hash({identifiers(key)}, 'quartiles') % {every} = 0" if every > 1 else ""
        part = f"select * from {relation} where split = 'training' {some}"
        quartiles = ", ".join(f"quantile_cont({finite_sql(n, types[n])}, [0.25, 0.5, 0.75])" for n in numbers)
        for name, values in zip(numbers, engine.rows(f"select {quartiles} from ({part}) as t")[0], strict=True):
            found[name].update(zip(("p25", "p50", "p75"), values or [None] * 3, strict=True))
    return {name: found[name] for name in features}


def column_digests(columns: Sequence[Column], engine: Engine, relation: str, order: str = "") -> dict[str, str]:
    """blake2b of every column over all rows in their order: its name, type, nulls and values.

    With an `order`, an ORDER BY clause's, the rows are taken in that: files are written by several threads.
    """
    places = _places(engine, relation, order) if order else None
    return {c.name: column_digest(engine.arrow(f"select {_plain(c)} from {relation}"), places) for c in columns}


def _plain(column: Column) -> str:
    """A column whose values Arrow can give as text: lists and structures as the engine writes them."""
    name = identifier(column.name)
    nested = column.type.startswith(("STRUCT(", "MAP(")) or column.type.endswith("]")
    return f"{name}::VARCHAR as {name}" if nested else name


def _places(engine: Engine, relation: str, order: str) -> pa.ChunkedArray | None:
    """Where the first, the second … row of an order is found; None where they stand in that order."""
    import pyarrow.compute as pc

    counted = f"select *, row_number() over () - 1 as {_PLACE} from {relation}"
    places = engine.arrow(f"select {_PLACE} from ({counted}) as t order by {order}").column(0).combine_chunks()
    return None if pc.all(pc.equal(pc.pairwise_diff(places), 1)).as_py() else places


def column_digest(table: pa.Table, places: pa.ChunkedArray | None = None) -> str:
    """Of a table of one column, the rows in the order of `places` where they are given.

    Nulls hash as a mask and values as bytes with nulls filled, so that what lies under a null counts for nothing.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    field, column = table.schema[0], table.column(0)
    digest = blake2b(f"{field.name}:{field.type}:{len(column)};".encode(), digest_size=16)
    number = pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
    if not number:
        column = column.cast(pa.large_string())
    if places is not None:
        column = pa.chunked_array([column.combine_chunks().take(places)])
    for chunk in column.chunks:
        digest.update(_bytes(pc.is_null(chunk).cast(pa.uint8())))
    if number:
        for chunk in column.chunks:
            digest.update(_bytes(pc.fill_null(chunk, 0) if chunk.null_count else chunk))
        return digest.hexdigest()
    nothing, end, null = (pa.scalar(text, pa.large_string()) for text in ("", "\1", "\0"))
    texts = pc.binary_join_element_wise(column, nothing, end)
    for chunk in pc.coalesce(texts, null).chunks:
        digest.update(_text_bytes(chunk))
    return digest.hexdigest()


def _bytes(chunk: pa.Array) -> memoryview:
    array: np.ndarray[Any, Any] = chunk.to_numpy(zero_copy_only=False)
    return array.data


def _text_bytes(chunk: pa.LargeStringArray) -> memoryview:
    import numpy as np

    _valid, offsets, data = chunk.buffers()
    bounds = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    return memoryview(data)[int(bounds[0]) : int(bounds[-1])] if data is not None else memoryview(b"")


def combined_digest(digests: Mapping[str, str]) -> str:
    """One digest of all columns, in their order."""
    return f"td1:{blake2b(''.join(digests.values()).encode(), digest_size=16).hexdigest()}"
