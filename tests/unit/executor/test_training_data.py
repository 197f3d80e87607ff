"""Training datasets and models of whole builds: what is frozen, trained, measured, and refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.executor import training_data
from tests.lake_project import LakeProject, Row, built_project, people
from tests.unit.planner.small_project import SQL, SmallProject, group, model, view

PROJECT = SmallProject([group()], [view()], [model(metrics=["accuracy", "log_loss"])])


def failed(folder: LakeProject, step: str) -> list[str]:
    """The codes of a build in which this step failed."""
    results = folder.build()
    assert results.status == "failed"
    assert [f"{r.action} {r.node}" for r in results.results if r.status == "failed"] == [step]
    return [d.code for d in folder.failures]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("training") / "project", PROJECT)


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    return original.copy(tmp_path / "project")


def test_every_row_is_in_one_split_and_the_shares_are_about_those_asked_for(built: LakeProject) -> None:
    dataset = built.dataset("income@1")

    assert sum(dataset.rows.values()) == len(people())
    assert 4 <= dataset.rows["test"] <= 20
    assert dataset.rows["validation"] == 0
    assert dataset.inputs == {"feature_group:income@1": built.state().published["feature_group:income@1"].commit}


def test_new_rows_move_no_old_row_to_another_split(built: LakeProject) -> None:
    def splits() -> dict[int, str]:
        dataset = built.dataset("income@1")
        name = f'lake.mlproj_data."{dataset.table}" at (version => {dataset.commit})'
        return {row[0]: row[1] for row in built.rows(f"select id, split from {name}")}

    before = splits()
    built.data([*people(90)][::-1])
    built.built()

    assert splits().items() >= before.items()
    assert len(splits()) == 90


def test_statistics_are_learnt_from_the_training_split_alone(folder: LakeProject) -> None:
    folder.put(replace(PROJECT, views=[view(transformations={"pay": "min_max_scaler"})]))
    folder.built()
    before = folder.dataset("income@1")
    name = f'lake.mlproj_data."{before.table}" at (version => {before.commit})'
    test = {row[0] for row in folder.rows(f"select id from {name} where split = 'test'")}
    folder.data([(r[0], r[1], 10_000.0 if r[0] in test else r[2], *r[3:]) for r in people()])
    folder.built()

    after = folder.dataset("income@1")
    assert after.number == 2
    assert after.statistics == before.statistics
    assert after.digest != before.digest


def test_many_rows_go_straight_into_the_lake_with_the_same_digests(
    original: LakeProject, folder: LakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_data, "_VALUES_IN_MEMORY", 0)
    folder.data(people())
    folder.put(PROJECT)
    folder.built()

    alone, together = folder.dataset("income@1"), original.dataset("income@1")
    assert alone.column_digests == together.column_digests
    assert (alone.rows, alone.digest, alone.inputs.keys()) == (together.rows, together.digest, together.inputs.keys())
    name = f'lake.mlproj_data."{alone.table}" at (version => {alone.commit})'
    assert folder.rows(f"select count(*) from {name}") == [(len(people()),)]
    assert folder.models()[0].manifest.training_digest == original.models()[0].manifest.training_digest


def test_rows_without_a_label_are_frozen_and_not_trained_on(folder: LakeProject) -> None:
    rows = [(*r[:5], None if r[0] % 3 == 0 else r[5]) for r in people()]
    folder.data(rows)
    folder.put(PROJECT)
    folder.built()

    assert sum(folder.dataset("income@1").rows.values()) == 60
    manifest = folder.models()[0].manifest
    assert manifest.classes == (False, True)
    assert all(g["prediction"] in (True, False) for g in manifest.golden)


@pytest.mark.parametrize(("rows", "code", "step"), [
    ([], "E606", "train_data feature_view:income@1"),
    ([(*r[:5], True) for r in people()], "E607", "train model:income_model@1"),
    ([(*r[:5], None) for r in people()], "E606", "train model:income_model@1"),
], ids=["no rows", "one class", "no label"])  # fmt: skip
def test_data_that_nothing_can_be_learnt_from(folder: LakeProject, rows: list[Row], code: str, step: str) -> None:
    folder.data(rows)
    folder.put(PROJECT)

    assert failed(folder, step) == [code]
    assert folder.models() == []


def test_a_filter_that_leaves_nothing_is_said_of_the_view(folder: LakeProject) -> None:
    folder.put(replace(PROJECT, views=[view(filter="age > 1000")]))

    assert failed(folder, "train_data feature_view:income@1") == ["E606"]
    assert folder.failures[0].span is not None
    assert folder.failures[0].span.path == "views.yml"
    assert folder.state().published == {}


def test_columns_that_one_hot_makes_may_not_be_there_already(folder: LakeProject) -> None:
    sql = {"income@1": SQL.replace("city", "city, 1 as city_a")}
    clash = view(features=["city", "city_a"], transformations={"city": "one_hot_encoder"})
    folder.put(replace(PROJECT, views=[clash], sql=sql))

    assert failed(folder, "train_data feature_view:income@1") == ["E617"]
    assert "city_a" in folder.failures[0].message


def test_a_key_that_is_not_unique_is_refused_under_a_view(folder: LakeProject) -> None:
    folder.data([*people(), people()[0]])
    folder.put(PROJECT)

    assert failed(folder, "materialize feature_group:income@1") == ["E615"]


def test_a_key_that_nobody_counted_on_is_looked_at_when_a_view_comes(folder: LakeProject) -> None:
    folder.data([*people(), people()[0]])
    folder.put(SmallProject([group()]))
    folder.built()
    folder.put(PROJECT)

    assert failed(folder, "train_data feature_view:income@1") == ["E615"]
    assert folder.models() == []


def test_a_key_that_was_looked_at_is_not_looked_at_again(folder: LakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    rows = DuckDBEngine.rows
    monkeypatch.setattr(DuckDBEngine, "rows", lambda engine, sql: looked.append(sql) or rows(engine, sql))  # type: ignore[func-returns-value]

    def key_checks(*views: dict[str, Any]) -> int:
        looked.clear()
        folder.put(SmallProject([group()], [*views]))
        folder.built()
        return sum('count(distinct "id")' in sql for sql in looked)

    folder.data(people())
    assert key_checks() == 1, "a warning at least, where a group is built"
    assert key_checks(view()) == 1
    assert folder.state().published["feature_group:income@1"].node.unique_key
    assert key_checks(view(split={"seed": 2})) == 0


def test_a_key_that_is_not_unique_keeps_a_group_from_going_online(folder: LakeProject) -> None:
    folder.data([*people(), people()[0]])
    folder.put(SmallProject([group()]))
    folder.built()
    folder.put(SmallProject([group(online=True)]))

    assert failed(folder, "test feature_group:income@1") == ["E615"]


def test_a_model_that_fails_its_tests_is_registered_as_failed(built: LakeProject) -> None:
    strict = model(params={"C": 2}, tests=[{"metric": {"name": "accuracy", "min": 0.999}}])
    built.put(replace(PROJECT, models=[strict]))

    assert failed(built, "train model:income_model@1") == ["E608"]
    assert [(v.id, v.status) for v in built.models()] == [
        ("income_model@1.1", "passed"), ("income_model@1.2", "failed"),
    ]  # fmt: skip


def test_a_new_test_is_asked_even_where_nothing_has_to_be_trained(built: LakeProject) -> None:
    """The data moved and came out equal, and the same edit asks for more than the model can do."""
    built.data(people()[::-1])
    built.put(replace(PROJECT, models=[model(tests=[{"metric": {"name": "accuracy", "min": 0.999}}])]))

    assert failed(built, "train model:income_model@1") == ["E608"]
    assert [(v.id, v.status) for v in built.models()] == [("income_model@1.1", "failed")]


def test_a_test_that_is_taken_back_is_passed_without_training(built: LakeProject) -> None:
    strict = model(tests=[{"metric": {"name": "accuracy", "min": 0.999}}])
    built.put(replace(PROJECT, models=[strict]))
    assert failed(built, "test model:income_model@1") == ["E608"]
    built.put(PROJECT)

    assert built.built() == {"test model:income_model@1": "ok"}
    assert [(v.id, v.status) for v in built.models()] == [("income_model@1.1", "passed")]
    assert built.plan().changes == ()


def test_a_model_built_alone_says_what_it_was_trained_on(built: LakeProject) -> None:
    """The view has grown, and is not built: the signature is that of the dataset there is."""
    built.put(replace(PROJECT, views=[view(features=["age", "pay", "seen"], transformations={"seen": "label_encoder"})],
                      models=[model(params={"C": 2})]))  # fmt: skip

    built.built(select=["income_model"])

    assert [f.name for f in built.models()[-1].manifest.inputs] == ["age", "pay"]


def test_a_base_that_is_computed_at_each_look_is_looked_at_once(folder: LakeProject) -> None:
    """Each row's number is random: in the split, in its statistics and in what is kept it has to be one."""
    sql = {"people@1": SQL, "income@1": "select *, random() as luck from {{ ref('people', version=1) }}"}
    drawn = view(features=["luck"], transformations={"luck": "min_max_scaler"})
    groups = [{**group(), "name": "people"}, group(materialized="view")]
    folder.put(replace(PROJECT, groups=groups, views=[drawn], models=[], sql=sql))
    folder.built()

    dataset = folder.dataset("income@1")
    assert dataset.profile["luck"]["min"] == 0.0
    assert dataset.profile["luck"]["max"] == 1.0


