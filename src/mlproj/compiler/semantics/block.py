"""What a query gives, and the block of one SELECT while it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlglot.expressions import Expr

from mlproj.compiler.meaning import Note
from mlproj.compiler.semantics import wording
from mlproj.compiler.semantics.expressions import Place, Subqueries
from mlproj.compiler.semantics.parse import MARK
from mlproj.compiler.semantics.scope import Column, Item, Lookup
from mlproj.compiler.semantics.value import digest, BOUND, NOTHING, NotUnderstood, Value


@dataclass(frozen=True)
class Result:
    """What a query gives: columns in order, and its row set."""

    columns: list[Column]
    rows: str
    text: str
    uses: frozenset[str]
    volatile: bool = False
    anything: Value | None = None


@dataclass(frozen=True)
class Table:
    """A CTE and the place where it was written."""

    query: Expr
    place: Place
    names: tuple[str, ...]
    number: int
    recursive: bool = False
    result: Result | None = None


@dataclass
class Block:
    """One SELECT with all that is taken up into it. `seen` counts the occurrences of each table, so that each is told
    from the others; `filters` are the conditions that hold for the whole; `ordered` says whether order matters.
    """

    place: Place
    outer: Lookup | None
    ordered: Callable[[], bool]
    seen: Counter[str] = field(default_factory=Counter)
    filters: list[Value] = field(default_factory=list)
    volatile: bool = False


@dataclass(frozen=True)
class Tree:
    key: str
    text: str
    uses: frozenset[str] = NOTHING


class Queries(Subqueries, Protocol):
    """Whoever reads a query within FROM."""

    relations: Mapping[str, Sequence[tuple[str, str, str]]]

    def columns_of(self, relation: str, number: int, depth: int) -> list[Column]: ...

    def query(self, node: Expr, place: Place, outer: Lookup | None, ordered: Callable[[], bool]) -> Result: ...

    def recursive(self, name: str, table: Table, place: Place) -> Result: ...

    def with_tables(self, node: Expr, place: Place) -> Place: ...


def conditions(value: Value) -> list[Value]:
    """The operands of a conjunction."""
    return list(value.parts) or [value]


def as_item(alias: str | None, columns: list[Column], names: Sequence[str]) -> Item:
    rest = [column.value for column in columns if column.rest]
    if len(rest) > 1 or (rest and names):
        raise NotUnderstood("several tables whose columns are not known")
    return Item(alias, renamed([c for c in columns if not c.rest], names), rest[0] if rest else None)


def renamed(columns: list[Column], names: Sequence[str]) -> list[Column]:
    """Columns under the names of an alias, as far as these go; of equal names the engine counts the later ones."""
    if not names and len({column.name for column in columns}) == len(columns):
        return columns
    named = [replace(c, name=names[i] if i < len(names) else c.name) for i, c in enumerate(columns)]
    seen: Counter[str] = Counter()
    found = []
    for column in named:
        number = seen[column.name] if column.name is not None else 0
        found.append(replace(column, name=f"{column.name}_{number}") if number else column)
        if column.name is not None:
            seen[column.name] += 1
    return found


def derived(value: Value, label: list[int], result: Result) -> Value:
    """A column of a query that stays one; what the rows beside it decide is made from all that decides these."""
    bound = bool(value.traits & BOUND)
    key = digest("derived", label, value.key, result.rows if bound else None)
    uses = value.uses | result.uses if bound else value.uses
    # Volatile or not, the value is computed once, below.
    return Value(key, value.text, uses, value.type, column=value.column, rank=value.rank)


def sample_key(sample: Expr) -> str:
    return digest("sample", wording.generic(sample, {}).upper().replace(MARK, ""))


def note_sample(host: Subqueries, sample: Expr) -> bool:
    """Whether a sample is another at each run; then it is noted."""
    if sample.args.get("seed") is not None:
        return False
    note(host, "SAMPLE without REPEATABLE")
    return True


def note(host: Subqueries, what: str) -> None:
    """Notes a construct that gives other rows at each run."""
    found = Note(kind="not_deterministic", what=what)
    if found not in host.notes:
        host.notes.append(found)
