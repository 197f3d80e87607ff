"""`rollback --build B`: everything that stood after a build comes back together, and later builds go on from there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproj.adapters.ducklake import DuckLake
from mlproj.adapters.ducklake_history import DuckLakeHistory
from mlproj.adapters.sql_state.store import SqlState
from mlproj.diagnostics import ProjectError
from mlproj.planner.rollback import Rollback
from mlproj.project.as_of import AsOf
from mlproj.project.session import utc_now
from mlproj.state import TargetState
from tests.lake_project import LakeProject, people
from tests.unit.executor.test_recovery import Killed, kill
from tests.unit.planner.small_project import SQL, SmallProject, group, model, view

WARN = {"targets": {"dev": {"on_breaking": "warn"}}}
ADULTS = "select id, age, pay, rich from {{ ref('income', version=1) }} where age >= 30"
FIRST = SmallProject(
    [group(), group("young", materialized="view")], [view()], [model()], {"young@1": ADULTS.replace(">=", "<")}
)
SECOND = replace(
    FIRST,
    groups=[*FIRST.groups, group("adults")],
    views=[view(split={"seed": 7}), view("adults", base="adults@1")],
    models=[model(seed=7), model("adult_model", feature_view="adults@1")],
    sql={**FIRST.sql, "adults@1": ADULTS, "income@1": SQL + " where id > 5"},
)
CHAMPION = "income_model@champion"


def views(folder: LakeProject) -> dict[str, Any]:
    """All that consumers of the lake see."""
    names = folder.rows("select table_name from information_schema.tables where table_schema = 'dev' order by 1")
    return {str(name): sorted(folder.rows(f'select * from lake.dev."{name}"'), key=repr) for (name,) in names}


def promote(folder: LakeProject, reference: str) -> None:
    with folder.open() as project:
        project.model(reference).promote("champion")


def builds(folder: LakeProject) -> list[str]:
    """Ids of what published, oldest first."""
    with folder.open() as project:
        return [p.build_id for p in project.session.store.publications("dev")]


def back(folder: LakeProject, build: str, **options: Any) -> Rollback:
    with folder.open() as project:
        return project.rollback(build=build, **options)


def refused(folder: LakeProject, build: str) -> str:
    with pytest.raises(ProjectError) as caught:
        back(folder, build)
    [found] = caught.value.diagnostics
    assert found.hint
    return found.code


def held_by(state: TargetState) -> dict[str, Any]:
    """A state without the number of its last publication."""
    return state.model_dump(exclude={"last_publication", "kept", "trained"})


class Told:
    """A project with two builds behind it, and what stood after each."""

    def __init__(self, folder: LakeProject, after: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        self.folder, self.after = folder, after


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> Told:
    folder = LakeProject(tmp_path_factory.mktemp("rollback") / "project")
    after = []
    for project, size, run in ((FIRST, 60, 1), (SECOND, 80, 2)):
        folder.put(project, WARN)
        folder.data(people(size))
        folder.built()
        promote(folder, f"income_model@1.{run}")
        after.append((held_by(folder.state()), views(folder)))
    return Told(folder, after)


@pytest.fixture
def told(original: Told, tmp_path: Path) -> Told:
    return Told(LakeProject(shutil.copytree(original.folder.root, tmp_path / "project")), original.after)


def test_all_of_it_comes_back_together(told: Told) -> None:
    folder = told.folder
    first, second = builds(folder)
    lake = len(folder.commits())

    done = back(folder, first, because="wrong prices")

    assert (held_by(folder.state()), views(folder)) == told.after[0]
    assert len(folder.commits()) == lake + 1, "one transaction"
    assert {(m.node, m.what) for m in done.moves} >= {
        ("feature_group:income@1", "commit"), ("feature_group:income@1", "definition"),
        ("feature_group:adults@1", "commit"), ("feature_view:income@1", "training_dataset"),
        ("feature_view:adults@1", "training_dataset"), ("model:income_model@1", "model_version"),
        ("model:adult_model@1", "model_version"), (CHAMPION, "alias"),
    }  # fmt: skip
    assert folder.state().aliases == {CHAMPION: "income_model@1.1"}
    with folder.open() as project:
        assert project.model("income_model").version.id == "income_model@1.1"
        assert project.feature_view("income").dataset.number == 1
        commits = project.feature_group("income").history()
    assert [c.kind for c in commits] == ["build", "build", "rollback"]
    assert commits[2].commit == commits[0].commit
    assert builds(folder)[:2] == [first, second], "nothing is rewritten"


def test_and_forth_again(told: Told) -> None:
    folder = told.folder
    first, second = builds(folder)
    back(folder, first)
    back(folder, second)
    assert (held_by(folder.state()), views(folder)) == told.after[1]
    assert folder.plan().changes == ()
    back(folder, builds(folder)[2])
    assert (held_by(folder.state()), views(folder)) == told.after[0]


def test_the_training_data_of_a_time_is_what_was_current_then(told: Told) -> None:
    folder = told.folder
    first, second = builds(folder)

    def current(as_of: AsOf, view: str = "income") -> str:
        with folder.open() as project:
            return project.feature_view(view, as_of=as_of).dataset.name

    before = (lake_commit(folder), utc_now())
    back(folder, first)
    taken_back = (lake_commit(folder), utc_now())
    for then in taken_back:
        assert current(then) == "income@1/td1", "the newest of then had been taken back"
    back(folder, second)
    for then in (*before, lake_commit(folder), utc_now()):
        assert current(then) == "income@1/td2"
    for then in taken_back:
        assert current(then) == "income@1/td1"
        with pytest.raises(ProjectError, match="E506 adults@1 had no training dataset at"):
            current(then, "adults")


def lake_commit(folder: LakeProject) -> int:
    """The newest."""
    return folder.commits()[-1][0]


def test_plan_says_what_would_come_again_and_a_build_brings_it(told: Told) -> None:
    folder = told.folder
    before = views(folder)
    back(folder, builds(folder)[0])

    changes = folder.changes()
    assert changes["adults@1"] == "new"
    assert changes["income@1"] == "breaking"
    assert changes["model:adult_model@1"] == "new"
    assert changes["model:income_model@1"] == "stale"
    folder.built()

    assert views(folder) == before
    assert folder.plan().changes == ()
    state = folder.state()
    assert {n: d.number for n, d in state.training_datasets.items()} == {
        "feature_view:income@1": 3, "feature_view:adults@1": 2,
    }  # fmt: skip
    assert sorted(v.id for v in state.model_versions.values()) == ["adult_model@1.2", "income_model@1.3"]


def test_with_the_files_of_then_there_is_nothing_to_do(told: Told) -> None:
    folder = told.folder
    back(folder, builds(folder)[0])
    folder.put(FIRST, WARN)
    folder.data(people(60))
    plan = folder.plan()
    assert (plan.changes, plan.steps, plan.held) == ((), (), ())


def test_trying_it_changes_nothing(told: Told) -> None:
    folder = told.folder
    lake = folder.commits()
    done = back(folder, builds(folder)[0], dry_run=True)
    assert (done.dry_run, done.build, done.commit) == (True, None, None)
    assert done.moves
    assert (held_by(folder.state()), views(folder), folder.commits()) == (*told.after[1], lake)


def test_what_there_is_no_way_back_to(told: Told) -> None:
    folder = told.folder
    first, second = builds(folder)
    assert refused(folder, second) == "E530"
    assert refused(folder, "20260101T000000-abcdef") == "E537"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckLake, "publish", kill)
        folder.data(people(90))
        with pytest.raises(Killed):
            folder.build()
    with folder.open() as project:
        killed = project.session.reader.builds("dev")[0].id
    assert refused(folder, killed) == "E537"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckLakeHistory, "holds", lambda *_: False)
        assert refused(folder, first) == "E532"
    assert (held_by(folder.state()), views(folder)) == told.after[1]


def test_a_held_group_is_held_no_longer_where_it_was_not_then(told: Told) -> None:
    folder = told.folder
    _first, second = builds(folder)
    with folder.open() as project:
        commit = project.feature_group("adults").history()[0].commit
    folder.data(people(90))
    folder.built()
    with folder.open() as project:
        project.feature_group("adults").rollback(commit)
    assert [h.node for h in folder.plan().held] == ["feature_group:adults@1"]

    back(folder, second)

    assert folder.plan().held == ()
    assert (held_by(folder.state()), views(folder)) == told.after[1]


def test_a_view_over_groups_pins_again_what_it_pinned_then(told: Told) -> None:
    folder = told.folder
    folder.data(people(120))
    folder.built(select=["income"])  # the view over it still pins the rows before
    partly = (held_by(folder.state()), views(folder))
    part = builds(folder)[-1]
    folder.data(people(30))
    folder.built()

    back(folder, part)

    assert (held_by(folder.state()), views(folder)) == partly


@pytest.mark.parametrize(("where", "method", "moved"), [(DuckLake, "publish", 1), (SqlState, "apply_publication", 0)])
def test_killed_it_has_happened_or_not(told: Told, where: type, method: str, moved: int) -> None:
    folder = told.folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, method, kill)
        with pytest.raises(Killed):
            back(folder, builds(folder)[0])
    assert (held_by(folder.state()), views(folder)) == told.after[moved]
    assert (held_by(folder.state()), views(folder)) == told.after[moved]
