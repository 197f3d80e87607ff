"""Targets in one lake and one state share what is the same; neither ever moves what the other shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlproj.diagnostics import ProjectError
from tests.lake_project import LakeProject, built_project, people
from tests.unit.planner.small_project import SmallProject, feature, group, model, view

ADULTS = "select id, age from {{ ref('income', version=1) }} where age >= 30"
AGES = [feature("id", "BIGINT"), feature("age", "BIGINT", tests=[{"between": {"min": 30, "max": 120}}])]
PROJECT = SmallProject(
    [group(), group("adults", features=AGES), group("seniors", materialized="view")],
    [view()],
    [model()],
    sql={"adults@1": ADULTS, "seniors@1": ADULTS.replace("30", "60")},
)
TARGETS = {"targets": {"dev": {}, "prod": {}}}
EDITED = replace(PROJECT, sql={**PROJECT.sql, "adults@1": ADULTS + " -- and\n and age >= 0"})


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("targets") / "project", PROJECT, TARGETS)


@pytest.fixture
def dev(original: LakeProject, tmp_path: Path) -> LakeProject:
    return original.copy(tmp_path / "project")


@pytest.fixture
def prod(dev: LakeProject) -> LakeProject:
    """Promoted: built from the same files and data."""
    found = replace(dev, target="prod")
    found.built()
    return found


def files(folder: LakeProject) -> set[str]:
    return {p.name for p in folder.root.rglob("*.parquet")}


def tables(folder: LakeProject) -> set[str]:
    return {p.table for p in folder.state().published.values() if p.table}


def test_promoting_moves_views_and_writes_no_data(dev: LakeProject) -> None:
    prod, before, commits = replace(dev, target="prod"), files(dev), len(dev.commits())
    planned = {(s.action, s.node.partition(":")[2]): s.reason for s in prod.plan().steps}
    assert planned["materialize", "income@1"] == planned["materialize", "adults@1"] == "already materialised for dev"
    assert planned["materialize", "seniors@1"] == "already materialised for dev"
    assert planned["train_data", "income@1"] == "already made for dev"
    assert planned["train", "income_model@1"] == "already trained for dev"

    done = prod.built()

    assert {status for step, status in done.items() if not step.startswith("publish")} == {"reused"}
    assert files(prod) == before
    assert [m.partition(" ")[0] for _n, m in prod.commits()[commits:]] == ["publish"]
    for name in ("income", "adults", "seniors"):
        assert prod.group(name) == dev.group(name) != []
        assert prod.rows(f"from lake.prod.{name} order by all") == dev.rows(f"from lake.dev.{name} order by all")
    assert (dev.built(), prod.built()) == ({}, {})


def test_a_model_that_another_target_trained_is_one_of_this_target_too(dev: LakeProject, prod: LakeProject) -> None:
    assert [(v.id, v.target) for v in prod.models()] == [("income_model@1.1", "dev")]
    assert prod.state().model_versions == dev.state().model_versions
    assert prod.dataset("income@1").digest == dev.dataset("income@1").digest
    with prod.open() as project:
        assert [e.subject for e in project.session.reader.events("prod") if e.what == "model_adopted"] == [
            "income_model@1.1"
        ]


@pytest.mark.parametrize(("locked", "done"), [("1.9.0", "reused"), ("1.9.1", "ok")])
def test_a_lock_of_what_a_model_was_trained_with_trains_nobody(dev: LakeProject, locked: str, done: str) -> None:
    (dev.root / "mlproj.lock").write_text(f'libraries: {{scikit-learn: "{locked}"}}\n', encoding="utf-8")
    prod = replace(dev, target="prod")
    reasons = [s.reason for s in prod.plan().steps if s.action == "train"]
    assert ("already trained for dev" in reasons) == (done == "reused")
    assert prod.built()["train model:income_model@1"] == done


def test_a_model_is_trained_where_it_would_come_out_otherwise(dev: LakeProject, prod: LakeProject) -> None:
    dev.put(replace(PROJECT, models=[model(params={"C": 2})]), TARGETS)
    assert dev.built()["train model:income_model@1"] == "ok"
    assert [v.id for v in dev.models()] == ["income_model@1.1", "income_model@1.2"]
    assert [v.id for v in prod.models()] == ["income_model@1.1"]
    assert prod.built() == {"train model:income_model@1": "reused"}
    dev.put(PROJECT, TARGETS)
    prod.put(replace(PROJECT, models=[model(params={"C": 3})]), TARGETS)
    assert prod.built() == {"train model:income_model@1": "ok"}
    assert [v.id for v in prod.models()] == ["income_model@1.1", "income_model@1.2", "income_model@1.3"]
    assert prod.state().model_versions["model:income_model@1"].run == 3
    assert prod.plan().changes == ()


def test_one_that_asks_for_other_metrics_measures_for_itself(dev: LakeProject) -> None:
    prod = replace(dev, target="prod")
    prod.put(replace(PROJECT, models=[model(metrics=["accuracy", "f1"])]), TARGETS)
    assert prod.built()["train model:income_model@1"] == "ok"


def test_new_data_in_one_is_written_beside_and_not_seen_in_the_other(dev: LakeProject, prod: LakeProject) -> None:
    before, rows = prod.state().published, prod.group("income")
    dev.data(people(90))
    dev.built()

    assert dev.rows("select count(*) from lake.dev.income") == [(90,)]
    assert dev.rows("select count(*) from lake.prod.income") == [(60,)]
    assert prod.state().published == before
    assert prod.group("income") == rows
    assert prod.changes()["income@1"] == "stale"


def test_the_first_write_of_its_own_forks_the_table(dev: LakeProject, prod: LakeProject) -> None:
    assert tables(prod) == tables(dev)
    prod.data(people(90))
    assert prod.built()["materialize income@1"] == "ok"

    assert not tables(prod) & tables(dev)
    assert dev.rows("select count(*) from lake.dev.income") == [(60,)]
    assert dev.rows("select count(*) from lake.prod.income") == [(90,)]
    assert dev.built()["materialize income@1"] == "reused", "dev takes over what prod has computed by now"
    assert tables(dev) == tables(prod)
    assert (dev.built(), prod.built()) == ({}, {})


def test_the_owner_goes_on_writing_to_its_table(dev: LakeProject, prod: LakeProject) -> None:
    before = tables(dev)
    dev.data(people(90))
    dev.built()
    assert tables(dev) == before
    assert prod.built()["materialize income@1"] == "reused"
    assert prod.rows("select count(*) from lake.prod.adults") == [(len([r for r in people(90) if r[1] >= 30]),)]


def test_what_changed_is_computed_and_the_rest_is_shared(dev: LakeProject) -> None:
    prod = replace(dev, target="prod")
    prod.put(EDITED, TARGETS)

    done = prod.built()

    assert (done["materialize income@1"], done["materialize adults@1"]) == ("reused", "ok")
    assert done["test adults@1"] == "ok"
    income, adults = (p.table for n, p in sorted(prod.state().published.items(), reverse=True) if p.table)
    assert income in tables(dev)
    assert adults not in tables(dev)


def test_where_the_data_has_moved_all_is_computed_anew(dev: LakeProject) -> None:
    prod = replace(dev, target="prod")
    prod.data(people(61))

    done = prod.built()

    assert {done[f"materialize {n}@1"] for n in ("income", "adults", "seniors")} == {"ok"}
    assert done["train model:income_model@1"] == "ok"
    assert not tables(prod) & tables(dev)


def test_a_test_that_the_other_does_not_ask_for_is_run(dev: LakeProject) -> None:
    prod = replace(dev, target="prod")
    ages = [AGES[0], feature("age", "BIGINT", tests=[{"between": {"min": 30, "max": 40}}])]
    prod.put(replace(PROJECT, groups=[group(), group("adults", features=ages), PROJECT.groups[2]]), TARGETS)

    assert prod.build().status == "failed"
    assert [d.code for d in prod.failures] == ["E601"]
    assert prod.visible().published == {}


def test_a_full_refresh_takes_over_nothing(dev: LakeProject) -> None:
    done = replace(dev, target="prod").built(full_refresh=True)
    assert {s for step, s in done.items() if step.startswith("materialize")} == {"ok"}


@pytest.mark.parametrize("other", [{"catalog": "sqlite:.mlproj/other.sqlite", "data": ".mlproj/other"},
                                   {"state": "sqlite:///.mlproj/other_state.sqlite"}])  # fmt: skip
def test_a_target_with_a_lake_or_a_state_of_its_own_shares_nothing(dev: LakeProject, other: dict[str, str]) -> None:
    dev.put(PROJECT, {"targets": {"dev": {}, "prod": other}})
    prod = replace(dev, target="prod")

    done = prod.built()

    assert {done[f"materialize {n}@1"] for n in ("income", "adults")} == {"ok"}
    assert prod.group("income") == dev.group("income")
    assert dev.rows("select count(*) from lake.dev.income") == [(60,)]


def test_rows_of_a_failed_build_are_for_its_own_target_only(dev: LakeProject) -> None:
    dev.data(people(90))
    low = [AGES[0], feature("age", "BIGINT", tests=[{"between": {"min": 30, "max": 31}}])]
    dev.put(replace(PROJECT, groups=[group(), group("adults", features=low), PROJECT.groups[2]]), TARGETS)
    assert dev.build().status == "failed"

    done = replace(dev, target="prod").build()

    assert {r.status for r in done.results if r.action == "materialize"} <= {"ok", "skipped"}


def test_another_target_s_artifacts_are_looked_for_before_they_are_counted_on(dev: LakeProject) -> None:
    dev.put(PROJECT, {"targets": {"dev": {}, "prod": {"artifacts": ".mlproj/others"}}})
    prod = replace(dev, target="prod")
    assert prod.built()["train model:income_model@1"] == "ok"
    assert [v.id for v in prod.models()] == ["income_model@1.2"]


def test_a_commit_before_this_target_had_rows_names_the_targets_that_had(dev: LakeProject) -> None:
    prod = replace(dev, target="prod")
    first = dev.commits()[0][0]
    dev.data(people(100))
    dev.built()
    newest = dev.commits()[-1][0]
    prod.built()

    for name in ("income", "seniors"):
        with prod.open() as project, pytest.raises(ProjectError) as caught:
            project.feature_group(name).read(first)
        [found] = caught.value.diagnostics
        assert (found.code, found.message) == ("E506", f"{name}@1 had no rows yet at commit {first} in target 'prod'")
        assert found.hint == f"dev had rows then: mlproj --target dev show {name}@1 --as-of {first}"
        assert dev.group(name, as_of=first) != dev.group(name)
        assert prod.group(name, as_of=newest) == prod.group(name), "the rows came with a commit of dev"
