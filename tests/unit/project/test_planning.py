"""Plans of a project on disk: what is selected, by name and by git, and as of which day."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from mlproj.diagnostics import ProjectError
from tests.lake_project import LakeProject
from tests.unit.planner.small_project import SQL, SmallProject, group, view

PROJECT = SmallProject([group(), group("second")], [view()])


def git(folder: LakeProject, *arguments: str) -> None:
    settings = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *settings, *arguments], cwd=folder.root, check=True, capture_output=True)


@pytest.fixture
def repository(folder: LakeProject) -> LakeProject:
    """The project, committed."""
    folder.put(PROJECT)
    (folder.root / ".gitignore").write_text("target/\n.mlproj/\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    git(folder, "tag", "größer")
    return folder


def test_nothing_differs_from_the_revision(repository: LakeProject) -> None:
    assert repository.changes(select=["git:HEAD"]) == {}


@pytest.mark.parametrize("revision", ["HEAD", "main", "größer", "HEAD~0", "HEAD@{0}"])
def test_what_differs_from_a_revision(repository: LakeProject, revision: str) -> None:
    repository.put(replace(PROJECT, sql={"income@1": SQL + " where id > 3"}))

    assert repository.changes(select=[f"git:{revision}"]) == {"income@1": "new"}
    assert set(repository.changes(select=[f"git:{revision}+"])) == {"income@1", "feature_view:income@1"}


def test_files_that_git_does_not_know_yet_differ_too(repository: LakeProject) -> None:
    repository.put(replace(PROJECT, groups=[*PROJECT.groups, group("third", sql="größte.sql")]))
    (repository.root / "third.v1.sql").rename(repository.root / "größte.sql")
    git(repository, "add", "groups.yml")
    git(repository, "commit", "-qm", "second")

    assert repository.changes(select=["git:HEAD"]) == {"third@1": "new"}


def test_a_project_below_the_root_of_its_repository(folder: LakeProject) -> None:
    below = LakeProject(folder.root / "projects" / "small")
    below.root.mkdir(parents=True)
    below.put(PROJECT)
    below.data([])
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    below.put(replace(PROJECT, sql={"second@1": SQL + " where id > 3"}))

    assert below.changes(select=["git:HEAD"]) == {"second@1": "new"}


@pytest.mark.parametrize("revision", ["nowhere", "--help", "--output=x", ""])
def test_a_revision_that_is_none(repository: LakeProject, revision: str) -> None:
    with pytest.raises(ProjectError) as caught:
        repository.plan(select=[f"git:{revision}"])

    assert {d.code for d in caught.value.diagnostics} <= {"E505", "E503"}


def test_a_project_that_is_in_no_repository(folder: LakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.root.parent))
    folder.put(PROJECT)

    with pytest.raises(ProjectError) as caught:
        folder.plan(select=["git:HEAD"])

    assert [d.code for d in caught.value.diagnostics] == ["E505"]


def test_select_and_exclude(folder: LakeProject) -> None:
    folder.put(PROJECT)

    assert set(folder.changes(exclude=["kind:feature_view"])) == {"income@1", "second@1"}
    assert set(folder.changes(select=["+kind:feature_view"])) == {"income@1", "feature_view:income@1"}
    assert set(folder.changes(select=["*@1"], exclude=["second"])) == {"income@1", "feature_view:income@1"}


@pytest.mark.parametrize("options", [{"select": ["incom"]}, {"exclude": ["incom"]}, {"select": ["tag:none"]}])
def test_what_matches_nothing_is_refused(folder: LakeProject, options: dict[str, list[str]]) -> None:
    folder.put(PROJECT)

    with pytest.raises(ProjectError) as caught:
        folder.plan(**options)

    assert [d.code for d in caught.value.diagnostics] == ["E503"]


def test_the_day_decides_whether_a_deprecation_has_passed(folder: LakeProject) -> None:
    folder.put(replace(PROJECT, groups=[group(), group("second", deprecated_after="2026-05-01")]))
    folder.built()
    folder.put(replace(PROJECT, groups=[group()]))

    early, late = (folder.plan(as_of_date=day) for day in ("2026-05-01", "2026-05-02"))

    assert [c.change for c in early.changes] == ["breaking"]
    assert [c.change for c in late.changes] == ["removed"]
    assert (early.as_of_date, late.as_of_date) == ("2026-05-01", "2026-05-02")


def test_two_plans_of_the_same_are_the_same_file(folder: LakeProject) -> None:
    folder.put(PROJECT)
    folder.plan()
    file = folder.root / "target" / "plan.json"
    first = file.read_bytes()
    file.unlink()
    folder.plan()

    assert file.read_bytes() == first


def test_the_remembered_plan_is_the_plan(folder: LakeProject) -> None:
    folder.put(PROJECT)
    with folder.open() as project:
        asked = project.plan_document()
    with folder.open() as project:
        again = project.plan_document()
        other = project.plan_document(select=["second"])

    assert again == asked
    assert [c["node"] for c in other["changes"]] == ["feature_group:second@1"]
    folder.built()
    with folder.open() as project:
        assert project.plan_document()["changes"] == []
