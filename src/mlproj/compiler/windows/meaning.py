"""What windows mean: a feature by its own function, column, condition and length, rows by keys and times alone."""

from __future__ import annotations

from collections.abc import Mapping

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.expression import expression_meaning
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.text import plain_text
from mlproj.compiler.meaning import ColumnMeaning, ConditionMeaning, Note, QueryMeaning
from mlproj.specs.duration import written_duration
from mlproj.state import Column
from mlproj.state.windows import Aggregation, Window


def aggregate_meaning(
    aggregation: Aggregation, types: Mapping[str, str], checker: TypeChecker
) -> tuple[QueryMeaning, list[tuple[str, Note]]]:
    """The meaning of a group's rows, over a relation of columns of these types; what to say of conditions, by feature.

    No plan and no text of SQL is part of it.
    """
    names = {name: Column(name=f"{aggregation.relation}.{name}", type=kind) for name, kind in types.items()}
    time, keys = names[aggregation.time], [names[name] for name in aggregation.by]
    notes: list[tuple[str, Note]] = []
    columns = {name: _passed_on(name, names[name]) for name in aggregation.by}
    columns[aggregation.time] = _time(aggregation, time)
    for window in aggregation.windows:
        condition = expression_meaning(window.where, names, checker) if window.where else None
        notes += [(window.name, note) for note in (condition.notes if condition else ())]
        columns[window.name] = _feature(window, names, condition, aggregation.relation)
    reach = [aggregation.reach] if aggregation.every else []
    told = [[column.name, column.type] for column in (*sorted(keys, key=lambda c: c.name), time)]
    at = "each"
    if aggregation.every is not None:
        step, reach_said = (written_duration(length, weeks=False) for length in (aggregation.every, aggregation.reach))
        at = f"every {step}, up to {reach_said} after the last"
    text = f"a row of each {', '.join(aggregation.by)} at {at} event"
    meaning = QueryMeaning(
        rows=fingerprint("windows", told, aggregation.every, *reach),
        row_text=f"{text} of {aggregation.relation}",
        row_uses=tuple(sorted([*(c.name for c in (*keys, time)), f"{aggregation.relation}.*"])),
        columns=columns,
    )
    return meaning, notes


def _passed_on(name: str, column: Column) -> ColumnMeaning:
    return ColumnMeaning(computed=fingerprint("passed on", column.name), expression=name, uses=(column.name,))


def _time(aggregation: Aggregation, time: Column) -> ColumnMeaning:
    if aggregation.every is None:
        return _passed_on(aggregation.time, time)
    text = f"each {written_duration(aggregation.every, weeks=False)} since 1970-01-01 UTC"
    return ColumnMeaning(computed=fingerprint("tick", aggregation.every), expression=text, uses=(time.name,))


def _feature(
    window: Window, names: Mapping[str, Column], condition: ConditionMeaning | None, relation: str
) -> ColumnMeaning:
    column = names[window.column] if window.column else None
    read = [column.name, window.field_type] if column else None
    conditions = [condition.fingerprint] if condition else []
    uses = {*([column.name] if column else []), *(condition.uses if condition else ())}
    where = f" where {plain_text(window.where)}" if window.where else ""
    given = [window.column or "*", *([str(window.argument)] if window.argument is not None else [])]
    return ColumnMeaning(
        computed=fingerprint("window", window.function, read, window.length, window.argument, *conditions),
        expression=f"{window.function}({', '.join(given)}) over {written_duration(window.length, weeks=False)}{where}",
        uses=tuple(sorted(uses)) or (f"{relation}.*",),
    )
