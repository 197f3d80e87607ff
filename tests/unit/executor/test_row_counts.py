"""What commits change: counted by key, and written as little as that."""

from __future__ import annotations

import pytest

from mlproj.state import Commit
from tests.lake_project import LakeProject, Row, people
from tests.unit.planner.small_project import SmallProject

GROUP = "feature_group:income@1"


def commits(project: LakeProject) -> list[Commit]:
    with project.open() as opened:
        return opened.session.reader.history(GROUP, "dev")


def counts(project: LakeProject) -> list[tuple[int | None, int | None, int | None]]:
    return [(c.added, c.changed, c.deleted) for c in commits(project)]


def feed(project: LakeProject) -> dict[str, int]:
    """What the lake itself says that the last commit changed."""
    last = commits(project)[-1]
    sql = f"from ducklake_table_changes('lake', 'mlproj_data', '{last.table}', {last.commit}, {last.commit})"
    return dict(project.rows(f"select change_type, count(*) {sql} group by 1"))


@pytest.fixture
def project(folder: LakeProject) -> LakeProject:
    """One group of sixty people, built."""
    folder.put(SmallProject())
    folder.built()
    return folder


def test_the_first_commit_adds_all_rows(project: LakeProject) -> None:
    assert counts(project) == [(60, 0, 0)]


def test_each_commit_says_what_it_changed_and_holds_no_more(project: LakeProject) -> None:
    rows = people(60)
    rows[3] = (*rows[3][:3], "x", *rows[3][4:])
    rows[4] = (*rows[4][:2], None, *rows[4][3:])
    project.data([*rows[2:], *people(63)[60:]])
    project.built()

    assert counts(project)[1:] == [(3, 2, 2)]
    assert feed(project) == {"insert": 5, "delete": 4}
    assert project.group("income") == sorted(project.group("income", as_of=commits(project)[-1].commit), key=repr)
    assert len(project.group("income")) == 61
    assert len(project.group("income", as_of=commits(project)[0].commit)) == 60


def test_duplicate_and_null_keys_are_counted_row_by_row(project: LakeProject) -> None:
    twice: list[Row] = [(1, 5, 1.0, "a", None, True), (1, 5, 1.0, "a", None, True), (None, 6, 2.0, "b", None, True)]
    project.data([*people(40), *twice])
    project.built()
    again: list[Row] = [(1, 5, 1.0, "a", None, True), (1, 7, 1.0, "a", None, True), (None, 6, 2.0, "c", None, True)]
    project.data([*people(40), *again, (None, 0, 0.0, "d", None, True)])
    project.built()

    assert counts(project)[1:] == [(3, 0, 20), (1, 2, 0)]
    expected = [r for r in project.group("income") if r[0] in (1, None)]
    assert [r[1] for r in expected if r[0] == 1] == [21, 5, 7]
    assert sorted(r[1] for r in expected if r[0] is None) == [0, 6]


def test_a_table_that_changed_for_the_most_part_is_written_anew(project: LakeProject) -> None:
    project.data([(i, age + 1, *rest) for i, age, *rest in people(60)])
    project.built()

    assert counts(project)[1:] == [(0, 60, 0)]
    assert feed(project) == {"insert": 60, "delete": 60}


def test_another_definition_of_the_same_version_is_compared_by_key(project: LakeProject) -> None:
    wider = {"income@1": "select id, age, pay, city, seen, rich, age * 2 as twice from {{ source('people') }}"}
    project.put(SmallProject(sql=wider), {"targets": {"dev": {"on_breaking": "warn"}}})
    project.data(people(61)[1:])
    project.built()

    assert counts(project) == [(60, 0, 0), (1, 0, 1)], "columns that only one of them has are no change of a row"
    assert commits(project)[0].table != commits(project)[1].table


def test_a_refresh_of_everything_writes_everything_and_says_that_nothing_changed(project: LakeProject) -> None:
    project.built(full_refresh=True)

    assert counts(project)[1:] == [(0, 0, 0)]
    assert feed(project) == {"insert": 60, "delete": 60}


def test_many_small_commits_add_up(project: LakeProject) -> None:
    rows = people(60)
    for step in range(6):
        rows[step] = (*rows[step][:1], 100 + step, *rows[step][2:])
        rows = [*rows[:-1], (200 + step, 1, 1.0, "z", "2026-01-01 00:00:00", False)]
        project.data(rows)
        project.built()
        assert [r[:2] for r in project.group("income")] == sorted(((r[0], r[1]) for r in rows), key=repr)
    assert counts(project)[1:] == [(1, 1, 1)] + [(1, 1, 1)] * 5
