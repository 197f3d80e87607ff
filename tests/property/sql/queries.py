"""Random queries over a few small tables, full of what makes equality hard: shared names, mixed types, nulls.

Most of them bind; those that do not are thrown away by whoever asks the engine.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.property.sql.tree import (
    Agg, Case, Cast, Col, Cte, Item, Join, Key, Lit, Name, Op, Out, Select, SetOp, Star, Sub, When, Window,
)  # fmt: skip

# Columns of the same name and other types on purpose: what USING merges, and what a bare name means, depends on them.
TABLES: dict[str, dict[str, str]] = {
    "source:t": {
        "id": "BIGINT", "a": "INTEGER", "b": "BIGINT", "x": "DOUBLE", "d": "DECIMAL(10,2)", "s": "VARCHAR",
        "f": "BOOLEAN", "day": "DATE", "ts": "TIMESTAMP", "l": "BIGINT[]", "st": "STRUCT(x INTEGER, y VARCHAR)",
    },
    "u@1": {"id": "BIGINT", "a": "BIGINT", "k": "INTEGER", "s": "VARCHAR", "y": "DOUBLE", "ts": "TIMESTAMP",
            "f": "BOOLEAN"},
    "v@1": {"id": "INTEGER", "n": "BIGINT", "s": "VARCHAR", "day": "DATE"},
}  # fmt: skip
_FAMILIES = {
    "BIGINT": "num", "INTEGER": "num", "DOUBLE": "num", "DECIMAL(10,2)": "num", "VARCHAR": "text", "BOOLEAN": "bool",
    "DATE": "date", "TIMESTAMP": "ts", "BIGINT[]": "list", "STRUCT(x INTEGER, y VARCHAR)": "struct",
}  # fmt: skip
FAMILY = {table: tuple((n, _FAMILIES[t]) for n, t in columns.items()) for table, columns in TABLES.items()}
# Aliases that are also columns' names, so that a word's meaning hangs on the rules of binding.
ALIASES = ("a", "b", "k", "n", "s", "x", "id", "c1", "c2", "c3", "total", "f", "day")
ITEM_ALIASES = ("t", "u", "v", "q", "r", "p", "a", "st")
LITERALS = {
    "num": ("0", "1", "2", "1.0", "2.5", "-1", "3", "1", "2", "0", "null", "1.50", "1e0"),
    "text": ("'a'", "'A'", "'b'", "''", "'1'", "'2'", "null", "'a b'"),
    "bool": ("true", "false", "null"),
    "date": ("date '2026-01-01'", "date '2026-01-31'", "null::date"),
    "ts": ("timestamp '2026-01-01 00:00:00'", "timestamp '2026-01-02 12:30:00'", "null::timestamp"),
    "list": ("[1, 2]", "[1]", "[]::bigint[]", "null::bigint[]"),
}
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from")
JOINS = ("join", "left join", "right join", "full join", "semi join", "anti join", "cross join", ",", "positional join")
FRAMES = (
    "", "", "rows between 1 preceding and current row", "rows between unbounded preceding and current row",
    "rows between 2 preceding and current row", "rows between unbounded preceding and unbounded following",
    "range between unbounded preceding and current row", "rows between current row and 1 following",
    "rows between unbounded preceding and current row exclude current row",
)  # fmt: skip
FAMILIES = ("num", "num", "num", "text", "bool", "date", "ts", "list")
# Templates of one argument or more, by what they give.
CALLS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "num": (
        ("coalesce({}, {})", ("num", "num")), ("nullif({}, {})", ("num", "num")), ("abs({})", ("num",)),
        ("length({})", ("text",)), ("round({}, 1)", ("num",)), ("greatest({}, {})", ("num", "num")),
        ("extract(year from {})", ("ts",)), ("len({})", ("list",)), ("{}[1]", ("list",)), ("-{}", ("num",)),
        ("{}.x", ("struct",)), ("date_diff('day', {}, {})", ("date", "date")), ("list_sum({})", ("list",)),
        ("if({}, {}, {})", ("bool", "num", "num")), ("ifnull({}, {})", ("num", "num")), ("floor({})", ("num",)),
    ),
    "text": (
        ("upper({})", ("text",)), ("lower({})", ("text",)), ("coalesce({}, {})", ("text", "text")),
        ("trim({})", ("text",)), ("concat({}, {})", ("text", "text")), ("substring({}, 1, 1)", ("text",)),
        ("regexp_replace({}, 'a', 'z')", ("text",)), ("regexp_replace({}, 'a', 'z', 'g')", ("text",)),
        ("regexp_replace({}, 'A', 'z', 'i')", ("text",)), ("strftime({}, '%Y-%m')", ("date",)),
        ("{}.y", ("struct",)), ("concat_ws('-', {}, {})", ("text", "text")), ("typeof({})", ("num",)),
        ("{}['y']", ("struct",)),
    ),
    "bool": (
        ("{} is null", ("num",)), ("{} is not null", ("text",)), ("{} like 'a%'", ("text",)),
        ("{} ilike 'a%'", ("text",)), ("{} between {} and {}", ("num", "num", "num")), ("{} in ({}, {})",
        ("num", "num", "num")), ("{} not in ({}, {})", ("num", "num", "num")), ("list_contains({}, {})",
        ("list", "num")), ("isnan({}::double)", ("num",)), ("starts_with({}, {})", ("text", "text")),
        ("{} is true", ("bool",)), ("{} is not false", ("bool",)), ("coalesce({}, {})", ("bool", "bool")),
        ("{} not like '%b'", ("text",)), ("{} in ({})", ("num", "num")), ("{} is not null", ("num",)),
    ),
    "date": (("{}::date", ("ts",)), ("date_trunc('month', {})::date", ("date",)),
             ("coalesce({}, {})", ("date", "date")),
             ("last_day({})", ("date",)), ("({} + interval 1 day)::date", ("date",))),
    "ts": (("date_trunc('day', {})", ("ts",)), ("date_trunc('month', {})", ("ts",)), ("{} + interval 1 day", ("ts",)),
           ("{}::timestamp", ("date",)), ("greatest({}, {})", ("ts", "ts"))),
    "list": (("[{}, {}]", ("num", "num")), ("list_transform({}, lambda e: e + 1)", ("list",)),
             ("list_sort({})", ("list",)), ("[e for e in ({}) if e > 1]", ("list",)), ("{}[1:1]", ("list",)),
             ("list_distinct({})", ("list",))),
}  # fmt: skip
AGGREGATES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "num": (("sum", ("num",)), ("min", ("num",)), ("max", ("num",)), ("count", ("num",)), ("count", ("text",)),
            ("avg", ("num",)), ("median", ("num",)), ("count_if", ("bool",)), ("arg_max", ("num", "num"))),
    "text": (("min", ("text",)), ("max", ("text",)), ("string_agg", ("text",))),
    "bool": (("bool_and", ("bool",)), ("bool_or", ("bool",))),
    "date": (("max", ("date",)), ("min", ("date",))),
    "ts": (("max", ("ts",)), ("min", ("ts",))),
    "list": (("list", ("num",)),),
}  # fmt: skip
RANKS = ("row_number", "rank", "dense_rank", "count", "ntile")


@dataclass(frozen=True)
class Scope:
    """What an expression may speak of: columns, those of outer queries, and whether aggregates and windows may come."""

    columns: tuple[Col, ...]
    outer: tuple[Col, ...] = ()
    aggregates: bool = False
    windows: bool = False
    names: tuple[Name, ...] = ()
    keys: tuple[Any, ...] = ()
    bare: bool = False


@dataclass
class Maker:
    """Makes one query; `ctes` are those that may be read at this moment."""

    rng: Random
    uid: int = 0
    ctes: list[tuple[int, tuple[tuple[str, str], ...]]] = field(default_factory=list)

    def number(self) -> int:
        self.uid += 1
        return self.uid

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    # ------------------------------------------------------------------------------------------------- expressions

    def leaf(self, family: str, scope: Scope) -> Any:
        pool: list[Any] = [c for c in scope.columns if c.family == family]
        if scope.outer and self.chance(0.25):
            pool = [c for c in scope.outer if c.family == family] or pool
        names = [n for n in scope.names if n.family == family]
        if names and self.chance(0.3):
            return self.rng.choice(names)
        if pool and self.chance(0.85):
            found = self.rng.choice(pool)
            unique = scope.bare and sum(c.name == found.name for c in scope.columns) == 1
            return dataclasses.replace(found, bare=True) if unique and self.chance(0.25) else found
        return Lit(self.rng.choice(LITERALS.get(family, ("null",))), family)

    def e(self, family: str, scope: Scope, depth: int = 2) -> Any:
        """An expression of the family."""
        rng = self.rng
        if scope.keys and self.chance(0.5):
            same = [k for k in scope.keys if getattr(k, "family", "") == family]
            if same:
                return rng.choice(same)
        if scope.aggregates and family in AGGREGATES and (self.chance(0.6) or depth <= 0):
            return self.aggregate(family, scope)
        if scope.windows and family == "num" and self.chance(0.2):
            return self.window(scope)
        if depth <= 0 or self.chance(0.25) or family == "struct":
            plain = dataclasses.replace(scope, aggregates=False)
            if scope.aggregates:
                return Lit(rng.choice(LITERALS.get(family, ("null",))), family)
            return self.leaf(family, plain)
        roll = rng.random()
        if roll < 0.12:
            return self.case(family, scope, depth)
        if family == "num" and roll < 0.5:
            op = rng.choice(("+", "-", "*", "/", "//", "%", "+"))
            return Op(op, (self.e("num", scope, depth - 1), self.e("num", scope, depth - 1)), "num")
        if family == "bool" and roll < 0.7:
            return self.condition(scope, depth)
        if family == "text" and roll < 0.25:
            return Op("||", (self.e("text", scope, depth - 1), self.e("text", scope, depth - 1)), "text")
        if roll > 0.88 and family in ("num", "text"):
            return self.cast(family, scope, depth)
        structs = any(c.family == "struct" for c in scope.columns) and not scope.aggregates
        template, wanted = rng.choice([c for c in CALLS[family] if structs or "struct" not in c[1]])
        return Op(template, tuple(self.e(w, scope, depth - 1) for w in wanted), family)

    def cast(self, family: str, scope: Scope, depth: int) -> Cast:
        if family == "text":
            inner = self.e(self.rng.choice(("num", "date", "bool")), scope, depth - 1)
            return Cast(inner, "VARCHAR", "text", safe=False)
        type_name = self.rng.choice(("BIGINT", "INTEGER", "DOUBLE", "DECIMAL(10,2)", "SMALLINT"))
        inner = self.e(self.rng.choice(("num", "num", "text", "bool")), scope, depth - 1)
        return Cast(inner, type_name, "num", safe=self.chance(0.85))

    def case(self, family: str, scope: Scope, depth: int) -> Case:
        whens = tuple(
            When(self.e("bool", scope, depth - 1), self.e(family, scope, depth - 1))
            for _ in range(self.rng.choice((1, 1, 2)))
        )
        return Case(whens, self.e(family, scope, depth - 1) if self.chance(0.6) else None, family)

    def condition(self, scope: Scope, depth: int = 2) -> Any:
        rng = self.rng
        roll = rng.random()
        if depth > 0 and roll < 0.35:
            return Op(
                rng.choice(("and", "and", "or")),
                (self.condition(scope, depth - 1), self.condition(scope, depth - 1)),
                "bool",
            )
        if depth > 0 and roll < 0.42:
            return Op("not", (self.condition(scope, depth - 1),), "bool")
        if roll < 0.52 and not scope.aggregates and self.uid < 7:
            return self.subquery_condition(scope)
        if roll < 0.85:
            family = rng.choice(("num", "num", "num", "text", "date", "ts", "bool"))
            return Op(
                rng.choice(COMPARISONS), (self.e(family, scope, depth - 1), self.e(family, scope, depth - 1)), "bool"
            )
        template, wanted = rng.choice(CALLS["bool"])
        return Op(template, tuple(self.e(w, scope, depth - 1) for w in wanted), "bool")

    def subquery_condition(self, scope: Scope) -> Sub:
        kind = self.rng.choice(("exists", "not exists", "in", "not in"))
        family = self.rng.choice(("num", "num", "text"))
        inner = self.select((family,), 0, outer=scope.columns, order=False, stars=False)
        left = self.e(family, dataclasses.replace(scope, windows=False), 1) if kind in ("in", "not in") else None
        return Sub(kind, inner, left)

    def scalar_subquery(self, scope: Scope) -> Sub:
        """One row by its form: an aggregate of all."""
        item = self.item(0)
        columns = self.columns_of(item)
        inner = Scope(columns, outer=scope.columns)
        out = Out(self.aggregate("num", inner), "z")
        where = self.condition(inner, 1) if self.chance(0.7) else None
        return Sub("scalar", Select((out,), item, where=where), family="num")

    def aggregate(self, family: str, scope: Scope) -> Agg:
        rng = self.rng
        function, wanted = rng.choice(AGGREGATES[family])
        plain = dataclasses.replace(scope, aggregates=False, windows=False, keys=(), names=())
        if function == "count" and self.chance(0.4):
            return Agg("count", (Lit("*", "num"),), "num", where=self.where(plain))
        args = tuple(self.e(w, plain, 1) for w in wanted)
        order: tuple[Key, ...] = ()
        if function == "string_agg":
            args, order = (args[0], Lit("','", "text")), (Key(args[0]),)
        elif function == "list":
            order = (Key(args[0], desc=self.chance(0.3), nulls=rng.choice(("", "nulls first", "nulls last"))),)
        elif function == "arg_max":
            # Of equal maxima any may win: the second argument decides the first.
            args = (Op("{} % 2", (args[1],), "num"), args[1])
        distinct = function in ("sum", "count", "avg", "list") and self.chance(0.25)
        return Agg(function, args, family, distinct, self.where(plain), order)

    def where(self, scope: Scope) -> Any:
        return self.condition(scope, 0) if self.chance(0.2) else None

    def window(self, scope: Scope) -> Window:
        """Ranks and sums over keys; `row_number` and the like are ordered by all that there is."""
        rng = self.rng
        plain = dataclasses.replace(scope, windows=False, names=())
        keys = [c for c in scope.columns if c.family in ("num", "text", "date", "bool")]
        partition = (rng.choice(keys),) if keys and self.chance(0.6) else ()
        function = rng.choice(("rank", "dense_rank", "sum", "max", "sum", "count", *RANKS, "lag", "first_value"))
        order = tuple(
            Key(
                self.e(rng.choice(("num", "text", "date")), plain, 1),
                self.chance(0.3),
                rng.choice(("", "", "nulls first")),
            )
            for _ in range(rng.choice((1, 2)))
        )
        if function in ("row_number", "ntile", "lag", "first_value"):
            order = (*order, *(Key(c) for c in scope.columns))
        frame = rng.choice(FRAMES) if function in ("sum", "max", "count", "first_value") else ""
        if len(order) > 3 and rng.random() < 0.5:
            return self.window(scope)
        if frame.startswith("rows") and function in ("sum", "max", "count"):
            order = (*order, *(Key(c) for c in scope.columns))
        args: tuple[Any, ...] = () if function in RANKS else (self.e("num", plain, 1),)
        if function == "ntile":
            args = (Lit("2", "num"),)
        if function == "count":
            args = (Lit("*", "num"),)
        return Window(function, args, "num", partition, order, frame)

    # -------------------------------------------------------------------------------------------------------- FROM

    def item(self, depth: int, lateral: Sequence[Col] = ()) -> Item:
        rng, uid = self.rng, self.number()
        alias = f"{rng.choice(ITEM_ALIASES)}{'' if self.chance(0.3) else uid}"
        roll = rng.random()
        lists = [c for c in lateral if c.family == "list"]
        if lists and roll < 0.12:
            return Item(uid, alias, (("e", "num"),), unnest=rng.choice(lists), given=True)
        if depth > 0 and roll < 0.35:
            query = self.query(rng.choice((0, depth - 1)), top=False)
            return Item(uid, alias, outputs(query), query=query)
        if self.ctes and roll < 0.6:
            cte, columns = rng.choice(self.ctes)
            return Item(uid, alias, columns, cte=cte)
        if roll > 0.96:
            text = rng.choice(("(values (1, 'a'), (2, 'b'), (2, null))", "(values (0, 'A'), (1, 'b'))"))
            return Item(uid, alias, (("n", "num"), ("s", "text")), text=text, given=True)
        table = rng.choice(tuple(TABLES))
        return Item(uid, table if self.chance(0.15) else alias, FAMILY[table], table=table)

    def columns_of(self, item: Item) -> tuple[Col, ...]:
        return tuple(Col(item.uid, name, family) for name, family in item.columns)

    def join(self, scope: tuple[Col, ...], depth: int) -> Join | None:
        rng = self.rng
        item = self.item(depth, scope)
        if item.unnest is not None:
            return Join(rng.choice((",", "cross join")), item)
        kind = rng.choice((*JOINS[:4], *JOINS[:4], *JOINS[:2], *JOINS[4:8]))
        columns = self.columns_of(item)
        if kind in (",", "cross join"):
            return Join(kind, item)
        left = {c.name for c in scope if c.family != "list"}
        shared = [n for n, f in item.columns if n in left and f not in ("list", "struct")]
        if shared and self.chance(0.3):
            return Join(kind, item, using=tuple(rng.sample(shared, min(len(shared), rng.choice((1, 1, 2))))))
        if shared and self.chance(0.1):
            return Join("natural " + kind, item)
        if self.chance(0.08):
            a, b = [c for c in scope if c.family == "ts"], [c for c in columns if c.family == "ts"]
            if a and b:
                return Join(
                    rng.choice(("asof join", "asof left join")),
                    item,
                    Op(rng.choice((">=", ">", "<=")), (rng.choice(a), rng.choice(b)), "bool"),
                )
        return Join(kind, item, self.join_condition(scope, columns))

    def join_condition(self, left: Sequence[Col], right: Sequence[Col]) -> Any:
        family = self.rng.choice(("num", "num", "text", "date"))
        a, b = [c for c in left if c.family == family], [c for c in right if c.family == family]
        both = Scope((*left, *right))
        if not a or not b:
            return self.condition(both, 1)
        found: Any = Op(
            self.rng.choice(("=", "=", "=", "<", "is not distinct from")),
            (self.rng.choice(a), self.rng.choice(b)),
            "bool",
        )
        if self.chance(0.4):
            found = Op("and", (found, self.condition(both, 1)), "bool")
        return found

    # ----------------------------------------------------------------------------------------------------- queries

    def query(self, depth: int, *, top: bool) -> Any:
        before = list(self.ctes)
        ctes: list[Cte] = []
        if self.chance(0.3 if top else 0.08):
            for _ in range(self.rng.choice((1, 1, 2))):
                uid = self.number()
                query = self.query(depth - 1 if depth else 0, top=False)
                ctes.append(Cte(uid, f"w{uid}", query))
                self.ctes.append((uid, outputs(query)))
        families = tuple(self.rng.choice(FAMILIES) for _ in range(self.rng.choice((1, 2, 2, 3))))
        if self.chance(0.15):
            op = self.rng.choice(
                (
                    "union",
                    "union all",
                    "union all",
                    "intersect",
                    "except",
                    "except all",
                    "intersect all",
                    "union by name",
                )
            )
            left = self.select(families, depth, order=False, stars=False)
            right = self.select(families, depth, order=False, stars=False)
            if op == "union by name":
                outs = tuple(
                    dataclasses.replace(o, name=p.name, implicit=False)
                    for o, p in zip(right.outs, left.outs, strict=True)
                )
                right = dataclasses.replace(right, outs=outs)
            found: Any = SetOp(op, left, right, tuple(ctes))
            if self.chance(0.15):
                keys = tuple(Key(Lit(str(n + 1), "num")) for n in range(len(families)))
                found = dataclasses.replace(found, order=keys, limit=self.rng.choice((1, 2, 3)))
        else:
            found = dataclasses.replace(self.select(families, depth), ctes=tuple(ctes))
        self.ctes = before
        return found

    def select(
        self,
        families: tuple[str, ...],
        depth: int,
        *,
        outer: tuple[Col, ...] = (),
        order: bool = True,
        stars: bool = True,
    ) -> Select:
        rng = self.rng
        first = self.item(depth)
        visible = self.columns_of(first)
        joins: list[Join] = []
        while self.chance(0.4) and len(joins) < 2 and self.uid < 8:
            join = self.join(visible, depth - 1 if depth else 0)
            if join:
                joins.append(join)
                if "semi" not in join.kind and "anti" not in join.kind:
                    visible = (*visible, *self.columns_of(join.item))
        scope = Scope(visible, outer, bare=not outer)
        where = self.condition(scope, self.rng.choice((0, 1, 2))) if self.chance(0.5) else None
        common = {"first": first, "joins": tuple(joins), "where": where}
        mode = rng.random()
        if mode < 0.22 and len(families) > 1:
            return self.grouped(families, scope, common)
        if mode < 0.28:
            outs = self.outs(families, dataclasses.replace(scope, aggregates=True))
            return Select(
                outs,
                having=self.condition(dataclasses.replace(scope, aggregates=True), 0) if self.chance(0.1) else None,
                **common,
            )  # type: ignore[arg-type]
        outs = self.outs(families, dataclasses.replace(scope, windows=not outer))
        if stars and self.chance(0.12) and not joins:
            outs = (self.star(first, {o.name for o in outs}), *outs[:1])
            outs = outs if isinstance(outs[-1], Star) or outs[-1].name not in dict(first.columns) else outs[:1]
        found = Select(outs, **common)  # type: ignore[arg-type]
        return self.finished(found, scope, order=order)

    def finished(self, q: Select, scope: Scope, *, order: bool) -> Select:
        """QUALIFY, DISTINCT, ORDER BY and LIMIT; whatever picks rows is ordered by all that there is."""
        every = tuple(Key(c) for c in scope.columns)
        if self.chance(0.08) and scope.columns:
            rank = Window("row_number", (), "num", (self.rng.choice(scope.columns),), every)
            q = dataclasses.replace(q, qualify=Op("<=", (rank, Lit(self.rng.choice(("1", "2")), "num")), "bool"))
        if self.chance(0.1):
            q = dataclasses.replace(q, distinct=True)
        elif order and self.chance(0.05) and scope.columns:
            return dataclasses.replace(q, distinct_on=(self.rng.choice(scope.columns),), order=every)
        if not order or q.distinct:
            return q
        if self.chance(0.12):
            wanted = tuple(Key(k.value, self.chance(0.3), self.rng.choice(("", "nulls first"))) for k in every)
            return dataclasses.replace(
                q, order=wanted, limit=self.rng.choice((1, 2, 3)), offset=self.rng.choice((0, 0, 1))
            )
        if self.chance(0.1):
            return dataclasses.replace(q, order=every[:2])
        return q

    def grouped(self, families: tuple[str, ...], scope: Scope, common: Any) -> Select:
        rng = self.rng
        keys = tuple(self.e(rng.choice(("num", "text", "bool")), scope, 1) for _ in range(rng.choice((1, 1, 2))))
        keys = tuple(k for k in keys if not isinstance(k, Lit)) or (
            Op("{} is null", (self.leaf("num", scope),), "bool"),
        )
        inner = dataclasses.replace(scope, aggregates=True, keys=keys)
        names = iter(rng.sample(ALIASES, len(keys) + len(families)))
        outs = tuple(Out(k, next(names)) for k in keys) + tuple(
            Out(self.e(f, inner, 1), next(names)) for f in families[len(keys) :]
        )
        outs = (
            outs
            if len(outs) >= len(families)
            else (*outs, *(Out(self.aggregate("num", scope), next(names)) for _ in range(len(families) - len(outs))))
        )
        group: tuple[Any, ...] = keys
        style = rng.random()
        if style < 0.15:
            group = (Lit("all", ""),)
        elif style < 0.3:
            group = tuple(Lit(str(n + 1), "num") for n in range(len(keys)))
        elif style < 0.4:
            group = tuple(Name(o.name, "") for o in outs[: len(keys)])
        having = self.condition(inner, 0) if self.chance(0.3) else None
        return Select(outs[: max(len(families), 1)], group=group, having=having, **common)

    def outs(self, families: tuple[str, ...], scope: Scope) -> tuple[Any, ...]:
        outs: list[Any] = []
        pool = self.rng.sample(ALIASES, len(families))
        for family, name in zip(families, pool, strict=True):
            names = tuple(Name(o.name, getattr(o.value, "family", "")) for o in outs) if self.chance(0.2) else ()
            if not scope.aggregates and self.chance(0.05) and family == "num":
                outs.append(Out(self.scalar_subquery(scope), name))
                continue
            value = self.e(family, dataclasses.replace(scope, names=names), self.rng.choice((0, 1, 1, 2)))
            taken = {o.name for o in outs} | set(pool)
            if isinstance(value, Col) and value.name not in taken and self.chance(0.5):
                outs.append(Out(value, value.name, implicit=True))
            else:
                outs.append(Out(value, name))
        return tuple(outs)

    def star(self, first: Item, taken: set[str]) -> Star:
        names = [n for n, _f in first.columns]
        exclude = tuple(n for n in names if n in taken and self.chance(0.9)) or tuple(self.rng.sample(names, 1))
        if len(exclude) >= len(names):
            exclude = ()
        rest = [c for c in self.columns_of(first) if c.name not in exclude]
        replace: tuple[Any, ...] = ()
        if rest and self.chance(0.3):
            column = self.rng.choice(rest)
            replace = (Out(self.e(column.family, Scope(self.columns_of(first)), 1), column.name),)
        return Star(first.uid if self.chance(0.4) else 0, exclude, replace)


def outputs(query: Any) -> tuple[tuple[str, str], ...]:
    """Names and families of what a query gives, the first of each name."""
    if isinstance(query, SetOp):
        return outputs(query.left)
    found: dict[str, str] = {}
    for out in query.outs:
        if isinstance(out, Star):
            for name, family in query.first.columns:
                if name not in out.exclude:
                    found.setdefault(name, family)
        else:
            found.setdefault(out.name, getattr(out.value, "family", "num") or "num")
    return tuple(found.items())


def random_query(rng: Random) -> Any:
    """A query of random size."""
    return Maker(rng).query(rng.choice((0, 1, 1, 2)), top=True)
