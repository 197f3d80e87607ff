"""Parts of incremental groups computed anew: in chunks, taken up where they stopped, published at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlproj.ports import EngineError
from tests.lake_project import Killed, LakeProject, Row, failing_write
from tests.unit.planner.small_project import SmallProject, feature, group

COLUMNS = {"id": "BIGINT", "seen": "TIMESTAMP", "pay": "BIGINT"}
TESTS: list[dict[str, Any]] = [{"between": {"min": 0, "max": 10_000}}]
NODE, RANGE = "feature_group:visits@1", ("2026-01-02", "2026-01-05")


def shop(tests: list[dict[str, Any]] = TESTS) -> SmallProject:
    features = [feature("id"), feature("seen"), feature("pay", tests=tests), feature("day")]
    kept_up = {"materialized": "incremental", "watermark": "seen", "batch": "1 day", "partition_by": ["day"]}
    sql = "select id, seen, pay, seen::date as day from {{ source('people') }}"
    return SmallProject([group("visits", features=features, **kept_up)], sql={"visits@1": sql}, columns=COLUMNS)


def visits(pay: int, *days: int) -> list[Row]:
    return [(day, f"2026-01-{day:02} 06:00:00", pay) for day in days]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    found = LakeProject(tmp_path_factory.mktemp("backfills") / "project")
    found.put(shop())
    found.data(visits(1, 1, 2, 3, 4, 5, 6), tuple(COLUMNS))
    found.built()
    return found


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    """Six days are published; by now all of them pay two, the third is gone and there is a seventh."""
    found = original.copy(tmp_path / "project")
    found.data(visits(2, 1, 2, 4, 5, 6, 7), tuple(COLUMNS))
    return found


def pays(folder: LakeProject) -> dict[int, int]:
    return {row[0]: row[2] for row in folder.group("visits")}


def written(folder: LakeProject) -> list[str]:
    return [message.partition(" (")[0] for _n, message in folder.commits() if message.startswith("backfill")]


# The sixth is the newest that stands, and so it is looked at again.
DONE = {1: 1, 2: 2, 4: 2, 5: 1, 6: 2, 7: 2}
CHUNKS = [f"backfill visits@1 2026-01-0{day} to 2026-01-0{day + 1}" for day in (2, 3, 4)]


def test_a_range_goes_in_chunks_and_what_came_since_is_added(built: LakeProject) -> None:
    seen: list[str] = []
    plan = built.plan(select=["visits"], backfill=RANGE)
    assert {(s.action, s.reason) for s in plan.steps} == {
        (action, "backfill from 2026-01-02T00:00:00 to 2026-01-05T00:00:00") for action in ("merge", "test", "publish")
    }

    built.built(select=["visits"], backfill=RANGE, progress=lambda r: seen.append(r.message))

    assert pays(built) == DONE
    assert written(built) == CHUNKS
    assert seen[:2] == [
        "1 of 3: 2026-01-02 to 2026-01-03, 0 added, 1 changed, 0 deleted",
        "2 of 3: 2026-01-03 to 2026-01-04, 0 added, 0 changed, 1 deleted",
    ]
    with built.open() as project:
        last = project.feature_group("visits").history()[-1]
    assert (last.added, last.changed, last.deleted, last.rows) == (1, 3, 1, 6)
    assert built.plan().changes == ()


def interrupted(folder: LakeProject, error: BaseException) -> None:
    """A backfill that comes to its second chunk, and no further."""
    with failing_write(1, error):
        folder.build(select=["visits"], backfill=RANGE)


def test_killed_it_goes_on_after_the_chunks_that_are_done(built: LakeProject) -> None:
    with pytest.raises(Killed):
        interrupted(built, Killed())
    assert pays(built) == dict.fromkeys(range(1, 7), 1)

    built.built(select=["visits"], backfill=RANGE)

    assert pays(built) == DONE
    assert written(built) == CHUNKS


def test_failed_a_retry_goes_on_as_well(built: LakeProject) -> None:
    interrupted(built, EngineError("disk full"))
    assert [d.code for d in built.failures] == ["E602"]

    assert built.retry().status == "ok"

    assert pays(built) == DONE
    assert written(built) == CHUNKS


def test_a_build_of_something_else_starts_from_what_is_published(built: LakeProject) -> None:
    with pytest.raises(Killed):
        interrupted(built, Killed())

    built.built()

    assert pays(built) == {**dict.fromkeys(range(1, 6), 1), 6: 2, 7: 2}
    assert built.plan().changes == ()


def test_chunks_of_other_data_are_done_again(built: LakeProject) -> None:
    with pytest.raises(Killed):
        interrupted(built, Killed())
    built.data(visits(3, 1, 2, 4, 5, 6, 7), tuple(COLUMNS))

    built.built(select=["visits"], backfill=RANGE)

    assert pays(built) == {day: 1 if day in (1, 5) else 3 for day in DONE}
    assert written(built) == [CHUNKS[0], *CHUNKS]


def test_a_failing_test_publishes_nothing_of_it(built: LakeProject) -> None:
    built.data(visits(-1, 1, 2, 4, 5, 6), tuple(COLUMNS))
    assert built.build(select=["visits"], backfill=RANGE).status == "failed"
    assert pays(built) == dict.fromkeys(range(1, 7), 1)
    built.put(shop(tests=[]))

    built.built(select=["visits"], backfill=RANGE)

    assert pays(built) == {1: 1, 2: -1, 4: -1, 5: 1, 6: -1}
    assert written(built) == CHUNKS


def test_one_partition(built: LakeProject) -> None:
    built.data(visits(2, 1, 2, 4, 5, 6), tuple(COLUMNS))
    built.built()

    built.built(select=["visits"], backfill={"day": "2026-01-03"})
    built.built(select=["visits"], backfill={"day": "2026-01-04"})

    assert pays(built) == {1: 1, 2: 1, 4: 2, 5: 1, 6: 2}
    assert written(built) == ["backfill visits@1 day=2026-01-03", "backfill visits@1 day=2026-01-04"]


def test_where_nothing_is_other_nothing_is_written(built: LakeProject) -> None:
    built.data(visits(1, 1, 2, 3, 4, 5, 6), tuple(COLUMNS))
    before = built.state().published[NODE].commit

    assert built.built(select=["visits"], backfill=RANGE)["merge visits@1"] == "reused"

    assert built.state().published[NODE].commit == before
    assert written(built) == []


def test_rows_of_one_key_that_other_times_tell_apart_stay_together(tmp_path: Path, no_training: None) -> None:
    columns = {"id": "BIGINT", "seen": "TIMESTAMP", "noted": "TIMESTAMP", "pay": "BIGINT"}
    kept_up = {"materialized": "incremental", "watermark": "noted", "batch": "1 day", "event_time": "seen"}
    sql = {"visits@1": "select id, seen, noted, pay from {{ source('people') }}"}
    folder = LakeProject(tmp_path / "project")
    folder.put(SmallProject([group("visits", created_time="noted", **kept_up)], sql=sql, columns=columns))
    folder.data([(1, "2026-01-01", f"2026-01-0{day}", day) for day in (1, 2, 3)], tuple(columns))
    folder.built()

    folder.built(select=["visits"], backfill=("2026-01-01", "2026-01-03"))

    assert [row[3] for row in folder.group("visits")] == [1, 2, 3]


def test_what_came_since_is_what_came_since_the_last_build(built: LakeProject) -> None:
    built.data(visits(1, 1, 2, 3, 4, 5, 6, 7, 8, 9), tuple(COLUMNS))

    built.built(select=["visits"], backfill=("2026-01-08", "2026-01-10"))

    assert sorted(pays(built)) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
