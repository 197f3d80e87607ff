"""Edits that mean something else, or may: `OTHER`, by name."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from tests.property.sql.editing import Edit, change, is_op, next_uid, pick
from tests.property.sql.neutral import around, explicit, plain_table, wrapped
from tests.property.sql.queries import (
    AGGREGATES, ALIASES, COMPARISONS, FAMILY, FRAMES, LITERALS, Maker, Scope, outputs,
)  # fmt: skip
from tests.property.sql.tree import (
    Agg, Case, Cast, Col, Cte, Item, Join, Key, Lit, Name, Op, Out, Select, SetOp, Star, Sub, Window, found, put,
    transformed, walk,
)  # fmt: skip

OTHER: dict[str, Edit] = {}


def other(edit: Edit) -> Edit:
    OTHER[edit.__name__] = edit
    return edit


@other
@change(Lit, where=lambda x: x.family in LITERALS)
def change_literal(lit: Lit, rng: Random) -> Lit:
    return replace(lit, text=rng.choice(LITERALS[lit.family]))


@other
@change(Lit, where=lambda x: x.text in ("1", "2", "0", "1.0", "1e0"))
def retype_literal(lit: Lit, rng: Random) -> Lit:
    value = lit.text[0]
    return replace(
        lit, text=rng.choice((value, f"{value}.0", f"{value}e0", f"{value}.00", f"{value}::bigint", f"{value}::double"))
    )


@other
@change(Op, where=is_op(*COMPARISONS))
def change_comparison(op: Op, rng: Random) -> Op:
    near = {"=": "is not distinct from", "<>": "is distinct from", "is distinct from": "<>", "<": "<=", "<=": "<",
            "is not distinct from": "=", ">": ">=", ">=": ">"}  # fmt: skip
    return replace(op, op=near[op.op] if rng.random() < 0.6 else rng.choice(COMPARISONS))


@other
@change(Op, where=is_op("and", "or"))
def change_connective(op: Op, rng: Random) -> Any:
    return rng.choice(
        (replace(op, op="or" if op.op == "and" else "and"), op.args[0], Op(op.op, (op.args[0], op.args[0]), "bool"))
    )


@other
@change(Op, where=is_op("+", "-", "*", "/", "//", "%", "||"))
def change_arithmetic(op: Op, rng: Random) -> Op:
    if op.op == "||" or rng.random() < 0.5:
        return replace(op, args=op.args[::-1])
    return replace(op, op=rng.choice(("+", "-", "*", "/", "//")))


@other
@change(Op, where=lambda o: len(o.args) > 1)
def swap_arguments(op: Op, _rng: Random) -> Op:
    return replace(op, args=op.args[::-1])


@other
@change(Op)
def reassociate(op: Op, _rng: Random) -> Any:
    inner = op.args[0]
    if (
        not isinstance(inner, Op)
        or len(inner.args) != 2
        or len(op.args) != 2
        or {op.op, inner.op} - {"+", "-", "*", "/", "||"}
    ):
        return None
    return replace(inner, args=(inner.args[0], replace(op, args=(inner.args[1], op.args[1]))))


_SAME: dict[str, tuple[str, ...]] = {
    "num": ("{} + 0", "{} * 1", "coalesce({}, 0)", "nullif({}, 0)", "-{}", "{} + 0.0", "abs({})",
            "if({} is null, 0, 1)", "coalesce({}, null)", "round({})", "{}::double", "{}::integer::bigint", "({})"),
    "text": ("{} || ''", "coalesce({}, '')", "nullif({}, '')", "trim({})", "lower({})", "{} collate nocase", "({})"),
    "bool": ("not {}", "coalesce({}, false)", "{} is true", "{} = true", "{} and true", "{} or false", "({})"),
    "date": ("{}::timestamp", "coalesce({}, date '2026-01-01')", "date_trunc('month', {})::date", "({})"),
    "ts": ("{}::date", "coalesce({}, timestamp '2026-01-01 00:00:00')", "date_trunc('day', {})", "({})"),
    "list": ("list_sort({})", "coalesce({}, []::bigint[])", "({})"),
}  # fmt: skip


@other
@change(Col, Op, Agg, Window, Cast, where=lambda n: n.family in _SAME)
def dress(node: Any, rng: Random) -> Op:
    return Op(rng.choice(_SAME[node.family]), (node,), node.family)


@other
@change(Op, where=lambda o: bool(o.args))
def undress(op: Op, _rng: Random) -> Any:
    return op.args[0] if getattr(op.args[0], "family", "") == op.family else None


@other
@change(Cast)
def change_cast(cast: Cast, rng: Random) -> Any:
    types = (
        ("BIGINT", "INTEGER", "DOUBLE", "DECIMAL(10,2)", "SMALLINT", "FLOAT") if cast.family == "num" else ("VARCHAR",)
    )
    return rng.choice((replace(cast, type=rng.choice(types)), replace(cast, safe=not cast.safe), cast.value))


@other
@change(Out, where=lambda o: getattr(o.value, "family", "") in ("num", "date"))
def cast_output(out: Out, rng: Random) -> Out:
    types = (
        ("BIGINT", "INTEGER", "DOUBLE", "DECIMAL(12,2)", "DECIMAL(18,3)")
        if out.value.family == "num"
        else ("TIMESTAMP",)
    )
    return Out(Cast(out.value, rng.choice(types), out.value.family, safe=rng.random() < 0.5), out.name)


@other
def change_column(tree: Any, rng: Random) -> Any:
    path, column = pick(tree, rng, Col)
    if path is None:
        return None
    pool = [c for _p, c in found(tree, Col) if c.family == column.family]
    for _p, item in found(tree, Item):
        if item.uid == column.source:
            pool += [Col(item.uid, n, f) for n, f in item.columns if f == column.family]
    return put(tree, path, rng.choice(pool))


@other
@change(Col)
def toggle_bare(column: Col, _rng: Random) -> Col:
    return replace(column, bare=not column.bare)


@other
@change(Case)
def change_case(case: Case, rng: Random) -> Case:
    if len(case.whens) > 1 and rng.random() < 0.5:
        return replace(case, whens=case.whens[::-1])
    return replace(case, default=None if case.default is not None else Lit("null", case.family))


@other
@change(Agg)
def change_aggregate(agg: Agg, rng: Random) -> Any:
    roll = rng.random()
    if roll < 0.25 and agg.args and not agg.order and agg.args[0] != Lit("*", "num"):
        return replace(agg, distinct=not agg.distinct)
    if roll < 0.5:
        return replace(agg, function="count", args=(Lit("*", "num"),), order=(), distinct=False)
    if roll < 0.7 and agg.where is not None:
        return replace(agg, where=None)
    if roll < 0.85 and agg.order:
        return replace(agg, order=tuple(replace(k, desc=not k.desc) for k in agg.order))
    same = [
        f for f, wanted in AGGREGATES[agg.family] if len(wanted) == len(agg.args) and f not in ("list", "string_agg")
    ]
    return replace(agg, function=rng.choice(same), order=()) if same and agg.args[0] != Lit("*", "num") else None


@other
@change(Window)
def change_window(window: Window, rng: Random) -> Window:
    roll = rng.random()
    if roll < 0.3 and window.function not in ("row_number", "rank", "dense_rank", "ntile", "lag"):
        return replace(window, frame=rng.choice(FRAMES))
    if roll < 0.5 and window.order:
        first = replace(window.order[0], desc=not window.order[0].desc)
        return replace(window, order=(first, *window.order[1:]))
    if roll < 0.65:
        return replace(window, order=tuple(rng.sample(window.order, len(window.order))))
    if roll < 0.8:
        return replace(window, partition=())
    if window.function in ("rank", "dense_rank", "row_number"):
        return replace(window, function=rng.choice(("rank", "dense_rank", "row_number")))
    return replace(window, order=(), frame="") if window.function in ("sum", "max", "count") else window


@other
@change(Key)
def change_key(key: Key, rng: Random) -> Key:
    return rng.choice(
        (replace(key, desc=not key.desc), replace(key, nulls=rng.choice(("", "nulls first", "nulls last"))))
    )


@other
@change(Join)
def change_join(join: Join, rng: Random) -> Join:
    if join.kind in (",", "cross join"):
        if join.item.unnest is not None:
            return replace(join, kind="," if join.kind == "cross join" else "cross join")
        return rng.choice(
            (
                replace(join, kind=","),
                replace(join, kind="join", on=Lit("true", "bool")),
                replace(join, kind="cross join"),
            )
        )
    natural = "natural " if join.kind.startswith("natural") else ""
    if join.kind.startswith("asof"):
        return replace(join, kind="asof join" if "left" in join.kind else "asof left join")
    near = {"semi join": "anti join", "anti join": "semi join", "left join": "join", "join": "left join"}
    if join.kind in near and rng.random() < 0.5:
        return replace(join, kind=near[join.kind])
    return replace(
        join, kind=natural + rng.choice(("join", "left join", "right join", "full join", "semi join", "anti join"))
    )


@other
def using_to_on(tree: Any, rng: Random) -> Any:
    """USING (k) → ON l.k = r.k, with the bare k made the column of one side; both ways are tried."""
    path, q = pick(tree, rng, Select, where=lambda s: any(j.using for j in s.joins))
    if path is None:
        return None
    index = next(i for i, j in enumerate(q.joins) if j.using)
    join = q.joins[index]
    items = [q.first, *(j.item for j in q.joins[:index])]
    on = None
    for name in join.using:
        left = next((i for i in items if name in dict(i.columns)), None)
        if left is None:
            return None
        family = dict(left.columns)[name]
        part = Op("=", (Col(left.uid, name, family), Col(join.item.uid, name, family)), "bool")
        on = part if on is None else Op("and", (on, part), "bool")
    joins = (*q.joins[:index], replace(join, using=(), on=on), *q.joins[index + 1 :])
    side = rng.choice((items[0].uid, join.item.uid))

    def named(node: Any) -> Any:
        return (
            replace(node, bare=False, source=side)
            if isinstance(node, Col) and node.bare and node.name in join.using
            else node
        )

    return put(tree, path, transformed(replace(q, joins=joins), named))


@other
def use_merged_column(tree: Any, rng: Random) -> Any:
    """The column of one side of USING becomes the merged one, or the other side's."""
    path, q = pick(tree, rng, Select, where=lambda s: any(j.using or j.kind.startswith("natural") for j in s.joins))
    if path is None:
        return None
    names = {n for j in q.joins for n in (j.using or dict(j.item.columns))}
    inner, column = pick(q, rng, Col, where=lambda c: c.name in names)
    if inner is None:
        return None
    sides = [i.uid for i in (q.first, *(j.item for j in q.joins)) if column.name in dict(i.columns)]
    new = rng.choice(
        (replace(column, bare=not column.bare), replace(column, source=rng.choice(sides or [column.source])))
    )
    return put(tree, (*path, *inner), new)


