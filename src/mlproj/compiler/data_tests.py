"""Data tests as SQL.

An aggregate that counts failing rows, so that all tests of a group are one pass, and a query of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from mlproj.compiler.text import identifier, identifiers, literal, written
from mlproj.compiler.types import is_numeric, is_temporal, suits
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader import Loaded
from mlproj.specs import AcceptedValues, Between, DataTest, FeatureGroup, NotNull, Unique
from mlproj.state import CompiledTest


def compile_tests(
    group: Loaded[FeatureGroup], types: Mapping[str, str], node: str, collector: Collector
) -> Iterator[CompiledTest]:
    """All tests of a group: those of its features, those of the table, and `nullable: false` as a test of its own."""
    seen: Counter[str] = Counter()
    for test in _tests(group, types, node, collector):
        seen[test.id] += 1
        number = seen[test.id]
        yield test if number == 1 else test.model_copy(update={"id": f"{test.id}.{number}"})


def _tests(
    group: Loaded[FeatureGroup], types: Mapping[str, str], node: str, collector: Collector
) -> Iterator[CompiledTest]:
    prefix = node.partition(":")[2]
    for index, feature in enumerate(group.spec.features):
        if feature.name not in types:
            continue
        kinds = {test.kind for test in feature.tests}
        if feature.nullable is False and "not_null" not in kinds:
            yield _test(
                f"{prefix}.{feature.name}.nullable",
                f"{feature.name} is declared nullable: false",
                *_not_null(feature.name),
                group.locate(("features", index)),
            )
        for number, test in enumerate(feature.tests):
            span = group.locate(("features", index, "tests", number))
            yield from _compile(test, feature.name, types, f"{prefix}.{feature.name}", span, node, collector)
    for number, test in enumerate(group.spec.tests):
        span = group.locate(("tests", number))
        if test.kind != "unique":
            collector.error(
                "E414",
                f"'{test.kind}' is a test of a feature",
                span,
                "move it to `tests:` of the feature it is about",
                node,
            )
            continue
        yield from _compile(test, None, types, prefix, span, node, collector)


def _compile(
    test: DataTest,
    feature: str | None,
    types: Mapping[str, str],
    prefix: str,
    span: Span,
    node: str,
    collector: Collector,
) -> Iterator[CompiledTest]:
    match getattr(test, test.kind):
        case NotNull():
            assert feature is not None
            yield _test(f"{prefix}.not_null", f"{feature} is never null", *_not_null(feature), span)
        case Unique(columns=columns):
            names = columns or ([feature] if feature else [])
            unknown = [name for name in names if name not in types]
            if unknown or not names:
                message = f"unknown feature '{unknown[0]}' in a test" if unknown else "unique needs columns here"
                hint = did_you_mean(unknown[0], types) if unknown else "name them: {unique: {columns: [a, b]}}"
                collector.error("E414", message, span, hint, node)
                return
            yield _test(
                f"{prefix}.unique({', '.join(names)})" if not feature else f"{prefix}.unique",
                f"{', '.join(names)} is unique",
                *unique_sql(names),
                span,
            ).model_copy(update={"unique": tuple(names)})
        case AcceptedValues(values=values):
            assert feature is not None
            if _refused(values, types[feature], feature, span, node, collector):
                return
            condition = f"{identifier(feature)} not in ({', '.join(literal(v) for v in values)})"
            shown = ", ".join(str(v) for v in values)
            yield _test(f"{prefix}.accepted_values", f"{feature} is one of {shown}", *_where(condition), span)
        case Between(min=low, max=high):
            assert feature is not None
            bounds = [b for b in (low, high) if b is not None]
            if not (is_numeric(types[feature]) or is_temporal(types[feature])):
                message = f"between does not suit '{feature}' of type {types[feature]}"
                collector.error("E414", message, span, "it compares numbers, dates and times", node)
            elif not _refused(bounds, types[feature], feature, span, node, collector):
                yield _test(f"{prefix}.between", *_between(feature, types[feature], low, high), span)


def _between(feature: str, type_name: str, low: Any, high: Any) -> tuple[str, str, str]:
    """Description and SQL; a bound that is None is open."""
    column = identifier(feature)
    parts = [f"{column} < {_bound(low, type_name)}"] if low is not None else []
    parts += [f"{column} > {_bound(high, type_name)}"] if high is not None else []
    text = f"{feature} between {low} and {high}"
    if low is None or high is None:
        text = f"{feature} ≥ {low}" if high is None else f"{feature} ≤ {high}"
    return text, *_where(" or ".join(parts))


def unique_sql(names: list[str]) -> tuple[str, str]:
    """Counts the rows beyond the first of each value; rows with a null in any of the columns are not compared."""
    columns = identifiers(names)
    row = (
        identifier(names[0])
        if len(names) == 1
        else f"struct_pack({', '.join(f'c{i} := {identifier(n)}' for i, n in enumerate(names))})"
    )
    present = " and ".join(f"{identifier(n)} is not null" for n in names)
    return (
        f"count(*) filter (where {present}) - count(distinct {row}) filter (where {present})",
        (
            f"select {columns}, count(*) as n from {{relation}} where {present}"
            f" group by {columns} having count(*) > 1 order by n desc, {columns}"
        ),
    )


def _bound(value: Any, type_name: str) -> str:
    # Not a decimal literal for a DOUBLE column: 0.1 has to be the same double that the column holds.
    return literal(value) if is_numeric(type_name) else f"{literal(value)}::{type_name}"


def _not_null(name: str) -> tuple[str, str]:
    return _where(f"{identifier(name)} is null")


def _where(condition: str) -> tuple[str, str]:
    return f"count(*) filter (where {condition})", f"select * from {{relation}} where {condition}"


def _test(test_id: str, description: str, failures: str, rows: str, span: Span) -> CompiledTest:
    return CompiledTest(id=test_id, description=description, failures=failures, rows=rows, span=span)


def _refused(values: list[Any], type_name: str, feature: str, span: Span, node: str, collector: Collector) -> bool:
    wrong = [value for value in values if not suits(value, type_name)]
    if wrong:
        collector.error(
            "E414",
            f"{written(wrong[0])} is no value for '{feature}' of type {type_name}",
            span,
            "write dates and times in quotes: '2026-01-31'"
            if is_temporal(type_name)
            else "write values of the feature's own type",
            node,
        )
    return bool(wrong)
