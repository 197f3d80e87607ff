"""SQL → sqlglot's tree, read so that nothing is lost: functions under the names and with the arguments they are given.

The library turns many functions into one class (`first` and `any_value` are near enough for it) and rewrites their
arguments. Marked names are unknown to it, so that it leaves them alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.expressions import Expr
from sqlglot.tokenizer_core import Token, TokenType

from mlproj.compiler.semantics.value import NotUnderstood

if TYPE_CHECKING:
    from sqlglot.parser import Parser

# Private-use characters, which no query contains; a path of JSON that starts with a slash is left as it is.
MARK, PATH_MARK = "\ue000", "/\ue001"
_DIALECT = Dialect.get_or_raise("duckdb")
_SYNTAX = {
    "ALL", "AND", "ANY", "ARRAY", "CASE", "CAST", "COLLATE", "COLUMNS", "EXISTS", "EXTRACT", "IF", "LIKE", "MAP", "OR",
    "OVERLAY", "POSITION", "ROW", "SOME", "STRUCT", "STRUCT_PACK", "SUBSTRING", "TRIM", "TRY_CAST", "UNNEST",
}  # fmt: skip
# `count(*) filter (…)`, `* replace (…)`: no functions.
_NO_FUNCTIONS = {"FILTER": {TokenType.R_PAREN}, "REPLACE": {TokenType.R_PAREN, TokenType.STAR}}
_ARROWS = {TokenType.ARROW, TokenType.DARROW}
_CLOCKS = {
    TokenType.CURRENT_DATE, TokenType.CURRENT_DATETIME, TokenType.CURRENT_TIME, TokenType.CURRENT_TIMESTAMP,
    TokenType.LOCALTIME, TokenType.LOCALTIMESTAMP,
}  # fmt: skip


def _marked_names(parser: Parser) -> frozenset[str]:
    return frozenset((parser.FUNCTIONS.keys() | parser.FUNCTION_PARSERS.keys()) - _SYNTAX)


_NAMES = _marked_names(_DIALECT.parser())
# Names of types that may have a size; what else the library takes for a type in front of a parenthesis is a function.
_TYPES = _DIALECT.parser().TYPE_TOKENS - {
    TokenType.DATE, TokenType.JSON, TokenType.LIST, TokenType.RANGE, TokenType.UUID,
}  # fmt: skip


def parse(sql: str) -> Expr:
    """The tree of one statement. Raises `NotUnderstood`."""
    try:
        tokens = _DIALECT.tokenize(sql)
        for index, token in enumerate(tokens):
            kind = token.token_type
            if kind is TokenType.L_PAREN and index:
                _mark(tokens, index - 1)
            elif kind is TokenType.STRING and index and tokens[index - 1].token_type in _ARROWS:
                tokens[index] = _renamed(token, TokenType.STRING, PATH_MARK + token.text)
        trees = _DIALECT.parser().parse(tokens, sql)
    except SqlglotError as error:
        raise _refusal(error, sql) from error
    if len(trees) != 1 or trees[0] is None:
        raise NotUnderstood("not one statement")
    return trees[0]


def let_go(tree: Expr) -> None:
    """Take a tree that nobody reads any more to pieces: parts that know their parents wait for the garbage collector,
    which costs a cold plan as much as parsing.
    """
    pending = [tree]
    while pending:
        node = pending.pop()
        for value in node.args.values():
            if isinstance(value, Expr):
                pending.append(value)
            elif isinstance(value, list):
                pending += [part for part in value if isinstance(part, Expr)]
        node.parent = None
        node.args.clear()


def _mark(tokens: list[Token], index: int) -> None:
    """Marks a name in front of a parenthesis, if it is a function's."""
    token, name = tokens[index], tokens[index].text.upper()
    kind, previous = token.token_type, tokens[index - 1].token_type if index else None
    if kind in _CLOCKS:
        named = previous is not TokenType.DOT
    else:
        named = name in _NAMES and kind is not TokenType.IDENTIFIER and kind not in _TYPES
    if named and previous not in _NO_FUNCTIONS.get(name, ()):
        tokens[index] = _renamed(token, TokenType.VAR, MARK + token.text)


def _renamed(token: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, token.line, token.col, token.start, token.end, token.comments)


def _refusal(error: SqlglotError, sql: str) -> NotUnderstood:
    details = getattr(error, "errors", None) or [{}]
    line, column = details[0].get("line"), details[0].get("col")
    what = str(details[0].get("description") or error).partition(". Line ")[0].replace(MARK, "")
    highlight = str(details[0].get("highlight") or "").replace(MARK, "")
    if not isinstance(line, int) or not isinstance(column, int):
        return NotUnderstood(what)
    start = sum(len(text) for text in sql.splitlines(keepends=True)[: line - 1]) + column - len(highlight)
    return NotUnderstood(f"{what} at '{highlight}'" if highlight else what, max(start, 0))


def name_of(node: Expr) -> str:
    """An identifier as the engine compares it."""
    return str(node.name).removeprefix(MARK).lower()


def position_of(node: Expr) -> int | None:
    """Where the first word of a tree stands, as far as the library remembers."""
    for part in node.walk():
        start = part.meta.get("start") if isinstance(part, exp.Identifier | exp.Anonymous | exp.Star) else None
        if isinstance(start, int):
            return start
    return None