@other
def move_predicate(tree: Any, rng: Random) -> Any:
    """A conjunct moves between ON, WHERE, HAVING and QUALIFY of one SELECT."""
    path, q = pick(tree, rng, Select)
    places: list[str] = ["where", "having", "qualify"]
    full = [n for n in places if getattr(q, n) is not None]
    ons = [i for i, j in enumerate(q.joins) if j.on is not None and not j.kind.startswith("asof")]
    if ons and (rng.random() < 0.5 or not full):
        index = rng.choice(ons)
        join = q.joins[index]
        if full and rng.random() < 0.4:
            name = rng.choice(full)
            moved, q = getattr(q, name), replace(q, **{name: None})
            joins = (*q.joins[:index], replace(join, on=Op("and", (join.on, moved), "bool")), *q.joins[index + 1 :])
            return put(tree, path, replace(q, joins=joins))
        moved = join.on.args[1] if isinstance(join.on, Op) and join.on.op == "and" else join.on
        rest = join.on.args[0] if moved is not join.on else Lit("true", "bool")
        where = moved if q.where is None else Op("and", (q.where, moved), "bool")
        joins = (*q.joins[:index], replace(join, on=rest), *q.joins[index + 1 :])
        return put(tree, path, replace(q, joins=joins, where=where))
    if not full:
        return None
    name = rng.choice(full)
    aim = rng.choice([p for p in places if p != name])
    moved, there = getattr(q, name), getattr(q, aim)
    new = moved if there is None else Op("and", (there, moved), "bool")
    return put(tree, path, replace(q, **{name: None, aim: new}))


