"""Groups that are `materialized: view`: published as text that pins what it reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlproj.diagnostics import ProjectError

from tests.lake_project import LakeProject, people
from tests.unit.planner.small_project import SQL, SmallProject, group, model, view

ADULTS = "select id, age, pay, rich from {{ ref('income', version=1) }} where age >= 30"
PROJECT = SmallProject(
    [group(), group("adults", materialized="view"), group("elders", materialized="view")],
    [view("old", base="elders@1", features=["age"])],
    [model(feature_view="old@1")],
    {"income@1": SQL, "adults@1": ADULTS, "elders@1": "select * from {{ ref('adults', version=1) }} where age >= 50"},
)


def expected(rows: list[tuple[object, ...]], age: int) -> list[tuple[object, ...]]:
    return sorted(((r[0], r[1], r[2], r[5]) for r in rows if r[1] >= age), key=repr)


@pytest.fixture
def built(folder: LakeProject) -> LakeProject:
    folder.put(PROJECT)
    folder.built()
    return folder


def test_a_view_has_rows_and_no_table(built: LakeProject) -> None:
    assert built.group("adults") == expected(people(), 30)
    assert built.group("elders") == expected(people(), 50)
    assert built.rows("select count(*) from lake.dev.elders") == [(len(expected(people(), 50)),)]
    assert built.state().published["feature_group:adults@1"].table is None
    assert not built.rows("select 1 from duckdb_tables() where table_name like 'adults%' and database_name = 'lake'")
    assert built.plan().changes == ()


def test_a_training_dataset_over_views_knows_the_commits_that_it_was_made_from(built: LakeProject) -> None:
    income = built.state().published["feature_group:income@1"]

    assert built.dataset("old@1").inputs == {"feature_group:income@1": income.commit}


def test_the_published_text_pins_its_parents_until_it_is_published_again(built: LakeProject) -> None:
    older = built.group("adults")
    built.data(people(90))

    built.built(select=["feature_group:income"])

    assert len(built.rows("from lake.dev.income")) == 90
    assert sorted(built.rows("from lake.dev.adults"), key=repr) == older
    assert built.group("adults") == older
    built.built()
    assert built.group("adults") == expected(people(90), 30)
    assert built.group("elders") == expected(people(90), 50)
    assert built.plan().changes == ()


def test_a_part_that_reads_a_published_view_leaves_what_is_being_built_beside_it_alone(built: LakeProject) -> None:
    """Elders are computed from the published adults while income, which these read, is computed anew."""
    table = [*PROJECT.groups[:2], group("elders")]
    built.put(replace(PROJECT, groups=table))
    built.data(people(90))

    built.built(select=["feature_group:income", "feature_group:elders"])

    assert len(built.rows("from lake.dev.income")) == 90
    assert built.group("elders") == expected(people(), 50)
    built.built()
    assert built.group("elders") == expected(people(90), 50)


@pytest.mark.parametrize("target", ["table", "view"])
def test_materialised_otherwise(folder: LakeProject, target: str) -> None:
    kinds = ["view", "table"] if target == "table" else ["table", "view"]
    for kind in kinds:
        folder.put(replace(PROJECT, groups=[group(), group("adults", materialized=kind), PROJECT.groups[2]]))
        folder.built()

    row = folder.state().published["feature_group:adults@1"]
    assert (row.table is None) == (target == "view")
    assert folder.group("adults") == expected(people(), 30)
    assert folder.group("elders") == expected(people(), 50)
    assert folder.plan().changes == ()


def test_a_view_does_not_publish_what_it_read_from_the_environment(
    folder: LakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of a view stands in the catalog for all to read; a table holds rows alone."""
    monkeypatch.setenv("SALT", "open sesame")
    sql = "select id, concat(id, '{{ env_var('SALT') }}') as hidden from {{ ref('income', version=1) }}"
    project = SmallProject([group(), group("salted", materialized="view")], sql={"income@1": SQL, "salted@1": sql})
    folder.put(project)
    with pytest.raises(ProjectError) as caught:
        folder.build()
    assert [d.code for d in caught.value.diagnostics] == ["E421"]

    folder.put(replace(project, groups=[group(), group("salted")]))
    folder.built()

    assert folder.group("salted")[0][1].endswith("open sesame")
