"""A query as a tree of our own, and its text: what is generated and edited never passes through the parser under test.

A column names the *item* of FROM that it comes from by a number; the item's alias is looked up when the text is
written. So an alias is renamed in one place, and a tree that says something else by accident does not come about.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar


@dataclass(frozen=True)
class Node:
    """Whatever stands in a query."""


@dataclass(frozen=True)
class Col(Node):
    """A column of item `source`; `bare` ones are written without alias. `family` is num, text, bool, date, ts, list."""

    source: int
    name: str
    family: str
    bare: bool = False


@dataclass(frozen=True)
class Name(Node):
    """A bare word, such as the alias of another projection."""

    name: str
    family: str


@dataclass(frozen=True)
class Lit(Node):
    text: str
    family: str


@dataclass(frozen=True)
class Op(Node):
    """An operator, or a template such as `coalesce({}, {})`."""

    op: str
    args: tuple[Any, ...]
    family: str


@dataclass(frozen=True)
class When(Node):
    condition: Any
    value: Any


@dataclass(frozen=True)
class Case(Node):
    whens: tuple[When, ...]
    default: Any
    family: str


@dataclass(frozen=True)
class Cast(Node):
    value: Any
    type: str
    family: str
    safe: bool = True


@dataclass(frozen=True)
class Key(Node):
    """One key of an ORDER BY."""

    value: Any
    desc: bool = False
    nulls: str = ""


@dataclass(frozen=True)
class Agg(Node):
    function: str
    args: tuple[Any, ...]
    family: str
    distinct: bool = False
    where: Any = None
    order: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Window(Node):
    function: str
    args: tuple[Any, ...]
    family: str
    partition: tuple[Any, ...] = ()
    order: tuple[Key, ...] = ()
    frame: str = ""


@dataclass(frozen=True)
class Sub(Node):
    """A query in an expression: scalar, exists, not exists, in, not in."""

    kind: str
    query: Any
    left: Any = None
    family: str = "bool"


@dataclass(frozen=True)
class Item(Node):
    """One item of FROM: a table by name, a CTE by its number, a query, or a text such as `range(3)`.

    `columns` are (name, family) pairs; `given` ones are written behind the alias.
    """

    uid: int
    alias: str
    columns: tuple[tuple[str, str], ...]
    table: str = ""
    cte: int = 0
    query: Any = None
    unnest: Any = None
    text: str = ""
    given: bool = False


@dataclass(frozen=True)
class Join(Node):
    kind: str
    item: Item
    on: Any = None
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Star(Node):
    """`*` or `alias.*`, with EXCLUDE and REPLACE."""

    source: int = 0
    exclude: tuple[str, ...] = ()
    replace: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Out(Node):
    """A projection and its name; the name is left out where it is the column's own and `implicit`."""

    value: Any
    name: str
    implicit: bool = False


@dataclass(frozen=True)
class Cte(Node):
    uid: int
    name: str
    query: Any


@dataclass(frozen=True)
class Select(Node):
    outs: tuple[Any, ...]
    first: Item
    joins: tuple[Join, ...] = ()
    ctes: tuple[Cte, ...] = ()
    where: Any = None
    group: tuple[Any, ...] = ()
    having: Any = None
    qualify: Any = None
    distinct: bool = False
    distinct_on: tuple[Any, ...] = ()
    order: tuple[Key, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True)
class SetOp(Node):
    """`union`, `union all`, `union by name`, `intersect`, `except` and their ALL."""

    op: str
    left: Any
    right: Any
    ctes: tuple[Cte, ...] = ()
    order: tuple[Key, ...] = ()
    limit: int | None = None
    offset: int = 0


Path = tuple[tuple[str, int | None], ...]
T = TypeVar("T")
_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(node: Node) -> tuple[str, ...]:
    kind = type(node)
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(f.name for f in dataclasses.fields(kind))
    return _FIELDS[kind]


def walk(node: Any) -> list[tuple[Path, Any]]:
    """Every node with its path, parents first."""
    if _last[0] is not node:
        parts: list[tuple[Path, Any]] = []
        _walk(node, (), parts)
        _last[:] = [node, parts]
    return _last[1]


