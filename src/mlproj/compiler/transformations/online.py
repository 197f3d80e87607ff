"""Chains in Python: what the SQL gives, for one row or a few, without an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from mlproj.compiler.transformations.chain import function_of, types_along
from mlproj.compiler.transformations.fitting import transformed_columns
from mlproj.compiler.transformations.values import reader
from mlproj.state import Column, FittedStatistics, OnDemand, Step

# Values of a column → what they become; rows apart, nothing is learnt from the others.
Calculate = Callable[[Sequence[Any]], list[Any]]


class OwnCode(Protocol):
    """What computes what a project wrote itself: SQL needs an engine, Python its file."""

    def step(self, step: Step, statistics: Mapping[str, Any]) -> Calculate:
        """A step of the project's own, with its statistics."""

    def on_demand(self, feature: OnDemand) -> Calculate:
        """A feature from rows of its inputs, as tuples in their order."""


class Unsuitable(ValueError):
    """A value that is not of its feature's type; `feature` names it."""

    def __init__(self, feature: str, type_name: str, problem: str) -> None:
        super().__init__(f"{feature} is {type_name}: {problem}")
        self.feature = feature


class Evaluator:
    """A view's transformations, as fitted, of its raw features `inputs`; `names` are the columns they become.

    `own` is needed where a chain has functions of the project's own, and for features `on_demand`, which are computed
    where they are not given.
    """

    def __init__(
        self,
        inputs: Sequence[Column],
        fitted: FittedStatistics,
        own: OwnCode | None = None,
        on_demand: Mapping[str, OnDemand] | None = None,
    ) -> None:
        self._features = [_Feature(column, fitted, own) for column in inputs]
        self.names = tuple(name for feature in self._features for name in feature.names)
        self._on_demand = [_OnDemand(name, feature, own) for name, feature in (on_demand or {}).items()]

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of one row; a feature that is not there is null. Raises `Unsuitable`."""
        columns = self.columns({name: [value] for name, value in values.items()}, 1)
        return {name: column[0] for name, column in columns.items()}

    def columns(self, columns: Mapping[str, Sequence[Any]], rows: int | None = None) -> dict[str, list[Any]]:
        """The same of several rows, column by column."""
        count = max((len(values) for values in columns.values()), default=0) if rows is None else rows
        absent = [None] * count
        given = dict(columns)
        for feature in self._on_demand:
            if feature.name not in given:
                given[feature.name] = feature.of(columns, absent)
        found: dict[str, list[Any]] = {}
        for transformed in self._features:
            made = transformed.of(given.get(transformed.name, absent))
            found |= {name: [row[i] for row in made] for i, name in enumerate(transformed.names)}
        return found


class _OnDemand:
    """One feature computed from what comes with a request."""

    def __init__(self, name: str, feature: OnDemand, own: OwnCode | None) -> None:
        assert own is not None, f"{name} is computed on demand"
        self.name = name
        self._read = {i: (type_name, reader(type_name)) for i, type_name in feature.inputs.items()}
        self._calculate = own.on_demand(feature)

    def of(self, columns: Mapping[str, Sequence[Any]], absent: Sequence[None]) -> list[Any]:
        read = [
            _read_all(name, type_name, read, columns.get(name, absent))
            for name, (type_name, read) in self._read.items()
        ]
        return self._calculate(list(zip(*read, strict=True)))


class _Feature:
    """One raw feature: how it is read, and the steps it goes through."""

    def __init__(self, column: Column, fitted: FittedStatistics, own: OwnCode | None) -> None:
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
        found = _read_all(self.name, self._type, self._read, values)
        for calculate in self._steps:
            found = calculate(found)
        return found if self._several else [(value,) for value in found]


def _read_all(name: str, type_name: str, read: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    try:
        return [read(value) for value in values]
    except (ValueError, TypeError, OverflowError) as error:
        raise Unsuitable(name, type_name, str(error)) from None


def _step(step: Step, type_name: str, statistics: Mapping[str, Any], own: OwnCode | None) -> Calculate:
    if step.own is not None:
        assert own is not None, f"{step.name} is the project's own"
        return own.step(step, statistics)
    in_python = function_of(step).evaluate
    assert in_python is not None, step.name
    evaluate = in_python(type_name, step.args, statistics)
    return lambda values: [evaluate(value) for value in values]
