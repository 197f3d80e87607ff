"""Functions with all that may stand in their parentheses and behind them: ORDER BY, lambdas, OVER."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.semantics import functions, wording
from mlproj.compiler.semantics.parse import name_of, position_of
from mlproj.compiler.semantics.value import digest, ATOM, NotUnderstood, Trait, Value, traits_of, uses_of

if TYPE_CHECKING:
    from mlproj.compiler.semantics.expressions import Expressions


def function_value(of: Expressions, node: Expr) -> Value:
    name = name_of(node.this) if isinstance(node.this, Expr) else name_of(node)
    traits = functions.traits_of_function(name, of.host.names)
    if traits & Trait.VOLATILE:
        of.not_deterministic(name, node.meta.get("start"))
    arguments = [_argument(of, argument, name) for argument in node.expressions]
    extra = sorted(k for k, v in node.args.items() if k not in ("this", "expressions") and v)
    if extra:
        raise NotUnderstood(f"{name} with {extra[0]}", node.meta.get("start"))
    level = of.place.depth if traits & (Trait.AGGREGATE | Trait.UNKNOWN) else None
    if id(node) in of.over:
        traits &= ~(Trait.AGGREGATE | Trait.UNKNOWN)
    kind = functions.type_of_call(name, [argument.type for argument in arguments])
    key = digest("call", name, level, [argument.typed for argument in arguments])
    text = wording.call(name, [argument.text for argument in arguments])
    return Value(key, text, uses_of(arguments), kind, traits | traits_of(arguments), rank=ATOM)


def _argument(of: Expressions, node: Expr, function: str) -> Value:
    if isinstance(node, exp.Star):
        if function not in ("count", "count_star") or any(node.args.values()):
            raise NotUnderstood(f"{function}(*)", position_of(node))
        return Value(digest("*"), "*", rank=ATOM)
    if isinstance(node, exp.Distinct):
        values = [of.value(part) for part in node.expressions]
        key = digest("distinct", [value.typed for value in values])
        return Value(key, f"DISTINCT {wording.listed(values)}", uses_of(values), None, traits_of(values))
    if isinstance(node, exp.Order):
        return _with_order(of, node, function)
    if isinstance(node, exp.Lambda):
        return lambda_value(of, node) if function in functions.LAMBDAS else _arrow(of, node)
    if isinstance(node, exp.PropertyEQ | exp.Kwarg):
        return of.generic(node)
    return of.value(node)


def _with_order(of: Expressions, node: Expr, function: str) -> Value:
    inner = _argument(of, node.this, function) if node.this is not None else Value(digest(), "")
    order, text = of.ordering(node)
    key = digest("ordered", inner.typed, [part for part, _value in order])
    values = [inner, *(value for _part, value in order)]
    return Value(key, f"{inner.text} ORDER BY {text}", uses_of(values), inner.type, traits_of(values))


def lambda_value(of: Expressions, node: Expr) -> Value:
    names = [name_of(parameter) for parameter in node.expressions]
    frame = {name: of.parameter(index, name) for index, name in enumerate(names)}
    body = of.framed(frame, node.this)
    key = digest("lambda", len(names), body.typed)
    return Value(key, f"lambda {', '.join(names)}: {body.text}", body.uses, None, body.traits)


def _arrow(of: Expressions, node: Expr) -> Value:
    """`doc -> 'a'` within a function: the library takes it for a lambda."""
    if len(node.expressions) != 1:
        raise NotUnderstood("a lambda", position_of(node))
    left, right = of.value(node.expressions[0]), of.value(node.this)
    key = digest("arrow", left.typed, right.typed)
    text = wording.binary("->", wording.OTHER, left, right)
    return Value(key, text, left.uses | right.uses, None, left.traits | right.traits, rank=wording.OTHER)


def comprehension_value(of: Expressions, node: Expr) -> Value:
    if node.args.get("position") is not None:
        raise NotUnderstood("a list comprehension with a position", position_of(node))
    name = name_of(node.expression)
    iterator = of.value(node.args["iterator"])
    frame = {name: of.parameter(0, name)}
    values = [iterator, of.framed(frame, node.this)]
    text = f"{values[1].text} FOR {name} IN {iterator.text}"
    if (condition := node.args.get("condition")) is not None:
        values.append(of.framed(frame, condition))
        text += f" IF {values[2].text}"
    key = digest("comprehension", [value.typed for value in values])
    return Value(key, text, uses_of(values), None, traits_of(values), rank=ATOM)


def window_value(of: Expressions, node: Expr) -> Value:
    core = node.this
    while isinstance(core, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
        core = core.this
    of.over.add(id(core))
    function = of.value(node.this)
    spec = _window_spec(of, node)
    partition = [of.value(part) for part in spec.get("partition_by") or []]
    order, order_text = of.ordering(spec["order"]) if spec.get("order") else ([], "")
    values = [function, *partition, *(value for _part, value in order)]
    frame = _frame(of, spec["spec"], values) if spec.get("spec") else None
    key = digest(
        "over", of.place.depth, function.typed, sorted(value.bare.key for value in partition),
        [part for part, _value in order], frame,
    )  # fmt: skip
    words = [f"PARTITION BY {wording.listed(partition)}"] if partition else []
    words += [f"ORDER BY {order_text}"] if order else []
    words += [wording.generic(spec["spec"], {})] if frame else []
    text = f"{function.text} OVER ({' '.join(words)})"
    traits = traits_of(values) | Trait.WINDOW
    return Value(key, text, uses_of(values), function.type, traits, rank=ATOM)


def _window_spec(of: Expressions, node: Expr) -> dict[str, Any]:
    """Partition, order and frame, with those of the named window that it builds on."""
    own = {name: node.args[name] for name in ("partition_by", "order", "spec") if node.args.get(name)}
    if unknown := sorted(k for k, v in node.args.items() if v and k not in (*own, "this", "alias", "over")):
        raise NotUnderstood(f"OVER with {unknown[0]}", position_of(node))
    base = node.args.get("alias")
    if base is None:
        return own
    if name_of(base) not in of.windows:
        raise NotUnderstood(f"the window '{name_of(base)}'", position_of(base))
    return _window_spec(of, of.windows[name_of(base)]) | own


def _frame(of: Expressions, spec: Expr, values: list[Value]) -> list[Any]:
    found: list[Any] = []
    for name, part in sorted(spec.args.items()):
        if isinstance(part, exp.Var):
            found.append([name, str(part.this).upper()])
        elif isinstance(part, Expr):
            values.append(of.value(part))
            found.append([name, values[-1].typed])
        elif part:
            found.append([name, str(part).upper()])
    return found
