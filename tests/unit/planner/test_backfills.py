"""Which part of a group a backfill is of, and in which chunks it goes."""

from __future__ import annotations

from typing import Any

import pytest

from mlproj.diagnostics import ProjectError
from mlproj.planner import scope_of
from mlproj.planner.backfills import chunks, loaded_by, meant, reached, said
from mlproj.planner.plan import Scope
from mlproj.state import Loaded, Published, TargetState
from tests.unit.planner.small_project import GROUP, SmallProject, group

KEPT_UP: dict[str, Any] = {"materialized": "incremental", "watermark": "seen"}


def code(caught: pytest.ExceptionInfo[ProjectError]) -> str:
    return caught.value.diagnostics[0].code


def test_times_are_those_of_the_lake() -> None:
    assert scope_of(None) is None
    assert scope_of(("2026-01-01", "2026-01-02 12:00")) == Scope(start="2026-01-01T00:00:00", end="2026-01-02T12:00:00")
    zoned = scope_of(("2026-01-01T01:00:00+01:00", "2026-01-01T02:00:00Z"))
    assert zoned == Scope(start="2026-01-01T00:00:00", end="2026-01-01T02:00:00")


@pytest.mark.parametrize("part", [("2026-01-02", "2026-01-02"), ("2026-01-02", "2026-01-01"), ("soon", "2026-01-01")])
def test_what_is_no_range_is_refused(part: tuple[str, str]) -> None:
    with pytest.raises(ProjectError) as caught:
        scope_of(part)

    assert code(caught) == "E540"


def test_chunks_cover_the_range_without_overlap() -> None:
    scope = Scope(start="2026-01-01T00:00:00", end="2026-01-03T12:00:00")

    found = [*chunks(scope, "1 day")]

    assert found[0][0] == scope.start
    assert found[-1] == ("2026-01-03T00:00:00", scope.end)
    assert [end for _start, end in found[:-1]] == [start for start, _end in found[1:]]
    assert len([*chunks(scope, None)]) == 1
    assert [*chunks(Scope(partition={"day": "2026-01-01"}), "1 day")] == [("", "")]


@pytest.mark.parametrize(
    "scope",
    [Scope(start="2026-01-01T00:00:00", end="2026-01-03T12:00:00"), Scope(partition={"city": "a, b={c}", "day": "1"})],
)
def test_a_step_says_it_so_that_a_retry_knows(scope: Scope) -> None:
    assert meant(said(scope)) == scope
    assert meant("source_data_changed") is None


def state(until: str = "", **spec: Any) -> TargetState:
    node = SmallProject([group(**spec)]).compiled().group(GROUP)
    row = Published(node=node, build_id="b1", published_at="2026-01-01T00:00:00Z", table="t", commit=3)
    row = row.model_copy(update={"loaded": Loaded(until=until) if until else None})
    return TargetState(target="dev", published={GROUP: row})


CITY = Scope(partition={"city": "a"})
RANGE = Scope(start="2026-01-01T00:00:00", end="2026-01-03T12:00:00")


@pytest.mark.parametrize(
    ("spec", "scope", "options", "found"),
    [
        (KEPT_UP, RANGE, {}, {GROUP}),
        ({**KEPT_UP, "partition_by": ["city"]}, CITY, {}, {GROUP}),
        (KEPT_UP, CITY, {}, "E540"),
        ({"materialized": "incremental"}, RANGE, {}, "E540"),
        ({}, RANGE, {}, "E540"),
        (KEPT_UP, RANGE, {"full_refresh": True}, "E540"),
        (KEPT_UP, RANGE, {"selected": None}, "E540"),
        (KEPT_UP, RANGE, {"state": TargetState(target="dev")}, {GROUP}),
        ({**KEPT_UP, "partition_by": ["city"]}, CITY, {"state": TargetState(target="dev")}, "E541"),
        (KEPT_UP, RANGE, {"state": state(**KEPT_UP, deleted="rich")}, "E541"),
        (KEPT_UP, RANGE, {"state": state(until="2026-01-01T00:00:00", **KEPT_UP)}, {GROUP}),
        (KEPT_UP, RANGE, {"state": state(until="2025-12-31T00:00:00", **KEPT_UP)}, "E541"),
    ],
)
def test_whom_it_is_for(spec: dict[str, Any], scope: Scope, options: dict[str, Any], found: set[str] | str) -> None:
    manifest = SmallProject([group(**spec)]).compiled()
    stands = options.get("state", state(**spec))
    selected = options.get("selected", frozenset({GROUP}))
    if isinstance(found, set):
        assert reached(scope, manifest, stands, selected, full_refresh=False) == found
        return
    with pytest.raises(ProjectError) as caught:
        reached(scope, manifest, stands, selected, full_refresh=options.get("full_refresh", False))
    assert code(caught) == found


JAN, FEB, MAR, APR = (f"2026-0{month}-01T00:00:00" for month in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("part", "before", "older", "newer", "after"),
    [
        ((JAN, FEB), Loaded(), False, False, None),
        ((JAN, FEB), Loaded(), True, True, Loaded(since=JAN, until=FEB)),
        ((FEB, MAR), Loaded(since=JAN, until=FEB), True, True, Loaded(since=JAN, until=MAR)),
        ((FEB, MAR), Loaded(until=FEB), False, False, None),
        ((JAN, FEB), Loaded(since=FEB), True, True, Loaded(since=JAN)),
        ((JAN, FEB), Loaded(since=FEB), False, True, None),
        # What does not touch what is loaded leaves it as it is.
        ((JAN, FEB), Loaded(since=MAR), False, True, Loaded(since=MAR)),
        ((FEB, MAR), Loaded(since=JAN, until=APR), True, True, Loaded(since=JAN, until=APR)),
    ],
)
def test_how_far_a_group_has_come(
    part: tuple[str, str], before: Loaded, after: Loaded | None, *, older: bool, newer: bool
) -> None:
    assert loaded_by(Scope(start=part[0], end=part[1]), before, older=older, newer=newer) == after
