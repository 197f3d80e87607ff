"""Aliases of model versions: where they go, and back where they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlproj.diagnostics import ProjectError
from mlproj.project.aliases import Promotion, promote
from tests.lake_project import LakeProject, people
from tests.unit.planner.small_project import SmallProject, group, model, view

CHAMPION = "income_model@champion"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    found = LakeProject(tmp_path_factory.mktemp("aliases") / "project")
    for seed in (1, 2, 3):
        found.put(SmallProject([group()], [view()], [model(seed=seed)]))
        found.data(people())
        found.built()
    return found


@pytest.fixture
def trained(original: LakeProject, tmp_path: Path) -> LakeProject:
    """A project with three versions of a model."""
    return original.copy(tmp_path / "project")


def move(folder: LakeProject, reference: str, label: str = "champion", **options: Any) -> Promotion:
    with folder.open() as project:
        return promote(project, reference, label, **{"because": "", "force": False} | options)


def back(folder: LakeProject, node: str = "income_model", **options: Any) -> str:
    with folder.open() as project:
        return project.rollback(node, **options).to


def code(folder: LakeProject, node: str = "income_model", **options: Any) -> str:
    with pytest.raises(ProjectError) as caught:
        back(folder, node, **options)
    return caught.value.diagnostics[0].code


def champion(folder: LakeProject) -> str | None:
    return folder.state().aliases.get(CHAMPION)


def test_the_champion_is_what_a_bare_name_means(trained: LakeProject) -> None:
    def meant() -> str:
        with trained.open() as project:
            return project.model("income_model").version.id

    assert meant() == "income_model@1.3"
    done = move(trained, "income_model@1.1", because="steady")
    assert (done.before, done.after, done.moved) == (None, "income_model@1.1", True)
    assert meant() == "income_model@1.1"
    with trained.open() as project:
        assert project.model("income_model@champion").version.id == "income_model@1.1"
    assert move(trained, "income_model").after == "income_model@1.3", "the newest, not the champion itself"
    assert move(trained, "income_model@champion", "challenger").after == "income_model@1.3"
    assert not move(trained, "income_model@1.3").moved


def test_back_goes_one_step_each_time_and_forth_again_from_there(trained: LakeProject) -> None:
    for run in (1, 2, 3):
        move(trained, f"income_model@1.{run}")
    assert (back(trained), champion(trained)) == ("income_model@1.2", "income_model@1.2")
    assert back(trained, CHAMPION) == "income_model@1.1"
    assert code(trained) == "E534"
    move(trained, "income_model@1.3")
    assert back(trained) == "income_model@1.1"


def test_back_to_a_version_that_is_named(trained: LakeProject) -> None:
    for run in (1, 2, 3):
        move(trained, f"income_model@1.{run}")
    assert back(trained, to="1.1") == "income_model@1.1"
    assert code(trained) == "E534", "what came after it was taken back as well"
    assert back(trained, to="income_model@1.2") == "income_model@1.2"
    assert back(trained) == "income_model@1.1"
    assert code(trained, to="1.1") == "E534"
    assert code(trained, to="1.9") == "E507"


def test_trying_moves_nothing(trained: LakeProject) -> None:
    move(trained, "income_model@1.1")
    move(trained, "income_model@1.2")
    assert back(trained, dry_run=True) == "income_model@1.1"
    assert champion(trained) == "income_model@1.2"


def test_aliases_go_their_own_ways(trained: LakeProject) -> None:
    move(trained, "income_model@1.1")
    move(trained, "income_model@1.2", "challenger")
    move(trained, "income_model@1.3", "challenger")
    assert back(trained, "income_model@challenger") == "income_model@1.2"
    assert champion(trained) == "income_model@1.1"
    assert code(trained, "income_model@unset") == "E534"


@pytest.mark.parametrize("label", ["", "1", "1.2", "Champion", "a b", "-x"])
def test_names_that_could_be_taken_for_versions_are_refused(trained: LakeProject, label: str) -> None:
    with pytest.raises(ProjectError) as caught:
        move(trained, "income_model@1.1", label)
    assert [d.code for d in caught.value.diagnostics] == ["E536"]


def test_every_move_says_who_and_why(trained: LakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLPROJ_AUTHOR", "ada")
    move(trained, "income_model@1.1", because="first")
    move(trained, "income_model@1.2", because="better")
    back(trained, because="worse")
    with trained.open() as project:
        events = [e for e in project.session.reader.events("dev") if e.what == "alias_moved"]
    assert [(e.who, e.detail["from"], e.detail["to"], e.detail["because"]) for e in events] == [
        ("ada", None, "income_model@1.1", "first"),
        ("ada", "income_model@1.1", "income_model@1.2", "better"),
        ("ada", "income_model@1.2", "income_model@1.1", "worse"),
    ]


def test_a_version_whose_tests_failed_needs_force_and_a_reason(trained: LakeProject) -> None:
    failing = model(seed=4, tests=[{"metric": {"name": "accuracy", "min": 0.999}}])
    trained.put(SmallProject([group()], [view()], [failing]))
    assert trained.build().status == "failed"
    move(trained, "income_model@1.1")

    with pytest.raises(ProjectError) as caught:
        move(trained, "income_model@1.4")
    assert [d.code for d in caught.value.diagnostics] == ["E535"]
    assert code(trained, to="1.4") == "E535"
    assert move(trained, "income_model@1.4", because="we need it", force=True).after == "income_model@1.4"
    assert back(trained) == "income_model@1.1"
