"""The plan as JSON (spec.md §3), and the steps in the order in which they are done."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest

from mlproj.planner import Plan
from mlproj.planner.plan import ChangeKind
from mlproj.state import TargetState
from mlproj.state.runs import Action
from tests.unit.planner.small_project import (
    GROUP, MODEL, SQL, VIEW, SmallProject, feature, group, model, plan_of, published, view,
)  # fmt: skip

PROJECT = SmallProject([group(features=[feature("age", tests=["not_null"])])], [view()], [model()], {"income@1": SQL})
EMPTY = TargetState(target="dev")
SUMMARY = {"new", "breaking", "additive", "metadata", "removed", "stale", "steps"}


def edited(sql: str = SQL, **spec: Any) -> SmallProject:
    return replace(PROJECT, groups=[{**PROJECT.groups[0], **spec}], sql={"income@1": sql})


def of(after: SmallProject, **options: Any) -> Plan:
    return plan_of(after, published(PROJECT.compiled()), **options)


def steps(plan: Plan) -> list[tuple[str, str]]:
    return [(s.action, s.node) for s in plan.steps]


def test_shape() -> None:
    breaking = of(edited(SQL.replace("age", "age::DOUBLE as age")))

    document = json.loads(breaking.model_dump_json())

    assert document.keys() == {
        "artifact", "version", "project", "target", "changes", "steps", "held", "asked", "diagnostics", "summary",
        "as_of_date", "full_refresh", "basis", "against",
    }  # fmt: skip
    assert (document["artifact"], document["version"], document["project"]) == ("plan", 1, "small")
    change = next(c for c in document["changes"] if c["node"] == GROUP)
    assert {"node", "change", "reasons", "needs_bump", "affected", "unaffected"} <= change.keys()
    assert {"rule", "feature", "message", "span"} <= change["reasons"][0].keys()
    assert {"path", "line"} <= change["reasons"][0]["span"].keys()
    assert {"node", "features"} <= change["affected"][0].keys()
    assert document["summary"].keys() == SUMMARY
    new = json.loads(plan_of(PROJECT, EMPTY).model_dump_json())
    assert new["steps"][0] == {"action": "materialize", "node": GROUP, "reason": "new"}


def test_unaffected_says_why() -> None:
    spared = replace(PROJECT, views=[view(features=["pay"])])
    after = replace(spared, sql={"income@1": SQL.replace("age", "age::DOUBLE as age")})

    document = json.loads(plan_of(after, published(spared.compiled())).model_dump_json())

    assert document["changes"][0]["unaffected"][0] == {"node": VIEW, "why": "reads none of age"}


def test_the_words_are_those_of_the_specification() -> None:
    assert set(get_args(ChangeKind)) == {"new", "removed", "breaking", "additive", "metadata", "stale"}
    assert set(get_args(Action)) <= {
        "materialize", "merge", "append", "test", "train_data", "train", "publish", "sync_online", "rollback", "drop",
    }  # fmt: skip


def test_equal_inputs_give_equal_bytes() -> None:
    after = edited(SQL + " where age > 3", description="grown up")

    assert of(after).model_dump_json() == of(after).model_dump_json()


def test_a_plan_read_back_is_the_same() -> None:
    plan = of(edited(SQL + " where age > 3"))

    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_nothing_to_do() -> None:
    plan = of(PROJECT)

    assert (plan.changes, plan.steps) == ((), ())
    assert set(plan.summary.values()) == {0}


def test_all_of_a_new_project() -> None:
    plan = plan_of(PROJECT, EMPTY)

    assert steps(plan) == [
        ("materialize", GROUP), ("test", GROUP), ("train_data", VIEW), ("publish", GROUP), ("publish", VIEW),
        ("train", MODEL),
    ]  # fmt: skip
    assert plan.summary == dict.fromkeys(SUMMARY, 0) | {"new": 3, "steps": 6}


def test_parents_come_first() -> None:
    sql = {"b@1": "select * from {{ ref('c', version=1) }}", "a@1": "select * from {{ ref('b', version=1) }}"}
    plan = plan_of(SmallProject([group("a"), group("b"), group("c")], sql=sql), EMPTY)

    assert [n.partition(":")[2] for action, n in steps(plan) if action == "materialize"] == ["c@1", "b@1", "a@1"]


def test_new_data_is_computed_tested_published_and_trained_on() -> None:
    plan = plan_of(PROJECT, published(PROJECT.compiled()), source_version="v2")

    assert steps(plan) == steps(plan_of(PROJECT, EMPTY))
    assert {s.reason for s in plan.steps} == {"source_data_changed", "data_changed", "training_data_changed"}


def test_metadata_computes_nothing() -> None:
    plan = of(edited(description="grown up"))

    assert steps(plan) == [("test", GROUP), ("publish", GROUP)]


def test_new_metrics_are_measured_without_training() -> None:
    plan = of(replace(PROJECT, models=[model(metrics=["roc_auc"])]))

    assert steps(plan) == [("test", MODEL)]


def test_another_parameter_trains_and_nothing_else() -> None:
    plan = of(replace(PROJECT, models=[model(params={"C": 2})]))

    assert steps(plan) == [("train", MODEL)]


def test_what_is_breaking_and_what_hangs_on_it_get_no_steps() -> None:
    other = [group("other"), *edited(SQL).groups]
    before = replace(PROJECT, groups=other)
    after = replace(before, sql={"income@1": SQL + " where age > 3", "other@1": SQL.replace("rich", "rich, 1 as one")})

    plan = plan_of(after, published(before.compiled()))

    assert {node for _action, node in steps(plan)} == {"feature_group:other@1"}
    assert [c.node for c in plan.breaking] == [GROUP]
    assert plan.summary["breaking"] == 1


def test_what_is_gone_after_its_deprecation_is_dropped() -> None:
    before = replace(PROJECT, groups=[*PROJECT.groups, group("old", deprecated_after="2026-01-01")])

    plan = plan_of(PROJECT, published(before.compiled()))

    assert steps(plan) == [("drop", "feature_group:old@1")]
    assert plan.summary["removed"] == 1


def test_full_refresh_computes_every_group() -> None:
    plan = of(PROJECT, full_refresh=True)

    assert steps(plan) == [("materialize", GROUP), ("test", GROUP), ("publish", GROUP)]
    assert {s.reason for s in plan.steps} == {"full refresh"}


@pytest.mark.parametrize("selected", [{VIEW}, {GROUP}, {VIEW, MODEL}, set()])
def test_only_what_is_selected(selected: set[str]) -> None:
    plan = plan_of(PROJECT, EMPTY, selected=frozenset(selected))

    assert {c.node for c in plan.changes} == selected
    assert {node for _action, node in steps(plan)} == selected
    assert plan.summary["new"] == len(selected)


def test_what_is_not_selected_is_neither_dropped_nor_in_the_way() -> None:
    before = replace(PROJECT, groups=[*PROJECT.groups, group("old")])
    after = replace(PROJECT, models=[model(params={"C": 2})])

    plan = plan_of(after, published(before.compiled()), selected=frozenset({MODEL}))

    assert steps(plan) == [("train", MODEL)]
    assert plan.breaking == []
