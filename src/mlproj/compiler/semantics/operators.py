"""Names, literals, operators and other syntax as values: one function for each kind of tree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.semantics import functions, wording
from mlproj.compiler.semantics.parse import name_of, position_of
from mlproj.compiler.semantics.syntax import CLOCKS
from mlproj.compiler.semantics.value import digest, ATOM, NotUnderstood, Trait, Value, short, traits_of, uses_of
from mlproj.compiler.type_changes import WHOLE, compare_types

if TYPE_CHECKING:
    from mlproj.compiler.semantics.expressions import Expressions

_FLIPPED = {exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE}
_SYMMETRIC = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)
_TRUTH = (*_SYMMETRIC, *_FLIPPED, exp.Is, exp.Like, exp.ILike)
_RANKS: dict[type[Expr], int] = {
    exp.Not: wording.NOT, exp.In: wording.COMPARISON, exp.Between: wording.COMPARISON, exp.Neg: wording.UNARY,
    exp.Interval: ATOM,
}  # fmt: skip


def column_value(of: Expressions, node: Expr) -> Value:
    if isinstance(node.this, exp.Star):
        raise NotUnderstood("a * within an expression", position_of(node))
    parts = [name_of(part) for part in node.parts]  # type: ignore[attr-defined]
    return of.named(parts, node)


def identifier_value(of: Expressions, node: Expr) -> Value:
    return of.named([name_of(node)], node)


def literal_value(_of: Expressions, node: Expr) -> Value:
    text, rank = wording.literal(node)
    string = bool(node.args.get("is_string"))
    text = text if string else text.lower()
    number = "INTEGER" if text.isdigit() and int(text) < 2**31 else None
    return Value(digest("literal", text), text, type="VARCHAR" if string else number, rank=rank)


def constant_value(_of: Expressions, node: Expr) -> Value:
    text = "NULL" if isinstance(node, exp.Null) else str(bool(node.this)).upper()
    kind = None if isinstance(node, exp.Null) else "BOOLEAN"
    return Value(digest("constant", text), text, type=kind, rank=ATOM)


def exact_value(_of: Expressions, node: Expr) -> Value:
    return Value(digest(type(node).__name__, str(node.this)), f"'{node.this}'", rank=ATOM)


def current_column_value(of: Expressions, node: Expr) -> Value:
    if of.column is None:
        raise NotUnderstood("COLUMNS", position_of(node))
    return of.column


def paren_value(of: Expressions, node: Expr) -> Value:
    return of.value(node.this)


def connector_value(of: Expressions, node: Expr) -> Value:
    """AND and OR: operands in any order and any grouping are the same."""
    kind, pending, operands = type(node), [node], []
    while pending:
        part = pending.pop()
        while isinstance(part, exp.Paren):
            part = part.this
        if type(part) is kind:
            pending += [part.expression, part.this]
        else:
            operands.append(of.value(part))
    word, rank = ("AND", wording.AND) if kind is exp.And else ("OR", wording.OR)
    return Value(
        digest(word, sorted(operand.typed for operand in operands)), wording.joined(word, rank, operands),
        uses_of(operands), "BOOLEAN", traits_of(operands), rank=rank,
        parts=tuple(operands) if kind is exp.And else (),
    )  # fmt: skip


def binary_value(of: Expressions, node: Expr) -> Value:
    left, right = of.value(node.this), of.value(node.expression)
    symbol, rank = wording.OPERATORS[type(node)]
    text = wording.binary(symbol, rank, left, right)
    kind, one, other = type(node), left.typed, right.typed
    if (other < one or (other == one and kind in (exp.LT, exp.LTE))) and kind in _FLIPPED:
        kind, one, other = _FLIPPED[kind], other, one
    elif other < one and kind in _SYMMETRIC:
        one, other = other, one
    type_name = "BOOLEAN" if kind in _TRUTH else functions.type_of_arithmetic(symbol, left.type, right.type)
    rest = [[k, v] for k, v in sorted(node.args.items()) if isinstance(v, str | int) and v is not False]
    key = digest(kind.__name__, one, other, rest)
    return Value(key, text, left.uses | right.uses, type_name, left.traits | right.traits, rank=rank)


def cast_value(of: Expressions, node: Expr) -> Value:
    inner, target = of.value(node.this), node.args["to"]
    if node.args.get("format") or node.args.get("action") or node.args.get("default"):
        raise NotUnderstood("a CAST with more than a type", position_of(node))
    name = _type_name(target)
    text = f"CAST({inner.text} AS {name or wording.type_text(target)})"
    key = digest("cast", inner.typed, _plain(target))
    return Value(key, text, inner.uses, name, inner.traits, rank=ATOM, uncast=_uncast(inner, name))


def case_value(of: Expressions, node: Expr) -> Value:
    subject = [of.value(node.this)] if node.this is not None else []
    branches = [(of.value(branch.this), of.value(branch.args["true"])) for branch in node.args["ifs"]]
    default = [of.value(node.args["default"])] if node.args.get("default") is not None else []
    values = [*subject, *(value for branch in branches for value in branch), *default]
    types = {value.type for value in [*(then for _when, then in branches), *default]}
    parts = [[v.typed for v in subject], [[w.typed, t.typed] for w, t in branches], [v.typed for v in default]]
    words = ["CASE", *(v.text for v in subject), *(f"WHEN {w.text} THEN {t.text}" for w, t in branches)]
    text = short(" ".join([*words, *(f"ELSE {v.text}" for v in default), "END"]))
    kind = next(iter(types)) if len(types) == 1 else None
    return Value(digest("case", parts), text, uses_of(values), kind, traits_of(values), rank=ATOM)


def dot_value(of: Expressions, node: Expr) -> Value:
    if isinstance(node.expression, exp.Anonymous):
        function = node.expression
        chained = exp.Anonymous(this=function.this, expressions=[node.this, *function.expressions])
        chained.meta.update(function.meta)
        return of.value(chained)
    names, start = [], node
    while isinstance(start, exp.Dot) and isinstance(start.expression, exp.Identifier):
        names.append(name_of(start.expression))
        start = start.this
    names.reverse()
    if isinstance(start, exp.Identifier | exp.Column) and not isinstance(start.this, exp.Star):
        first = [name_of(start)] if isinstance(start, exp.Identifier) else [name_of(p) for p in start.parts]
        return of.named([*first, *names], node)
    if not names:
        raise NotUnderstood("a dot", position_of(node))
    value = of.value(start)
    for name in names:
        value = field_of(value, name)
    return value


def filter_value(of: Expressions, node: Expr) -> Value:
    function, condition = of.value(node.this), of.value(node.expression.this)
    key = digest("filter", function.typed, condition.typed)
    text = f"{function.text} FILTER (WHERE {condition.text})"
    uses = function.uses | condition.uses
    return Value(key, text, uses, function.type, function.traits | condition.traits, rank=ATOM)


def bracket_value(of: Expressions, node: Expr) -> Value:
    """`list[1]`, `list[1:2]`, `struct['a']`; the library counts a plain number from 0."""
    if extra := sorted(k for k, v in node.args.items() if v and k not in ("this", "expressions", "offset")):
        raise NotUnderstood(f"[ ] with {extra[0]}", position_of(node))
    inner, places = of.value(node.this), [of.value(part) for part in node.expressions]
    numbers = [str(int(place.text) + 1) if place.text.isdigit() else place.text for place in places]
    key = digest("bracket", inner.typed, [place.typed for place in places])
    values = [inner, *places]
    return Value(
        key, f"{inner.within(ATOM)}[{', '.join(numbers)}]", uses_of(values), None, traits_of(values), rank=ATOM
    )


def struct_value(of: Expressions, node: Expr) -> Value:
    names = [str(part.this.name) if isinstance(part, exp.PropertyEQ) else None for part in node.expressions]
    values = [of.value(p.expression if isinstance(p, exp.PropertyEQ) else p) for p in node.expressions]
    key = digest("struct", names, [value.typed for value in values])
    text = ", ".join(f"'{n}': {v.text}" if n is not None else v.text for n, v in zip(names, values, strict=True))
    return Value(key, f"{{{short(text)}}}", uses_of(values), None, traits_of(values), rank=ATOM)


def map_value(of: Expressions, node: Expr) -> Value:
    """`map {key: value}`, whose keys are expressions."""
    if not isinstance(node.this, exp.Struct):
        return generic_value(of, node)
    pairs = [(of.value(p.this), of.value(p.expression)) for p in node.this.expressions]
    values = [value for pair in pairs for value in pair]
    key = digest("map", [value.typed for value in values])
    text = f"MAP {{{', '.join(f'{k.text}: {v.text}' for k, v in pairs)}}}"
    return Value(key, short(text), uses_of(values), None, traits_of(values), rank=ATOM)


def collate_value(of: Expressions, node: Expr) -> Value:
    inner, name = of.value(node.this), str(node.expression.name).lower()
    key = digest("collate", inner.typed, name)
    return Value(key, f"{inner.within(ATOM)} COLLATE {name}", inner.uses, None, inner.traits, rank=ATOM)


def generic_value(of: Expressions, node: Expr) -> Value:
    values: list[Value] = []
    texts: dict[int, str] = {}

    def part(value: Any, name: str) -> Any:
        if isinstance(value, list):
            return [part(item, name) for item in value]
        if isinstance(value, exp.DataType):
            return _plain(value)
        if isinstance(value, exp.Var):
            return ["var", str(value.this).upper()]
        if isinstance(value, exp.Identifier) and isinstance(node, exp.PropertyEQ | exp.Kwarg) and name == "this":
            return ["name", str(value.name)]
        if isinstance(value, Expr):
            values.append(of.value(value))
            texts[id(value)] = values[-1].within(wording.SUM)
            return values[-1].typed
        return value.upper() if isinstance(value, str) else str(value)

    parts = [[name, part(v, name)] for name, v in sorted(node.args.items()) if v is not None and v not in (False, [])]
    traits = traits_of(values) | (Trait.ROWS if isinstance(node, exp.Explode) else Trait.PLAIN)
    if isinstance(node, CLOCKS):
        traits |= Trait.VOLATILE
        of.not_deterministic(wording.generic(node, {}).lower(), None)
    kind = "BOOLEAN" if isinstance(node, exp.Not | exp.In | exp.Between | exp.Exists) else None
    rank = ATOM if isinstance(node, exp.Func | exp.Tuple) else _RANKS.get(type(node), 0)
    text = wording.generic(node, texts)
    return Value(digest(type(node).__name__, parts), text, uses_of(values), kind, traits, rank=rank)


def field_of(value: Value, name: str) -> Value:
    key, text = digest("field", value.typed, name), f"{value.within(ATOM)}.{name}"
    return Value(key, text, value.uses, None, value.traits, rank=ATOM)


def _uncast(inner: Value, target: str | None) -> Value | None:
    """What a cast leaves as it is, or refuses as a whole: then it is a matter of the type, which is compared apart.

    To whole numbers anything is rounded in one way, whatever their size.
    """
    if target is None:
        return None
    if inner.type is not None and compare_types(inner.type, target) in ("same", "widened"):
        return inner
    if target in WHOLE:
        if inner.type in WHOLE:
            return inner
        return replace(inner, key=digest("whole", inner.typed), column=False, uncast=None, parts=())
    if inner.type in WHOLE and target.startswith("DECIMAL("):
        return inner
    return None


_TYPES = {
    "INT": "INTEGER", "UINT": "UINTEGER", "TEXT": "VARCHAR", "INT128": "HUGEINT", "UINT128": "UHUGEINT",
    **{n: n for n in ("TINYINT", "SMALLINT", "BIGINT", "UTINYINT", "USMALLINT", "UBIGINT", "FLOAT", "DOUBLE",
                      "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "TIME", "BLOB", "UUID", "INTERVAL")},
}  # fmt: skip


def _type_name(node: Expr) -> str | None:
    """The engine's name of a plain type."""
    kind = str(getattr(node.this, "value", node.this))
    sizes = [str(part.this) for part in node.expressions]
    if kind == "DECIMAL" and len(sizes) == 2:
        return f"DECIMAL({sizes[0]},{sizes[1]})"
    return _TYPES.get(kind) if not sizes and not node.args.get("values") else None


def _plain(node: Any) -> Any:
    """A type as JSON."""
    if isinstance(node, exp.Identifier):
        return ["name", str(node.name)]
    if isinstance(node, Expr):
        return [
            type(node).__name__,
            {k: _plain(v) for k, v in node.args.items() if v is not None and v not in (False, [])},
        ]
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return str(getattr(node, "value", node)).upper()
