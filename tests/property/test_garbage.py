"""Laws of upkeep: whatever is needed reads as before, and a second time there is nothing to do."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.executor.upkeep import UpkeepAdapters, collect
from mlproj.planner.garbage import survey
from mlproj.state import Event
from mlproj.state.garbage import Expired, Garbage, Holdings, Pin
from tests.contracts.fake_upkeep import FakeLakeUpkeep

TABLES = ("a", "b", "c")
actions = st.lists(
    st.tuples(st.sampled_from(("append", "append", "clear", "drop")), st.sampled_from(TABLES)), max_size=25
)


class _State:
    """`ports.StateUpkeep` that remembers what it was told."""

    def __init__(self) -> None:
        self.expired: list[Expired] = []

    def holdings(self, target: str) -> Holdings:
        return Holdings(target=target)

    def expire(self, expired: Expired, event: Event) -> None:
        self.expired.append(expired)


class _NoArtifacts:
    def stored(self) -> dict[str, int]:
        return {}

    def remove(self, sha256: str) -> None:
        raise AssertionError(sha256)


def _made(history: list[tuple[str, str]]) -> tuple[FakeLakeUpkeep, list[Pin]]:
    """A lake after some writes, and every table at every commit at which it can be read."""
    lake = FakeLakeUpkeep()
    for number, (action, table) in enumerate(history):
        there = any(t.name == table and t.end is None for t in lake.tables)
        if action == "append" or not there:
            lake.append(table, [number])
        elif action == "clear":
            lake.clear(table)
        else:
            lake.drop([table], None)  # type: ignore[arg-type]
    return lake, [(t, c) for t in TABLES for c in lake.commits if _read(lake, (t, c)) is not None]


def _read(lake: FakeLakeUpkeep, pin: Pin) -> list[int] | None:
    try:
        return lake.read(*pin)
    except LookupError:
        return None


def _survey(lake: FakeLakeUpkeep, pins: frozenset[Pin]) -> Garbage:
    return survey(lake.inventory(), [Holdings(target="dev")], {"dev": pins}, {"dev": set()})


@settings(max_examples=100, deadline=None)
@given(actions, st.data())
def test_what_is_needed_reads_as_before_and_the_rest_goes(history: list[tuple[str, str]], data: st.DataObject) -> None:
    lake, all_pins = _made(history)
    chosen = data.draw(st.lists(st.sampled_from(all_pins), unique=True)) if all_pins else []
    lake.pins = set(data.draw(st.lists(st.sampled_from(chosen), unique=True))) if chosen else set()
    pins = frozenset(chosen)
    before = {pin: lake.read(*pin) for pin in all_pins}
    garbage = _survey(lake, pins)
    files = len(lake.files)

    collect(garbage, UpkeepAdapters(lake, {"dev": _State()}, _NoArtifacts(), "ada", "2026-01-01T00:00:00Z"))

    assert {pin: _read(lake, pin) for pin in pins} == {pin: before[pin] for pin in pins}
    # What is not needed may still be there, with all its rows, or is gone: never half of it.
    assert all(_read(lake, pin) in (None, rows) for pin, rows in before.items())
    assert {t.name for t in lake.tables if t.end is None} <= {t for t, _ in pins}
    merged = sum(garbage.merges.values()) - len(garbage.merges)
    assert len(lake.files) == files - garbage.files - merged
    assert _survey(lake, pins).empty
