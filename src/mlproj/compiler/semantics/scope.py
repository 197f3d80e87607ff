"""Names that an expression may speak of: columns of what stands in FROM, as the values that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mlproj.compiler.semantics.value import digest, ATOM, NotUnderstood, Value, either, uses_of

Found = tuple[Value, Sequence[str]]  # a value, and the fields of it that the rest of the name asks for
Lookup = Callable[[Sequence[str]], Found | None]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is seen from outside; one without a name of its own has none that could be guessed.

    `rest`: it stands for any number of columns, those of a table of which we do not know the columns.
    """

    name: str | None
    value: Value
    rest: bool = False


@dataclass
class Item:
    """One table of a FROM clause under its alias.

    `anything` is what a name means that is not among the columns, where these are not known.
    """

    alias: str | None
    columns: list[Column]
    anything: Value | None = None

    def find(self, name: str) -> Value | None:
        for column in self.columns:
            if column.name == name:
                return column.value
        if self.anything is None:
            return None
        return unknown_column(self.anything, name)

    def row(self) -> Value:
        """The whole row, which is what the alias alone means."""
        values = [column.value for column in self.columns]
        names = [column.name for column in self.columns]
        key = digest("row", names, [v.key for v in values], self.anything.key if self.anything else None)
        uses = uses_of([*values, *([self.anything] if self.anything else [])])
        return Value(key, str(self.alias), uses, rank=ATOM)


def unknown_column(anything: Value, name: str) -> Value:
    return Value(digest("any", anything.key, name), name, anything.uses, traits=anything.traits, rank=ATOM)


@dataclass
class Scope:
    """The tables of one FROM clause, from left to right; `merged` are the columns of USING and NATURAL joins."""

    items: list[Item] = field(default_factory=list)
    merged: dict[str, Value] = field(default_factory=dict)
    outer: Lookup | None = None

    def lookup(self, parts: Sequence[str]) -> Found | None:
        """What a dotted name means here, or further out. A name that two tables have is merged or refused."""
        found = self.local(parts)
        beyond = self.outer(parts) if self.outer is not None and (found is None or self.open) else None
        if found is None or beyond is None:
            return found or beyond
        return either(found[0], beyond[0]), found[1]

    @property
    def open(self) -> bool:
        """Whether a name may belong to a table whose columns are not known."""
        return any(item.anything is not None for item in self.items)

    def local(self, parts: Sequence[str]) -> Found | None:
        if len(parts) > 1:
            for item in self.items:
                if item.alias == parts[0] and (value := item.find(parts[1])) is not None:
                    return value, parts[2:]
        first = self._column(parts[0])
        if first is not None:
            return first, parts[1:]
        row = next((item.row() for item in self.items if item.alias == parts[0]), None)
        return (row, parts[1:]) if row is not None else None

    def _column(self, name: str) -> Value | None:
        if name in self.merged:
            return self.merged[name]
        found = [v for item in self.items for c in item.columns if c.name == name for v in [c.value]]
        if not found:
            found = [unknown_column(i.anything, name) for i in self.items if i.anything is not None]
        if len({value.key for value in found}) > 1:
            raise NotUnderstood(f"'{name}', which several tables have")
        return found[0] if found else None

    def columns(self, alias: str | None = None) -> Iterator[Column]:
        """What `*` or `alias.*` stands for; a merged column stands once, where the first of its tables has it."""
        seen: set[str] = set()
        for item in self.items:
            if alias is not None and item.alias != alias:
                continue
            if item.anything is not None:
                yield Column(None, item.anything, rest=True)
            for column in item.columns:
                if alias is None and column.name in self.merged:
                    if column.name not in seen:
                        seen.add(column.name)
                        yield Column(column.name, self.merged[column.name])
                    continue
                yield column

    def has(self, alias: str) -> bool:
        return any(item.alias == alias for item in self.items)
