"""Chains in Python: what the SQL gives, for one row or a few, without an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlproj.compiler.transformations.chain import function_of, types_along
from mlproj.compiler.transformations.fitting import transformed_columns
from mlproj.compiler.transformations.function import Evaluate
from mlproj.compiler.transformations.values import reader
from mlproj.state import Column, FittedStatistics


class Unsuitable(ValueError):
    """A value that is not of its feature's type; `feature` names it."""

    def __init__(self, feature: str, type_name: str, problem: str) -> None:
        super().__init__(f"{feature} is {type_name}: {problem}")
        self.feature = feature


class Evaluator:
    """A view's transformations, as fitted, of its raw features `inputs`; `names` are the columns they become."""

    def __init__(self, inputs: Sequence[Column], fitted: FittedStatistics) -> None:
        self._features = [_Feature(column, fitted) for column in inputs]
        self.names = tuple(name for feature in self._features for name in feature.names)

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of one row; a feature that is not there is null. Raises `Unsuitable`."""
        found: dict[str, Any] = {}
        for feature in self._features:
            found.update(zip(feature.names, feature.of(values.get(feature.name)), strict=True))
        return found

    def columns(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """The same of several rows, column by column."""
        rows = max((len(values) for values in columns.values()), default=0)
        found: dict[str, list[Any]] = {}
        for feature in self._features:
            made = [feature.of(value) for value in columns.get(feature.name, [None] * rows)]
            found |= {name: [row[i] for row in made] for i, name in enumerate(feature.names)}
        return found


class _Feature:
    """One raw feature: how it is read, and the steps it goes through."""

    def __init__(self, column: Column, fitted: FittedStatistics) -> None:
        self.name, self._type = column.name, column.type
        self._read = reader(column.type)
        chain, values = fitted.chains.get(column.name, ()), fitted.values.get(column.name, ())
        self._steps: list[Evaluate] = [
            function_of(step).evaluate(type_name, step.args, statistics)
            for step, type_name, statistics in zip(chain, types_along(column.type, chain), values, strict=False)
        ]
        self._several = bool(chain) and function_of(chain[-1]).several
        self.names = tuple(name for name, _sql in transformed_columns(column.name, column.type, fitted))

    def of(self, value: Any) -> tuple[Any, ...]:
        try:
            value = self._read(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise Unsuitable(self.name, self._type, str(error)) from None
        for step in self._steps:
            value = step(value)
        return value if self._several else (value,)
