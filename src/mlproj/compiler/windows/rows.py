"""SQL of a group's rows, and of the events that it keeps beside them.

A window ends at any time that somebody asks for, which only the events can answer. So each row keeps, in a column that
no contract has, the events that came since the row before: those of its time, or of the step up to its tick. Where the
rows of the group are stored, its events are, and go with them through commits, rollbacks and erasure.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlproj.compiler.text import identifier, identifiers
from mlproj.compiler.windows.choice import Evaluation
from mlproj.compiler.windows.plans import TIME, Plan, Windows
from mlproj.state import Column, GroupNode
from mlproj.state.windows import Aggregation

# Not names of columns, which have no blanks.
KEPT = "its events"
_EVENT_TIME = "its time"
_FINE, _ZONED = "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"


def stored_relation(node: GroupNode) -> str:
    """The relation that has all that is stored of a group's rows: of windows the events that they keep too."""
    return f"events:{node.relation}" if node.aggregate else node.relation


def stored_columns(node: GroupNode) -> list[str]:
    """The columns of that relation."""
    return [*(f.name for f in node.features), *([KEPT] if node.aggregate else [])]


def stored_types(node: GroupNode) -> tuple[Column, ...]:
    """The same with their types."""
    columns = tuple(Column(name=f.name, type=f.type) for f in node.features)
    if node.aggregate is None:
        return columns
    types = {w.field: w.field_type for w in node.aggregate.windows}
    types |= {_EVENT_TIME: node.aggregate.time_type} if node.aggregate.every else {}
    fields = ", ".join(f"{identifier(name)} {kind}" for name, kind in types.items())
    return (*columns, Column(name=KEPT, type=f"STRUCT({fields})[]"))


def observed_events(node: GroupNode, feature: str) -> str | None:
    """SQL of what of the kept events decides a feature, at whatever time it is asked for; None for a key or a time."""
    if node.aggregate is None:
        return None
    field = next((w.field for w in node.aggregate.windows if w.name == feature), None)
    # Not called as a column of the group may be.
    event = '"an event"'
    when = f", {event}.{identifier(_EVENT_TIME)}" if node.aggregate.every else ""
    return field and f"[row({event}.{identifier(field)}{when}) for {event} in {identifier(KEPT)}]"


def instant(sql: str, type_name: str, unit: int) -> str:
    """A time as a whole number: of microseconds since 1970 in UTC, or of nanoseconds; null for infinity."""
    if unit == 1:
        return f"epoch_us({sql})"
    return f"epoch_ns({sql})::HUGEINT" if type_name == _FINE else f"epoch_us({sql})::HUGEINT * 1000"


def unit_of(type_name: str) -> int:
    """How many of the numbers that a time is make a microsecond, where no digit of it is to be lost."""
    return 1000 if type_name == _FINE else 1


def row_time_type(time_type: str, every: int | None) -> str:
    """The type of the group's own time, where the events' is this: ticks are times, not days."""
    if every is None:
        return time_type
    return _ZONED if time_type == _ZONED else "TIMESTAMP"


def rows_sql(aggregation: Aggregation, plan: Plan | None = None) -> str:
    """The contract's rows: keys, time, and windows."""
    keys = _keys(aggregation)
    unit = _own_unit(aggregation)
    evaluation = Evaluation(Windows(keys, aggregation.windows, unit), '"events"', '"observed"', "of rows", plan)
    tables = [
        f'"events" as materialized (\n{_events(aggregation, unit)}\n)',
        f'"observed" as materialized (\n{_observed(aggregation, keys)}\n)',
        *evaluation.tables(),
    ]
    named = [f"{key} as {identifier(name)}" for key, name in zip(keys, aggregation.by, strict=True)]
    named += [f"{_moment(aggregation, unit)} as {identifier(aggregation.time)}"]
    shared = ",\n".join(tables)
    windows = identifiers(w.name for w in aggregation.windows)
    return f"with {shared}\nselect {', '.join(named)}, {windows}\nfrom {evaluation.result}"


