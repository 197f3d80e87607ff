"""What a SELECT has, seen from its tree alone: whether its reader may take it up, and whether order matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.semantics.functions import ANY_ORDER, VOLATILE, FunctionNames, traits_of_function
from mlproj.compiler.semantics.parse import name_of
from mlproj.compiler.semantics.value import Trait, Value

_PROJECTS_AND_FILTERS = {"expressions", "from_", "joins", "where", "order", "with_"}
_CLOCKS = (
    exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentDatetime, exp.Localtime, exp.Localtimestamp,
)  # fmt: skip


def is_plain(node: Expr, names: FunctionNames, ordered: Callable[[], bool]) -> bool:
    """Whether a query only projects and filters, row by row, with values that are the same at each run."""
    if not isinstance(node, exp.Select) or {k for k, v in node.args.items() if v} - _PROJECTS_AND_FILTERS:
        return False
    if node.args.get("from_") is None or (node.args.get("order") and ordered()):
        return False
    return is_row_by_row([*node.expressions, *([node.args["where"]] if node.args.get("where") else [])], names)


def is_row_by_row(nodes: list[Expr], names: FunctionNames) -> bool:
    for part in _own_parts(nodes):
        if isinstance(part, (exp.Window, exp.Explode, *_CLOCKS)):
            return False
        if isinstance(part, exp.Anonymous) and traits_of_function(_name(part), names):
            return False
    return not any(_volatile(part) for node in nodes for part in node.walk())


def speaks_of_columns(select: Expr, values: Sequence[Value]) -> bool | None:
    """Whether some projection of a SELECT names a column of its FROM, which is what GROUP BY ALL groups by.

    `values` are those of its projections. None where it cannot be told: within a subquery or a comprehension, or by
    a word that is an earlier projection's name as well.
    """
    parts = list(select.expressions)
    if len(parts) != len(values) or any(part.is_star for part in parts):
        return True
    earlier: set[str] = set()
    doubtful = False
    for part, value in zip(parts, values, strict=True):
        for column in part.find_all(exp.Column) if not value.traits & Trait.AGGREGATE else ():
            own = column.find_ancestor(exp.Query, exp.Lambda, exp.Comprehension) is select
            if own and (column.args.get("table") or name_of(column.this) not in earlier):
                return True
            doubtful = True
        earlier.add(part.alias.lower())
    return None if doubtful else False


def passes_on(node: Expr, names: FunctionNames, ordered: Callable[[], bool]) -> bool:
    """Whether a query has the rows of the one thing that it reads, and only projects."""
    if not isinstance(node, exp.Select) or {k for k, v in node.args.items() if v} - {
        "expressions",
        "from_",
        "order",
        "with_",
    }:
        return False
    if node.args.get("from_") is None or (node.args.get("order") and ordered()):
        return False
    return is_row_by_row(list(node.expressions), names)


def order_matters(select: Expr, names: FunctionNames) -> bool:
    """Whether what a SELECT gives may depend on the order of what it reads."""
    if any(select.args.get(name) for name in ("limit", "offset", "sample", "windows")):
        return True
    if (distinct := select.args.get("distinct")) is not None and distinct.args.get("on") is not None:
        return True
    if any(
        str(join.args.get("method") or "").upper() in ("POSITIONAL", "ASOF") for join in select.args.get("joins") or []
    ):
        return True
    nodes = [v for k, v in select.args.items() if k not in ("from_", "joins", "with_")]
    for part in _own_parts(nodes):
        if isinstance(part, exp.Window):
            return True
        if isinstance(part, exp.Anonymous) and _name(part) not in ANY_ORDER:
            traits = traits_of_function(_name(part), names)
            if traits & (Trait.AGGREGATE | Trait.UNKNOWN):
                return True
    return False


def _own_parts(nodes: Any) -> Iterator[Expr]:
    """All parts of trees but those of the queries within."""
    pending = [node for item in nodes for node in (item if isinstance(item, list) else [item])]
    while pending:
        node = pending.pop()
        if not isinstance(node, Expr):
            continue
        yield node
        if not isinstance(node, exp.Query):
            for value in node.args.values():
                pending += value if isinstance(value, list) else [value]


def _volatile(node: Expr) -> bool:
    return isinstance(node, _CLOCKS) or (isinstance(node, exp.Anonymous) and _name(node) in VOLATILE)


def _name(node: Expr) -> str:
    return name_of(node.this) if isinstance(node.this, Expr) else name_of(node)
