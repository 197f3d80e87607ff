"""Edits that say the same in other words: `NEUTRAL`, by name. Fingerprints have to stand through them."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random
from typing import Any

from tests.property.sql.editing import Edit, change, is_op, next_uid, pick
from tests.property.sql.queries import outputs
from tests.property.sql.tree import (
    Agg, Col, Cte, Item, Join, Key, Lit, Name, Op, Out, Select, Star, Sub, Window, found, put, walk,
)  # fmt: skip

NEUTRAL: dict[str, Edit] = {}


def neutral(edit: Edit) -> Edit:
    NEUTRAL[edit.__name__] = edit
    return edit


@neutral
@change(Item, where=lambda i: not i.table or i.alias != i.table)
def rename_alias(item: Item, rng: Random) -> Item:
    return replace(item, alias=f"z{rng.randrange(100)}_{item.uid}")


@neutral
@change(Cte)
def rename_cte(cte: Cte, rng: Random) -> Cte:
    return replace(cte, name=f"y{rng.randrange(100)}_{cte.uid}")


@neutral
@change(Op, where=is_op("=", "<>", "and", "or"))
def swap_operands(op: Op, _rng: Random) -> Op:
    return replace(op, args=op.args[::-1])


_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


@neutral
@change(Op, where=is_op(*_TURNED))
def turn_comparison(op: Op, _rng: Random) -> Op:
    return Op(_TURNED[op.op], op.args[::-1], "bool")


def _maximal(tree: Any) -> list[tuple[Any, Op]]:
    ops = [(p, o) for p, o in found(tree, Op) if o.op in ("and", "or")]
    return [(p, o) for p, o in ops if any(isinstance(a, Op) and a.op == o.op for a in o.args)]


@neutral
def regroup(tree: Any, rng: Random) -> Any:
    """(a and b) and c → a and (b and c)."""
    places = _maximal(tree)
    if not places:
        return None
    path, op = rng.choice(places)
    flat: list[Any] = []
    todo = list(op.args)
    while todo:
        part = todo.pop(0)
        if isinstance(part, Op) and part.op == op.op:
            todo = [*part.args, *todo]
        else:
            flat.append(part)
    rng.shuffle(flat)
    made = flat[-1]
    for part in flat[-2::-1]:
        made = Op(op.op, (part, made), "bool")
    return put(tree, path, made)


def only_projects(q: Any) -> bool:
    """Projects and filters, with nothing that gives other rows or needs others beside it."""
    if not isinstance(q, Select) or q.joins or q.ctes or q.group or q.having is not None or q.qualify is not None:
        return False
    if q.distinct or q.distinct_on or q.order or q.limit is not None or q.offset or q.first.unnest or q.first.text:
        return False
    return not any(isinstance(n, Agg | Window | Sub | Name | Star) for _p, n in walk(q)) and not q.first.query


def explicit(item: Item) -> tuple[Out, ...]:
    return tuple(Out(Col(item.uid, n, f), n, implicit=True) for n, f in item.columns)


def wrapped(item: Item, uid: int, rng: Random) -> Select:
    inner = Item(uid, rng.choice(("t", "i", f"i{uid}")), item.columns, table=item.table, cte=item.cte)
    outs: tuple[Any, ...] = (Star(),) if rng.random() < 0.5 else explicit(inner)
    return Select(outs, inner)


def plain_table(item: Item) -> bool:
    return bool(item.table) and item.alias != item.table


@neutral
def wrap_table(tree: Any, rng: Random) -> Any:
    """From t as x → from (select … from t) as x."""
    path, item = pick(tree, rng, Item, where=plain_table)
    if path is None:
        return None
    return put(tree, path, replace(item, table="", query=wrapped(item, next_uid(tree), rng)))


@neutral
def wrap_table_in_cte(tree: Any, rng: Random) -> Any:
    path, item = pick(tree, rng, Item, where=plain_table)
    if path is None:
        return None
    uid = next_uid(tree)
    cte = Cte(uid, f"w{uid}", wrapped(item, uid + 1, rng))
    tree = put(tree, path, replace(item, table="", cte=uid))
    return replace(tree, ctes=(cte, *tree.ctes))


@neutral
def move_to_cte(tree: Any, rng: Random) -> Any:
    """A derived table becomes a CTE of the outermost query."""
    path, item = pick(tree, rng, Item, where=lambda i: i.query is not None and closed(i.query))
    if path is None:
        return None
    uid = next_uid(tree)
    tree = put(tree, path, replace(item, query=None, cte=uid))
    return replace(tree, ctes=(*tree.ctes, Cte(uid, f"w{uid}", item.query)))


def closed(q: Any) -> bool:
    """Reads no CTE from around it, and no column of an outer query."""
    inside = {n.uid for _p, n in walk(q) if isinstance(n, Item | Cte)}
    used = {n.source for _p, n in walk(q) if isinstance(n, Col | Star) and n.source}
    return (used | {n.cte for _p, n in walk(q) if isinstance(n, Item) and n.cte}) <= inside


@neutral
def move_from_cte(tree: Any, rng: Random) -> Any:
    """A CTE that is read once becomes a derived table."""
    if not tree.ctes:
        return None
    cte = rng.choice(tree.ctes)
    readers = [(p, i) for p, i in found(tree, Item) if i.cte == cte.uid]
    if len(readers) != 1 or not closed(cte.query):
        return None
    path, item = readers[0]
    name = cte.name if item.alias == cte.name else item.alias
    tree = put(tree, path, replace(item, cte=0, query=cte.query, alias=name))
    return replace(tree, ctes=tuple(c for c in tree.ctes if c.uid != cte.uid))


@neutral
def wrap_all(tree: Any, rng: Random) -> Any:
    """With w as (q) select … from w, where q only projects and filters."""
    return around(tree, rng) if only_projects(tree) else None


def around(tree: Any, rng: Random) -> Any:
    names = outputs(tree)
    if len({n for n, _f in names}) != len(getattr(tree, "outs", names)) or any(
        isinstance(o, Star) for o in getattr(tree, "outs", ())
    ):
        return None
    uid = next_uid(tree)
    if rng.random() < 0.5:
        item = Item(uid, f"w{uid}", names, query=tree)
        return Select(explicit(item), item)
    inner = replace(tree, ctes=())
    item = Item(uid + 1, rng.choice((f"w{uid}", "q")), names, cte=uid)
    outs: tuple[Any, ...] = (Star(),) if rng.random() < 0.3 else explicit(item)
    return Select(outs, item, ctes=(*tree.ctes, Cte(uid, f"w{uid}", inner)))


def positional(q: Any) -> bool:
    words = [k.value for k in getattr(q, "order", ())] + list(getattr(q, "group", ()))
    return any(isinstance(w, Lit) for w in words)


@neutral
def reorder_projections(tree: Any, rng: Random) -> Any:
    if not isinstance(tree, Select) or tree.distinct or tree.distinct_on or positional(tree) or len(tree.outs) < 2:
        return None
    return replace(tree, outs=tuple(rng.sample(tree.outs, len(tree.outs))))


@neutral
def order_outermost(tree: Any, rng: Random) -> Any:
    """An ORDER BY where nothing depends on it comes or goes."""
    if tree.limit is not None or tree.offset or getattr(tree, "distinct_on", ()):
        return None
    if tree.order:
        return replace(tree, order=())
    name = rng.choice(outputs(tree))[0]
    return None if getattr(tree, "distinct", False) else replace(tree, order=(Key(Name(name, ""), desc=True),))


@neutral
def expand_star(tree: Any, _rng: Random) -> Any:
    """`*` becomes the columns that it stands for."""
    if not isinstance(tree, Select) or tree.joins or not any(isinstance(o, Star) for o in tree.outs):
        return None
    outs: list[Any] = []
    for out in tree.outs:
        if not isinstance(out, Star):
            outs.append(out)
            continue
        replaced = {r.name: r for r in out.replace}
        outs += [replaced.get(o.name, o) for o in explicit(tree.first) if o.name not in out.exclude]
    return replace(tree, outs=tuple(outs))


@neutral
def reorder_ctes(tree: Any, rng: Random) -> Any:
    if len(tree.ctes) < 2 or any(not closed(c.query) for c in tree.ctes):
        return None
    return replace(tree, ctes=tuple(rng.sample(tree.ctes, len(tree.ctes))))


@neutral
@change(Out, where=lambda o: isinstance(o.value, Col) and o.name == o.value.name)
def say_the_name(out: Out, _rng: Random) -> Out:
    return replace(out, implicit=not out.implicit)


@neutral
@change(Join, where=lambda j: j.kind in ("join", "left join", "right join", "full join"))
def spell_join(join: Join, _rng: Random) -> Join:
    words = {"join": "inner join", "left join": "left outer join", "right join": "right outer join",
             "full join": "full outer join"}  # fmt: skip
    return replace(join, kind=words[join.kind])


KEYWORDS = re.compile(
    r"\b(select|from|where|group|by|having|order|with|as|join|left|right|full|on|using|and|or|not|case|when|then|else|"
    r"end|over|partition|union|all|distinct|limit|is|null|in|exists|between|like)\b"
)


def reformatted(sql: str, rng: Random) -> str:
    """Other blanks, comments and capitals, outside of texts and quoted names."""
    parts = []
    for part in re.split(r"('[^']*'|\"[^\"]*\")", sql):
        if part[:1] in ("'", '"'):
            parts.append(part)
            continue
        shouted = KEYWORDS.sub(lambda m: m[0].upper() if rng.random() < 0.5 else m[0], part)
        parts.append(re.sub(" ", lambda _m: rng.choice((" ", "\n", "  ", " /* it's */ ", " -- x\n", "\t")), shouted))
    return "".join(parts)
