"""What a query means, as hashes: the only module that knows sqlglot, and imported only where a query is new.

The recipe here is the coarse one: the query without its outermost projections is one hash, and each projection another.
It is our own serialisation of the tree that is hashed, so that an upgrade of the parser is not a change of features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import expressions as exp
from sqlglot.expressions import Expr

from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import ColumnMeaning, Note, QueryMeaning
from mlproj.compiler.text import plain_text, without_comments
from mlproj.state import Column


@dataclass(frozen=True)
class FunctionNames:
    """Lower-case names of the engine's functions; only what is scalar, and nothing else, keeps rows as they are."""

    scalar: frozenset[str]
    aggregate: frozenset[str]
    table: frozenset[str]


# Their texts are words of SQL, which are the same in capitals.
_OF_KEYWORDS = (exp.Var, exp.WindowSpec)


def query_meaning(
    sql: str, relations: Mapping[str, Sequence[Column]], functions: FunctionNames, outputs: Sequence[Column]
) -> QueryMeaning:
    """What a query means. `relations` are the columns of what it reads, by relation name (`income@1`, `source:census`).

    `outputs` are its columns as the engine binds them.
    """
    symbols = tuple(f"{relation}.{column.name}" for relation, columns in relations.items() for column in columns)
    try:
        # Without comments: between the words of `group by` the parser takes none.
        tree = sqlglot.parse_one(without_comments(sql), read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        return _as_text(sql, str(error).partition(". Line ")[0], symbols, outputs)
    if not isinstance(tree, exp.Query):
        return _as_text(sql, "not a SELECT", symbols, outputs)
    if not isinstance(tree, exp.Select):
        rows = fingerprint(serialise(tree))
        return QueryMeaning(rows=rows, row_uses=symbols, columns=_columns(outputs, {}, rows, symbols))
    projections = list(tree.expressions)
    hashes: dict[str, str] = {}
    for index, projection in enumerate(projections):
        name = projection.alias_or_name.lower() or f"#{index}"
        hashes[name if name not in hashes else f"{name}#{index}"] = fingerprint(
            serialise(_without_outer_cast(projection))
        )
    additive = set(_additive(tree, projections, functions)) if len(hashes) == len(projections) else set()
    tree.set("expressions", [])
    rest: list[Any] = [serialise(tree), [[n, h] for n, h in hashes.items() if n not in additive]]
    if _positional(tree):
        rest.append(list(hashes))
    rows = fingerprint(*rest)
    return QueryMeaning(rows=rows, row_uses=symbols, columns=_columns(outputs, hashes, rows, symbols))


def _as_text(sql: str, why: str, symbols: tuple[str, ...], outputs: Sequence[Column]) -> QueryMeaning:
    rows = fingerprint("text", plain_text(sql))
    note = Note(kind="not_understood", what=why)
    return QueryMeaning(rows=rows, row_uses=symbols, columns=_columns(outputs, {}, rows, symbols), notes=(note,))


def _columns(
    outputs: Sequence[Column], hashes: Mapping[str, str], rows: str, symbols: tuple[str, ...]
) -> dict[str, ColumnMeaning]:
    """A column that no projection names comes out of a `*`: anything may be what gives it."""
    return {
        c.name: ColumnMeaning(computed=fingerprint(c.name, hashes.get(c.name.lower(), rows)), uses=symbols)
        for c in outputs
    }


def serialise(node: Any) -> Any:
    """A tree as JSON: class and arguments that are set; no comments, no quoting, identifiers in lower case."""
    if isinstance(node, Expr):
        kind = type(node)
        if kind is exp.Identifier:
            return ["Identifier", node.name.lower()]
        if kind is exp.Paren:
            return serialise(node.this)
        if kind in _OF_KEYWORDS:
            node = kind(**{k: v.upper() if isinstance(v, str) else v for k, v in node.args.items()})
        if kind is exp.Anonymous:
            return ["Anonymous", str(node.this).lower(), serialise(node.expressions)]
        return [
            kind.__name__,
            {k: serialise(v) for k, v in node.args.items() if v is not None and v is not False and v != []},
        ]
    if isinstance(node, list | tuple):
        return [serialise(item) for item in node]
    return node if isinstance(node, str | int | float | bool) or node is None else str(node)


def _without_outer_cast(projection: Expr) -> Expr:
    """A projection's expression; its outermost cast is compared as the type of the feature, not as its meaning."""
    expression = projection.this if isinstance(projection, exp.Alias) else projection
    while isinstance(expression, exp.Paren):
        expression = expression.this
    return expression.this if type(expression) is exp.Cast else expression


def _additive(tree: Expr, projections: list[Expr], functions: FunctionNames) -> Iterator[str]:
    """Names of the projections that can come or go without touching rows or other columns."""
    if tree.args.get("distinct") or _positional(tree):
        return
    outside = [
        value for key, value in tree.args.items() if key not in ("expressions", "with_", "with", "from_", "from")
    ]
    used = [_column_names(projection) for projection in projections]
    used_outside = _column_names(outside)
    for index, projection in enumerate(projections):
        name = projection.alias_or_name
        if (
            not name
            or isinstance(projection, exp.Star)
            or name.lower() in used_outside
            or not _scalar(projection, functions)
        ):
            continue
        if not any(name.lower() in names for other, names in enumerate(used) if other != index):
            yield name.lower()


def _scalar(node: Expr, functions: FunctionNames) -> bool:
    refused = (
        exp.AggFunc,
        exp.Window,
        exp.Query,
        exp.Subquery,
        exp.Exists,
        exp.UDTF,
        exp.Explode,
        exp.Star,
        exp.Columns,
    )
    for part in node.walk():
        if isinstance(part, refused):
            return False
        if isinstance(part, exp.Func) and not _is_scalar_function(part, functions):
            return False
    return True


def _is_scalar_function(node: Expr, functions: FunctionNames) -> bool:
    if isinstance(node, exp.Anonymous):
        name = str(node.this).lower()
        return name in functions.scalar and name not in functions.aggregate | functions.table
    names = {name.lower() for name in type(node).sql_names()} if isinstance(node, exp.Func) else set()
    return not names & functions.aggregate


def _column_names(part: Any) -> set[str]:
    """First names of the columns in a part of a query: each could come to mean a new projection's alias."""
    if isinstance(part, list):
        return {name for item in part for name in _column_names(item)}
    if not isinstance(part, Expr):
        return set()
    return {column.parts[0].name.lower() for column in part.find_all(exp.Column)}


def _positional(tree: Expr) -> bool:
    """Whether GROUP BY or ORDER BY speak of projections by number or by ALL, so that their order or number matters."""
    group, order = tree.args.get("group"), tree.args.get("order")
    if group is not None and (group.args.get("all") or any(_is_number(e) for e in group.expressions)):
        return True
    if order is None:
        return False
    keys = [e.this if isinstance(e, exp.Ordered) else e for e in order.expressions]
    return any(_is_number(key) or (isinstance(key, exp.Column | exp.Var) and key.name.lower() == "all") for key in keys)


def _is_number(node: Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string
