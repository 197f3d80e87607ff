"""Three ways to compute windows, which agree: what differs is how long they take, and on which data.

Each is a query over two tables: `events`, with keys, the time as a whole number (`TIME`), and what is kept of each; and
`observed`, with keys and `TIME`. It gives these and the windows `(t - length, t]` of every observed row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlproj.compiler.text import identifier
from mlproj.compiler.windows.functions import Inside, aggregated, is_exact, running
from mlproj.state.windows import Window

Plan = Literal["range", "join", "sums"]
# Not names of columns, which have no blanks.
TIME = '"the time"'


@dataclass(frozen=True)
class Windows:
    """What is computed: `keys` are quoted names; a microsecond is `unit` of `TIME`."""

    keys: tuple[str, ...]
    windows: tuple[Window, ...]
    unit: int = 1

    @property
    def fields(self) -> dict[str, str]:
        """What is read of each event, name → type."""
        return {w.field: w.field_type for w in self.windows}

    @property
    def lengths(self) -> list[int]:
        """The different lengths, in units of `TIME`."""
        return list(dict.fromkeys(w.length * self.unit for w in self.windows))

    def keys_of(self, alias: str) -> str:
        return ", ".join(f"{alias}.{key}" for key in self.keys)

    def same_keys(self, one: str, other: str) -> str:
        return " and ".join(f"{one}.{key} = {other}.{key}" for key in self.keys)


def by_range(asked: Windows, events: str, observed: str) -> str:
    """Sorts events and observations together, and moves a frame over them."""
    keys, fields = ", ".join(asked.keys), [identifier(field) for field in asked.fields]
    empty = ", ".join(f"null::{kind} as {identifier(name)}" for name, kind in asked.fields.items())
    frames = {length: f'"w{number}"' for number, length in enumerate(asked.lengths, 1)}
    values = [_named(w, _over(w, f" over {frames[w.length * asked.unit]}")) for w in asked.windows]
    windows = [
        f"{name} as (partition by {keys} order by {TIME} range between {length - 1} preceding and current row)"
        for length, name in frames.items()
    ]
    return (
        f"select {keys}, {TIME}, {', '.join(identifier(w.name) for w in asked.windows)}\nfrom (\n"
        f'select {keys}, {TIME}, "is observed", {", ".join(values)}\nfrom (\n'
        f'select {keys}, {TIME}, {", ".join(fields)}, false as "is observed" from {events}\nunion all\n'
        f'select {keys}, {TIME}, {empty}, true as "is observed" from {observed}\n) as r\n'
        f'window {", ".join(windows)}\n) as r\nwhere "is observed"'
    )


def by_join(asked: Windows, events: str, observed: str) -> str:
    """Puts each event beside each observation that sees it."""
    longest = max(asked.lengths)
    values = []
    for window in asked.windows:
        length, field = window.length * asked.unit, f"e.{identifier(window.field)}"
        inside = field if length == longest else f"case when e.{TIME} > o.{TIME} - {length} then {field} end"
        values.append(_named(window, aggregated(window, Inside(inside, f"e.{TIME}"))))
    return (
        f"select {asked.keys_of('o')}, o.{TIME}, {', '.join(values)}\nfrom {observed} as o\nleft join {events} as e\n"
        f"on {asked.same_keys('o', 'e')} and e.{TIME} <= o.{TIME} and e.{TIME} > o.{TIME} - {longest}\n"
        f"group by {asked.keys_of('o')}, o.{TIME}"
    )


def by_sums(asked: Windows, events: str, observed: str) -> str:
    """Subtracts what had come up to the begin of a window from what has come up to its end."""
    keys, fields = ", ".join(asked.keys), list(asked.fields)
    summed = [f for f in fields if any(w.field == f and w.function != "count" for w in asked.windows)]
    parts = [("s", f"sum({identifier(f)})", f) for f in summed] + [("n", f"count({identifier(f)})", f) for f in fields]
    names = [identifier(f"{kind} {field}") for kind, _sql, field in parts]
    at_once = ", ".join(f"{sql} as {name}" for (_k, sql, _f), name in zip(parts, names, strict=True))
    until = f"over (partition by {keys} order by {TIME} rows unbounded preceding)"
    so_far = ", ".join(f"sum(coalesce({name}, 0)) {until} as {name}" for name in names)
    ends = [(0, 0), *((number, length) for number, length in enumerate(asked.lengths, 1))]
    bounds = "\nunion all\n".join(
        f'select {keys}, {TIME} - {length} as "the bound", {TIME}, {number} as "its end" from {observed}'
        for number, length in ends
    )
    values = [_named(w, _between(w, asked)) for w in asked.windows]
    return (
        f"select {asked.keys_of('b')}, b.{TIME}, {', '.join(values)}\nfrom (\n{bounds}\n) as b\nasof left join (\n"
        f"select {keys}, {TIME}, {so_far}\nfrom (\nselect {keys}, {TIME}, {at_once} from {events} "
        f"group by {keys}, {TIME}\n) as e\n) as c\n"
        f'on {asked.same_keys("b", "c")} and b."the bound" >= c.{TIME}\ngroup by {asked.keys_of("b")}, b.{TIME}'
    )


PLANS: Mapping[Plan, Callable[[Windows, str, str], str]] = {"range": by_range, "join": by_join, "sums": by_sums}


def possible(windows: Sequence[Window]) -> tuple[Plan, ...]:
    """The plans that can compute all of these windows."""
    return ("range", "join", "sums") if all(is_exact(w) for w in windows) else ("range", "join")


def _named(window: Window, value: str) -> str:
    return f"{value} as {identifier(window.name)}"


def _over(window: Window, over: str) -> str:
    return aggregated(window, Inside(identifier(window.field), TIME, over))


def _between(window: Window, asked: Windows) -> str:
    end = asked.lengths.index(window.length * asked.unit) + 1
    field = window.field

    def moved(kind: str) -> str:
        name = identifier(f"{kind} {field}")
        parts = [f'coalesce(max(c.{name}) filter (where b."its end" = {number}), 0)' for number in (0, end)]
        return f"({parts[0]} - {parts[1]})"

    return running(window, {field: moved("s")}, {field: moved("n")})