# The same tree is walked again and again, until an edit applies to it.
_last: list[Any] = [None, []]


def _walk(node: Any, path: Path, parts: list[tuple[Path, Any]]) -> None:
    parts.append((path, node))
    for name in _fields(node):
        value = getattr(node, name)
        if isinstance(value, Node):
            _walk(value, (*path, (name, None)), parts)
        elif type(value) is tuple:
            for index, part in enumerate(value):
                if isinstance(part, Node):
                    _walk(part, (*path, (name, index)), parts)


def found(node: Any, *kinds: type[T]) -> list[tuple[Path, T]]:
    return [(path, part) for path, part in walk(node) if isinstance(part, kinds)]


def at(node: Any, path: Path) -> Any:
    for name, index in path:
        value = getattr(node, name)
        node = value if index is None else value[index]
    return node


def put(node: Any, path: Path, new: Any) -> Any:
    """The tree with `new` in that place."""
    if not path:
        return new
    (name, index), rest = path[0], path[1:]
    value = getattr(node, name)
    if index is None:
        return dataclasses.replace(node, **{name: put(value, rest, new)})
    changed = (*value[:index], put(value[index], rest, new), *value[index + 1 :])
    return dataclasses.replace(node, **{name: changed})


def transformed(node: Any, change: Any) -> Any:
    """The tree with `change` applied to each node, children first."""
    values = {}
    for name in _fields(node):
        value = getattr(node, name)
        if isinstance(value, Node):
            new = transformed(value, change)
            if new is not value:
                values[name] = new
        elif type(value) is tuple and any(isinstance(part, Node) for part in value):
            parts = tuple(transformed(p, change) if isinstance(p, Node) else p for p in value)
            if any(a is not b for a, b in zip(parts, value, strict=True)):
                values[name] = parts
    return change(dataclasses.replace(node, **values) if values else node)


# -------------------------------------------------------------------------------------------------------------- text

_LOOSE = {"or": 1, "and": 2, "=": 4, "<>": 4, "<": 5, "<=": 5, ">": 5, ">=": 5, "+": 8, "-": 8, "*": 9, "/": 9,
          "//": 9, "%": 9, "||": 7, "is distinct from": 4, "is not distinct from": 4}  # fmt: skip
INFIX = frozenset(_LOOSE)


