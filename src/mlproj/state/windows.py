"""Windowed aggregates, compiled: what is computed of which events, and what is kept of these."""

from __future__ import annotations

from mlproj.state.noun import Noun


class Window(Noun):
    """One feature: `function` of `field` over the last `length` microseconds; `type` is the feature's.

    `field` names what is kept of each event, `field_type` its type: the values of `column` where `where` holds.
    """

    name: str
    function: str
    column: str | None = None
    where: str | None = None
    length: int
    argument: float | int | None = None
    type: str
    field: str
    field_type: str


class Aggregation(Noun):
    """Windows over the events of `relation` (`transactions@1`, `source:transactions`), each of the keys `by`.

    `time` is the events' time, of type `time_type`; `every` is the step of a grid in microseconds, None for a row at
    each event.
    """

    relation: str
    by: tuple[str, ...]
    time: str
    time_type: str
    every: int | None = None
    windows: tuple[Window, ...]

    @property
    def reach(self) -> int:
        """How long after its last event a key has rows on a grid: never less than to the next tick."""
        return max(self.every or 0, *(window.length for window in self.windows))
