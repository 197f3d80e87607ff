"""The difference of two states of data, as `mlproj diff --format json` prints it."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from mlproj.state import Column, RowChanges
from mlproj.state.noun import Noun


class DiffSide(Noun):
    """What is compared: `name` as it is referred to, where and as of when it was read."""

    name: str
    target: str
    as_of: str | None = None
    commit: int | None = None
    rows: int = 0


class Retyped(Noun):
    name: str
    old: str
    new: str


class Bar(Noun):
    """One bar of a histogram: values up to `label`, or of this text; rows of either side."""

    label: str
    old: int
    new: int


class ColumnDiff(Noun):
    """A column on both sides; `old` or `new` None where only the other has it.

    Statistics are count, nulls, distinct, min and max; of numbers also mean, std and quartiles (p25, p50, p75).
    `changed` counts changed rows whose value differs. `psi` is the population stability index of new against old, by
    deciles of old or by the most frequent values.
    """

    name: str
    old_type: str | None
    new_type: str | None
    changed: int = 0
    old: dict[str, JsonValue] | None = None
    new: dict[str, JsonValue] | None = None
    psi: float | None = None
    notes: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()


class SampledRow(Noun):
    """A row that differs: its key, and for changed rows (old, new) of each column that differs."""

    kind: Literal["changed", "added", "deleted"]
    key: dict[str, JsonValue]
    values: dict[str, tuple[JsonValue, JsonValue]] = {}


class Difference(Noun):
    """`key` is what rows are paired by; empty where the sides share none: then all rows are added or deleted."""

    artifact: Literal["diff"] = "diff"
    version: Literal[1] = 1
    old: DiffSide
    new: DiffSide
    key: tuple[str, ...]
    columns_added: tuple[Column, ...] = ()
    columns_removed: tuple[Column, ...] = ()
    columns_retyped: tuple[Retyped, ...] = ()
    rows: RowChanges
    columns: tuple[ColumnDiff, ...] = ()
    sample: tuple[SampledRow, ...] = ()