@other
def pull_predicate(tree: Any, rng: Random) -> Any:
    """The WHERE of a derived table moves out of it, or of its reader into it, by the columns' names."""
    path, q = pick(
        tree, rng, Select, where=lambda s: any(i.query is not None for i in (s.first, *(j.item for j in s.joins)))
    )
    if path is None:
        return None
    items = [i for i in (q.first, *(j.item for j in q.joins)) if isinstance(i.query, Select)]
    if not items:
        return None
    item = rng.choice(items)
    inner = item.query
    names = {out.value: out.name for out in inner.outs if isinstance(out, Out) and isinstance(out.value, Col)}

    def outside(node: Any) -> Any:
        return Col(item.uid, names[node], node.family) if isinstance(node, Col) and node in names else node

    def inside(node: Any) -> Any:
        if isinstance(node, Col) and node.source == item.uid:
            match = [value for value, name in names.items() if name == node.name]
            return match[0] if match else node
        return node

    if inner.where is not None and rng.random() < 0.6:
        moved = transformed(inner.where, outside)
        new = replace(q, where=moved if q.where is None else Op("and", (q.where, moved), "bool"))
        inner = replace(inner, where=None)
    elif q.where is not None:
        moved = transformed(q.where, inside)
        new = replace(q, where=None)
        inner = replace(inner, where=moved if inner.where is None else Op("and", (inner.where, moved), "bool"))
    else:
        return None
    inner_path, _i = next((p, n) for p, n in walk(new) if isinstance(n, Item) and n.uid == item.uid)
    return put(tree, path, put(new, inner_path, replace(item, query=inner)))


