"""Chains of transformations: names, arguments and types, checked at compile time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlproj.compiler.text import written
from mlproj.compiler.transformations.encoders import ENCODERS
from mlproj.compiler.transformations.function import Function
from mlproj.compiler.transformations.imputers import IMPUTERS
from mlproj.compiler.transformations.quantiles import QUANTILES
from mlproj.compiler.transformations.row_wise import ROW_WISE
from mlproj.compiler.transformations.scalers import SCALERS
from mlproj.compiler.transformations.target import TARGET_ENCODER
from mlproj.compiler.types import is_float
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.specs import Transformation
from mlproj.state import Step

FUNCTIONS: dict[str, Function] = {
    f.name: f for f in (*SCALERS, *QUANTILES, *ENCODERS, TARGET_ENCODER, *IMPUTERS, *ROW_WISE)
}


def function_of(step: Step) -> Function:
    """The function that a step of a compiled chain names."""
    return FUNCTIONS[step.name]


def compile_chain(
    steps: Sequence[Transformation],
    feature: str,
    type_name: str,
    place: Callable[[int], Span],
    node: str,
    collector: Collector,
) -> tuple[Step, ...] | None:
    """The chain with its arguments filled in, or None with diagnostics; `place` gives the span of a step."""
    chain: list[Step] = []
    for index, step in enumerate(steps):
        function = FUNCTIONS.get(step.name)
        found = _problem(function, step, chain, feature, type_name)
        if found or function is None:
            message, hint = found or ("", "")
            collector.error("E410", message, place(index), hint, node)
            return None
        made = Step(name=step.name, args=filled(function, step))
        chain.append(made)
        type_name = function.output(type_name, made.args)
    return tuple(chain)


def _problem(
    function: Function | None, step: Transformation, before: Sequence[Step], feature: str, type_name: str
) -> tuple[str, str] | None:
    """(message, hint) of what is wrong with a step after those before it."""
    if function is None:
        hint = did_you_mean(step.name, FUNCTIONS) or f"there is {', '.join(FUNCTIONS)}"
        return f"unknown transformation '{step.name}'", hint
    if before and function_of(before[-1]).several:
        return f"{before[-1].name} makes several columns, so nothing can follow it", "put it last"
    if not function.accepts(type_name):
        suited = ", ".join(f.name for f in FUNCTIONS.values() if f.accepts(type_name))
        message = f"{step.name} takes {function.wants}, but '{feature}' is {type_name} here"
        return message, f"{type_name} suits {suited}"
    problem = _argument_problem(function, step) or function.check(type_name, filled(function, step))
    return (problem, _argument_hint(function, step)) if problem else None


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
