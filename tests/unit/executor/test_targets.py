"""Two targets in one lake and one state: neither takes the other's tables, views or models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.lake_project import LakeProject, people
from tests.unit.planner.small_project import SQL, SmallProject, group, model, view

PROJECT = SmallProject([group()], [view()], [model()])
TARGETS = {"targets": {"dev": {}, "prod": {}}}


@pytest.fixture
def dev(folder: LakeProject) -> LakeProject:
    folder.put(PROJECT, TARGETS)
    folder.built()
    return folder


@pytest.fixture
def prod(dev: LakeProject) -> LakeProject:
    found = replace(dev, target="prod")
    found.built()
    return found


def tables(folder: LakeProject) -> set[str]:
    state = folder.state()
    groups = {p.table for p in state.published.values() if p.table}
    return groups | {d.table for d in state.training_datasets.values()}


def test_equal_definitions_have_tables_of_their_own(dev: LakeProject, prod: LakeProject) -> None:
    assert not tables(dev) & tables(prod)
    assert dev.group("income") == prod.group("income")
    assert dev.rows("select count(*) from lake.prod.income") == [(60,)]


def test_new_data_in_one_is_not_seen_in_the_other(dev: LakeProject, prod: LakeProject) -> None:
    before = prod.state()
    dev.data(people(90))
    dev.built()

    assert dev.rows("select count(*) from lake.dev.income") == [(90,)]
    assert dev.rows("select count(*) from lake.prod.income") == [(60,)]
    assert prod.state().published == before.published
    assert len(prod.group("income")) == 60
    assert prod.changes()["income@1"] == "stale"
    assert prod.dataset("income@1").digest != dev.dataset("income@1").digest


def test_a_definition_that_only_one_has_built(dev: LakeProject, prod: LakeProject) -> None:
    dev.put(replace(PROJECT, sql={"income@1": SQL.replace("rich", "rich, 1 as one")}), TARGETS)
    dev.built()

    assert dev.plan().changes == ()
    assert prod.changes() == {"income@1": "additive"}
    assert len(dev.rows("describe lake.dev.income")) == len(prod.rows("describe lake.prod.income")) + 1
    prod.built()
    assert not tables(dev) & tables(prod)


def test_model_versions_are_numbered_across_targets_and_listed_by_target(dev: LakeProject, prod: LakeProject) -> None:
    assert [v.id for v in dev.models()] == ["income_model@1.1"]
    assert [v.id for v in prod.models()] == ["income_model@1.2"]


def test_building_one_after_the_other_leaves_nothing_to_do(dev: LakeProject, prod: LakeProject) -> None:
    assert (dev.built(), prod.built()) == ({}, {})
