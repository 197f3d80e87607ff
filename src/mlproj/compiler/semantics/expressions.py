"""An expression as a `Value`: every name resolved, every operator in its canonical form, from the leaves up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.meaning import Note
from mlproj.compiler.semantics import calls, functions, operators, wording
from mlproj.compiler.semantics.parse import name_of, position_of
from mlproj.compiler.semantics.scope import Found, Lookup
from mlproj.compiler.semantics.syntax import EXACT, LOOSE, OPERATORS, PARTS, SYNTAX
from mlproj.compiler.semantics.value import digest, ATOM, NotUnderstood, Value, either


class Subqueries(Protocol):
    """Whoever reads a query within an expression."""

    names: functions.FunctionNames
    notes: list[Note]
    expands: bool  # whether COLUMNS(…) stands anywhere

    def subquery(self, node: Expr, place: Place, outer: Lookup, *, ordered: bool, exists: bool) -> Value: ...


@dataclass(frozen=True)
class Place:
    """Where an expression stands: how many SELECTs around it, and the CTEs that it may speak of."""

    depth: int
    tables: Mapping[str, Any]


@dataclass
class Expressions:
    """Reads the expressions of one SELECT; `aliases` are the projections so far, which DuckDB lets be used again.

    `alias_first`: ORDER BY and DISTINCT ON take a lone name for an alias first. `grouped` are the keys of GROUP BY, if
    HAVING is read: a name that is an alias too and no key may be either.
    """

    host: Subqueries
    scope: Lookup
    place: Place
    aliases: dict[str, Value] = field(default_factory=dict)
    windows: Mapping[str, Expr] = field(default_factory=dict)
    grouped: frozenset[str] | None = None
    column: Value | None = None  # what COLUMNS(…) stands for at the moment
    frames: list[dict[str, Value]] = field(default_factory=list)
    over: set[int] = field(default_factory=set)

    def value(self, node: Expr) -> Value:
        """What an expression comes to. Raises `NotUnderstood`."""
        kind = type(node)
        value = self._read_as(kind, node)
        if kind in OPERATORS and type(node.parent) in OPERATORS and (kind in LOOSE or type(node.parent) in LOOSE):
            return replace(value, key=digest("loose", value.key), uncast=None, parts=())
        return value

    def _read_as(self, kind: type[Expr], node: Expr) -> Value:
        handler = _HANDLERS.get(kind)
        if handler is not None:
            return handler(self, node)
        if isinstance(node, exp.Query):
            return self.query(node)
        if not isinstance(node, (*SYNTAX, *PARTS)):
            raise NotUnderstood(spoken(node), position_of(node))
        return self.generic(node)

    def root(self, node: Expr) -> Value:
        """An expression of ORDER BY or DISTINCT ON, where a lone name is first an alias."""
        if isinstance(node, exp.Column) and len(node.parts) == 1 and name_of(node) in self.aliases:
            return self.aliases[name_of(node)]
        return self.value(node)

    def resolve(self, parts: Sequence[str]) -> Found | None:
        """A dotted name: a parameter of a lambda, a column, an alias of a projection, or what is further out."""
        for frame in reversed(self.frames):
            if parts[0] in frame:
                return frame[parts[0]], parts[1:]
        found = self.scope(parts)
        alias = self.aliases.get(parts[0])
        if alias is None:
            return found
        if found is None:
            return alias, parts[1:]
        key = found[0].key
        if self.grouped is not None and key not in self.grouped and found[1] == parts[1:]:
            return either(found[0], alias), found[1]
        return found

    def named(self, parts: Sequence[str], node: Expr) -> Value:
        found = self.resolve(parts)
        if found is None:
            raise NotUnderstood(f"the name '{'.'.join(parts)}'", position_of(node))
        value, fields = found
        for name in fields:
            value = operators.field_of(value, name)
        return value

    def ordering(self, node: Expr, *, root: bool = False) -> tuple[list[tuple[list[Any], Value]], str]:
        """The keys of an ORDER BY with what is hashed of each, and its text."""
        found, texts = [], []
        for ordered in node.expressions:
            value = (self.root if root else self.value)(ordered.this)
            found.append(([value.typed, *direction(ordered)], value))
            texts.append(value.text + (" DESC" if ordered.args.get("desc") else ""))
        return found, ", ".join(texts)

    def parameter(self, index: int, name: str) -> Value:
        return Value(digest("parameter", len(self.frames), index), name, rank=ATOM)

    def framed(self, frame: dict[str, Value], body: Expr) -> Value:
        self.frames.append(frame)
        try:
            return self.value(body)
        finally:
            self.frames.pop()

    def not_deterministic(self, name: str, position: int | None) -> None:
        note = Note(kind="not_deterministic", what=name, position=position)
        if note not in self.host.notes:
            self.host.notes.append(note)

    def query(self, node: Expr) -> Value:
        return self._read(node, ordered=True, exists=False)

    def exists(self, node: Expr) -> Value:
        if not isinstance(node.this, exp.Query):
            raise NotUnderstood("EXISTS", position_of(node))
        return self._read(node.this, ordered=False, exists=True)

    def _read(self, node: Expr, *, ordered: bool, exists: bool) -> Value:
        return self.host.subquery(node, self.place, self.resolve, ordered=ordered, exists=exists)

    def generic(self, node: Expr) -> Value:
        """A construct that means nothing but what its parts do."""
        return operators.generic_value(self, node)


def spoken(node: Expr) -> str:
    """The name of a construct, from that of its class: `PositionalColumn` as `positional column`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).lower()


def direction(ordered: Expr) -> list[bool]:
    if ordered.args.get("with_fill"):
        raise NotUnderstood("WITH FILL", position_of(ordered))
    return [bool(ordered.args.get("desc")), bool(ordered.args.get("nulls_first"))]


_Handler = Callable[[Expressions, Any], Value]
_HANDLERS: dict[type[Expr], _Handler] = {
    exp.Column: operators.column_value, exp.Identifier: operators.identifier_value,
    exp.Literal: operators.literal_value,
    exp.Boolean: operators.constant_value, exp.Null: operators.constant_value, exp.Paren: operators.paren_value,
    exp.And: operators.connector_value, exp.Or: operators.connector_value, exp.Cast: operators.cast_value,
    exp.Case: operators.case_value, exp.Filter: operators.filter_value, exp.Bracket: operators.bracket_value,
    exp.Struct: operators.struct_value, exp.ToMap: operators.map_value, exp.Dot: operators.dot_value,
    exp.Anonymous: calls.function_value, exp.Collate: operators.collate_value, exp.Lambda: calls.lambda_value,
    exp.Columns: operators.current_column_value, exp.Comprehension: calls.comprehension_value,
    exp.Window: calls.window_value, exp.Exists: Expressions.exists,
    **dict.fromkeys(EXACT, operators.exact_value), **dict.fromkeys(wording.OPERATORS, operators.binary_value),
}  # fmt: skip
