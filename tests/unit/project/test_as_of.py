"""Reading as of then from Python, and what was removed for good."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mlproj.cli.context import Context
from mlproj.cli.documents import show_document
from mlproj.cli.render.cards import card_lines
from mlproj.diagnostics import ProjectError
from mlproj.project.as_of import AsOf, moment
from tests.lake_project import LakeProject, new_folder, people
from tests.unit.planner.small_project import SQL, SmallProject, group, view

SMALL = SmallProject(
    [group(), group("old", materialized="view")],
    [view()],
    sql={"income@1": SQL, "old@1": "select id, age from {{ ref('income', version=1) }} where age < 40"},
)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> LakeProject:
    """Sixty people, then fifty of them: for looking only."""
    folder = new_folder(tmp_path_factory.mktemp("standing") / "project")
    folder.put(SMALL)
    folder.built()
    folder.data(people(50))
    folder.built()
    return folder


@pytest.fixture
def project(standing: LakeProject, tmp_path: Path) -> LakeProject:
    """A copy of it."""
    return standing.copy(tmp_path / "project")


def refusal(project: LakeProject, as_of: AsOf, name: str = "income") -> tuple[str, str]:
    with project.open() as opened, pytest.raises(ProjectError) as caught:
        opened.feature_group(name).arrow(as_of=as_of)
    [found] = caught.value.diagnostics
    assert found.code == "E506"
    return found.message, found.hint or ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12, 12),
        ("12", 12),
        (" 12 ", 12),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        (date(2026, 1, 31), datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31 12:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00.5Z", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        (datetime(2026, 1, 31, 12), datetime(2026, 1, 31, 12, tzinfo=UTC)),  # noqa: DTZ001  # what users pass
    ],
)
def test_a_commit_or_a_time_is_read_as_written(value: AsOf, expected: int | datetime) -> None:
    assert moment(value) == expected


@pytest.mark.parametrize("kind", ["int64", "datetime64[s]"])
def test_what_comes_from_a_data_frame_means_the_same(kind: str) -> None:
    import numpy as np

    if kind == "int64":
        assert moment(np.int64(12)) == 12
    else:
        assert moment(np.datetime64("2026-01-31T12:00:00")) == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", [-1, True, 3.5, "", "yesterday"])
def test_what_is_neither_is_told(value: AsOf) -> None:
    with pytest.raises(ProjectError) as caught:
        moment(value)
    assert [d.code for d in caught.value.diagnostics] == ["E506"]


def test_handles_read_as_of_numbers_texts_and_times(standing: LakeProject) -> None:
    with standing.open() as opened:
        handle = opened.feature_group("income")
        first, second = handle.history()
        at = datetime.fromisoformat(first.at)
        elsewhere = at.astimezone(timezone(timedelta(hours=5)))
        for then in (first.commit, str(first.commit), second.commit - 1, at, elsewhere, first.at):
            assert handle.arrow(then).num_rows == len(handle.read(then)) == 60
            assert handle.relation(as_of=then).shape[0] == 60
        assert handle.arrow(second.commit).num_rows == handle.arrow().num_rows == 50
        old = opened.feature_group("old")
        assert old.arrow(first.commit).num_rows == old.arrow(at).num_rows == 30
        assert old.arrow(second.commit).num_rows == old.arrow(second.at).num_rows == old.arrow().num_rows == 20
        assert len(opened.feature_view("income", as_of=first.commit).read()) == 60
        assert len(opened.feature_view("income").read()) == 50


def test_a_card_heads_with_the_rows_that_it_shows(standing: LakeProject) -> None:
    context = Context(standing.root, None, None, "text", quiet=False, debug=False)
    with standing.open() as opened:
        first, second = opened.feature_group("income").history()

        def head(name: str, as_of: str | None) -> str:
            lines = card_lines(show_document(opened, name, as_of, limit=1), context)
            [found] = [line for line in lines if line.split()[:1] == ["published"]]
            return found.split(maxsplit=1)[1]

        for commit, as_of in ((first, str(first.commit)), (first, str(second.commit - 1)), (second, None)):
            told = f"commit {commit.commit}, rows {commit.rows}, build {commit.build_id}, at {commit.at}"
            assert head("income@1", as_of) == told
        assert head("old@1", str(first.commit)) == "rows 30"
        assert head("old@1", None) == f"rows 20, build {second.build_id}, at {second.at}", "a view has no commit"


def test_rows_that_were_removed_are_refused_wherever_they_are_asked_for(project: LakeProject) -> None:
    with project.open() as opened:
        first, second = opened.feature_group("income").history()
    state = sqlite3.connect(project.root / ".mlproj/state.sqlite")
    with state:
        state.execute('update commits set expired = 1 where "commit" = ?', (first.commit,))
    state.close()

    message, hint = refusal(project, second.commit - 1)
    assert f"commit {first.commit} of income@1 can no longer be read" in message
    assert str(second.commit) in hint


def test_a_snapshot_that_the_lake_lost_is_refused_too(project: LakeProject) -> None:
    with project.open() as opened:
        first, _second = opened.feature_group("income").history()
    project.rows(f"call ducklake_expire_snapshots('lake', versions => [{first.commit}])")

    for name in ("income", "old"):
        message, hint = refusal(project, first.commit, name)
        assert "can no longer be read" in message
        assert hint
    with project.open() as opened, pytest.raises(ProjectError, match="E506"):
        opened.feature_view("income", as_of=first.commit)