@other
@change(Select)
def toggle_distinct(q: Select, _rng: Random) -> Any:
    return None if q.distinct_on else replace(q, distinct=not q.distinct)


@other
@change(SetOp)
def change_set_operation(s: SetOp, rng: Random) -> SetOp:
    if rng.random() < 0.4:
        return replace(s, left=s.right, right=s.left)
    near = s.op.removesuffix(" all") if s.op.endswith(" all") else f"{s.op} all"
    if rng.random() < 0.6 and s.op != "union by name":
        return replace(s, op=near)
    return replace(
        s, op=rng.choice(("union", "union all", "intersect", "except", "except all", "intersect all", "union by name"))
    )


@other
@change(Select, SetOp)
def change_limit(q: Any, rng: Random) -> Any:
    if q.limit is None and not q.offset:
        keys = tuple(Key(Lit(str(n + 1), "num")) for n in range(len(outputs(q))))
        plain = not any(isinstance(o, Star) for o in getattr(q, "outs", ())) and not q.order
        return replace(q, order=keys, limit=rng.choice((1, 2, 3))) if plain else None
    return rng.choice(
        (
            replace(q, limit=None, offset=0),
            replace(q, limit=rng.choice((1, 2, 3))),
            replace(q, offset=rng.choice((0, 1))),
        )
    )


@other
@change(Select, where=lambda q: bool(q.group))
def change_group(q: Select, rng: Random) -> Any:
    keys = [g for g in q.group if not isinstance(g, Lit | Name)]
    choices: list[Any] = [(Lit("all", ""),)]
    if keys and len(keys) == len(q.group):
        choices += [
            tuple(keys[:-1]),
            tuple(keys[::-1]),
            (*keys, rng.choice(keys)),
            tuple(Name(o.name, "") for o in q.outs[: len(keys)]),
        ]
    return replace(q, group=rng.choice(choices))


@other
@change(Sub)
def change_subquery(sub: Sub, _rng: Random) -> Sub:
    kinds = {"exists": "not exists", "not exists": "exists", "in": "not in", "not in": "in", "scalar": "scalar"}
    return replace(sub, kind=kinds[sub.kind])


def _scope(q: Select) -> Scope:
    columns = (q.first, *(j.item for j in q.joins if "semi" not in j.kind and "anti" not in j.kind))
    return Scope(tuple(Col(i.uid, n, f) for i in columns for n, f in i.columns))


@other
def add_projection(tree: Any, rng: Random) -> Any:
    """A scalar, a window, an aggregate, or UNNEST, at the end of some SELECT."""
    path, q = pick(tree, rng, Select)
    maker = Maker(rng, uid=next_uid(tree))
    scope = _scope(q)
    roll = rng.random()
    value: Any = maker.e(rng.choice(("num", "text", "bool")), scope, 1)
    if roll < 0.2:
        value = maker.aggregate("num", scope)
    elif roll < 0.35:
        value = maker.window(scope)
    elif roll < 0.45:
        lists = [c for c in scope.columns if c.family == "list"]
        value = Op("unnest({})", (rng.choice(lists) if lists else Lit("[1, 2]", "list"),), "num")
    elif roll < 0.5:
        value = maker.scalar_subquery(scope)
    taken = {n for n, _f in outputs(q)}
    names = [n for n in ALIASES if n not in taken]
    return put(tree, path, replace(q, outs=(*q.outs, Out(value, rng.choice(names))))) if names else None


@other
@change(Select, where=lambda q: len(q.outs) > 1)
def drop_projection(q: Select, rng: Random) -> Select:
    index = rng.randrange(len(q.outs))
    return replace(q, outs=(*q.outs[:index], *q.outs[index + 1 :]))


