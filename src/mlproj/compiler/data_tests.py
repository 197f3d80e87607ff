"""Data tests of a group: what the YAML says, checked against its columns and compiled to SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlproj.compiler import data_test_sql as sql
from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.conditions import RELATION, Conditions
from mlproj.compiler.data_test_sql import TestSql
from mlproj.compiler.render import SqlRenderer
from mlproj.compiler.resolve import Names, split_reference
from mlproj.compiler.text import identifier, literal, written
from mlproj.compiler.types import is_moment, is_numeric, is_temporal, suits
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader import Loaded
from mlproj.loader.loaded import Location
from mlproj.ports import BindError
from mlproj.specs import DataTest, FeatureGroup
from mlproj.specs.data_test import (
    OF_FEATURES, OF_GROUPS, AcceptedValues, Anomaly, Between, Expression, Freshness, Matches, MeanBetween, NotInFuture,
    NotNull, NullFraction, Recency, Relationships, RowCount, Rule, Unique,
)  # fmt: skip
from mlproj.state import Band, CompiledTest

_TEXT = ("VARCHAR",)


@dataclass(frozen=True)
class TestCompiler:
    """Compiles the tests of one group, whose columns have these types."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    group: Loaded[FeatureGroup]
    types: Mapping[str, str]
    node: str
    checker: TypeChecker
    renderer: SqlRenderer
    collector: Collector

    def compile(self, names: Names) -> Iterator[CompiledTest]:
        """All tests: those of its features, those of the table, and `nullable: false` as a test of its own."""
        seen: Counter[str] = Counter()
        for test in self._all(names):
            seen[test.id] += 1
            number = seen[test.id]
            yield test if number == 1 else test.model_copy(update={"id": f"{test.id}.{number}"})

    def _all(self, names: Names) -> Iterator[CompiledTest]:
        for index, feature in enumerate(self.group.spec.features):
            if feature.name not in self.types:
                continue
            kinds = {test.kind for test in feature.tests}
            if feature.nullable is False and "not_null" not in kinds:
                found = sql.not_null(feature.name, None)
                yield CompiledTest(
                    id=f"{self._prefix}.{feature.name}.nullable",
                    description=f"{feature.name} is declared nullable: false",
                    failures=found.failures,
                    rows=found.rows,
                    span=self.group.locate(("features", index)),
                )
            for number, test in enumerate(feature.tests):
                yield from self._one(test, feature.name, ("features", index, "tests", number), names)
        for number, test in enumerate(self.group.spec.tests):
            yield from self._one(test, None, ("tests", number), names)

    def _one(self, test: DataTest, feature: str | None, place: Location, names: Names) -> Iterator[CompiledTest]:
        rule: Rule = getattr(test, test.kind)
        span = self.group.locate(place)
        if feature is None and test.kind not in OF_GROUPS:
            self._refuse(f"'{test.kind}' is a test of a feature", span, _MOVE_TO_FEATURE)
            return
        if feature is not None and test.kind not in OF_FEATURES:
            self._refuse(f"'{test.kind}' is a test of a whole group", span, _MOVE_TO_GROUP)
            return
        if rule.where is not None and not self._condition("where", rule.where, (*place, test.kind, "where")):
            return
        if isinstance(rule, Relationships):
            yield from self._relationship(rule, feature, (*place, test.kind), names)
            return
        if isinstance(rule, Expression) and not self._condition("expression", rule.sql, (*place, test.kind, "sql")):
            return
        found = self._of_group(rule, span) if feature is None else self._of_feature(rule, feature, span)
        if found is not None:
            test_id = f"{self._id(feature)}.{_label(rule, test.kind, feature)}"
            yield self._compiled(rule, test_id, found, span, feature=feature)

    def _compiled(
        self,
        rule: Rule,
        test_id: str,
        found: TestSql,
        span: Span,
        reads: tuple[str, ...] = (),
        feature: str | None = None,
    ) -> CompiledTest:
        warn_if, error_if = _thresholds(rule)
        return CompiledTest(
            id=test_id,
            description=found.description + (f" where {' '.join(rule.where.split())}" if rule.where else ""),
            failures=found.failures,
            rows=found.rows,
            span=span,
            found=found.found,
            severity=rule.severity,
            warn_if=warn_if,
            error_if=error_if,
            band=_band(rule, feature) if isinstance(rule, Anomaly) else None,
            reads=reads,
            clock=found.clock,
            unique=found.unique if (rule.severity, rule.where, rule.error_if) == ("error", None, None) else (),
        )

    @property
    def _prefix(self) -> str:
        return self.node.partition(":")[2]

    def _id(self, feature: str | None) -> str:
        return f"{self._prefix}.{feature}" if feature else self._prefix

    def _of_feature(self, rule: Rule, feature: str, span: Span) -> TestSql | None:
        kind = self.types[feature]
        match rule:
            case NotNull():
                return sql.not_null(feature, rule.where)
            case Unique(columns=columns):
                return self._unique(columns or [feature], rule.where, span)
            case AcceptedValues(values=values):
                return None if self._unfit(values, feature, span) else _accepted(feature, values, rule.where)
            case Between(min=low, max=high):
                bounds = [b for b in (low, high) if b is not None]
                fits = is_numeric(kind) or is_temporal(kind)
                if not fits:
                    self._unsuited("between", feature, "it compares numbers, dates and times", span)
                if not fits or self._unfit(bounds, feature, span):
                    return None
                return sql.between(feature, kind, low, high, rule.where)
            case Matches(pattern=pattern):
                return self._matches(pattern, feature, rule.where, span)
            case NotInFuture():
                if not is_moment(kind):
                    self._unsuited("not_in_future", feature, "it is for dates and timestamps", span)
                    return None
                return sql.not_in_future(feature, kind, rule.where)
            case NullFraction(max=most):
                return sql.null_fraction(feature, most, rule.where)
            case MeanBetween(min=low, max=high):
                if not is_numeric(kind):
                    self._unsuited("mean_between", feature, "only numbers have a mean", span)
                    return None
                return sql.mean_between(feature, low, high, rule.where)
            case Anomaly():
                return sql.anomaly(feature)
        raise AssertionError(rule)  # OF_FEATURES names no other

    def _of_group(self, rule: Rule, span: Span) -> TestSql | None:
        match rule:
            case Unique(columns=columns):
                if not columns:
                    self._refuse("unique needs columns here", span, "name them: {unique: {columns: [a, b]}}")
                    return None
                return self._unique(columns, rule.where, span)
            case RowCount(min=low, max=high):
                return sql.row_count(low, high, rule.where)
            case Expression(sql=text):
                return sql.failing(" ".join(text.split()), f"not (\n{text}\n)", rule.where)
            case Recency(within=within, column=column):
                name = self._moment("recency", column, span)
                return sql.recency(name, self.types[name], within, rule.where) if name else None
            case Freshness(warn_after=warn, error_after=error, column=column):
                name = self._moment("freshness", column, span)
                return sql.freshness(name, self.types[name], warn, error, rule.where) if name else None
            case Anomaly():
                return sql.anomaly(None)
        raise AssertionError(rule)  # OF_GROUPS names no other

    def _relationship(
        self, rule: Relationships, feature: str | None, place: Location, names: Names
    ) -> Iterator[CompiledTest]:
        """The target's columns are checked once all groups are compiled: `check_relationships`."""
        span = self.group.locate(place)
        if feature is not None and rule.column is not None:
            self._refuse("column is for the tests of a whole group", span, f"here {feature} is meant: leave it out")
            return
        target, (message, hint) = names.find("feature_group", *split_reference(rule.to))
        if target is None:
            self.collector.error("E301", message, self.group.locate((*place, "to")), hint, self.node)
            return
        field = rule.field or names.sole_key(target)
        if field is None:
            message = f"{target.partition(':')[2]} has a key of several columns: which is meant?"
            self._refuse(message, span, "name it: {to: …, field: …}")
            return
        column = feature or rule.column or field
        if column not in self.types:
            self._unknown(column, span)
            return
        relation = target.partition(":")[2]
        found = sql.relationship(column, relation, field, rule.where)
        name = f"{self._prefix}.{column}.relationships({relation})"
        yield self._compiled(rule, name, found, span, (target,))

    def _moment(self, kind: str, column: str | None, span: Span) -> str | None:
        """The column that says how new a row is; None where there is none, which is told."""
        name = column or self.group.spec.event_time
        if name is None:
            self._refuse(f"{kind} needs a column: the group has no event_time", span, "name it: column: …")
        elif name not in self.types:
            self._unknown(name, span)
        elif not is_moment(self.types[name]):
            self._unsuited(kind, name, "it is for dates and timestamps", span)
        else:
            return name
        return None

    def _condition(self, label: str, text: str, place: Location) -> bool:
        span, hint = self.group.locate(place), "it is SQL over the columns of this group"
        if other := RELATION.search(text):
            message = f"{label}: it reads its own row alone, and not {other[0]}"
            self.collector.error("E402", message, span, hint, self.node)
            return False
        columns = ", ".join(f"null::{kind} as {identifier(name)}" for name, kind in self.types.items())
        rows = f"from (select {columns}) as q"
        return Conditions(rows, (), self.node, self.checker, self.renderer, self.collector).check(
            label, text, span, hint
        )

    def _unique(self, names: Sequence[str], where: str | None, span: Span) -> TestSql | None:
        unknown = [name for name in names if name not in self.types]
        if unknown:
            self._unknown(unknown[0], span)
            return None
        return sql.unique(names, where)

    def _matches(self, pattern: str, feature: str, where: str | None, span: Span) -> TestSql | None:
        if self.types[feature] not in _TEXT:
            self._unsuited("matches", feature, "it is for text", span)
            return None
        call = f"regexp_matches({identifier(feature)}, {literal(pattern)})"
        try:
            self.checker.describe(f"select {call} from (select null::VARCHAR as {identifier(feature)}) as q", ())
        except BindError as error:
            hint = "it is a regular expression of RE2, which has neither look-around nor back references"
            self._refuse(f"the pattern {written(pattern)}: {error.message}", span, hint)
            return None
        return sql.failing(f"{feature} matches {pattern}", f"not {call}", where)

    def _unknown(self, name: str, span: Span) -> None:
        hint = did_you_mean(name, self.types) or f"its columns are {', '.join(self.types)}"
        self._refuse(f"unknown feature '{name}' in a test", span, hint)

    def _unsuited(self, what: str, feature: str, hint: str, span: Span) -> None:
        self._refuse(f"{what} does not suit '{feature}' of type {self.types[feature]}", span, hint)

    def _unfit(self, values: Sequence[Any], feature: str, span: Span) -> bool:
        """Whether a value is not of the feature's type, which is told."""
        kind = self.types[feature]
        wrong = [value for value in values if not suits(value, kind)]
        if wrong:
            dates = "write dates and times in quotes: '2026-01-31'"
            hint = dates if is_temporal(kind) else "write values of the feature's own type"
            self._refuse(f"{written(wrong[0])} is no value for '{feature}' of type {kind}", span, hint)
        return bool(wrong)

    def _refuse(self, message: str, span: Span, hint: str | None) -> None:
        self.collector.error("E414", message, span, hint, self.node)


_MOVE_TO_FEATURE = "move it to `tests:` of the feature it is about"
_MOVE_TO_GROUP = "move it to `tests:` of the group, beside `features:`"


def _accepted(feature: str, values: Sequence[Any], where: str | None) -> TestSql:
    condition = f"{identifier(feature)} not in ({', '.join(literal(v) for v in values)})"
    return sql.failing(f"{feature} is one of {', '.join(str(v) for v in values)}", condition, where)


def _label(rule: Rule, kind: str, feature: str | None) -> str:
    return f"unique({', '.join(rule.columns)})" if isinstance(rule, Unique) and feature is None else kind


def _thresholds(rule: Rule) -> tuple[str, str]:
    """The conditions for a warning and for an error."""
    if isinstance(rule, Freshness):
        return "!= 0", "> 1"
    warn_if, error_if = ("!= 0" if text is None else " ".join(text.split()) for text in (rule.warn_if, rule.error_if))
    return warn_if, error_if


def _band(rule: Anomaly, feature: str | None) -> Band:
    return Band(
        feature=feature, builds=rule.builds, at_least=rule.at_least, sigma=rule.sigma, tolerance=rule.tolerance
    )  # fmt: skip