@pytest.mark.parametrize("chain", ["min_max_scaler", "standard_scaler", "robust_scaler", None])
@pytest.mark.parametrize("odd", [None, "inf", "nan", "0"])
def test_profiles_that_follow_are_those_of_what_was_frozen(
    folder: LakeProject, chain: str | None, odd: str | None
) -> None:
    """Of a column that is scaled or left as it is, with an odd value or none, and of one whose values are all alike."""
    pay = f"case when id % 7 = 3 then {odd!r}::DOUBLE else pay::DOUBLE end" if odd else "pay::DOUBLE"
    sql = f"select * replace ({pay} as pay), 5 as same from {{{{ source('people') }}}}"
    scaled = view(
        features=["age", "pay", "same"], transformations=dict.fromkeys(["age", "pay", "same"], chain) if chain else {}
    )
    folder.put(SmallProject([group()], [scaled], sql={"income@1": sql}))
    folder.built()

    dataset = folder.dataset("income@1")
    name = f'lake.mlproj_data."{dataset.table}" at (version => {dataset.commit})'
    for feature in ("age", "pay", "same"):
        x = f"case when isfinite({feature}::DOUBLE) then {feature}::DOUBLE end"
        wanted = f"min({x}), max({x}), avg({x}), stddev_pop({x}), quantile_cont({x}, [0.25, 0.5, 0.75])"
        counts = f"count({feature}), count(*) - count({feature}), count(distinct {feature})"
        *found, quartiles = folder.rows(f"select {counts}, {wanted} from {name} where split = 'training'")[0]
        facts = dataset.profile[feature]
        assert [facts[n] for n in ("count", "nulls", "min", "max")] == [*found[:2], *found[3:5]]
        assert facts["distinct"] == pytest.approx(found[2], rel=0.2)
        assert [facts[n] for n in ("mean", "std", "p25", "p50", "p75")] == pytest.approx(
            [*found[5:], *quartiles], abs=1e-9
        )
