"""Windows at the time of an observation: computed of the events that a group keeps, whatever row it had then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlproj.compiler.windows.choice import Evaluation
from mlproj.compiler.windows.plans import TIME, Plan, Windows
from mlproj.compiler.windows.rows import instant, kept_events, unit_of
from mlproj.state.windows import Aggregation


@dataclass(frozen=True)
class WindowJoin:
    """`keys` are pairs of SQL of an observation and a key of the group, `time` its SQL and type, of rows of `rows`.

    `relation` keeps the events; `names` are the features that are read. Where `inner`, observations go whose key has
    had no event by then.
    """

    number: int
    relation: str
    aggregation: Aggregation
    keys: Sequence[tuple[str, str]]
    time: tuple[str, str]
    names: Sequence[str]
    rows: str
    inner: bool
    plan: Plan | None = None

    @property
    def _observed(self) -> str:
        return f'"observed {self.number}"'

    @property
    def _asked(self) -> str:
        return f'"asked {self.number}"' if self.inner else self._observed

    @property
    def _unit(self) -> int:
        return max(unit_of(self.time[1]), unit_of(self.aggregation.time_type))

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(f'"key {number}"' for number in range(1, len(self.keys) + 1))

    @property
    def _sides(self) -> list[tuple[str, str]]:
        """SQL of an observation, and what it is called in tables; on a grid a window ends just before its time."""
        at = instant(*self.time, self._unit) + (" - 1" if self.aggregation.every else "")
        return [*((left, name) for (left, _r), name in zip(self.keys, self._names, strict=True)), (at, TIME)]

    def line(self, alias: str) -> str:
        """The join with the windows of each observation."""
        on = " and ".join(f"{left} = {alias}.{name}" for left, name in self._sides)
        return f'{"inner" if self.inner else "left"} join "windows {self.number}" as {alias} on {on}'

    def tables(self) -> list[str]:
        """Common tables, the last of which the join reads."""
        number, windows = self.number, tuple(w for w in self.aggregation.windows if w.name in self.names)
        asked = Windows(self._names, windows, self._unit)
        keys = ", ".join(self._names)
        columns = ", ".join(f"{left} as {name}" for left, name in self._sides)
        present = " and ".join(f"({left}) is not null" for left, _name in self._sides)
        kept = kept_events(
            self.aggregation, list(asked.fields), self.relation, [right for _left, right in self.keys], self._unit
        )
        observed = f'select e.*\nfrom (\n{kept}\n) as e\nsemi join "keys {number}" as k on {asked.same_keys("k", "e")}'
        found = [
            f"{self._asked} as materialized (\nselect distinct {columns}\n{self.rows}\nwhere {present}\n)",
            f'"keys {number}" as materialized (\nselect distinct {keys} from {self._asked}\n)',
            f'"events {number}" as materialized (\n{observed}\n)',
        ]
        if self.inner:
            first = f'select {keys}, min({TIME}) as "the first" from "events {number}" group by {keys}'
            found.append(
                f"{self._observed} as materialized (\nselect a.*\nfrom {self._asked} as a\njoin ({first}) as f\n"
                f'on {asked.same_keys("a", "f")} and a.{TIME} >= f."the first"\n)'
            )
        return [*found, *Evaluation(asked, f'"events {number}"', self._observed, str(number), self.plan).tables()]
