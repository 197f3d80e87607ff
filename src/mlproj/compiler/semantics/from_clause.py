"""FROM as a tree of tables and joins; queries in it that only project and filter are taken up into their reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.semantics import wording
from mlproj.compiler.semantics.block import (
    Block, Queries, Result, Tree, as_item, conditions, derived, note_sample, renamed, sample_key,
)  # fmt: skip
from mlproj.compiler.semantics.expressions import Expressions, Place
from mlproj.compiler.semantics.joins import KEEPS_LEFT, alias_of, by_comma, coalesced, extra, kind_of, only, stripped
from mlproj.compiler.semantics.parse import name_of, position_of
from mlproj.compiler.semantics.pivots import pivoted
from mlproj.compiler.semantics.projections import projections
from mlproj.compiler.semantics.scope import Column, Item, Lookup, Scope
from mlproj.compiler.semantics.shapes import is_plain
from mlproj.compiler.semantics.value import digest, ATOM, BOUND, NotUnderstood, Trait, Value, short, traits_of, uses_of


class FromClause:
    """Reads the FROM clause of one SELECT into a block. `pull` says whether a condition of a part holds for all."""

    def __init__(self, host: Queries, block: Block) -> None:
        self._host, self._block = host, block

    def read(self, select: Expr, place: Place, outer: Lookup | None, *, pull: bool, inner: bool) -> tuple[Tree, Scope]:
        """Tree and names of a SELECT's FROM. `inner`: it stands on a side of an outer join that may have no row."""
        scope = Scope(outer=outer)
        start = select.args.get("from_")
        if start is None:
            return Tree(digest("nothing"), ""), scope
        joins = by_comma(list(select.args.get("joins") or []))
        return self._joined(start.this, joins, place, scope, pull=pull, inner=inner)

    def _joined(
        self, first: Expr, joins: list[Expr], place: Place, scope: Scope, *, pull: bool, inner: bool
    ) -> tuple[Tree, Scope]:
        """Joins group from the left: what stands left of one that may drop or add rows is below it."""
        pulls = [pull]
        inners = [inner]
        for join in reversed(joins):
            kind = kind_of(join)
            pulls.append(pulls[-1] and kind in KEEPS_LEFT)
            inners.append(inners[-1] or kind in ("RIGHT", "FULL", "POSITIONAL"))
        pulls.reverse()
        inners.reverse()
        tree = self._item(first, place, scope, pull=pulls[0], inner=inners[0])
        for index, join in enumerate(joins):
            tree = self._join(tree, join, place, scope, pull=pulls[index + 1], inner=inners[index + 1])
        return tree, scope

    def _join(self, left: Tree, join: Expr, place: Place, scope: Scope, *, pull: bool, inner: bool) -> Tree:
        kind = kind_of(join)
        sides = Scope(outer=scope.lookup)
        below = inner or kind in ("LEFT", "FULL", "ASOF LEFT", "POSITIONAL")
        right = self._item(join.this, place, sides, pull=pull and kind in ("INNER", "CROSS"), inner=below)
        both = Scope([*scope.items, *sides.items], {**sides.merged, **scope.merged}, scope.outer)
        parts = self._using(join, kind, scope, sides, both)
        if (on := join.args.get("on")) is not None:
            parts += conditions(Expressions(self._host, both.lookup, place).value(on))
        self._block.volatile |= bool(traits_of(parts) & Trait.VOLATILE)
        scope.items = scope.items if kind in ("SEMI", "ANTI") else both.items
        scope.merged = scope.merged if kind in ("SEMI", "ANTI") else both.merged
        uses = left.uses | right.uses | uses_of(parts)
        if pull and kind in ("INNER", "CROSS"):
            self._block.filters += parts
            parts, kind = [], "CROSS"
        words = {"INNER": "JOIN", "CROSS": "CROSS JOIN"}.get(kind, f"{kind} JOIN")
        text = f"{left.text} {words} {right.text}" + (f" ON {wording.joined('AND', 2, parts)}" if parts else "")
        kind = "INNER" if kind == "CROSS" else kind
        return Tree(digest("join", kind, left.key, right.key, sorted(p.typed for p in parts)), short(text), uses)

    def _using(self, join: Expr, kind: str, left: Scope, right: Scope, both: Scope) -> list[Value]:
        """The equalities of USING and NATURAL; what the merged columns are is put into `both`."""
        names = [name_of(name) for name in join.args.get("using") or []]
        if join.args.get("method") == "NATURAL":
            mine = {column.name for column in right.columns()}
            names = [str(column.name) for column in left.columns() if column.name in mine and column.name is not None]
            if left.open or right.open or None in mine or not names:
                raise NotUnderstood("NATURAL JOIN of columns that are not known", position_of(join))
        found = []
        for index, name in enumerate(names):
            one, other = left.local([name]), right.local([name])
            if one is None or other is None:
                raise NotUnderstood(f"USING ({name})", position_of(join))
            a, b = one[0], other[0]
            text = wording.binary("=", wording.COMPARISON, a, b)
            # The last condition of an ASOF join is an inequality.
            equal = not (kind.startswith("ASOF") and index == len(names) - 1)
            key = digest("EQ", *sorted([a.typed, b.typed]), []) if equal else digest("asof", a.typed, b.typed)
            found.append(Value(key, text, a.uses | b.uses, "BOOLEAN", rank=wording.COMPARISON))
            both.merged[name] = b if kind == "RIGHT" else coalesced(a, b) if kind == "FULL" else a
        return found

    # -------------------------------------------------------------------------------------------------------- items

    def _item(self, node: Expr, place: Place, scope: Scope, *, pull: bool, inner: bool) -> Tree:
        """One item of FROM; its names are put into `scope`."""
        node, sample, pivots = stripped(node)
        if sample is not None or pivots:
            pull = False
        joins = list(node.args.get("joins") or [])
        if joins:
            node = node.copy()
            node.set("joins", None)
            within = Scope(outer=scope.outer)
            tree, within = self._joined(node, joins, place, within, pull=pull, inner=inner)
            scope.items += within.items
            scope.merged |= within.merged
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table) and not node.args.get("alias"):
            tree = self._item(node.this, place, scope, pull=pull, inner=inner)
        else:
            tree = self._table(node, place, scope, pull=pull, inner=inner, apart=sample is not None or bool(pivots))
        for pivot in pivots:
            tree = self._pivot(pivot, tree, place, scope)
        return self._sampled(sample, tree) if sample is not None else tree

    def _table(self, node: Expr, place: Place, scope: Scope, *, pull: bool, inner: bool, apart: bool) -> Tree:
        alias, names = alias_of(node)
        if isinstance(node, exp.Lateral):
            node = node.this
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            only(node, "this", "alias")
            name = name_of(node.this)
            table = place.tables.get(name)
            if table is None:
                return self._relation(name, alias, names, scope, node)
            if table.result is not None:
                return self._opaque(table.result, alias or name, names, scope)
            if table.recursive:
                return self._opaque(self._host.recursive(name, table, self._block.place), alias or name, names, scope)
            result = self._query(table.query, table.place, None, pull=pull, inner=inner, apart=apart)
            if isinstance(result, tuple):
                scope.items.append(as_item(alias or name, renamed(result[1], table.names), names))
                return result[0]
            result = replace(result, columns=renamed(result.columns, table.names))
            return self._opaque(result, alias or name, names, scope, table.number if result.volatile else None)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            only(node, "this", "alias")
            outer = scope.lookup
            result = self._query(node.this, place, outer, pull=pull, inner=inner, apart=apart)
            if isinstance(result, tuple):
                scope.items.append(as_item(alias, result[1], names))
                return result[0]
            return self._opaque(result, alias, names, scope)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Pivot):
            return self._standalone_pivot(node.this, place, scope, alias)
        return self._function(node, place, alias, names, scope)

    def _query(
        self, node: Expr, place: Place, outer: Lookup | None, *, pull: bool, inner: bool, apart: bool
    ) -> Result | tuple[Tree, list[Column]]:
        """A derived table: tree and columns where it is taken up into this block, else what it gives."""
        while isinstance(node, exp.Subquery) and not extra(node, "this"):
            node = node.this
        deeper = Place(self._block.place.depth, self._host.with_tables(node, place).tables)
        if not apart and is_plain(node, self._host.names, self._block.ordered):
            tree, within = self.read(node, deeper, outer or self._block.outer, pull=pull, inner=inner)
            expressions = Expressions(self._host, within.lookup, deeper)
            columns = projections(node.args["expressions"], within, expressions)
            if not traits_of(c.value for c in columns) & (BOUND | Trait.VOLATILE):
                tree = self._filtered(node, tree, expressions, pull=pull)
                if inner:
                    columns = [replace(c, value=self._nullable(c.value)) for c in columns]
                return tree, columns
            raise NotUnderstood("a derived table", position_of(node))
        inner_place = Place(self._block.place.depth + 1, place.tables)
        return self._host.query(node, inner_place, outer or self._block.outer, self._block.ordered)

    def _filtered(self, node: Expr, tree: Tree, expressions: Expressions, *, pull: bool) -> Tree:
        where = node.args.get("where")
        if where is None:
            return tree
        parts = conditions(expressions.value(where.this))
        text = f"{tree.text} WHERE {wording.joined('AND', wording.AND, parts)}"
        uses = tree.uses | uses_of(parts)
        if pull:
            self._block.filters += parts
            return Tree(tree.key, tree.text, uses)
        return Tree(digest("filtered", tree.key, sorted(part.typed for part in parts)), f"({text})", uses)

    def _nullable(self, value: Value) -> Value:
        """On a side of an outer join that may have no row, an expression is null there, whatever it is made from."""
        if value.column:
            return value
        self._block.seen["nullable"] += 1
        key = digest("nullable", self._block.place.depth, self._block.seen["nullable"], value.key)
        return replace(value, key=key, uncast=None, parts=())

    def _relation(self, name: str, alias: str | None, names: Sequence[str], scope: Scope, node: Expr) -> Tree:
        if name not in self._host.relations:
            raise NotUnderstood(f"the table '{name}'", position_of(node))
        self._block.seen[name] += 1
        number, depth = self._block.seen[name], self._block.place.depth
        columns = self._host.columns_of(name, number, depth)
        scope.items.append(Item(alias or name, renamed(columns, names)))
        return Tree(digest("relation", name, number), name, frozenset((f"{name}.*",)))

    def _opaque(
        self, result: Result, alias: str | None, names: Sequence[str], scope: Scope, shared: int | None = None
    ) -> Tree:
        """A query that stays one: its columns are told from those of others by their place in this block."""
        self._block.seen["derived"] += 1
        self._block.volatile |= result.volatile
        label = [self._block.place.depth, self._block.seen["derived"]]
        columns = [Column(c.name, derived(c.value, label, result)) for c in result.columns if not c.rest]
        open_ = [c.value for c in result.columns if c.rest] or ([result.anything] if result.anything else [])
        if len(open_) > 1:
            raise NotUnderstood("several tables whose columns are not known")
        anything = derived(open_[0], label, result) if open_ else None
        if names and anything is not None:
            raise NotUnderstood("names for columns that are not known")
        scope.items.append(Item(alias, renamed(columns, names), anything))
        text = wording.derived([column.value for column in result.columns], result.text)
        return Tree(digest("derived", result.rows, shared), text, result.uses)

    def _function(self, node: Expr, place: Place, alias: str | None, names: Sequence[str], scope: Scope) -> Tree:
        """A table function, UNNEST or VALUES: rows out of expressions."""
        expressions = Expressions(self._host, scope.lookup, place)
        if isinstance(node, exp.Values):
            only(node, "expressions", "alias")
            rows = [[expressions.value(v) for v in row.expressions] for row in node.expressions]
            values = [value for row in rows for value in row]
            columns = [Column(f"col{i}", Value(digest("value", i), f"col{i}", rank=ATOM)) for i in range(len(rows[0]))]
            what, text = ["values", [[v.typed for v in row] for row in rows]], "VALUES …"
            anything = None
        else:
            what, text, values, name = self._call(node, expressions)
            single = name in ("range", "generate_series", "unnest")
            columns = [Column(name, Value(digest("value", 0), text, rank=ATOM))] if single else []
            anything = None if single else Value(digest("value"), text, rank=ATOM)
            alias = alias or name
        uses = uses_of(values)
        columns = [Column(c.name, replace(c.value, uses=uses)) for c in columns]
        anything = replace(anything, uses=uses) if anything is not None else None
        volatile = bool(traits_of(values) & Trait.VOLATILE)
        rows_key = digest(what)
        result = Result(columns, rows_key, text, uses, volatile, anything)
        if only_names := (anything is not None and bool(names)):
            columns = [Column(n, Value(digest("value", i), n, uses, rank=ATOM)) for i, n in enumerate(names)]
            result = replace(result, columns=columns, anything=None)
        self._opaque(result, alias, () if only_names else names, scope)
        return Tree(digest("rows", rows_key), text, uses)

    def _call(self, node: Expr, expressions: Expressions) -> tuple[list[Any], str, list[Value], str]:
        if isinstance(node, exp.Unnest):
            only(node, "expressions", "alias")
            values = [expressions.value(part) for part in node.expressions]
            if len(values) != 1:
                raise NotUnderstood("UNNEST of several lists", position_of(node))
            return ["unnest", values[0].typed], wording.call("unnest", [v.text for v in values]), values, "unnest"
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous):
            only(node, "this", "alias")
            name = name_of(node.this)
            values = [expressions.value(part) for part in node.this.expressions]
            return [name, [v.typed for v in values]], wording.call(name, [v.text for v in values]), values, name
        raise NotUnderstood(f"{type(node).__name__.upper()} in FROM", position_of(node))

    # ----------------------------------------------------------------------------------------------- pivot and sample

    def _standalone_pivot(self, pivot: Expr, place: Place, scope: Scope, alias: str | None) -> Tree:
        """`(PIVOT t ON …)` as a table."""
        within = Scope(outer=scope.outer)
        tree = self._item(pivot.this, place, within, pull=False, inner=True)
        tree = self._pivot(pivot, tree, place, within)
        for item in within.items:
            item.alias = alias or item.alias
        scope.items += within.items
        return tree

    def _pivot(self, pivot: Expr, tree: Tree, place: Place, scope: Scope) -> Tree:
        """PIVOT and UNPIVOT take the place of all that was in scope."""
        alias, names = alias_of(pivot)
        if names:
            raise NotUnderstood("names for the columns of a PIVOT", position_of(pivot))
        alias = alias or (scope.items[0].alias if len(scope.items) == 1 else None)
        key, text, uses = pivoted(pivot, tree, scope, Expressions(self._host, scope.lookup, place))
        self._block.seen["derived"] += 1
        label = digest("pivot", self._block.place.depth, self._block.seen["derived"], key)
        word = "UNPIVOT" if pivot.args.get("unpivot") else "PIVOT"
        scope.items, scope.merged = [Item(alias, [], Value(label, word, uses, rank=ATOM))], {}
        return Tree(key, text, uses)

    def _sampled(self, sample: Expr, tree: Tree) -> Tree:
        self._block.volatile |= note_sample(self._host, sample)
        return Tree(digest("sample", tree.key, sample_key(sample)), f"{tree.text} TABLESAMPLE", tree.uses)
