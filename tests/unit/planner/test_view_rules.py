"""versions.md rules 18 to 24: what the change of a view or of a model means."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.planner.small_project import (
    MODEL, SQL, VIEW, SmallProject, changes, feature, group, model, verdicts, view,
)  # fmt: skip

CITY = group("city", primary_key=["city"])
SQLS = {
    "city@1": "select city, max(pay) as top, min(age) as youngest from {{ source('people') }} group by city",
    "city@2": "select city, max(pay) as top, min(age) as youngest from {{ source('people') }} group by city",
    "income@1": SQL.replace("age", "age, age + 0 as years"),
    "income@2": SQL.replace("age", "age, age + 0 as years"),
}
JOIN = {"group": "city@1", "on": {"city": "city"}, "features": ["top"]}


def project(*groups: dict[str, Any], models: tuple[dict[str, Any], ...] = (), **spec: Any) -> SmallProject:
    return SmallProject([group(), CITY, *groups], [view(**spec)], models, SQLS)


def views(before: SmallProject, after: SmallProject) -> set[tuple[str, ...]]:
    return verdicts(before, after, VIEW)


@pytest.mark.parametrize(("before", "after", "reason"), [
    ({}, {"features": ["age"]}, ("feature_dropped", "pay", "breaking")),
    ({}, {"features": ["pay", "age"]}, ("features_reordered", "", "breaking")),
    ({}, {"features": ["age", "years", "pay"]}, ("feature_inserted", "years", "breaking")),
    ({}, {"label": None}, ("label_changed", "", "breaking")),
    ({"features": ["age"]}, {"features": ["age"], "label": "city"}, ("label_changed", "", "breaking")),
    ({}, {"filter": "age > 3"}, ("filter_changed", "", "breaking")),
    ({"filter": "age > 3"}, {"filter": "age > 4"}, ("filter_changed", "", "breaking")),
    ({"filter": "age > 3"}, {}, ("filter_changed", "", "breaking")),
    ({}, {"transformations": {"age": "min_max_scaler"}}, ("transformation_changed", "age", "breaking")),
    ({"transformations": {"age": "min_max_scaler"}}, {"transformations": {"age": "standard_scaler"}},
     ("transformation_changed", "age", "breaking")),
    ({"transformations": {"age": ["impute_median", "min_max_scaler"]}},
     {"transformations": {"age": ["min_max_scaler", "impute_median"]}}, ("transformation_changed", "age", "breaking")),
    ({"transformations": {"age": {"impute_constant": {"value": 1}}}},
     {"transformations": {"age": {"impute_constant": {"value": 2}}}}, ("transformation_changed", "age", "breaking")),
    ({"joins": [JOIN]}, {"joins": [JOIN | {"type": "inner"}]}, ("join_changed", "", "breaking")),
    ({"joins": [JOIN]}, {"joins": [JOIN | {"prefix": "city_"}]}, ("feature_dropped", "top", "breaking")),
    ({"joins": [JOIN]}, {}, ("join_changed", "", "breaking")),
    ({}, {"joins": [JOIN | {"type": "inner"}]}, ("join_changed", "", "breaking")),
])  # fmt: skip
def test_rule_18_breaks(before: dict[str, Any], after: dict[str, Any], reason: tuple[str, ...]) -> None:
    assert reason in views(project(**before), project(**after))


def test_rule_18_base_changed_even_where_the_columns_are_called_the_same() -> None:
    found = views(project(group(version=2)), project(group(version=2), base="income@2"))

    assert ("base_changed", "", "breaking") in found


def test_rule_18_each_of_several_joins_with_one_group_counts() -> None:
    home, work = ({**JOIN, "prefix": prefix, "on": {"city": "city"}} for prefix in ("home_", "work_"))
    sql = SQLS | {"income@1": SQL.replace("city", "city, city as office")}
    before = SmallProject([group(), CITY], [view(joins=[home, work])], sql=sql)
    after = SmallProject([group(), CITY], [view(joins=[{**home, "on": {"office": "city"}}, work])], sql=sql)

    assert ("join_changed", "", "breaking") in views(before, after)


@pytest.mark.parametrize(("before", "after"), [
    ({"joins": [JOIN]}, {"joins": [{**JOIN, "on": ["city"]}]}),
    ({"filter": "age > 3"}, {"filter": "age > 3"}),
    ({"transformations": {"age": "min_max_scaler"}}, {"transformations": {"age": [{"min_max_scaler": {}}]}}),
])  # fmt: skip
def test_rule_18_other_words_for_the_same_view_are_no_change(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert changes(project(**before), project(**after)) == {}


VISITS = group("visits", primary_key=["id"], event_time="seen", created_time="put")
VISIT_SQL = SQL.replace("seen", "seen, seen + interval 1 day as put")
VISIT = {"group": "visits@1", "features": ["pay"], "prefix": "v_"}


def timed(*joins: dict[str, Any], visits: dict[str, Any] = VISITS, sql: str = VISIT_SQL) -> SmallProject:
    groups = [group(event_time="seen"), visits, group("marks", primary_key=["pay"], event_time="seen")]
    return SmallProject(groups, [view(joins=list(joins))], sql={"visits@1": sql})


@pytest.mark.parametrize(("before", "after", "said"), [
    ({}, {"max_age": "7 days"}, "visits@1 was joined whatever its age and is joined up to 1 week old"),
    ({"max_age": "36 hours"}, {"max_age": "2 days"},
     "visits@1 was joined up to 1 day 12 hours old and is joined up to 2 days old"),
    ({}, {"known_at": "put"}, "visits@1 was joined whatever its age and is joined whatever its age, as known at put"),
    ({}, {"type": "inner"}, "the join with visits@1 changed"),
])  # fmt: skip
def test_rule_18_a_point_in_time_join_that_sees_other_rows(
    before: dict[str, Any], after: dict[str, Any], said: str
) -> None:
    found = changes(timed({**VISIT, **before}), timed({**VISIT, **after}))[VIEW]

    assert [(r.rule, r.change, r.message) for r in found.reasons] == [("join_changed", "breaking", said)]


def test_rule_18_the_key_of_a_join_from_another_join() -> None:
    marks = {"group": "marks@1", "features": ["age"], "prefix": "m_"}
    other = {**VISIT, "prefix": "w_", "max_age": "1 day"}
    before = timed(VISIT, other, {**marks, "on": {"v_pay": "pay"}})

    found = views(before, timed(VISIT, other, {**marks, "on": {"w_pay": "pay"}}))

    assert found == {("join_changed", "", "breaking")}


@pytest.mark.parametrize("written", ["7 days", "1 week", "168 hours", "6 days 24 hours"])
def test_rule_18_the_same_age_in_other_words_is_no_change(written: str) -> None:
    assert changes(timed({**VISIT, "max_age": "7 days"}), timed({**VISIT, "max_age": written})) == {}


def test_other_ties_are_the_groups_doing_and_the_training_dataset_is_made_anew() -> None:
    order = [feature("id"), feature("pay"), feature("age")]
    before, after = ({**VISITS, "features": features} for features in ([*reversed(order)], order))

    found = changes(timed(VISIT, visits=before), timed(VISIT, visits=after))

    assert [(r.rule, r.change) for r in found[VIEW].reasons] == [("ties_changed", "stale")]
    assert found["feature_group:visits@1"].change == "metadata"


def test_columns_after_the_last_that_is_read_tell_no_ties_apart() -> None:
    before = {**VISITS, "features": [feature("id"), feature("pay"), feature("age"), feature("city")]}
    after = {**VISITS, "features": [feature("id"), feature("pay"), feature("city"), feature("age")]}

    assert VIEW not in changes(timed(VISIT, visits=before), timed(VISIT, visits=after))


def test_the_reason_of_leakage_is_metadata() -> None:
    doubled = {"group": "visits@1", "features": ["poor"], "leakage": "allowed"}
    sql = VISIT_SQL.replace("rich", "not rich as poor")
    before, after = ({**doubled, "because": because} for because in ("for a lesson", "for a test"))

    assert views(timed(before, sql=sql), timed(after, sql=sql)) == {("metadata", "", "metadata")}


@pytest.mark.parametrize(("before", "after", "name"), [
    ({}, {"features": ["age", "pay", "years"]}, "years"),
    ({}, {"joins": [JOIN]}, "top"),
    ({"joins": [JOIN]}, {"joins": [{**JOIN, "features": ["top", "youngest"]}]}, "youngest"),
])  # fmt: skip
def test_rule_19_a_feature_at_the_end_is_additive(before: dict[str, Any], after: dict[str, Any], name: str) -> None:
    found = changes(project(**before), project(**after))[VIEW]

    assert ("feature_added", name, "additive") in {(r.rule, r.feature, r.change) for r in found.reasons}
    assert (found.change, found.needs_bump) == ("additive", False)


def test_rule_20_a_joined_group_moved_to_another_version() -> None:
    second = group("city", 2, primary_key=["city"])

    found = views(project(second, joins=[JOIN]), project(second, joins=[{**JOIN, "group": "city@2"}]))

    assert ("join_version_changed", "top", "breaking") in found


@pytest.mark.parametrize("split", [{"test": 0.3}, {"seed": 7}, {"validation": 0.1}])
def test_rule_21_another_split_is_a_new_training_dataset_of_the_same_view(split: dict[str, Any]) -> None:
    assert views(project(), project(split=split)) == {("split_changed", "", "stale")}


def test_rule_21_the_defaults_written_down_are_no_change() -> None:
    assert changes(project(), project(split={"test": 0.2, "seed": 42})) == {}


@pytest.mark.parametrize("spec", [{"description": "who earns what"}, {"owner": "ada"}, {"tags": ["pii"]}])
def test_what_is_said_of_a_view_is_metadata(spec: dict[str, Any]) -> None:
    assert views(project(), project(**spec)) == {("metadata", "", "metadata")}


@pytest.mark.parametrize(("spec", "rule"), [
    ({"estimator": "sklearn.linear_model.SGDClassifier"}, "estimator_changed"),
    ({"params": {"C": 2}}, "params_changed"), ({"seed": 7}, "seed_changed"),
])  # fmt: skip
def test_rule_22_trains_again(spec: dict[str, Any], rule: str) -> None:
    found = changes(project(models=(model(),)), project(models=(model(**spec),)))

    assert [(c.node, c.change, [r.rule for r in c.reasons]) for c in found.values()] == [(MODEL, "stale", [rule])]


@pytest.mark.parametrize(("installed", "expected"), [
    ("1.9.4", set()), ("1.10.0", {("library_changed", "", "stale")}), ("2.9.0", {("library_changed", "", "stale")}),
])  # fmt: skip
def test_rule_22_another_minor_of_the_library_trains_again(installed: str, expected: set[tuple[str, ...]]) -> None:
    before = project(models=(model(),))
    after = SmallProject(before.groups, before.views, before.models, SQLS, library_version=installed)

    assert verdicts(before, after, MODEL) == expected


@pytest.mark.parametrize("spec", [
    {"description": "predicts"}, {"metrics": ["roc_auc"]}, {"tests": [{"metric": {"name": "accuracy", "min": 0.5}}]},
])  # fmt: skip
def test_rule_24_is_metadata(spec: dict[str, Any]) -> None:
    found = verdicts(project(models=(model(),)), project(models=(model(**spec),)), MODEL)

    assert found == {("metadata", "", "metadata")}


def test_a_model_is_stale_where_its_training_dataset_is_made_anew() -> None:
    found = verdicts(project(models=(model(),)), project(models=(model(),), split={"seed": 7}), MODEL)

    assert found == {("training_data_changed", "", "stale")}


def test_a_new_feature_of_the_group_touches_neither_view_nor_model() -> None:
    before = project(models=(model(),))
    sql = SQLS | {"income@1": SQLS["income@1"].replace("rich", "rich, 1 as one")}
    after = SmallProject(before.groups, before.views, before.models, sql)

    assert [(c.node, c.change) for c in changes(before, after).values()] == [("feature_group:income@1", "additive")]


def test_a_described_feature_touches_neither_view_nor_model() -> None:
    before = project(models=(model(),))
    described = group(features=[feature("age", description="in years")])
    after = SmallProject([described, CITY], before.views, before.models, SQLS)

    assert [(c.node, c.change) for c in changes(before, after).values()] == [("feature_group:income@1", "metadata")]


def test_new_data_of_a_source_is_stale_all_the_way_down_and_never_breaking() -> None:
    before = project(models=(model(),))

    found = changes(before, before, source_version="v2")

    assert {n: [(r.rule, r.change) for r in c.reasons] for n, c in found.items()} == {
        "feature_group:city@1": [("source_data_changed", "stale")],
        "feature_group:income@1": [("source_data_changed", "stale")],
        VIEW: [("data_changed", "stale")],
        MODEL: [("training_data_changed", "stale")],
    }
