"""Chains of transformations: names, arguments and types, checked at compile time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlproj.compiler.text import written
from mlproj.compiler.transformations.encoders import ENCODERS
from mlproj.compiler.transformations.function import Function
from mlproj.compiler.transformations.imputers import IMPUTERS
from mlproj.compiler.transformations.scalers import SCALERS
from mlproj.compiler.types import is_float, is_numeric, suits
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.specs import Transformation
from mlproj.state import Step

FUNCTIONS: dict[str, Function] = {f.name: f for f in (*SCALERS, *ENCODERS, *IMPUTERS)}


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
        function, span = FUNCTIONS.get(step.name), place(index)
        if function is None:
            collector.error(
                "E410",
                f"unknown transformation '{step.name}'",
                span,
                did_you_mean(step.name, FUNCTIONS) or f"there is {', '.join(FUNCTIONS)}",
                node,
            )
            return None
        if chain and chain[-1].name == "one_hot_encoder":
            collector.error(
                "E410", "one_hot_encoder makes several columns, so nothing can follow it", span, "put it last", node
            )
            return None
        if not function.accepts(type_name):
            collector.error(
                "E410",
                f"{step.name} takes {function.wants}, but '{feature}' is {type_name} here",
                span,
                f"{type_name} suits {', '.join(f.name for f in FUNCTIONS.values() if f.accepts(type_name))}",
                node,
            )
            return None
        problem = _argument_problem(function, step, type_name)
        if problem:
            collector.error("E410", problem, span, _argument_hint(function, step), node)
            return None
        args = {n: a.default for n, a in function.arguments.items() if a.default is not None} | step.args
        chain.append(Step(name=step.name, args=args))
        type_name = function.output(type_name, args)
    return tuple(chain)


def _argument_problem(function: Function, step: Transformation, type_name: str) -> str | None:
    for name, value in step.args.items():
        argument = function.arguments.get(name)
        if argument is None:
            known = f"; it takes {', '.join(function.arguments)}" if function.arguments else "; it takes none"
            return f"{function.name} has no argument '{name}'{known}"
        if not isinstance(value, argument.types) or (isinstance(value, bool) and bool not in argument.types):
            return f"{function.name}: {name} cannot be {written(value)}"
    missing = [n for n, a in function.arguments.items() if a.required and n not in step.args]
    if missing:
        return f"{function.name} needs '{missing[0]}'"
    if function.name == "impute_constant" and not _can_stand_in(step.args["value"], type_name):
        return f"impute_constant: {written(step.args['value'])} is no {type_name}"
    if function.name == "one_hot_encoder" and int(step.args.get("max_categories", 1)) < 1:
        return "one_hot_encoder: max_categories must be at least 1"
    return None


def _can_stand_in(value: Any, type_name: str) -> bool:
    """A fraction stands in for whole numbers too, and makes them fractions."""
    if isinstance(value, float):
        return is_numeric(type_name)
    return suits(value, type_name)


def _argument_hint(function: Function, step: Transformation) -> str:
    unknown = next((name for name in step.args if name not in function.arguments), None)
    near = did_you_mean(unknown, function.arguments) if unknown else None
    if near or not function.arguments:
        return near or f"write `{function.name}` alone"
    return f"write {{{function.name}: {{{', '.join(f'{name}: …' for name in function.arguments)}}}}}"


def output_types(type_name: str, chain: Sequence[Step]) -> str:
    """The type of a feature after its chain (of each of its columns, where there are several)."""
    for step in chain:
        type_name = FUNCTIONS[step.name].output(type_name, step.args)
    return type_name


def cleaned(column: str, type_name: str) -> str:
    """The column as transformations see it: NaN is null."""
    return f"case when not isnan({column}) then {column} end" if is_float(type_name) else column
