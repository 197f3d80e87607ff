"""What an expression comes to: a key that is equal where the meaning is, the columns it is made from, and its text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

_LONGEST = 2000
ATOM = 10
NOTHING: frozenset[str] = frozenset()


def digest(*parts: Any) -> str:
    """A key of texts, numbers, None, tuples and lists of them. `ascii` tells all of these apart, on any machine."""
    return blake2b(ascii(parts).encode(), digest_size=16).hexdigest()


class Trait:
    """What stands somewhere in an expression, outside of its subqueries: bits of a plain number, which are cheap."""

    PLAIN = 0
    VOLATILE = 1  # another value at each run
    AGGREGATE = 2
    WINDOW = 4
    ROWS = 8  # gives several rows per row: unnest
    UNKNOWN = 16  # a function of which we do not know whether it is one of these


# Values that the rows beside theirs decide.
BOUND = Trait.AGGREGATE | Trait.WINDOW | Trait.ROWS | Trait.UNKNOWN


@dataclass(frozen=True, slots=True)
class Value:
    """`key` says nothing of types; `typed` is the key where an operator or function takes the value.

    `column` is a bare column, whose type is not in its key; that of anything else follows from its parts.
    `uncast` is what a cast that loses nothing was laid around.
    """

    key: str
    text: str
    uses: frozenset[str] = NOTHING
    type: str | None = None
    traits: int = Trait.PLAIN
    column: bool = False
    rank: int = 0  # how tightly its text holds together; ATOM needs no parentheses
    uncast: Value | None = None
    parts: tuple[Value, ...] = field(default=(), repr=False)  # of AND and OR: the operands

    @property
    def typed(self) -> str:
        return digest("typed", self.key, self.type) if self.column else self.key

    @property
    def bare(self) -> Value:
        """Without the casts around it that lose nothing: they are a matter of the type alone."""
        value = self
        while value.uncast is not None:
            value = value.uncast
        return value

    def within(self, rank: int) -> str:
        """Its text as an operand of something that binds with `rank`."""
        return self.text if self.rank >= rank else f"({self.text})"


def uses_of(values: Iterable[Value]) -> frozenset[str]:
    found = [value.uses for value in values if value.uses]
    return NOTHING.union(*found) if len(found) > 1 else found[0] if found else NOTHING


def traits_of(values: Iterable[Value]) -> int:
    found = Trait.PLAIN
    for value in values:
        found |= value.traits
    return found


def short(text: str) -> str:
    """A text that is only shown: a value that is used in itself again and again would grow beyond any screen."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def either(one: Value, other: Value) -> Value:
    """A name of which only the engine knows which of two it means: both count."""
    if one.key == other.key:
        return one
    key = digest("either", one.typed, other.typed)
    return Value(key, one.text, one.uses | other.uses, traits=one.traits | other.traits, rank=one.rank)


class NotUnderstood(Exception):
    """A construct that this recipe cannot take apart; `position` counts characters of the SQL."""

    def __init__(self, what: str, position: int | None = None) -> None:
        super().__init__(what)
        self.what, self.position = what, position
