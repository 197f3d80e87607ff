"""dbt's selector syntax over a small graph."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlproj.compiler.manifest import Manifest
from mlproj.diagnostics import ProjectError
from mlproj.planner import Change
from mlproj.planner.selectors import Selector
from tests.unit.planner.small_project import SmallProject, group, model, view

# people → a@1 → b@1 → c@1 → view w@1 → model m@1, and people → a@2
PROJECT = SmallProject(
    [group("a", tags=["raw", "pii"], owner="ann"), group("a", 2), group("b", tags=["raw"]), group("c")],
    [view("w", base="c@1")],
    [model("m", feature_view="w@1")],
    {
        "b@1": "select * from {{ ref('a', version=1) }}",
        "c@1": "select * from {{ ref('b', version=1) }}",
    },
)
ALL = {"people", "a@1", "a@2", "b@1", "c@1", "w@1", "m@1"}
CHANGES = (
    Change(node="feature_group:a@1", change="breaking"),
    Change(node="feature_group:a@2", change="new"),
    Change(node="feature_group:b@1", change="metadata"),
    Change(node="feature_view:w@1", change="stale"),
    Change(node="feature_group:gone@1", change="removed"),
)
Select = Callable[..., set[str]]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return PROJECT.compiled()


@pytest.fixture
def select(manifest: Manifest) -> Select:
    """Relations selected by one argument, or by several."""

    def _select(*expressions: str, exclude: tuple[str, ...] = (), changes: tuple[Change, ...] = ()) -> set[str]:
        files = {"git_is_here": {"a.v2.sql"}, "elsewhere": {"README.md"}, "views": {"views.yml"}}
        found = Selector(manifest, changes, files.__getitem__).select(expressions, exclude)
        return {node.partition(":")[2] for node in found}

    return _select


@pytest.mark.parametrize(("expression", "expected"), [
    ("b", {"b@1"}),
    ("a", {"a@1", "a@2"}),
    ("a@1", {"a@1"}),
    ("feature_group:a@2", {"a@2"}),
    ("feature_group:a", {"a@1", "a@2"}),
    ("people", {"people"}),
    ("b+", {"b@1", "c@1", "w@1", "m@1"}),
    ("+b", {"people", "a@1", "b@1"}),
    ("+b+", {"people", "a@1", "b@1", "c@1", "w@1", "m@1"}),
    ("1+c", {"b@1", "c@1"}),
    ("2+c", {"a@1", "b@1", "c@1"}),
    ("b+1", {"b@1", "c@1"}),
    ("b+2", {"b@1", "c@1", "w@1"}),
    ("1+c+1", {"b@1", "c@1", "w@1"}),
    ("a@1+1", {"a@1", "b@1"}),
    ("@a@2", {"people", "a@2"}),
    ("@b", {"people", "a@1", "b@1", "c@1", "w@1", "m@1"}),
    ("*@1", ALL - {"people", "a@2"}),
    ("[ab]", {"a@1", "a@2", "b@1"}),
    ("a b", {"a@1", "a@2", "b@1"}),
    ("a,*@1", {"a@1"}),
    ("+c,b+", {"b@1", "c@1"}),
    ("a,b", set()),
    ("b m", {"b@1", "m@1"}),
    ("tag:pii", {"a@1"}),
    ("owner:ann", {"a@1"}),
    ("tag:raw", {"a@1", "b@1"}),
    ("tag:r*+1", {"a@1", "b@1", "c@1"}),
    ("tag:raw,version:1", {"a@1", "b@1"}),
    ("kind:model", {"m@1"}),
    ("kind:feature_view", {"w@1"}),
    ("kind:source", {"people"}),
    ("+kind:model", ALL - {"a@2"}),
    ("version:2", {"a@2"}),
    ("path:views.yml", {"w@1"}),
    ("path:a.v2.sql", {"a@2"}),
    ("path:*.v1.sql", {"a@1", "b@1", "c@1"}),
    ("git:git_is_here", {"a@2"}),
    ("git:elsewhere", set()),
    ("+git:views", ALL - {"a@2", "m@1"}),
])  # fmt: skip
def test_select(select: Select, expression: str, expected: set[str]) -> None:
    assert select(expression) == expected


@pytest.mark.parametrize(("expression", "expected"), [
    ("state:new", {"a@2"}),
    ("state:modified", {"a@1", "b@1"}),
    ("state:breaking", {"a@1"}),
    ("state:stale", {"w@1"}),
    ("state:stale+", {"w@1", "m@1"}),
    ("gone", {"gone@1"}),
    ("gone+ b", {"gone@1", "b@1"}),
])  # fmt: skip
def test_select_by_what_changed(select: Select, expression: str, expected: set[str]) -> None:
    assert select(expression, changes=CHANGES) == expected


def test_everything_is_selected_by_default_what_is_gone_included(select: Select) -> None:
    assert select() == ALL
    assert select(changes=CHANGES) == ALL | {"gone@1"}


def test_several_arguments_unite(select: Select) -> None:
    assert select("b", "m") == {"b@1", "m@1"}


@pytest.mark.parametrize(("exclude", "expected"), [
    (("b+",), {"people", "a@1", "a@2"}), (("a", "kind:model"), {"people", "b@1", "c@1", "w@1"}),
    (("*@1",), {"people", "a@2"}),
])  # fmt: skip
def test_exclude(select: Select, exclude: tuple[str, ...], expected: set[str]) -> None:
    assert select(exclude=exclude) == expected


def test_exclude_wins_over_select(select: Select) -> None:
    assert select("b+", exclude=("c",)) == {"b@1", "w@1", "m@1"}


@pytest.mark.parametrize("expression", [
    "incom", "tag:nope", "path:nowhere", "kind:group", "version:9", "state:odd", "++a", "a++", "+", "@", "foo:bar",
    "a@9", "a nope", "gone",
])  # fmt: skip
def test_what_selects_nothing_is_an_error(select: Select, expression: str) -> None:
    with pytest.raises(ProjectError) as caught:
        select(expression)

    assert [d.code for d in caught.value.diagnostics] == ["E503"]
    assert caught.value.exit_code == 2
    assert caught.value.diagnostics[0].hint


def test_a_label_is_selected_as_it_is_printed(select: Select) -> None:
    assert select("w(view)@1") == select("feature_view:w@1")
    assert select("w(view)@1+") == select("feature_view:w@1+")


def test_a_typing_error_is_answered_with_the_nearest_name(select: Select) -> None:
    with pytest.raises(ProjectError) as caught:
        select("a@3")

    assert "did you mean 'a@" in (caught.value.diagnostics[0].hint or "")
