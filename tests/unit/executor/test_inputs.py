"""A group is computed again where what its SQL reads came out otherwise, and left alone where only the rest did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.lake_project import LakeProject, built_project, people
from tests.unit.planner.small_project import SQL, SmallProject, group, view

REF = "{{ ref('income', version=1) }}"
SQLS = {
    "income@1": SQL,
    "adults@1": f"select id, age + 1 as older from {REF} where age >= 30",
    "size@1": f"select 1 as id, count(*) as n from {REF}",
}
PROJECT = SmallProject([group(), group("adults"), group("size")], [view()], sql=SQLS)
WIDER = replace(PROJECT, sql={**SQLS, "income@1": SQL.replace("rich", "rich, age * 2 as twice")})
RICHER = [(i, age, pay + 1, city, seen, rich) for i, age, pay, city, seen, rich in people()]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("inputs") / "project", PROJECT)


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    return original.copy(tmp_path / "project")


def test_a_feature_more_upstream_computes_nothing_below_and_leaves_nothing_to_do(built: LakeProject) -> None:
    built.put(WIDER)

    done = built.built()

    assert {step for step in done if step.startswith("materialize")} == {"materialize income@1"}
    assert built.changes() == {}


def test_new_values_of_other_columns_reuse_what_does_not_read_them(built: LakeProject) -> None:
    built.data(RICHER)
    before = built.group("adults")

    done = built.built()

    assert {n: done[f"materialize {n}@1"] for n in ("income", "adults", "size")} == {
        "income": "ok", "adults": "reused", "size": "reused",
    }  # fmt: skip
    assert built.group("adults") == before
    assert built.changes() == {}


def test_both_at_once(built: LakeProject) -> None:
    built.put(WIDER)
    built.data(RICHER)

    done = built.built()

    assert (done["materialize income@1"], done["materialize adults@1"]) == ("ok", "reused")
    assert built.changes() == {}


def test_new_values_of_what_is_read_and_new_rows_are_computed(built: LakeProject) -> None:
    built.data([(i, age + 1, *rest) for i, age, *rest in people()])
    older = built.built()
    built.data([(i, age + 1, *rest) for i, age, *rest in people(61)])
    more = built.built()

    assert (older["materialize adults@1"], older["materialize size@1"]) == ("ok", "reused")
    assert more["materialize size@1"] == "ok"
    assert built.group("size") == [(1, 61)]


def test_a_part_is_built_while_what_it_does_not_read_waits(built: LakeProject) -> None:
    built.put(WIDER)

    done = built.built(select=["adults"], full_refresh=True)

    assert done["materialize adults@1"] in ("ok", "reused")
    assert built.changes() == {"income@1": "additive"}
