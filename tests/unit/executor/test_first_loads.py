"""Incremental groups whose first rows come in chunks: all of them, or a part that later builds and backfills add to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mlproj.cli.time_documents import history_document
from mlproj.diagnostics import ProjectError
from mlproj.state.published import Loaded
from tests.lake_project import Killed, LakeProject, Row, failing_write
from tests.unit.planner.small_project import SmallProject, feature, group

COLUMNS = {"id": "BIGINT", "seen": "TIMESTAMP", "pay": "BIGINT"}
NODE, WHOLE = "feature_group:visits@1", ("2026-01-01", "2026-02-01")
TARGETS = {"targets": {"dev": {}, "prod": {}}}


def shop(tests: Sequence[dict[str, Any]] = (), **more: Any) -> SmallProject:
    kept_up = {"materialized": "incremental", "watermark": "seen", "batch": "1 day", "lookback": "1 day", **more}
    features = [feature("id"), feature("seen"), feature("pay", tests=list(tests))]
    sql = "select id, seen, pay from {{ source('people') }}"
    return SmallProject([group("visits", features=features, **kept_up)], sql={"visits@1": sql}, columns=COLUMNS)


def visits(pay: int, *days: int) -> list[Row]:
    return [(day, f"2026-01-{day:02} 06:00:00", pay) for day in days]


@pytest.fixture
def folder(tmp_path: Path, no_training: None) -> LakeProject:
    """Nothing is built; there are five days in the source, and a row without a time."""
    found = LakeProject(tmp_path / "project")
    found.put(shop(), TARGETS)
    found.data([*visits(1, 2, 3, 4, 6, 8), (99, None, 1)], tuple(COLUMNS))
    return found


def ids(folder: LakeProject) -> list[int]:
    return sorted(row[0] for row in folder.group("visits"))


def written(folder: LakeProject) -> list[str]:
    return [text[len("backfill visits@1 ") :][8:10] for _n, text in folder.commits() if text.startswith("backfill")]


def loaded(folder: LakeProject) -> Loaded | None:
    return folder.state().published[NODE].loaded


def load(folder: LakeProject, start: str, end: str) -> None:
    folder.built(select=["visits"], backfill=(start, end))


def test_all_of_it_comes_in_chunks_and_is_what_a_full_refresh_gives(folder: LakeProject) -> None:
    seen: list[str] = []
    plan = folder.plan(select=["visits"], backfill=WHOLE)
    assert [(c.node, c.change) for c in plan.changes] == [(NODE, "new")]
    assert {s.reason for s in plan.steps} == {"backfill from 2026-01-01T00:00:00 to 2026-02-01T00:00:00"}

    folder.built(select=["visits"], backfill=WHOLE, progress=lambda r: seen.append(r.message))

    # Days before the first row and after the last are left out; a day between without rows is no commit.
    assert written(folder) == ["02", "03", "04", "06", "08"]
    assert seen[0] == "1 of 7: 2026-01-02 to 2026-01-03, 2 added, 0 changed, 0 deleted"
    assert loaded(folder) is None
    assert folder.plan().changes == ()
    digest = folder.state().published[NODE].digest
    folder.built(full_refresh=True)
    assert folder.state().published[NODE].digest == digest


def test_a_part_is_what_is_published_and_a_build_brings_what_is_newer(folder: LakeProject) -> None:
    seen: list[str] = []
    folder.built(select=["visits"], backfill=("2026-01-03", "2026-01-05"), progress=lambda r: seen.append(r.message))
    left = "rows before 2026-01-03 are left out; rows from 2026-01-05 on come with the next build"
    assert f"3 added, 0 changed, 0 deleted; {left}" in seen
    assert ids(folder) == [3, 4, 99]
    assert loaded(folder) == Loaded(since="2026-01-03T00:00:00", until="2026-01-05T00:00:00")
    [change] = folder.plan().changes
    assert [(r.rule, r.message) for r in change.reasons] == [
        ("partly_loaded", "its rows from 2026-01-05 on have not been loaded")
    ]

    folder.built()

    assert ids(folder) == [3, 4, 6, 8, 99]
    assert folder.plan().changes == ()
    load(folder, "2026-01-01", "2026-01-03")
    assert ids(folder) == [2, 3, 4, 6, 8, 99]
    assert loaded(folder) is None


def test_parts_follow_one_another_and_leave_no_gap(folder: LakeProject) -> None:
    load(folder, "2026-01-01", "2026-01-03")
    with pytest.raises(ProjectError) as caught:
        load(folder, "2026-01-05", "2026-01-07")
    assert [(d.code, d.hint) for d in caught.value.diagnostics] == [("E541", "begin there: --from 2026-01-03")]

    load(folder, "2026-01-03", "2026-01-05")
    assert ids(folder) == [2, 3, 4, 99]
    load(folder, "2026-01-05", "2026-01-20")

    assert ids(folder) == [2, 3, 4, 6, 8, 99]
    assert loaded(folder) is None
    assert folder.plan().changes == ()


def test_a_part_without_rows_is_gone_on_from(folder: LakeProject) -> None:
    folder.data(visits(1, 2, 6), tuple(COLUMNS))
    load(folder, "2026-01-03", "2026-01-05")
    assert ids(folder) == []

    folder.built()

    assert ids(folder) == [6]


def test_another_target_does_not_take_a_part_for_all(folder: LakeProject) -> None:
    load(folder, "2026-01-03", "2026-01-20")
    prod = LakeProject(folder.root, target="prod")

    prod.built()

    assert ids(prod) == [2, 3, 4, 6, 8, 99]
    assert ids(folder) == [3, 4, 6, 8, 99]


def test_gone_back_to_a_part_it_goes_on_from_there(folder: LakeProject) -> None:
    load(folder, "2026-01-01", "2026-01-04")
    commit = folder.state().published[NODE].commit
    folder.built()
    with folder.open() as project:
        project.rollback("visits", to=str(commit))
    assert ids(folder) == [2, 3, 99]

    folder.built(resume=["visits"])

    assert ids(folder) == [2, 3, 4, 6, 8, 99]


def killed_in_its_third_chunk(folder: LakeProject) -> None:
    with failing_write(3, Killed()), pytest.raises(Killed):
        folder.build(select=["visits"], backfill=WHOLE)


def test_killed_it_shows_nothing_and_goes_on_after_the_chunks_that_are_done(folder: LakeProject) -> None:
    killed_in_its_third_chunk(folder)
    assert NODE not in folder.visible().published
    with folder.open() as project:
        assert [e["status"] for e in history_document(project, None)["entries"]] == ["killed"]
        project.session.lease.acquire(0)
        assert [e["status"] for e in history_document(project, None)["entries"]] == ["running"]

    assert folder.retry().status == "ok"

    assert ids(folder) == [2, 3, 4, 6, 8, 99]
    assert written(folder) == ["02", "03", "04", "06", "08"]


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_not_published_of_a_part_is_not_taken_for_all(folder: LakeProject, *, fails: bool) -> None:
    if fails:
        folder.put(shop([{"between": {"min": 2, "max": 3}}]), TARGETS)
        assert folder.build(select=["visits"], backfill=("2026-01-03", "2026-01-20")).status == "failed"
        folder.put(shop(), TARGETS)
    else:
        killed_in_its_third_chunk(folder)

    folder.built()

    assert ids(folder) == [2, 3, 4, 6, 8, 99]
    assert folder.plan().changes == ()
