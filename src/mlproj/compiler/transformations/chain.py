"""Chains of transformations: names, arguments and types, checked at compile time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from mlproj.compiler.text import written
from mlproj.compiler.transformations.encoders import ENCODERS
from mlproj.compiler.transformations.function import Function
from mlproj.compiler.transformations.imputers import IMPUTERS
from mlproj.compiler.transformations.own_function import own_function
from mlproj.compiler.transformations.quantiles import QUANTILES
from mlproj.compiler.transformations.row_wise import ROW_WISE
from mlproj.compiler.transformations.scalers import SCALERS
from mlproj.compiler.transformations.target import TARGET_ENCODER
from mlproj.compiler.types import is_float
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.specs import Transformation
from mlproj.state import OwnFunction, Step

FUNCTIONS: dict[str, Function] = {
    f.name: f for f in (*SCALERS, *QUANTILES, *ENCODERS, TARGET_ENCODER, *IMPUTERS, *ROW_WISE)
}


class Declared(Protocol):
    """The functions that a project has of its own."""

    @property
    def names(self) -> list[str]: ...

    def failed(self, name: str) -> bool:
        """Whether enough was said of the function where it is declared."""

    def signature(self, name: str) -> Function | None:
        """Its name and arguments."""

    def used_on(self, name: str, type_name: str, args: Mapping[str, Any]) -> OwnFunction:
        """The function for a type, with arguments. Raises `Unfit`."""


class Unfit(Exception):
    """What a function of the project says of a type or of its own text; `key` is where in its declaration."""

    def __init__(self, message: str, hint: str | None, key: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.hint, self.key = message, hint, key


def function_of(step: Step) -> Function:
    """The function that a step of a compiled chain names."""
    return FUNCTIONS[step.name] if step.own is None else own_function(step.name, step.own)


def compile_chain(
    steps: Sequence[Transformation],
    feature: str,
    type_name: str,
    place: Callable[[int], Span],
    node: str,
    collector: Collector,
    own: Declared | None = None,
) -> tuple[Step, ...] | None:
    """The chain with its arguments filled in, or None with diagnostics; `place` gives the span of a step."""
    chain: list[Step] = []
    for index, step in enumerate(steps):
        if own and own.failed(step.name):
            collector.poisoned.add(node)
            return None
        try:
            made = _step(step, chain, feature, type_name, own)
        except Unfit as problem:
            collector.error("E410", problem.message, place(index), problem.hint, node)
            return None
        chain.append(made)
        type_name = function_of(made).output(type_name, made.args)
    return tuple(chain)


def _step(step: Transformation, before: Sequence[Step], feature: str, type_name: str, own: Declared | None) -> Step:
    """A step after those before it. Raises `Unfit`."""
    function = FUNCTIONS.get(step.name) or (own.signature(step.name) if own else None)
    if function is None:
        known = [*FUNCTIONS, *(own.names if own else ())]
        hint = did_you_mean(step.name, known) or f"there is {', '.join(known)}"
        raise Unfit(f"unknown transformation '{step.name}'", hint)
    if before and function_of(before[-1]).several:
        raise Unfit(f"{before[-1].name} makes several columns, so nothing can follow it", "put it last")
    if not function.accepts(type_name):
        suited = ", ".join(f.name for f in FUNCTIONS.values() if f.accepts(type_name))
        message = f"{step.name} takes {function.wants}, but '{feature}' is {type_name} here"
        raise Unfit(message, f"{type_name} suits {suited}")
    problem = _argument_problem(function, step) or function.check(type_name, filled(function, step))
    if problem:
        raise Unfit(problem, _argument_hint(function, step))
    args = filled(function, step)
    if own is None or step.name in FUNCTIONS:
        return Step(name=step.name, args=args)
    try:
        return Step(name=step.name, args=args, own=own.used_on(step.name, type_name, args))
    except Unfit as unfit:
        message = f"{step.name} does not suit '{feature}', which is {type_name} here: {unfit.message}"
        raise Unfit(message, unfit.hint) from unfit


def filled(function: Function, step: Transformation) -> dict[str, Any]:
    """The step's arguments, with the function's defaults for those that are not given."""
    return {n: a.default for n, a in function.arguments.items() if a.default is not None} | step.args


def _argument_problem(function: Function, step: Transformation) -> str | None:
    for name, value in step.args.items():
        argument = function.arguments.get(name)
        if argument is None:
            known = f"; it takes {', '.join(function.arguments)}" if function.arguments else "; it takes none"
            return f"{function.name} has no argument '{name}'{known}"
        if not isinstance(value, argument.types) or (isinstance(value, bool) and bool not in argument.types):
            return f"{function.name}: {name} cannot be {written(value)}"
    missing = [n for n, a in function.arguments.items() if a.required and n not in step.args]
    return f"{function.name} needs '{missing[0]}'" if missing else None


def _argument_hint(function: Function, step: Transformation) -> str:
    unknown = next((name for name in step.args if name not in function.arguments), None)
    near = did_you_mean(unknown, function.arguments) if unknown else None
    if near or not function.arguments:
        return near or f"write `{function.name}` alone"
    return f"write {{{function.name}: {{{', '.join(f'{name}: …' for name in function.arguments)}}}}}"


def types_along(type_name: str, chain: Sequence[Step]) -> list[str]:
    """The type before each step, and after the last (of each of its columns, where there are several)."""
    types = [type_name]
    for step in chain:
        types.append(function_of(step).output(types[-1], step.args))
    return types


def output_types(type_name: str, chain: Sequence[Step]) -> str:
    """The type of a feature after its chain (of each of its columns, where there are several)."""
    return types_along(type_name, chain)[-1]


def cleaned(column: str, type_name: str) -> str:
    """The column as transformations see it: NaN is null."""
    return f"case when not isnan({column}) then {column} end" if is_float(type_name) else column
