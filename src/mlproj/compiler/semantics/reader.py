"""The walk: every query, CTE and set operation of one text, from the inside out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.meaning import Note
from mlproj.compiler.semantics import wording
from mlproj.compiler.semantics.expressions import Expressions, Place, direction
from mlproj.compiler.semantics.block import Result, Table, renamed
from mlproj.compiler.semantics.functions import FunctionNames
from mlproj.compiler.semantics.parse import name_of, position_of
from mlproj.compiler.semantics.projections import projections
from mlproj.compiler.semantics.scope import Column, Item, Lookup, Scope
from mlproj.compiler.semantics.select import SelectReader, is_all, limit_rows
from mlproj.compiler.semantics.shapes import is_plain, passes_on
from mlproj.compiler.semantics.value import (
    digest,
    ATOM,
    BOUND,
    NOTHING,
    NotUnderstood,
    Trait,
    Value,
    short,
    traits_of,
    uses_of,
)

# A CTE that is read by two, each of which is read by two…: more than this is no query of a person.
_MOST_QUERIES = 2000
_SETS: Mapping[type[Expr], str] = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}


@dataclass
class Reader:
    """`relations` are the columns of what a query may read: name in SQL, symbol and type, by relation."""

    names: FunctionNames
    relations: Mapping[str, Sequence[tuple[str, str, str]]]
    expands: bool = False
    notes: list[Note] = field(default_factory=list)
    _count: int = 0
    _tables: int = 0
    _known: dict[tuple[str, int, int], list[Column]] = field(default_factory=dict)

    def query(self, node: Expr, place: Place, outer: Lookup | None, ordered: Callable[[], bool]) -> Result:
        """What a query gives. Raises `NotUnderstood`."""
        self._count += 1
        if self._count > _MOST_QUERIES:
            raise NotUnderstood("a query of this size")
        while isinstance(node, exp.Subquery) and not _extra(node, "this", "alias"):
            node = node.this
        place = self.with_tables(node, place)
        if isinstance(node, exp.Select):
            passed = self._passed(node, place, outer, ordered)
            return passed if passed is not None else SelectReader(self, node, place, outer, ordered).read()
        if type(node) in _SETS:
            return self._set_operation(node, place, outer, ordered)
        if isinstance(node, exp.Values | exp.Table):
            return SelectReader(
                self, exp.Select(expressions=[exp.Star()], from_=exp.From(this=node)), place, outer, ordered
            ).read()
        if isinstance(node, exp.Subquery):
            inner = exp.Select(expressions=[exp.Star()], from_=exp.From(this=exp.Subquery(this=node.this)))
            for name, value in node.args.items():
                if name in ("order", "limit", "offset") and value:
                    inner.set(name, value)
                elif value and name not in ("this", "alias", "with_"):
                    raise NotUnderstood(f"parentheses with {name}", position_of(node))
            return SelectReader(self, inner, place, outer, ordered).read()
        if isinstance(node, exp.Pivot):
            whole = exp.Select(expressions=[exp.Star()], from_=exp.From(this=exp.Subquery(this=node)))
            return SelectReader(self, whole, place, outer, ordered).read()
        raise NotUnderstood(type(node).__name__.upper(), position_of(node))

    def columns_of(self, relation: str, number: int, depth: int) -> list[Column]:
        """The columns of the `number`th occurrence of a relation in a SELECT with `depth` SELECTs around it."""
        place = (relation, number, depth)
        if place not in self._known:
            several = len(self.relations) > 1
            columns = []
            for column, symbol, type_name in self.relations[relation]:
                key = digest("column", symbol) if (number, depth) == (1, 0) else digest("column", symbol, number, depth)
                text = wording.column(symbol, whole=several)
                columns.append(
                    Column(column, Value(key, text, frozenset((symbol,)), type_name, column=True, rank=ATOM))
                )
            self._known[place] = columns
        return self._known[place]

    def with_tables(self, node: Expr, place: Place) -> Place:
        """The place with the CTEs of a query, each of which knows those before it."""
        with_ = node.args.get("with_")
        if with_ is None:
            return place
        tables = dict(place.tables)
        recursive = bool(with_.args.get("recursive"))
        for cte in with_.expressions:
            if extra := _extra(cte, "this", "alias", "materialized"):
                raise NotUnderstood(f"WITH … {extra[0]}", position_of(cte))
            alias = cte.args["alias"]
            name = name_of(alias.this)
            columns = tuple(name_of(column) for column in alias.args.get("columns") or [])
            reads_itself = recursive and any(
                name_of(table.this) == name
                for table in cte.this.find_all(exp.Table)
                if isinstance(table.this, exp.Identifier)
            )
            self._tables += 1
            here = Place(place.depth, dict(tables))
            tables[name] = Table(cte.this, here, columns, self._tables, reads_itself)
        return Place(place.depth, tables)

    def subquery(self, node: Expr, place: Place, outer: Lookup, *, ordered: bool, exists: bool) -> Value:
        """A query as a value: scalar, list of IN, or whether it has a row."""
        result = self.query(node, Place(place.depth + 1, place.tables), outer, lambda: ordered)
        if any(column.rest for column in result.columns) and not exists:
            raise NotUnderstood("a subquery of columns that are not known", position_of(node))
        values = [] if exists else [column.value for column in result.columns]
        key = digest("exists" if exists else "subquery", result.rows, [value.typed for value in values])
        shown = wording.select(values, result.text)
        traits = Trait.VOLATILE if result.volatile else Trait.PLAIN
        kind = "BOOLEAN" if exists else values[0].type if len(values) == 1 else None
        text = short(f"EXISTS ({shown})" if exists else f"({shown})")
        return Value(key, text, uses_of(values) | result.uses, kind, traits, rank=ATOM)

    def recursive(self, name: str, table: Table, place: Place) -> Result:
        """A CTE that reads itself: any of its columns may come out of any other, so each is made from the whole."""
        node = table.query
        while isinstance(node, exp.Subquery) and not _extra(node, "this"):
            node = node.this
        if not isinstance(node, exp.Union):
            raise NotUnderstood("a recursive CTE without UNION", position_of(node))
        here = Place(place.depth + 1, table.place.tables)
        start = self.query(node.this, here, None, lambda: True)
        if any(column.rest for column in start.columns):
            raise NotUnderstood("a recursive CTE of columns that are not known", position_of(node))
        names = [column.name for column in renamed(start.columns, table.names)]
        itself = [Value(digest("itself", name, place.depth, i), n or name, rank=ATOM) for i, n in enumerate(names)]
        columns = [Column(n, value) for n, value in zip(names, itself, strict=True)]
        known = Table(node, here, (), table.number, result=Result(columns, digest("itself", name), name, NOTHING))
        whole = self.query(node, Place(here.depth, {**here.tables, name: known}), None, lambda: True)
        uses = whole.uses | uses_of(column.value for column in whole.columns)
        columns = [
            Column(n, Value(digest("recursive", whole.rows, i), n or name, uses, rank=ATOM))
            for i, n in enumerate(names)
        ]
        return replace(whole, columns=columns, rows=digest("recursive", whole.rows), uses=uses)

    # ------------------------------------------------------------------------------------------------------- queries

    def _passed(self, select: Expr, place: Place, outer: Lookup | None, ordered: Callable[[], bool]) -> Result | None:
        """A SELECT that only projects, from one query that stays one: the rows are those of that query."""
        if not passes_on(select, self.names, ordered):
            return None
        item = select.args["from_"].this
        alias: str | None = None
        names: tuple[str, ...] = ()
        own: tuple[str, ...] = ()
        if (given := item.args.get("alias")) is not None and isinstance(given, exp.TableAlias):
            alias = name_of(given.this) if given.this else None
            names = tuple(name_of(column) for column in given.args.get("columns") or [])
        if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Query) and not _extra(item, "this", "alias"):
            inner, inside = item.this, place
        elif (
            isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier) and not _extra(item, "this", "alias")
        ):
            table = place.tables.get(name_of(item.this))
            if table is None or table.recursive:
                return None
            inner, inside, own = table.query, Place(place.depth, table.place.tables), table.names
            alias = alias or name_of(item.this)
        else:
            return None
        if is_plain(inner, self.names, ordered):
            return None
        result = self.query(inner, inside, outer, ordered)
        if result.volatile or any(column.rest for column in result.columns):
            return None
        scope = Scope([Item(alias, renamed(renamed(result.columns, own), names))], outer=outer)
        columns = projections(select.expressions, scope, Expressions(self, scope.lookup, place))
        return replace(result, columns=columns)

    def _set_operation(self, node: Expr, place: Place, outer: Lookup | None, ordered: Callable[[], bool]) -> Result:
        if extra := _extra(node, "this", "expression", "distinct", "by_name", "order", "limit", "offset", "with_"):
            raise NotUnderstood(f"{_SETS[type(node)]} with {extra[0].strip('_')}", position_of(node))
        limited = bool(node.args.get("limit") or node.args.get("offset"))
        inner_ordered: Callable[[], bool] = (lambda: True) if limited else ordered
        sides = [self.query(node.args[side], place, outer, inner_ordered) for side in ("this", "expression")]
        if any(column.rest for side in sides for column in side.columns):
            raise NotUnderstood(f"{_SETS[type(node)]} of columns that are not known", position_of(node))
        by_name = bool(node.args.get("by_name"))
        left, right = sides
        pairs = _by_name(left, right) if by_name else _by_position(left, right, node)
        word = _SETS[type(node)] + ("" if node.args.get("distinct") else " ALL")
        every = [value for side in sides for column in side.columns for value in [column.value]]
        columns = []
        for name, values in pairs:
            key = digest("set", word, place.depth, [v.typed if v is not None else None for v in values])
            shown = next(v for v in values if v is not None).text
            there = [v for v in values if v is not None]
            traits = (traits_of(there) & ~BOUND) | Trait.WINDOW
            columns.append(Column(name, Value(key, shown, uses_of(there), None, traits, rank=ATOM)))
        parts: list[Any] = [
            word,
            by_name,
            [[s.rows, [[c.name if by_name else None, c.value.typed] for c in s.columns]] for s in sides],
        ]
        uses = sides[0].uses | sides[1].uses | uses_of(every)
        words = [f"{_shown(sides[0])} {word} {_shown(sides[1])}"]
        used = self._end(node, columns, place, parts, words, limited=limited, ordered=ordered)
        volatile = any(side.volatile for side in sides)
        return Result(columns, digest("set", parts), short(" ".join(words)), uses | used, volatile)

    def _end(
        self, node: Expr, columns: list[Column], place: Place, parts: list[Any], words: list[str], *,
        limited: bool, ordered: Callable[[], bool],
    ) -> frozenset[str]:  # fmt: skip
        """ORDER BY, LIMIT and OFFSET of a set operation, whose names are those of its columns."""
        order = node.args.get("order")
        scope = Scope([Item(None, columns)])
        expressions = Expressions(self, scope.lookup, place)
        values: list[Value] = []
        if order is not None and (limited or ordered()):
            for part in order.expressions:
                found = (
                    [c.value for c in columns] if is_all(part.this) else [self._key(part.this, columns, expressions)]
                )
                parts.append([[value.typed, *direction(part)] for value in found])
                values += found

        def add(what: str, hashed: Any, found: Sequence[Value], shown: str = "") -> None:
            parts.append([what, hashed])
            values.extend(found)
            words.append(shown)

        limit_rows(node, expressions, add)
        return uses_of(values)

    @staticmethod
    def _key(node: Expr, columns: list[Column], expressions: Expressions) -> Value:
        if isinstance(node, exp.Literal) and str(node.this).isdigit() and 0 < int(str(node.this)) <= len(columns):
            return columns[int(str(node.this)) - 1].value
        return expressions.value(node)


def _by_position(left: Result, right: Result, node: Expr) -> list[tuple[str | None, tuple[Value | None, Value | None]]]:
    if len(left.columns) != len(right.columns):
        raise NotUnderstood("a set operation of columns that are not known", position_of(node))
    return [(a.name, (a.value, b.value)) for a, b in zip(left.columns, right.columns, strict=True)]


def _by_name(left: Result, right: Result) -> list[tuple[str | None, tuple[Value | None, Value | None]]]:
    if any(column.name is None for side in (left, right) for column in side.columns):
        raise NotUnderstood("UNION BY NAME of columns without a name")
    sides = [{column.name: column.value for column in side.columns} for side in (left, right)]
    return [(name, (sides[0].get(name), sides[1].get(name))) for name in dict.fromkeys([*sides[0], *sides[1]])]


def _shown(side: Result) -> str:
    return f"({wording.select([column.value for column in side.columns], side.text)})"


def _extra(node: Expr, *known: str) -> list[str]:
    return sorted(k for k, v in node.args.items() if v and k not in known)
