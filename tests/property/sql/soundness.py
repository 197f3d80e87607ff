"""Equal fingerprints, equal results: random pairs of queries, judged by the engine.

    python benchmarks/soundness.py --pairs 100000 --seed 1

`rows` and `computed` of a column equal in two queries means: on any data, the tuples of all such columns are the same
multiset. What is set aside, and why:

- A query whose answer changes when the rows of its tables are shuffled (LIMIT among ties, row_number among peers) has
  no one answer: it is enough that some order gives both the same.
- Where one of two queries fails on a value (a cast, an overflow) and the other does not: SQL leaves open in which order
  conditions are evaluated and whether an unneeded value is computed at all, and the engine makes use of that. That
  counts as a difference only where every column is called unchanged and nothing in either query is conditional. A
  cast of an integer to a narrower one that fails on a number too big is none: it gives the same number, or no build.
  Nor is a scalar subquery of several rows in a column of a CTE that nobody reads: it gives the same rows, or no build.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Any

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.compiler.meaning import QueryMeaning
from mlproj.compiler.semantics import FunctionNames, query_meaning
from mlproj.compiler.type_changes import compare_types

from mlproj.ports import BindError
from mlproj.state import Column
from tests.property.sql.data import SHUFFLES, Data, Outcome, multiset
from tests.property.sql.editing import edited
from tests.property.sql.edits import OTHER
from tests.property.sql.neutral import NEUTRAL, reformatted
from tests.property.sql.queries import TABLES, random_query
from tests.property.sql.tree import put, text_of, walk, Node

RELATIONS = {t: tuple(Column(name=n, type=k) for n, k in columns.items()) for t, columns in TABLES.items()}
_TOO_BIG = re.compile(r"Type U?INT\d+ with value \S+ can't be cast because the value is out of range")
# The engine computes a scalar subquery although nobody reads the column that it stands in.
_SEVERAL = "More than one row returned by a subquery"
_CONDITIONAL = re.compile(
    r"\b(and|or|case|coalesce|ifnull|where|having|qualify|join|filter|limit|if|in|exists|greatest|nullif|between)\b|,\s*unnest"
)


@dataclass
class Meant:
    """A query, its columns as the engine binds them, and what it means."""

    sql: str
    columns: tuple[Column, ...]
    functions: FunctionNames

    @cached_property
    def meaning(self) -> QueryMeaning:
        return query_meaning(self.sql, RELATIONS, self.functions, self.columns)

    def index(self, name: str) -> int:
        return [c.name for c in self.columns].index(name)


def shared(a: Meant, b: Meant) -> list[str]:
    """Columns of both, of types that rules 5 to 7 call the same or wider: of others the types speak already."""
    types = {c.name: c.type for c in b.columns}
    return [
        c.name for c in a.columns if c.name in types and compare_types(c.type, types[c.name]) in ("same", "widened")
    ]


class Judge:
    """Binds, fingerprints and runs; `rows` is how many rows the last comparison saw."""

    def __init__(self, seed: int = 0, sets: int = 24) -> None:
        self.rng = Random(seed)
        self.binder = DuckDBBinder()
        for table, columns in RELATIONS.items():
            self.binder.declare(table, columns)
        self.functions = FunctionNames(*(self.binder.functions(k) for k in FunctionNames.kinds))
        self.data = Data(self.rng, sets)
        self.rows = 0

    def meant(self, tree: Any, sql: str | None = None) -> Meant | None:
        """None where the engine does not take it, or two of its columns share a name."""
        try:
            # A column of an item that is gone: some reduction made it.
            text = text_of(tree) if sql is None else sql
            columns = self.binder.describe(text)
        except (BindError, KeyError):
            return None
        if len({c.name.casefold() for c in columns}) < len(columns):
            return None
        return Meant(text, columns, self.functions)

    def unchanged(self, a: Meant, b: Meant) -> list[str] | None:
        """Columns that the fingerprints call unchanged, or None where the rows are not."""
        if a.meaning.rows != b.meaning.rows:
            return None
        one, two = a.meaning.columns, b.meaning.columns
        return [name for name in shared(a, b) if one[name].computed == two[name].computed]

    def differ(self, a: Meant, b: Meant, names: list[str], sets: int = 4) -> int | None:
        """The number of a set of data on which the unchanged columns come out otherwise."""
        self.rows = 0
        for number in self.rng.sample(range(self.data.sets), sets):
            one, two = self.data.run(a.sql, number), self.data.run(b.sql, number)
            self.rows += 0 if isinstance(one, str) else len(one)
            if not self._equal(a, b, names, one, two) and self._really(a, b, names, number):
                return number
        return None

    def _equal(self, a: Meant, b: Meant, names: list[str], one: Outcome, two: Outcome) -> bool:
        if isinstance(one, str) or isinstance(two, str):
            if isinstance(one, str) and isinstance(two, str):
                return True
            # Only where every column is called unchanged can nothing else have failed.
            if any(isinstance(x, str) and (_TOO_BIG.search(x) or _SEVERAL in x) for x in (one, two)):
                return True
            whole = len(names) == len(a.columns) == len(b.columns)
            return not whole or bool(_CONDITIONAL.search(a.sql) or _CONDITIONAL.search(b.sql))
        if not names:
            return len(one) == len(two)
        left, right = [a.index(n) for n in names], [b.index(n) for n in names]
        return multiset(one, left) == multiset(two, right)

    def _really(self, a: Meant, b: Meant, names: list[str], number: int) -> bool:
        """Whether no order of the rows gives both the same, and the answers do not hang on the order alone."""
        ones, twos = ([self.data.run(x.sql, number, order) for order in range(SHUFFLES + 1)] for x in (a, b))
        return not any(self._equal(a, b, names, x, y) for x in ones for y in twos)


@dataclass
class Tally:
    """What happened to the pairs."""

    pairs: int = 0
    equal: int = 0
    columns: int = 0
    rows_only: int = 0
    lively: int = 0
    texts: Counter[str] = field(default_factory=Counter)
    by_edit: Counter[str] = field(default_factory=Counter)
    by_edit_equal: Counter[str] = field(default_factory=Counter)
    counter_examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pair:
    before: Any
    after: Any
    edits: tuple[str, ...]
    a: Meant
    b: Meant


def single_edits(seed: int) -> Iterator[tuple[Any, Any]]:
    """Endless trees with one edit each, of every kind in turn."""
    for number in range(sys.maxsize):
        rng = Random(f"single/{seed}/{number}")
        tree = random_query(rng)
        for edit in OTHER.values():
            after = edit(tree, rng)
            if after is not None and after != tree:
                yield tree, after


def pairs(judge: Judge, seed: int, variants: int = 10) -> Iterator[Pair]:
    """Endless pairs, the same for the same seed: each query with some edits of it, neutral ones among them."""
    number = 0
    while True:
        number += 1
        rng = Random(f"{seed}/{number}")
        tree = random_query(rng)
        a = judge.meant(tree)
        if a is None:
            continue
        for _ in range(variants):
            style = rng.random()
            other, done = tree, []
            if style < 0.75:
                other, done = edited(other, rng, NEUTRAL, rng.choice((1, 2, 3)))
            if style > 0.35:
                other, more = edited(other, rng, OTHER, rng.choice((1, 1, 2)))
                done += more
            b = judge.meant(other)
            if b is not None and b.sql != a.sql:
                yield Pair(tree, other, tuple(done), a, b)


def tally(
    judge: Judge, seed: int, count: int, *, stop: bool = False, report: Callable[[str], None] | None = None
) -> Tally:
    """Judge so many pairs; with `stop`, only up to the first counter-example."""
    found_ = Tally()
    for pair in pairs(judge, seed):
        found_.pairs += 1
        for edit in set(pair.edits):
            found_.by_edit[edit] += 1
        for note in pair.b.meaning.notes:
            if note.kind == "not_understood":
                found_.texts[note.what] += 1
        names = judge.unchanged(pair.a, pair.b)
        if names is not None:
            found_.equal += bool(names)
            found_.rows_only += not names
            found_.columns += len(names)
            for edit in set(pair.edits):
                found_.by_edit_equal[edit] += 1
            data = judge.differ(pair.a, pair.b, names)
            found_.lively += bool(names) and judge.rows > 0
            if data is not None:
                text = told(judge, pair)
                found_.counter_examples.append(text)
                if report:
                    report(text)
                if stop:
                    break
        if report and found_.pairs % 5000 == 0:
            report(f"{found_.pairs} pairs, {found_.equal} equal, {found_.lively} of them with rows")
        if found_.pairs >= count:
            break
    return found_


def told(judge: Judge, pair: Pair) -> str:
    """A counter-example made small, as a text to read."""
    before, after = smaller(judge, pair.before, pair.after)
    a, b = judge.meant(before), judge.meant(after)
    assert a is not None
    assert b is not None
    names = judge.unchanged(a, b)
    assert names is not None
    data = judge.differ(a, b, names, judge.data.sets)
    lines = [f"edits: {', '.join(pair.edits)}", f"a: {a.sql}", f"b: {b.sql}", f"columns called unchanged: {names}"]
    if data is not None:
        read = [t for t in TABLES if t in a.sql + b.sql]
        lines += [f"{t}: {judge.data.rows[data][t]}" for t in read]
        lines += [f"gives a: {judge.data.run(a.sql, data)}", f"gives b: {judge.data.run(b.sql, data)}"]
    return "\n".join(lines)


def smaller(judge: Judge, before: Any, after: Any) -> tuple[Any, Any]:
    """The same difference with less around it: parts that both have are left out of both, as long as it stays."""

    def still(x: Any, y: Any) -> bool:
        a, b = judge.meant(x), judge.meant(y)
        if a is None or b is None:
            return False
        names = judge.unchanged(a, b)
        return names is not None and judge.differ(a, b, names, judge.data.sets) is not None

    progress = True
    tries = 0
    while progress and tries < 600:
        progress = False
        for one, less in _reductions(before):
            tries += 1
            candidates = [(less, new) for old, new in _reductions(after) if old == one] + [(less, after)]
            hit = next((c for c in candidates if still(*c)), None)
            if hit:
                before, after, progress = *hit, True
                break
        if not progress:
            for _one, less in _reductions(after):
                tries += 1
                if still(before, less):
                    after, progress = less, True
                    break
    return before, after


def _reductions(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Trees with something left out, each with the path-free description of what it was."""
    for path, node in walk(tree):
        for name, value in vars(node).items():
            if isinstance(value, tuple) and value and isinstance(value[0], Node) and name != "args":
                for index in range(len(value)):
                    if len(value) > 1 or name not in ("outs", "whens"):
                        rest = (*value[:index], *value[index + 1 :])
                        yield (name, value[index]), put(tree, path, _with(node, name, rest))
            elif name in ("where", "having", "qualify", "limit", "on", "default") and value is not None:
                yield (name, value), put(tree, path, _with(node, name, None))
            elif name in ("distinct", "desc") and value is True:
                yield (name, value), put(tree, path, _with(node, name, False))
        family = getattr(node, "family", None)
        if family and path:
            for _p, part in list(walk(node))[1:]:
                if getattr(part, "family", None) == family:
                    yield ("part", node), put(tree, path, part)


def _with(node: Any, name: str, value: Any) -> Any:
    return replace(node, **{name: value})


def neutral_pairs(judge: Judge, seed: int) -> Iterator[tuple[Pair, str]]:
    """Endless pairs that a careful reader calls the same, and which edit made the second."""
    for number in range(sys.maxsize):
        rng = Random(f"neutral/{seed}/{number}")
        tree = random_query(rng)
        a = judge.meant(tree)
        if a is None:
            continue
        for name in rng.sample(tuple(NEUTRAL), 4):
            after = NEUTRAL[name](tree, rng)
            b = judge.meant(after) if after is not None else None
            if b is not None and b.sql != a.sql:
                yield Pair(tree, after, (name,), a, b), name
        text = reformatted(a.sql, rng)
        b = judge.meant(tree, text)
        if b is not None:
            yield Pair(tree, tree, ("reformatted",), a, b), "reformatted"
