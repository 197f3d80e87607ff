"""The SELECT list: `*`, COLUMNS(…) and aliases expanded to named values, from left to right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.semantics.expressions import Expressions
from mlproj.compiler.semantics.parse import name_of, position_of
from mlproj.compiler.semantics.scope import Column, Scope
from mlproj.compiler.semantics.value import NotUnderstood, either

# Regular expressions that Python and the engine read alike.
_PLAIN_PATTERN = re.compile(r"[\w.*+?|^$()\[\]-]*")


def projections(nodes: Sequence[Expr], scope: Scope, expressions: Expressions) -> list[Column]:
    """What a SELECT list gives; names it gives are known to `expressions` from then on."""
    found: list[Column] = []
    for node in nodes:
        found.extend(_projection(node, scope, expressions))
    return found


def _projection(node: Expr, scope: Scope, expressions: Expressions) -> Iterator[Column]:
    star = node.this if isinstance(node, exp.Column) and isinstance(node.this, exp.Star) else node
    if isinstance(star, exp.Star):
        yield from _star(node, star, scope, expressions)
    elif expressions.host.expands and (pattern := node.find(exp.Columns)) is not None:
        yield from _columns(node, pattern, scope, expressions)
    elif isinstance(node, exp.Alias):
        name, value = name_of(node.args["alias"]), expressions.value(node.this)
        known = expressions.aliases.get(name)
        expressions.aliases[name] = either(known, value) if known is not None else value
        yield Column(name, value)
    else:
        yield Column(_own_name(node), expressions.value(node))


def _own_name(node: Expr) -> str | None:
    """The name of a projection that has no alias, where it can be told."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Column):
        return name_of(node)
    return (
        name_of(node.expression) if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier) else None
    )


def _star(node: Expr, star: Expr, scope: Scope, expressions: Expressions) -> Iterator[Column]:
    """`*` and `t.*` with EXCLUDE, REPLACE and RENAME."""
    alias = None
    if star is not node:
        alias = name_of(node.parts[0])  # type: ignore[attr-defined]
        if len(node.parts) != 2 or not scope.has(alias):  # type: ignore[attr-defined]
            raise NotUnderstood(f"'{alias}.*'", position_of(node))
    if unknown := sorted(k for k, v in star.args.items() if v and k not in ("except_", "replace", "rename")):
        raise NotUnderstood(f"* with {unknown[0]}", position_of(node))
    excluded = {_lone_name(part) for part in star.args.get("except_") or []}
    replaced = {name_of(part.args["alias"]): part.this for part in star.args.get("replace") or []}
    renamed = {_lone_name(part.this): name_of(part.args["alias"]) for part in star.args.get("rename") or []}
    for column in list(scope.columns(alias)):
        if column.rest and (excluded or replaced or renamed):
            raise NotUnderstood("* with EXCLUDE, REPLACE or RENAME over columns that are not known", position_of(node))
        if column.name in excluded:
            continue
        value = expressions.value(replaced[column.name]) if column.name in replaced else column.value
        yield Column(renamed.get(column.name, column.name) if column.name else None, value, rest=column.rest)


def _lone_name(node: Expr) -> str:
    if isinstance(node, exp.Column) and len(node.parts) > 1:
        raise NotUnderstood("a qualified name beside *", position_of(node))
    return name_of(node)


def _columns(node: Expr, pattern: Expr, scope: Scope, expressions: Expressions) -> Iterator[Column]:
    """The expression once for each column that COLUMNS(…) stands for."""
    wanted = list(_matching(pattern, scope))
    if len({repr(other) for other in node.find_all(exp.Columns)}) > 1:
        raise NotUnderstood("several COLUMNS in one expression", position_of(pattern))
    bare = node is pattern
    expression = node.this if isinstance(node, exp.Alias) else node
    try:
        for column in wanted:
            expressions.column = column.value
            yield Column(column.name if bare else None, expressions.value(expression))
    finally:
        expressions.column = None


def _matching(pattern: Expr, scope: Scope) -> Iterator[Column]:
    columns = list(scope.columns())
    if any(column.name is None for column in columns):
        raise NotUnderstood("COLUMNS over columns that are not known", position_of(pattern))
    what = pattern.this
    if isinstance(what, exp.Star) and not any(what.args.values()):
        yield from columns
    elif isinstance(what, exp.Literal) and what.is_string and _PLAIN_PATTERN.fullmatch(str(what.this)):
        regex = re.compile(str(what.this), re.ASCII)
        names = [column.name for column in columns if regex.search(str(column.name)) is not None]
        if any(c != c.lower() for c in str(what.this)):
            raise NotUnderstood("COLUMNS with capitals", position_of(pattern))
        yield from (column for column in columns if column.name in names)
    else:
        raise NotUnderstood("COLUMNS", position_of(pattern))
