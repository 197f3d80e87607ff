"""What a training dataset is, in figures and digests: taken column by column, so that memory holds no table twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from mlproj.compiler.text import identifier
from mlproj.compiler.transformations import statistics_of_row
from mlproj.compiler.types import is_float, is_numeric
from mlproj.ports import Engine
from mlproj.state import Column

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

# Quartiles of more rows are those of every n-th in key order: exact ones cost more than all else together.
_QUARTILE_ROWS = 250_000


def profile(
    features: Sequence[str], table: Sequence[Column], engine: Engine, relation: str, rows: int
) -> dict[str, dict[str, Any]]:
    """Per feature, of the training split: count, nulls, distinct, and for numbers min, max, mean, std and quartiles.

    `relation` is a scratch table in key order, with the columns `table` and so many `rows`.
    """
    parts: list[str] = []
    columns: list[str] = []
    wanted: list[tuple[str, str]] = []
    types = {c.name: c.type for c in table}
    every = max(1, rows // _QUARTILE_ROWS)
    for number, name in enumerate(features):
        column = identifier(name)
        measures = {
            "count": f"count({column})",
            "nulls": f"count(*) - count({column})",
            "distinct": f"approx_count_distinct({column})",
        }
        columns.append(column)
        if is_numeric(types[name]):
            value = f"{column}::DOUBLE"
            finite = f"case when isfinite({value}) then {value} end" if is_float(types[name]) else value
            columns.append(f"{finite} as v{number}")
            measures |= {"min": f"min(v{number})", "max": f"max(v{number})"}
            measures |= {"mean": f"avg(v{number})", "std": f"stddev_pop(v{number})"}
            measures |= {f"p{p}": f"quantile_cont(v{number}, 0.{p}) filter (where nth)" for p in (25, 50, 75)}
        parts += measures.values()
        wanted += [(name, measure) for measure in measures]
    seen = f"select {', '.join(columns)}, rowid % {every} = 0 as nth from {relation} where split = 'training'"
    return statistics_of_row(wanted, engine.rows(f"select {', '.join(parts)} from ({seen}) as t")[0])


def column_digests(columns: Sequence[Column], engine: Engine, relation: str) -> dict[str, str]:
    """blake2b of every column over all rows in their order: its name, type, nulls and values."""
    return {c.name: column_digest(engine.arrow(f"select {identifier(c.name)} from {relation}")) for c in columns}


def column_digest(table: pa.Table) -> str:
    """Of a table of one column.

    Nulls hash as a mask and values as bytes with nulls filled, so that what lies under a null counts for nothing.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    field, column = table.schema[0], table.column(0)
    digest = blake2b(f"{field.name}:{field.type}:{len(column)};".encode(), digest_size=16)
    digest.update(_bytes(pc.is_null(column).cast(pa.uint8())))
    if pa.types.is_floating(field.type) or pa.types.is_integer(field.type):
        digest.update(_bytes(pc.fill_null(column, 0) if column.null_count else column))
        return digest.hexdigest()
    nothing, end, null = (pa.scalar(text, pa.large_string()) for text in ("", "\1", "\0"))
    texts = pc.binary_join_element_wise(column.cast(pa.large_string()), nothing, end)
    for chunk in pc.coalesce(texts, null).chunks:
        digest.update(_text_bytes(chunk))
    return digest.hexdigest()


def _bytes(column: pa.ChunkedArray) -> memoryview:
    array: np.ndarray[Any, Any] = column.combine_chunks().to_numpy(zero_copy_only=False)
    return array.data


def _text_bytes(chunk: pa.LargeStringArray) -> memoryview:
    import numpy as np

    _valid, offsets, data = chunk.buffers()
    bounds = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    return memoryview(data)[int(bounds[0]) : int(bounds[-1])] if data is not None else memoryview(b"")


def combined_digest(digests: Mapping[str, str]) -> str:
    """One digest of all columns, in their order."""
    return f"td1:{blake2b(''.join(digests.values()).encode(), digest_size=16).hexdigest()}"