def quoted(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'


class Writer:
    """Writes a tree as SQL; `aliases` by item, `names` by CTE."""

    def __init__(self, tree: Node) -> None:
        self.aliases: Mapping[int, str] = {i.uid: i.alias for _p, i in found(tree, Item)}
        self.names: Mapping[int, str] = {c.uid: c.name for _p, c in found(tree, Cte)}

    def query(self, q: Any) -> str:
        with_ = ", ".join(f"{c.name} as ({self.query(c.query)})" for c in q.ctes)
        parts = [f"with {with_}"] if with_ else []
        if isinstance(q, SetOp):
            parts += [self._side(q.left), q.op, self._side(q.right)]
        else:
            parts += self._select(q)
        if q.order:
            parts.append("order by " + self.keys(q.order))
        if q.limit is not None:
            parts.append(f"limit {q.limit}")
        if q.offset:
            parts.append(f"offset {q.offset}")
        return " ".join(parts)

    def _side(self, q: Any) -> str:
        plain = isinstance(q, Select) and not q.ctes and not q.order and q.limit is None and not q.offset
        return self.query(q) if plain else f"({self.query(q)})"

    def _select(self, q: Select) -> list[str]:
        what = "select "
        if q.distinct:
            what = "select distinct "
        elif q.distinct_on:
            what = f"select distinct on ({', '.join(self.e(k) for k in q.distinct_on)}) "
        parts = [what + ", ".join(self.out(o) for o in q.outs), "from " + self.item(q.first)]
        parts += [self.join(join) for join in q.joins]
        if q.where is not None:
            parts.append("where " + self.e(q.where))
        if q.group:
            parts.append("group by " + ", ".join(self.e(g) for g in q.group))
        if q.having is not None:
            parts.append("having " + self.e(q.having))
        if q.qualify is not None:
            parts.append("qualify " + self.e(q.qualify))
        return parts

    def join(self, join: Join) -> str:
        text = f"{join.kind} {self.item(join.item)}" if join.kind != "," else f", {self.item(join.item)}"
        if join.using:
            return f"{text} using ({', '.join(join.using)})"
        return text if join.on is None else f"{text} on {self.e(join.on)}"

    def item(self, i: Item) -> str:
        behind = f" as {i.alias}" + (f"({', '.join(n for n, _f in i.columns)})" if i.given else "")
        if i.query is not None:
            return f"({self.query(i.query)}){behind}"
        if i.unnest is not None:
            return f"unnest({self.e(i.unnest)}){behind}"
        if i.text:
            return i.text + behind
        name = self.names[i.cte] if i.cte else i.table
        return quoted(name) if i.alias == name else quoted(name) + behind

    def out(self, o: Any) -> str:
        if isinstance(o, Star):
            text = f"{quoted(self.aliases[o.source])}.*" if o.source else "*"
            if o.exclude:
                text += f" exclude ({', '.join(o.exclude)})"
            if o.replace:
                text += f" replace ({', '.join(self.out(r) for r in o.replace)})"
            return text
        return self.e(o.value) if o.implicit else f"{self.e(o.value)} as {o.name}"

    def _part(self, x: Any, open_ended: bool) -> str:
        return f"({self.e(x)})" if open_ended and not isinstance(x, Col | Name) else self.e(x)

    def keys(self, keys: tuple[Key, ...]) -> str:
        return ", ".join(
            self.e(k.value) + (" desc" if k.desc else "") + (f" {k.nulls}" if k.nulls else "") for k in keys
        )

    def e(self, x: Any, loose: int = 0) -> str:
        match x:
            case Col():
                return x.name if x.bare else f"{quoted(self.aliases[x.source])}.{x.name}"
            case Name():
                return x.name
            case Lit():
                return x.text
            case Op(op="not"):
                text = f"not {self.e(x.args[0], 3)}"
                return f"({text})" if loose > 3 else text
            case Op() if x.op in INFIX:
                own = _LOOSE[x.op]
                text = f"{self.e(x.args[0], own)} {x.op} {self.e(x.args[1], own + 1)}"
                # Not all engines rank comparisons alike: these are always told apart.
                return f"({text})" if loose > own or (loose >= 4 and own <= 5) else text
            case Op():
                open_ended = x.op.startswith(("{}", "-"))
                text = x.op.format(*(self._part(a, open_ended) for a in x.args))
                return f"({text})" if open_ended and loose >= 4 else text
            case Case():
                whens = " ".join(f"when {self.e(w.condition)} then {self.e(w.value)}" for w in x.whens)
                return f"case {whens}{'' if x.default is None else f' else {self.e(x.default)}'} end"
            case Cast():
                return f"{'try_cast' if x.safe else 'cast'}({self.e(x.value)} as {x.type})"
            case Agg():
                inner = ("distinct " if x.distinct else "") + ", ".join(self.e(a) for a in x.args)
                if x.order:
                    inner += f" order by {self.keys(x.order)}"
                return f"{x.function}({inner})" + (f" filter (where {self.e(x.where)})" if x.where is not None else "")
            case Window():
                over = [f"partition by {', '.join(self.e(p) for p in x.partition)}"] if x.partition else []
                over += [f"order by {self.keys(x.order)}"] if x.order else []
                over += [x.frame] if x.frame else []
                return f"{x.function}({', '.join(self.e(a) for a in x.args)}) over ({' '.join(over)})"
            case Sub():
                text = f"({self.query(x.query)})"
                if x.kind == "scalar":
                    return text
                if x.kind in ("exists", "not exists"):
                    return f"({x.kind} {text})" if loose else f"{x.kind} {text}"
                return f"({self.e(x.left, 6)} {x.kind} {text})"
        raise TypeError(type(x).__name__)


def text_of(query: Any) -> str:
    return Writer(query).query(query)
