"""One SELECT: its row set, and what each of its columns is computed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.semantics import wording
from mlproj.compiler.semantics.block import Block, Queries, Result, conditions, note, note_sample, sample_key
from mlproj.compiler.semantics.expressions import Expressions, Place, direction
from mlproj.compiler.semantics.from_clause import FromClause
from mlproj.compiler.semantics.parse import name_of, position_of
from mlproj.compiler.semantics.projections import projections
from mlproj.compiler.semantics.scope import Lookup
from mlproj.compiler.semantics.shapes import order_matters, speaks_of_columns
from mlproj.compiler.semantics.value import digest, NotUnderstood, Trait, Value, short, traits_of, uses_of

_KNOWN = {
    "expressions", "from_", "joins", "where", "group", "having", "qualify", "distinct", "order", "limit", "offset",
    "windows", "sample", "with_",
}  # fmt: skip


@dataclass
class _Rows:
    """What decides the rows: parts that are hashed, the values in them, and words."""

    parts: list[Any]
    values: list[Value]
    words: list[str]

    def add(self, what: str, hashed: Any, values: Sequence[Value], words: str = "") -> None:
        self.parts.append([what, hashed])
        self.values += values
        if words:
            self.words.append(words)


class SelectReader:
    """Reads one SELECT whose WITH is already part of `place`."""

    def __init__(
        self, host: Queries, select: Expr, place: Place, outer: Lookup | None, ordered: Callable[[], bool]
    ) -> None:
        if unknown := sorted(k for k, v in select.args.items() if v and k not in _KNOWN):
            raise NotUnderstood(f"SELECT with {unknown[0].strip('_')}", position_of(select))
        self._host, self._select, self._place = host, select, place
        self._ordered = ordered
        self._block = Block(place, outer, lambda: ordered() or order_matters(select, host.names))

    def read(self) -> Result:
        select, block = self._select, self._block
        tree, scope = FromClause(self._host, block).read(select, self._place, block.outer, pull=True, inner=False)
        windows = {name_of(window.this): window for window in select.args.get("windows") or []}
        self._expressions = Expressions(self._host, scope.lookup, self._place, windows=windows)
        columns = projections(select.expressions, scope, self._expressions)
        self._values = [column.value for column in columns]
        rows = _Rows([["from", tree.key]], [], [f"FROM {tree.text}"] if tree.text else [])
        self._conditions("where", rows)
        self._group(rows)
        self._conditions("having", rows)
        self._conditions("qualify", rows)
        self._presence(rows)
        self._distinct(rows)
        self._limit(rows)
        if (sample := select.args.get("sample")) is not None:
            block.volatile |= note_sample(self._host, sample)
            rows.add("sample", sample_key(sample), [], "USING SAMPLE")
        volatile = block.volatile or bool(traits_of([*rows.values, *self._values]) & Trait.VOLATILE)
        uses = tree.uses | uses_of(rows.values)
        return Result(columns, digest("rows", rows.parts), short(" ".join(rows.words)), uses, volatile)

    # -------------------------------------------------------------------------------------------------------- clauses

    def _conditions(self, clause: str, rows: _Rows) -> None:
        node = self._select.args.get(clause)
        found = list(self._block.filters) if clause == "where" else []
        if node is not None:
            if clause == "having":
                self._expressions.grouped = self._keys
            found += conditions(self._expressions.value(node.this))
            self._expressions.grouped = None
        if found:
            text = f"{clause.upper()} {wording.joined('AND', wording.AND, found)}"
            rows.add(clause, sorted(value.typed for value in found), found, text)

    def _group(self, rows: _Rows) -> None:
        group = self._select.args.get("group")
        self._keys: frozenset[str] = frozenset()
        self._grouped = group is not None
        if group is None:
            return
        if extra := sorted(k for k, v in group.args.items() if v and k not in ("expressions", "all")):
            raise NotUnderstood(f"GROUP BY with {extra[0]}", position_of(group))
        if group.args.get("all"):
            keys = [v for v in self._values if not v.traits & Trait.AGGREGATE]
            if any(v.traits & (Trait.UNKNOWN | Trait.WINDOW) for v in keys):
                raise NotUnderstood("GROUP BY ALL beside a function that is not known", position_of(group))
            grouped = speaks_of_columns(self._select, self._values) if keys else False
            if grouped is None:
                raise NotUnderstood("GROUP BY ALL of what may be no column", position_of(group))
            self._grouped = grouped
            if self._select.args.get("having") is not None:
                # Under ALL the engine takes the columns of HAVING for keys too.
                rows.add("all and having", True, [])
        elif any(isinstance(part, exp.GroupingSets | exp.Rollup | exp.Cube) for part in group.expressions):
            values: list[Value] = []
            hashed = [self._grouping(part, values) for part in group.expressions]
            rows.add(
                "grouping", hashed, values, f"GROUP BY {wording.generic(group, {}).strip().removeprefix('GROUP BY ')}"
            )
            self._keys = frozenset(value.key for value in values)
            return
        else:
            keys = [self._position(part) or self._expressions.value(part) for part in group.expressions]
        self._keys = frozenset(key.key for key in keys)
        hashed = [key.bare.key for key in keys]
        # The set of keys decides the rows; only their order may follow the order of the keys.
        if self._grouped:
            shown = f"GROUP BY {wording.listed(keys)}"
            rows.add("group", hashed if self._ordered() else sorted(set(hashed)), keys, shown)

    def _grouping(self, node: Expr, values: list[Value]) -> Any:
        if isinstance(node, exp.GroupingSets | exp.Rollup | exp.Cube):
            return [type(node).__name__, [self._grouping(part, values) for part in node.expressions]]
        if isinstance(node, exp.Paren):
            return [self._grouping(node.this, values)]
        if isinstance(node, exp.Tuple):
            return [self._grouping(part, values) for part in node.expressions]
        values.append(self._position(node) or self._expressions.value(node))
        return values[-1].key

    def _position(self, node: Expr) -> Value | None:
        """The projection that a number in GROUP BY or ORDER BY stands for."""
        if not isinstance(node, exp.Literal) or node.args.get("is_string") or not str(node.this).isdigit():
            return None
        number = int(str(node.this))
        if not 0 < number <= len(self._values):
            raise NotUnderstood(f"position {number}", position_of(node))
        return self._values[number - 1]

    def _presence(self, rows: _Rows) -> None:
        """An aggregate without GROUP BY makes one row of all; a function that gives several rows makes more of them."""
        having = self._select.args.get("having") is not None
        if not self._grouped and (having or traits_of(self._values) & Trait.AGGREGATE):
            rows.add("one row", True, [])
        unknown = [v for v in self._values if v.traits & Trait.UNKNOWN] if not self._grouped else []
        several = [v for v in self._values if v.traits & Trait.ROWS]
        if unknown or several:
            more = [*unknown, *several]
            rows.add("several rows", [v.typed for v in more], more, wording.call("ROWS", [wording.listed(more)]))

    def _distinct(self, rows: _Rows) -> None:
        distinct = self._select.args.get("distinct")
        if distinct is None:
            return
        on = distinct.args.get("on")
        if on is None:
            rows.add("distinct", [value.bare.key for value in self._values], self._values, "DISTINCT")
            return
        nodes = on.expressions if isinstance(on, exp.Tuple) else [on]
        values = [self._position(node) or self._expressions.root(node) for node in nodes]
        rows.add("distinct on", [value.key for value in values], values, f"DISTINCT ON ({wording.listed(values)})")
        if self._select.args.get("limit") is None and self._select.args.get("offset") is None:
            self._order(rows)

    def _limit(self, rows: _Rows) -> None:
        limit, offset = self._select.args.get("limit"), self._select.args.get("offset")
        if limit is not None or offset is not None:
            if self._select.args.get("order") is None:
                note(self._host, "LIMIT without ORDER BY" if limit is not None else "OFFSET without ORDER BY")
            self._order(rows)
            limit_rows(self._select, self._expressions, rows.add)
        elif (
            self._select.args.get("order") is not None and self._ordered() and self._select.args.get("distinct") is None
        ):
            self._order(rows)

    def _order(self, rows: _Rows) -> None:
        order = self._select.args.get("order")
        if order is None:
            return
        hashed: list[Any] = []
        values: list[Value] = []
        for ordered in order.expressions:
            found = self._values if is_all(ordered.this) else [self._position(ordered.this) or self._root(ordered.this)]
            hashed += [[value.typed, *direction(ordered)] for value in found]
            values += found
        rows.add("order", hashed, values, f"ORDER BY {wording.listed(values)}")

    def _root(self, node: Expr) -> Value:
        return self._expressions.root(node)


def is_all(node: Expr) -> bool:
    return isinstance(node, exp.Var | exp.Column) and name_of(node) == "all"


def limit_rows(query: Expr, expressions: Expressions, add: Callable[..., None]) -> None:
    """LIMIT and OFFSET of a SELECT or a set operation."""
    for name in ("limit", "offset"):
        node = query.args.get(name)
        if node is None:
            continue
        if not isinstance(node, exp.Limit | exp.Offset):
            raise NotUnderstood(type(node).__name__.upper(), position_of(node))
        value = expressions.value(node.expression)
        options = node.args.get("limit_options")
        more = sorted(k for k, v in options.args.items() if v) if options is not None else []
        if any(v for k, v in node.args.items() if k not in ("expression", "limit_options", "this")):
            raise NotUnderstood(f"{name.upper()} with more than a number", position_of(node))
        add(name, [value.typed, more], [value], f"{name.upper()} {value.text}{' %' if 'percent' in more else ''}")
