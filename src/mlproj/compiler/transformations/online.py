"""Chains in Python: what the SQL gives, for one row or a few, without an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlproj.compiler.transformations.chain import function_of, types_along
from mlproj.compiler.transformations.fitting import transformed_columns
from mlproj.compiler.transformations.values import reader
from mlproj.state import Column, FittedStatistics, Step

# Values of a column → what they become; rows apart, nothing is learnt from the others.
Calculate = Callable[[Sequence[Any]], list[Any]]
# What computes a step of the project's own, with its statistics: SQL needs an engine, Python its file.
OwnSteps = Callable[[Step, Mapping[str, Any]], Calculate]


class Unsuitable(ValueError):
    """A value that is not of its feature's type; `feature` names it."""

    def __init__(self, feature: str, type_name: str, problem: str) -> None:
        super().__init__(f"{feature} is {type_name}: {problem}")
        self.feature = feature


class Evaluator:
    """A view's transformations, as fitted, of its raw features `inputs`; `names` are the columns they become.

    `own` is needed where a chain has functions of the project's own.
    """

    def __init__(self, inputs: Sequence[Column], fitted: FittedStatistics, own: OwnSteps | None = None) -> None:
        self._features = [_Feature(column, fitted, own) for column in inputs]
        self.names = tuple(name for feature in self._features for name in feature.names)

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of one row; a feature that is not there is null. Raises `Unsuitable`."""
        found: dict[str, Any] = {}
        for feature in self._features:
            (made,) = feature.of([values.get(feature.name)])
            found.update(zip(feature.names, made, strict=True))
        return found

    def columns(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """The same of several rows, column by column."""
        rows = max((len(values) for values in columns.values()), default=0)
        found: dict[str, list[Any]] = {}
        for feature in self._features:
            made = feature.of(columns.get(feature.name, [None] * rows))
            found |= {name: [row[i] for row in made] for i, name in enumerate(feature.names)}
        return found


class _Feature:
    """One raw feature: how it is read, and the steps it goes through."""

    def __init__(self, column: Column, fitted: FittedStatistics, own: OwnSteps | None) -> None:
        self.name, self._type = column.name, column.type
        self._read = reader(column.type)
        chain, values = fitted.chains.get(column.name, ()), fitted.values.get(column.name, ())
        self._steps: list[Calculate] = [
            _step(step, type_name, statistics, own)
            for step, type_name, statistics in zip(chain, types_along(column.type, chain), values, strict=False)
        ]
        self._several = bool(chain) and function_of(chain[-1]).several
        self.names = tuple(name for name, _sql in transformed_columns(column.name, column.type, fitted))

    def of(self, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            found = [self._read(value) for value in values]
        except (ValueError, TypeError, OverflowError) as error:
            raise Unsuitable(self.name, self._type, str(error)) from None
        for calculate in self._steps:
            found = calculate(found)
        return found if self._several else [(value,) for value in found]


def _step(step: Step, type_name: str, statistics: Mapping[str, Any], own: OwnSteps | None) -> Calculate:
    if step.own is not None:
        assert own is not None, f"{step.name} is the project's own"
        return own(step, statistics)
    evaluate = function_of(step).evaluate(type_name, step.args, statistics)
    return lambda values: [evaluate(value) for value in values]