def stored_sql(node: GroupNode) -> str:
    """The rows with the events that they keep."""
    aggregation = node.aggregate
    if aggregation is None:
        return node.sql
    keys, unit = _keys(aggregation), _own_unit(aggregation)
    fields = [f"{identifier(field)} := {identifier(field)}" for field in _fields(aggregation)]
    at = TIME
    if aggregation.every:
        fields.append(f"{identifier(_EVENT_TIME)} := {identifier(_EVENT_TIME)}")
        at = f"({_step(TIME, aggregation.every)} + 1) * {aggregation.every}"
    kept = (
        f"select {', '.join(keys)}, {at} as {TIME}, list_sort(list(struct_pack({', '.join(fields)}))) as kept\n"
        f"from (\n{_events(aggregation, unit, own_time=True)}\n) as e\ngroup by {', '.join(keys)}, {at}"
    )
    own = instant(f"q.{identifier(aggregation.time)}", row_time_type(aggregation.time_type, aggregation.every), unit)
    on = [f"q.{identifier(name)} = k.{key}" for key, name in zip(keys, aggregation.by, strict=True)]
    return (
        f"select q.*, k.kept as {identifier(KEPT)}\nfrom (\n{node.sql}\n) as q\nleft join (\n{kept}\n) as k\n"
        f"on {' and '.join(on)} and {own} = k.{TIME}"
    )


def kept_events(aggregation: Aggregation, fields: Sequence[str], relation: str, by: Sequence[str], unit: int) -> str:
    """The events that a stored relation keeps, with the keys `by`, in this order, `TIME` and some of what is kept."""
    keys = _keys(aggregation)
    named = [f"r.{identifier(name)} as {key}" for key, name in zip(keys, by, strict=True)]
    named += [f"r.{identifier(aggregation.time)} as {identifier(_EVENT_TIME)}", f"unnest(r.{identifier(KEPT)}) as e"]
    at = f"e.{identifier(_EVENT_TIME)}" if aggregation.every else identifier(_EVENT_TIME)
    listed = ", ".join(f"e.{identifier(f)} as {identifier(f)}" for f in fields)
    return (
        f"select {', '.join(keys)}, {instant(at, aggregation.time_type, unit)} as {TIME}, {listed}\n"
        f"from (select {', '.join(named)} from {identifier(relation)} as r) as q"
    )


def _own_unit(aggregation: Aggregation) -> int:
    return 1 if aggregation.every else unit_of(aggregation.time_type)


def _keys(aggregation: Aggregation) -> tuple[str, ...]:
    return tuple(f'"key {number}"' for number in range(1, len(aggregation.by) + 1))


def _fields(aggregation: Aggregation) -> list[str]:
    return list(dict.fromkeys(w.field for w in aggregation.windows))


def _events(aggregation: Aggregation, unit: int, *, own_time: bool = False) -> str:
    """The events as they are read: those that have keys and a time."""
    time = identifier(aggregation.time)
    keys = [identifier(name) for name in aggregation.by]
    columns = [f"{name} as {key}" for name, key in zip(keys, _keys(aggregation), strict=True)]
    columns.append(f"{instant(time, aggregation.time_type, unit)} as {TIME}")
    columns += [f"{time} as {identifier(_EVENT_TIME)}"] if own_time else []
    inputs = {w.field: (w.column, w.where) for w in aggregation.windows}
    for field, (column, where) in inputs.items():
        value = "true" if column is None else identifier(column)
        value = value if where is None else f"case when (\n{where}\n) then {value} end"
        columns.append(f"{value} as {identifier(field)}")
    present = [*(f"{name} is not null" for name in keys), f"{instant(time, aggregation.time_type, unit)} is not null"]
    return f"select {', '.join(columns)}\nfrom {identifier(aggregation.relation)}\nwhere {' and '.join(present)}"


def _observed(aggregation: Aggregation, keys: Sequence[str]) -> str:
    """The times of rows: of events, or of ticks, just before which the windows end."""
    listed = ", ".join(keys)
    if aggregation.every is None:
        return f'select distinct {listed}, {TIME} from "events"'
    step = aggregation.every
    first, last = f"{_step(f'min({TIME}) - 1', step)} + 1", _step(f"max({TIME}) + {aggregation.reach}", step)
    return (
        f'select {listed}, unnest(generate_series({first}, {last})) * {step} - 1 as {TIME}\nfrom "events"\n'
        f"group by {listed}"
    )


def _step(sql: str, step: int) -> str:
    """How many whole steps there are up to a number, below zero too."""
    return f"(({sql}) - (({sql}) % {step} + {step}) % {step}) // {step}"


def _moment(aggregation: Aggregation, unit: int) -> str:
    """A row's number as the time that it is."""
    kind = row_time_type(aggregation.time_type, aggregation.every)
    number = f"({TIME} + 1)" if aggregation.every else TIME
    if unit != 1:
        return f"make_timestamp_ns({number}::BIGINT)"
    if kind == _ZONED:
        return f"make_timestamptz({number})"
    return f"make_timestamp({number})" if kind == "TIMESTAMP" else f"make_timestamp({number})::{kind}"
