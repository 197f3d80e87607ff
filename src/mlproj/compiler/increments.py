"""How an incremental group is kept up: its own keys of the contract, and what its increments mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import ColumnMeaning, QueryMeaning
from mlproj.compiler.text import identifier
from mlproj.compiler.types import is_moment
from mlproj.diagnostics import Collector, did_you_mean
from mlproj.loader import Loaded
from mlproj.specs import FeatureGroup
from mlproj.specs.duration import microseconds, written_duration
from mlproj.state import Column, Increment

_KEYS = ("strategy", "watermark", "lookback", "deleted", "new_features", "batch")
# What a watermark may be called, where no column is called so: what the contract says of the group's times.
_ROLES = ("event_time", "created_time")


def this_relation(relation: str) -> str:
    """What stands of a group, as its increments read it."""
    return f"this:{relation}"


def watermark_of(spec: FeatureGroup, names: Iterable[str]) -> str | None:
    """The column that says how far a group has come; `event_time` may stand for the column that it is."""
    if spec.watermark in _ROLES and spec.watermark not in set(names):
        return str(getattr(spec, spec.watermark) or spec.watermark)
    return spec.watermark


def check_increment(group: Loaded[FeatureGroup], types: Mapping[str, str], node: str, collector: Collector) -> None:
    """E431 to E434: keys of an incremental group that do not fit it, or each other."""
    spec = group.spec
    if spec.materialized != "incremental":
        for key in _KEYS:
            if getattr(spec, key) is not None:
                message, hint = f"{key} is for incremental groups", "write `materialized: incremental`, or leave it out"
                collector.error("E431", message, group.locate((key,), key=True), hint, node)
        return
    watermark = watermark_of(spec, types)
    for key, name in (("watermark", watermark), ("deleted", spec.deleted)):
        if name is not None and name not in types:
            hint = did_you_mean(name, types) or f"its columns are {', '.join(types)}"
            collector.error("E412", f"{key} '{name}' is no column of this group", group.locate((key,)), hint, node)
    if watermark in types and not is_moment(types[str(watermark)]):
        message = f"watermark '{watermark}' has type {types[str(watermark)]}"
        collector.error("E419", message, group.locate(("watermark",)), "it is a time: a TIMESTAMP or a DATE", node)
    if spec.deleted in types and types[str(spec.deleted)] != "BOOLEAN":
        message = f"deleted '{spec.deleted}' has type {types[str(spec.deleted)]}, not BOOLEAN"
        collector.error("E432", message, group.locate(("deleted",)), "compare it in the SQL: op = 'D' as is_gone", node)
    _check_strategy(group, node, collector)


def _check_strategy(group: Loaded[FeatureGroup], node: str, collector: Collector) -> None:
    spec = group.spec
    for key in ("lookback", "batch"):
        if getattr(spec, key) is not None and spec.watermark is None:
            hint = "write `watermark:` with the time that it is a length of"
            collector.error("E433", f"{key} without a watermark", group.locate((key,)), hint, node)
    if spec.batch is not None and not spec.batch:
        hint = "write the length of time that is computed at once, like '1 day'"
        collector.error("E433", "batch is no time at all", group.locate(("batch",)), hint, node)
    if spec.strategy == "partition" and not spec.partition_by:
        hint = "write `partition_by:` with the columns of a partition"
        collector.error("E434", "strategy 'partition' without partitions", group.locate(("strategy",)), hint, node)
    if spec.strategy == "append" and spec.deleted is not None:
        message, hint = "strategy 'append' removes no rows, and so none that are deleted", "write `strategy: merge`"
        collector.error("E434", message, group.locate(("deleted",)), hint, node)


def without_deleted(sql: str, spec: FeatureGroup) -> str:
    """The query without the rows that are marked as gone."""
    if spec.materialized != "incremental" or spec.deleted is None:
        return sql
    return f"select * from (\n{sql}\n) as q where {identifier(spec.deleted)} is distinct from true"


def lasting(meaning: QueryMeaning, spec: FeatureGroup) -> QueryMeaning:
    """The meaning of the query without the rows that are marked as gone: which rows there are depends on that mark."""
    if spec.materialized != "incremental" or spec.deleted not in meaning.columns:
        return meaning
    mark = meaning.columns[str(spec.deleted)]
    return meaning.model_copy(
        update={
            "rows": fingerprint("lasting", meaning.rows, mark.computed),
            "row_text": f"{meaning.row_text} without rows that are {mark.expression or spec.deleted}".strip(),
            "row_uses": tuple(sorted({*meaning.row_uses, *mark.uses})),
        }
    )


def joined(full: QueryMeaning, increment: QueryMeaning, this: str) -> QueryMeaning:
    """The meaning of a group that computes a feature in two ways: it has changed where either has."""
    own = f"{this}."
    columns: dict[str, ColumnMeaning] = dict(full.columns)
    for name, column in full.columns.items():
        other = increment.columns[name]
        if other.computed != column.computed:
            uses = {use for use in (*column.uses, *other.uses) if not use.startswith(own)}
            both = fingerprint("incremental", column.computed, other.computed)
            columns[name] = column.model_copy(update={"computed": both, "uses": tuple(sorted(uses))})
    return full.model_copy(update={"columns": columns})


def uses_of(full: QueryMeaning, increment: QueryMeaning, this: str) -> tuple[str, ...]:
    """Columns of other nodes that only the increments read."""
    found, known = (
        {*meaning.row_uses, *(use for column in meaning.columns.values() for use in column.uses)}
        for meaning in (increment, full)
    )
    return tuple(sorted(use for use in found - known if not use.startswith(f"{this}.")))


def other_columns(full: Sequence[Column], increment: Sequence[Column]) -> str | None:
    """In words what the increments give otherwise than the whole query; None where they give the same columns."""
    types = {column.name: column.type for column in full}
    found = {column.name: column.type for column in increment}
    for name, type_name in types.items():
        if name not in found:
            return f"'{name}' is missing"
        if found[name] != type_name:
            return f"'{name}' is {found[name]}, not {type_name}"
    extra = [name for name in found if name not in types]
    return f"'{extra[0]}' is one more" if extra else None


def _length(time: timedelta | None) -> str | None:
    return None if time is None else written_duration(microseconds(time))


def increment_of(
    spec: FeatureGroup, names: Iterable[str], whole: str, sql: str, rows: str, uses: tuple[str, ...]
) -> Increment | None:
    """The node's own record, of its query and that of its increments; None where a group is not incremental."""
    if spec.materialized != "incremental":
        return None
    return Increment(
        strategy=spec.strategy or "merge",
        watermark=watermark_of(spec, names),
        lookback=_length(spec.lookback),
        deleted=spec.deleted,
        new_features=spec.new_features or "backfill",
        batch=_length(spec.batch),
        sql=sql,
        whole=whole if spec.deleted else "",
        rows=rows,
        uses=uses,
    )
