"""A build that dies: before the publication nothing happened, after it everything did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproj.adapters.ducklake import DuckLake
from mlproj.adapters.sql_state.store import SqlState
from mlproj.state import Commit
from tests.lake_project import LakeProject, built_project, people
from tests.unit.planner.small_project import SmallProject, group, model, view

PROJECT = SmallProject([group(), group("second")], [view()], [model()])
TARGETS = {"targets": {"dev": {}, "prod": {}}}


class Killed(BaseException):
    """What nobody catches, like the end of the process."""


def kill(*_args: object, **_options: object) -> None:
    raise Killed


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("recovery") / "project", PROJECT, TARGETS)


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    """A built project whose source has ten more people by now."""
    found = original.copy(tmp_path / "project")
    found.data(people(70))
    return found


def history_of(folder: LakeProject) -> list[Commit]:
    with folder.open() as project:
        return project.session.reader.history("feature_group:income@1", "dev")


def killed_in(folder: LakeProject, where: type, method: str, **options: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, method, kill)
        with pytest.raises(Killed):
            folder.build(**options)


def test_a_lost_state_is_made_anew_from_all_that_was_published(built: LakeProject) -> None:
    """Not from the last publication alone: that names only what it moved."""
    built.put(SmallProject([group(), group("second"), group("third")], [view()], [model()]), TARGETS)
    built.built()
    built.data(people(80))
    built.built(select=["second"])
    before, history = built.state(), history_of(built)
    assert len(history) == 2
    for path in (built.root / ".mlproj").glob("state.sqlite*"):
        path.unlink()

    after = built.state()

    assert after.published == {n: r for n, r in before.published.items() if not n.startswith("model:")}
    assert after.training_datasets == before.training_datasets
    assert after.last_publication == before.last_publication
    assert history_of(built) == history


def test_after_the_lake_and_before_the_state_the_next_command_completes_it(built: LakeProject) -> None:
    killed_in(built, SqlState, "apply_publication")

    assert built.rows("select count(*) from lake.dev.income") == [(70,)]
    state = built.state()

    assert state.published["feature_group:income@1"].rows == 70
    assert state.training_datasets["feature_view:income@1"].number == 2
    assert built.changes() == {"model:income_model@1": "stale"}
    assert built.built() == {"train model:income_model@1": "ok"}
    assert built.plan().changes == ()
    assert [v.id for v in built.models()] == ["income_model@1.1", "income_model@1.2"]


def test_completing_twice_is_completing_once(built: LakeProject) -> None:
    killed_in(built, SqlState, "apply_publication")

    first = built.state()

    assert built.state() == first
    with built.open() as project:
        events = [e.what for e in project.session.reader.events("dev")]
        assert events.count("published") == 2
        assert len(project.feature_group("income").history()) == 2


def test_the_first_publication_of_all_is_completed_too(folder: LakeProject) -> None:
    folder.put(PROJECT)
    killed_in(folder, SqlState, "apply_publication")

    assert folder.changes() == {"model:income_model@1": "new"}
    assert len(folder.group("income")) == 60


def test_a_command_for_another_target_completes_it_as_well(built: LakeProject) -> None:
    killed_in(built, SqlState, "apply_publication")

    replace(built, target="prod").built()

    assert built.state().published["feature_group:income@1"].rows == 70
    assert built.changes() == {"model:income_model@1": "stale"}


@pytest.mark.parametrize("method", ["write", "publish"])
def test_before_the_publication_the_old_one_stands(built: LakeProject, method: str) -> None:
    before, rows = built.visible(), built.group("income")

    killed_in(built, DuckLake, method)

    assert built.visible() == before
    assert built.group("income") == rows
    assert built.rows("select count(*) from lake.dev.income_v1") == [(60,)]
    built.built()
    assert built.rows("select count(*) from lake.dev.income_v1") == [(70,)]
    assert built.plan().changes == ()


def test_a_killed_build_is_called_so_and_leaves_no_lease(built: LakeProject) -> None:
    killed_in(built, DuckLake, "publish")
    built.built()

    with built.open() as project:
        assert [b.status for b in project.session.reader.builds("dev")] == ["ok", "killed", "ok"]


def test_killed_while_training_the_next_build_trains_and_redoes_nothing_else(built: LakeProject) -> None:
    killed_in(built, SqlState, "register_model")

    assert built.state().published["feature_group:income@1"].rows == 70
    assert built.built() == {"train model:income_model@1": "ok"}
    assert built.plan().changes == ()


def test_a_lake_that_refuses_the_publication_is_a_failure_and_no_traceback(built: LakeProject) -> None:
    from mlproj.ports import EngineError

    def refuse(*_args: object, **_options: object) -> None:
        raise EngineError("disk full", "IO")

    before = built.visible()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckLake, "publish", refuse)
        results = built.build()

    assert results.status == "failed"
    assert [d.code for d in built.failures] == ["E618"]
    assert built.visible() == before
