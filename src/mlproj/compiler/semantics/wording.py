"""A canonical expression as SQL that a person reads beside another; nothing here is ever hashed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.expressions import Expr

from mlproj.compiler.semantics.parse import MARK, PATH_MARK
from mlproj.compiler.semantics.value import ATOM, Value, short
from mlproj.compiler.text import identifier

OR, AND, NOT, COMPARISON, OTHER, SUM, PRODUCT, POWER, UNARY = range(1, 10)
OPERATORS: Mapping[type[Expr], tuple[str, int]] = {
    exp.EQ: ("=", COMPARISON), exp.NEQ: ("<>", COMPARISON), exp.GT: (">", COMPARISON), exp.GTE: (">=", COMPARISON),
    exp.LT: ("<", COMPARISON), exp.LTE: ("<=", COMPARISON), exp.Is: ("IS", COMPARISON),
    exp.NullSafeEQ: ("IS NOT DISTINCT FROM", COMPARISON), exp.NullSafeNEQ: ("IS DISTINCT FROM", COMPARISON),
    exp.Like: ("LIKE", COMPARISON), exp.ILike: ("ILIKE", COMPARISON), exp.Add: ("+", SUM), exp.Sub: ("-", SUM),
    exp.Mul: ("*", PRODUCT), exp.Div: ("/", PRODUCT), exp.IntDiv: ("//", PRODUCT), exp.Mod: ("%", PRODUCT),
    exp.DPipe: ("||", OTHER), exp.Pow: ("**", POWER), exp.JSONExtract: ("->", OTHER),
    exp.JSONExtractScalar: ("->>", OTHER),
}  # fmt: skip


def binary(symbol: str, rank: int, left: Value, right: Value) -> str:
    """`left symbol right`; operators of one rank group from the left, comparisons not at all."""
    return short(f"{left.within(rank + (rank == COMPARISON))} {symbol} {right.within(rank + 1)}")


def joined(word: str, rank: int, operands: Sequence[Value]) -> str:
    return short(f" {word} ".join(operand.within(rank + 1) for operand in operands))


def column(symbol: str, *, whole: bool) -> str:
    """A column as one writes it, quoted where it must be; `whole` names its relation as well, which has no dot."""
    relation, _, name = symbol.removeprefix("source:").partition(".")
    name = name if re.fullmatch(r"[^\W\d]\w*", name) else identifier(name)
    return f"{relation}.{name}" if whole else name


def call(name: str, arguments: Sequence[str]) -> str:
    return short(f"{name}({', '.join(arguments)})")


def listed(values: Sequence[Value]) -> str:
    return short(", ".join(value.text for value in values))


def select(values: Sequence[Value], rows: str) -> str:
    """`SELECT values FROM …`; 1 where there are none."""
    return f"SELECT {listed(values) or '1'} {rows}".strip()


def derived(values: Sequence[Value], rows: str) -> str:
    """A query in FROM, told by its rows; what stands there by a name, or has no FROM, needs no parentheses of it."""
    return f"({rows})" if " " in rows else rows or f"({select(values, rows)})"


def type_text(node: Expr) -> str:
    return _sql(node)


def generic(node: Expr, texts: Mapping[int, str]) -> str:
    """Any other construct, as the library prints it around the texts of its parts."""

    def part(value: Any) -> Any:
        if isinstance(value, list):
            return [part(item) for item in value]
        if isinstance(value, Expr):
            known = texts.get(id(value))
            return exp.Var(this=known) if known is not None else value.copy()
        return value

    return short(_sql(type(node)(**{name: part(value) for name, value in node.args.items()})))


def _sql(node: Expr) -> str:
    try:
        return node.sql(dialect="duckdb", unsupported_level=ErrorLevel.IGNORE).replace(MARK, "").replace(PATH_MARK, "")
    except (SqlglotError, ValueError, AttributeError, TypeError):
        return type(node).__name__.upper()


def literal(node: Expr) -> tuple[str, int]:
    text = str(node.this).removeprefix(PATH_MARK)
    return ("'" + text.replace("'", "''") + "'" if node.args.get("is_string") else text), ATOM
