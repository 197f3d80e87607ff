"""Version numbers: pinned, derived from another, left out, and what is said of a deleted one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproj.diagnostics import Diagnostic, ProjectError
from tests.lake_project import LakeProject, built_project
from tests.unit.planner.small_project import SQL, SmallProject, feature, group, view

OLDER = SQL.replace("age,", "age + 100 as age,")
PROJECT = SmallProject([group(), group(version=2)], [view()], sql={"income@2": OLDER})


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("versions") / "project", PROJECT)


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    return original.copy(tmp_path / "project")


def oldest(folder: LakeProject) -> int:
    """The highest age that consumers of `income` see: above 100 in version 2."""
    return int(folder.rows("select max(age) from lake.dev.income")[0][0])


def warnings(folder: LakeProject) -> list[tuple[str, str | None]]:
    return [(d.code, d.node) for d in folder.plan().diagnostics]


def refused(folder: LakeProject) -> list[Diagnostic]:
    with pytest.raises(ProjectError) as caught:
        folder.plan()
    assert caught.value.exit_code == 2
    return caught.value.diagnostics


def test_the_name_alone_follows_current_version_and_then_the_highest_again(built: LakeProject) -> None:
    assert oldest(built) > 100
    built.put(PROJECT, {"current_version": {"income": 1}})

    assert built.changes() == {"income@1": "metadata"}
    built.built()

    assert oldest(built) < 100
    assert built.changes() == {}
    built.put(PROJECT)
    assert built.changes() == {"income@1": "metadata"}
    built.built()
    assert oldest(built) > 100


def test_a_pin_holds_where_a_higher_version_comes(built: LakeProject) -> None:
    third = SQL.replace("age,", "age + 1000 as age,")
    more = replace(PROJECT, groups=[*PROJECT.groups, group(version=3)], sql={"income@2": OLDER, "income@3": third})
    built.put(more, {"current_version": {"income": 2}})

    built.built()

    assert 100 < oldest(built) < 1000
    assert built.changes() == {}


def test_a_pin_moves_where_only_the_other_version_is_selected(built: LakeProject) -> None:
    built.put(PROJECT, {"current_version": {"income": 1}})
    built.built()
    built.put(PROJECT, {"current_version": {"income": 2}})

    built.built(select=["income@2"])

    assert oldest(built) > 100


@pytest.mark.parametrize(("spec", "sql", "warned"), [
    ({"description": "the same"}, OLDER, True),
    ({}, OLDER.replace("rich", "rich, 1 as one"), True),
    ({}, OLDER.replace("pay,", ""), False),
    ({"online": True}, OLDER + " where age < 0", False),
], ids=["metadata", "additive", "dropped", "rows"])  # fmt: skip
def test_a_version_that_breaks_nobody_is_a_warning(
    built: LakeProject, spec: dict[str, Any], sql: str, *, warned: bool
) -> None:
    third = group(version=3, derived_from=2, **spec)
    built.put(replace(PROJECT, groups=[*PROJECT.groups, third], sql={"income@2": OLDER, "income@3": sql}))

    assert warnings(built) == ([("W502", "feature_group:income@3")] if warned else [])


def test_the_nulls_there_were_count_for_a_version_too(built: LakeProject) -> None:
    tight = [feature("age", nullable=False)]
    third = group(version=3, derived_from=2, features=tight)
    built.put(replace(PROJECT, groups=[*PROJECT.groups, third], sql={"income@2": OLDER, "income@3": OLDER}))

    assert warnings(built) == [("W502", "feature_group:income@3")]


def test_a_view_that_breaks_nobody_is_a_warning_and_one_without_origin_is_not_judged(built: LakeProject) -> None:
    built.put(replace(PROJECT, views=[view(), view(version=2, derived_from=1), view("other")]))

    assert warnings(built) == [("W502", "feature_view:income@2")]


def test_a_version_may_not_be_left_out(built: LakeProject) -> None:
    fourth = group(version=4)
    more = replace(PROJECT, groups=[*PROJECT.groups, fourth], sql={"income@2": OLDER, "income@4": OLDER})
    built.put(more)

    (found,) = refused(built)

    assert (found.code, found.node) == ("E512", "feature_group:income@4")
    assert found.span is not None
    assert found.span.path == "groups.yml"
    assert "version: 3" in (found.hint or "")
    built.put(replace(more, groups=[*PROJECT.groups, fourth | {"derived_from": 3}]))
    assert built.plan().summary["new"] == 1


def test_a_published_version_above_a_retired_one_stays(built: LakeProject) -> None:
    """Version 1 is gone and 2 is published: nothing is left out."""
    built.put(replace(PROJECT, groups=[group(version=2)], views=[]))

    assert [c.rule for change in built.plan().changes for c in change.reasons] == ["removed", "removed"]


@pytest.mark.parametrize("reads", [{"base": "income@1"}, {"base": "income"}])
def test_rule_16_a_deleted_group_that_something_refers_to_is_called_so(
    built: LakeProject, reads: dict[str, Any]
) -> None:
    left = [] if reads["base"] == "income" else [group(version=2)]
    built.put(replace(PROJECT, groups=[*left, group("other")], views=[view(**reads)]))

    (found,) = [d for d in refused(built) if d.code == "E301"]

    assert "was published and is deleted" in found.message
    assert "deprecated_after" in (found.hint or "")
    assert found.span is not None
    assert found.span.path == "views.yml"
