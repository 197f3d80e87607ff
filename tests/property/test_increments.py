"""Builds that add to what stands leave what one that computes everything would: the rows of the same SQL.

The source is a log: every batch appends to it rows that are new, late within the lookback, repeated, or that correct or
retract older ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.lake_project import LakeProject
from tests.unit.planner.small_project import SmallProject, group

LOG = "{{ source('people') }}"
START, LOOKBACK = datetime(2026, 1, 10), timedelta(days=2)  # noqa: DTZ001 - the lake's times have no zone
COLUMNS = {"id": "BIGINT", "seen": "TIMESTAMP", "noted": "TIMESTAMP", "value": "BIGINT", "gone": "BOOLEAN"}
NEWEST = "qualify row_number() over (partition by id order by noted desc, seen desc, value desc, gone desc) = 1"
SINCE = "{% if is_incremental() %} where noted >= (select max(noted) - interval 2 days from {{ this }}) {% endif %}"
COMMON = {"materialized": "incremental", "watermark": "noted", "lookback": "2 days"}
GROUPS = {
    "latest": (
        group("latest", deleted="gone", **COMMON),
        f"select id, seen, noted, value, gone from {LOG} {NEWEST}",
    ),
    "visits": (
        group("visits", event_time="seen", created_time="noted", deleted="gone", batch="2 days", **COMMON),
        f"select id, seen, noted, value, gone from {LOG}",
    ),
    "lines": (
        group("lines", event_time="seen", strategy="append", **COMMON),
        f"select id, seen, noted, value from {LOG} {SINCE}",
    ),
    "days": (
        group("days", event_time="seen", strategy="partition", partition_by=["day"], **COMMON),
        f"select id, seen, noted, value, seen::date as day from {LOG}",
    ),
    "daily": (
        group("daily", primary_key=["day"], **COMMON),
        f"select seen::date as day, count(*) as n, sum(value)::bigint as total, max(noted) noted from {LOG} group by 1",
    ),
}
PROJECT = SmallProject(
    [spec for spec, _sql in GROUPS.values()], sql={f"{n}@1": sql for n, (_spec, sql) in GROUPS.items()}, columns=COLUMNS
)


@dataclass(frozen=True)
class Line:
    """A row of the log, noted `late` hours after the newest one before its batch, less the lookback."""

    id: int
    day: int
    late: int
    value: int
    gone: bool
    twice: bool

    def rows(self, newest: datetime) -> list[tuple[Any, ...]]:
        noted = newest - LOOKBACK + timedelta(hours=self.late)
        row = (self.id, START + timedelta(days=self.day), noted, self.value, self.gone)
        return [row, row] if self.twice else [row]


LINES = st.builds(
    Line, st.integers(1, 4), st.integers(0, 3), st.integers(0, 60), st.integers(0, 3), st.booleans(), st.booleans()
)
ALL_TIMES = ("2025-12-01", "2026-03-01")
BATCHES = st.lists(st.lists(LINES, min_size=2, max_size=7), min_size=2, max_size=3)


def expected(name: str, log: list[tuple[Any, ...]]) -> list[str]:
    """The rows of a group's SQL over the whole log, computed by hand."""
    match name:
        case "latest":
            best: dict[int, tuple[Any, ...]] = {}
            for row in sorted(log, key=lambda r: (r[2], r[1], r[3], r[4])):
                best[row[0]] = row
            found = [row for row in best.values() if not row[4]]
        case "visits":
            found = [row for row in log if not row[4]]
        case "lines":
            found = [row[:4] for row in log]
        case "days":
            found = [(*row[:4], row[1].date()) for row in log]
        case _:
            days = {row[1].date() for row in log}
            those = {day: [r for r in log if r[1].date() == day] for day in days}
            found = [(d, len(rs), sum(r[3] for r in rs), max(r[2] for r in rs)) for d, rs in those.items()]
    return sorted(map(repr, found))


@settings(
    max_examples=2, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(batches=BATCHES)
def test_adding_gives_what_computing_everything_gives(folder: LakeProject, batches: list[list[Line]]) -> None:
    folder.put(PROJECT)
    log: list[tuple[Any, ...]] = []
    for number, batch in enumerate(batches):
        newest = max((row[2] for row in log), default=START)
        log += [row for line in batch for row in line.rows(newest)]
        folder.data(log, tuple(COLUMNS))
        if number == 0 and not folder.state().published:
            folder.built(select=tuple(GROUPS), backfill=ALL_TIMES)
        else:
            steps = folder.built(full_refresh=number == 0)
        if number:
            assert {step.partition(" ")[0] for step in steps} == {"merge", "append", "test", "publish"}
        for name in GROUPS:
            assert sorted(map(repr, folder.group(name))) == expected(name, log), (name, batches)
    assert folder.plan().changes == ()
    # What the source has lost without a word, and what came too late, a backfill of all times finds.
    log = [*log[::2], (5, START, START - timedelta(days=30), 1, False)]
    folder.data(log, tuple(COLUMNS))
    folder.built(select=tuple(GROUPS), backfill=ALL_TIMES)
    for name in GROUPS:
        assert sorted(map(repr, folder.group(name))) == expected(name, log), (name, batches)
    before = {n: p.digest for n, p in folder.state().published.items()}
    folder.built(full_refresh=True)
    assert {n: p.digest for n, p in folder.state().published.items()} == before