@other
def rename_output(tree: Any, rng: Random) -> Any:
    """An output takes the name of a column; of an inner query, with its readers or without them."""
    path, q = pick(tree, rng, Select)
    outs = [i for i, o in enumerate(q.outs) if isinstance(o, Out)]
    if not outs:
        return None
    index, new = rng.choice(outs), rng.choice(ALIASES)
    old = q.outs[index].name
    if new in {n for n, _f in outputs(q)}:
        return None
    changed = put(
        tree,
        path,
        replace(q, outs=(*q.outs[:index], replace(q.outs[index], name=new, implicit=False), *q.outs[index + 1 :])),
    )
    readers = {i.uid for _p, i in found(tree, Item) if i.query is q}
    for _p, cte in found(tree, Cte):
        if cte.query is q:
            readers |= {i.uid for _p2, i in found(tree, Item) if i.cte == cte.uid}
    if not readers:
        return changed

    def follow(node: Any) -> Any:
        if isinstance(node, Col) and node.source in readers and node.name == old:
            return replace(node, name=new)
        if isinstance(node, Item) and node.uid in readers and not node.given:
            return replace(node, columns=tuple((new if n == old else n, f) for n, f in node.columns))
        return node

    return transformed(changed, follow)


@other
def swap_joins(tree: Any, rng: Random) -> Any:
    """The first two items of FROM change places."""
    path, q = pick(tree, rng, Select, where=lambda s: bool(s.joins) and s.joins[0].item.unnest is None)
    if path is None:
        return None
    join = q.joins[0]
    turned = {"left join": "right join", "right join": "left join"}.get(join.kind, join.kind)
    kind = turned if rng.random() < 0.7 else join.kind
    return put(tree, path, replace(q, first=join.item, joins=(replace(join, item=q.first, kind=kind), *q.joins[1:])))


@other
def swap_later_joins(tree: Any, rng: Random) -> Any:
    path, q = pick(tree, rng, Select, where=lambda s: len(s.joins) > 1)
    return None if path is None else put(tree, path, replace(q, joins=q.joins[::-1]))


@other
@change(Item, where=lambda i: bool(i.table))
def change_table(item: Item, rng: Random) -> Item:
    table = rng.choice(tuple(FAMILY))
    alias = table if item.alias == item.table else item.alias
    return replace(item, table=table, alias=alias, columns=FAMILY[table])


@other
def wrap_anything(tree: Any, rng: Random) -> Any:
    return around(tree, rng)


@other
def wrap_with_filter(tree: Any, rng: Random) -> Any:
    """From t as x → from (select * from t where …) as x."""
    path, item = pick(tree, rng, Item, where=plain_table)
    if path is None:
        return None
    inner = wrapped(item, next_uid(tree), rng)
    condition = Maker(rng, uid=99).condition(Scope(tuple(Col(inner.first.uid, n, f) for n, f in item.columns)), 0)
    return put(tree, path, replace(item, table="", query=replace(inner, where=condition)))


@other
def unused_cte(tree: Any, rng: Random) -> Any:
    uid = next_uid(tree)
    inner = Item(uid + 1, "t", FAMILY["v@1"], table="v@1")
    return replace(tree, ctes=(*tree.ctes, Cte(uid, rng.choice((f"w{uid}", "t", "u")), Select(explicit(inner), inner))))


@other
@change(Op, where=lambda o: o.op in ("{} between {} and {}", "{} in ({})", "{} in ({}, {})", "{} is null"))
def spell_condition(op: Op, _rng: Random) -> Any:
    a = op.args
    if op.op.endswith("between {} and {}"):
        return Op("and", (Op(">=", (a[0], a[1]), "bool"), Op("<=", (a[0], a[2]), "bool")), "bool")
    if op.op == "{} in ({})":
        return Op("=", a, "bool")
    if op.op == "{} in ({}, {})":
        return Op("or", (Op("=", (a[0], a[1]), "bool"), Op("=", (a[0], a[2]), "bool")), "bool")
    return Op("is not distinct from", (a[0], Lit("null", "num")), "bool")


@other
@change(Op, where=is_op("not"))
def push_not(op: Op, rng: Random) -> Any:
    inner = op.args[0]
    turned = {
        "<": ">=",
        ">": "<=",
        "<=": ">",
        ">=": "<",
        "=": "<>",
        "<>": "=",
        "is distinct from": "is not distinct from",
    }
    if isinstance(inner, Op) and inner.op in turned:
        return replace(inner, op=turned[inner.op])
    if isinstance(inner, Op) and inner.op in ("and", "or"):
        word = {"and": "or", "or": "and"}[inner.op] if rng.random() < 0.7 else inner.op
        return Op(word, tuple(Op("not", (a,), "bool") for a in inner.args), "bool")
    return inner
