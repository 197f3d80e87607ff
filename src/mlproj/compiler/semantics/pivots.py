"""PIVOT and UNPIVOT: what they do is hashed whole, and every column comes out of all of it."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.semantics import wording
from mlproj.compiler.semantics.block import Tree
from mlproj.compiler.semantics.expressions import Expressions
from mlproj.compiler.semantics.parse import name_of
from mlproj.compiler.semantics.scope import Scope
from mlproj.compiler.semantics.value import digest, NotUnderstood, Value, uses_of


def pivoted(pivot: Expr, tree: Tree, scope: Scope, expressions: Expressions) -> tuple[str, str, frozenset[str]]:
    """Key, text and columns used of the rows after a pivot of `tree`."""
    values: list[Value] = []
    given = [c.value for c in scope.columns()]

    def part(value: Any, name: str) -> Any:
        if isinstance(value, list):
            return [part(item, name) for item in value]
        if isinstance(value, exp.Identifier | exp.Var):
            return ["name", name_of(value)]
        if isinstance(value, exp.Column | exp.Anonymous | exp.Literal):
            try:
                values.append(expressions.value(value))
            except NotUnderstood:
                if not isinstance(value, exp.Column):
                    raise
                return ["name", [name_of(p) for p in value.parts]]
            return values[-1].typed
        if isinstance(value, Expr):
            return [type(value).__name__, [[k, part(v, k)] for k, v in sorted(value.args.items()) if told(k, v)]]
        return str(value)

    parts = [[k, part(v, k)] for k, v in sorted(pivot.args.items()) if k not in ("this", "alias") and told(k, v)]
    uses = uses_of([*values, *given]) | tree.uses
    key = digest("pivot", tree.key, parts, [[c.name, c.value.typed] for c in scope.columns()])
    text = wording.generic(pivot, {})
    return key, f"{tree.text} {text}" if pivot.args.get("this") is None else text, uses


def told(name: str, value: Any) -> bool:
    """Whether an argument is the user's; the library notes its own guesses beside them."""
    told = value is not None and value is not False and value != []
    return told and name not in ("columns", "identify_pivot_strings", "prefixed_pivot_columns", "pivot_column_naming")
