"""`plan --out FILE`, then `build FILE`: what was reviewed is done, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproj.diagnostics import ProjectError
from tests.lake_project import LakeProject, people
from tests.unit.planner.small_project import SQL, SmallProject, group, view

SETTINGS = {"vars": {"least": 0}, "targets": {"dev": {}, "prod": {}}}
CUT = SQL + " where id >= {{ var('least') }}"
PROJECT = SmallProject([group(), group("second")], [view()], sql={"income@1": CUT})
Edit = Callable[[LakeProject], Any]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    """Built, and then more people came; the plan of that is in p.json."""
    found = LakeProject(tmp_path_factory.mktemp("saved") / "project")
    found.put(PROJECT, SETTINGS)
    found.data(people())
    found.built()
    found.data(people(70))
    save(found)
    return found


@pytest.fixture
def planned(original: LakeProject, tmp_path: Path) -> LakeProject:
    return original.copy(tmp_path / "project")


def save(folder: LakeProject, **options: Any) -> None:
    (folder.root / "p.json").write_text(folder.plan(**options).model_dump_json(), encoding="utf-8")


def rewrite(folder: LakeProject, edit: Callable[[dict[str, Any]], Any]) -> None:
    path = folder.root / "p.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    edit(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def refusal(folder: LakeProject) -> str:
    """The message; nothing was done."""
    before, lake = folder.state(), folder.commits()
    with pytest.raises(ProjectError) as caught:
        folder.build(folder.root / "p.json")
    [found] = caught.value.diagnostics
    assert (found.code, bool(found.hint)) == ("E502", True)
    assert (folder.state(), folder.commits()) == (before, lake)
    return found.message


def test_it_does_what_was_planned(planned: LakeProject) -> None:
    steps = [(s.action, s.node) for s in planned.plan().steps]
    results = planned.build(planned.root / "p.json")
    assert [(r.action, r.node) for r in results.results] == steps
    assert len(planned.group("income")) == 70
    assert planned.plan().changes == ()
    assert "what the target holds" in refusal(planned), "once is enough"


def test_a_selection_and_a_day_travel_inside(planned: LakeProject) -> None:
    save(planned, select=["second"], as_of_date="2026-02-01")
    planned.build(planned.root / "p.json")
    assert (len(planned.group("income")), len(planned.group("second"))) == (60, 70)


def test_an_accepted_breaking_change_travels_inside(planned: LakeProject) -> None:
    planned.put(replace(PROJECT, sql={"income@1": SQL + " where id > 5"}), SETTINGS)
    save(planned)
    with pytest.raises(ProjectError) as caught:
        planned.build(planned.root / "p.json")
    assert {d.code for d in caught.value.diagnostics} == {"E501"}
    save(planned, accept_breaking={"income": "agreed"})
    planned.build(planned.root / "p.json")
    assert len(planned.group("income")) == 64


def another_build(folder: LakeProject) -> None:
    folder.built(select=["second"])


def rolled_back(folder: LakeProject) -> None:
    with folder.open() as project:
        first = project.feature_group("second").history()[0]
    folder.built(select=["second"])
    with folder.open() as project:
        project.feature_group("second").rollback(first.commit)


MOVED: dict[str, tuple[Edit, str]] = {
    "SQL": (lambda f: f.put(replace(PROJECT, sql={"income@1": CUT + " + 1"}), SETTINGS), "the project's files"),
    "YAML": (
        lambda f: f.put(replace(PROJECT, groups=[group(description="of all"), group("second")]), SETTINGS),
        "the project's files",
    ),
    "a var": (lambda f: f.put(PROJECT, {**SETTINGS, "vars": {"least": 9}}), "the project's files"),
    "a setting": (
        lambda f: f.put(PROJECT, {**SETTINGS, "targets": {"dev": {"on_breaking": "warn"}, "prod": {}}}),
        "the target's on_breaking",
    ),
    "data": (lambda f: f.data(people(71)), "the sources' data"),
    "a build": (another_build, "what the target holds"),
    "a rollback": (rolled_back, "what the target holds"),
}


@pytest.mark.parametrize("what", MOVED)
def test_what_moved_on_is_named(planned: LakeProject, what: str) -> None:
    edit, said = MOVED[what]
    edit(planned)
    assert said in refusal(planned)


def test_what_means_the_same_has_not_moved_on(planned: LakeProject) -> None:
    planned.put(replace(PROJECT, sql={"income@1": f"-- all of them\n{CUT}"}), SETTINGS)
    planned.build(planned.root / "p.json")
    assert len(planned.group("income")) == 70


def drop_step(document: dict[str, Any]) -> None:
    document["steps"].pop()


def add_step(document: dict[str, Any]) -> None:
    document["steps"].append({"action": "drop", "node": "feature_group:second@1", "reason": "removed"})


EDITED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a step less": (drop_step, "edited"),
    "a step more": (add_step, "edited"),
    "other changes": (lambda d: d["changes"].clear(), "edited"),
    "other nodes": (lambda d: d["asked"].update(select=["second"]), "edited"),
    "another day": (lambda d: d["asked"].update(as_of_date="2020-01-01"), "edited"),
    "all anew": (lambda d: d["asked"].update(full_refresh=True), "edited"),
    "another mlproj": (lambda d: d["basis"].update(mlproj="0.0.1"), "0.0.1"),
    "another project": (lambda d: d.update(project="other"), "other"),
    "another target": (lambda d: d.update(target="prod"), "prod"),
    "a comparison": (lambda d: d.update(against="git:main"), "git:main"),
    "an unknown key": (lambda d: d.update(extra=1), "no whole plan"),
    "another artifact": (lambda d: d.update(artifact="run_results"), "no whole plan"),
    "another shape": (lambda d: d.update(version=2), "no whole plan"),
}


@pytest.mark.parametrize("what", EDITED)
def test_nothing_is_done_that_planning_again_does_not_give(planned: LakeProject, what: str) -> None:
    edit, said = EDITED[what]
    rewrite(planned, edit)
    assert said in refusal(planned)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"artifact": "plan"}'])
def test_what_is_no_plan(planned: LakeProject, content: bytes) -> None:
    (planned.root / "p.json").write_bytes(content)
    assert "no whole plan" in refusal(planned)


def test_a_plan_that_is_cut_off(planned: LakeProject) -> None:
    path = planned.root / "p.json"
    path.write_bytes(path.read_bytes()[:-20])
    assert "no whole plan" in refusal(planned)
    path.unlink()
    assert "cannot read" in refusal(planned)


def test_the_target_is_asked_for_and_not_taken_from_the_file(planned: LakeProject) -> None:
    prod = LakeProject(planned.root, "prod")
    with pytest.raises(ProjectError) as caught:
        prod.build(planned.root / "p.json")
    assert "prod" in caught.value.diagnostics[0].message
    assert prod.state().published == {}
