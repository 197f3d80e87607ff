"""versions.md rules 1 to 17: what the change of a group means. One positive and one negative case of each, at least."""

from __future__ import annotations

from typing import Any

import pytest

from mlproj.diagnostics import ProjectError
from tests.unit.planner.small_project import (
    COLUMNS, GROUP, SQL, SmallProject, changes, feature, group, verdicts, view,
)  # fmt: skip

BASE = SmallProject()


def with_sql(sql: str, **spec: Any) -> SmallProject:
    return SmallProject([group(**spec)], sql={"income@1": sql})


def with_features(*features: dict[str, Any], **spec: Any) -> SmallProject:
    return SmallProject([group(features=list(features), **spec)])


def test_equal_projects_have_no_change() -> None:
    assert changes(BASE, BASE) == {}


def test_rule_1_feature_dropped() -> None:
    after = with_sql("select id, age, city, seen, rich from {{ source('people') }}")

    assert verdicts(BASE, after) == {("feature_dropped", "pay", "breaking")}


def test_rule_2_feature_renamed_names_both() -> None:
    sql = SQL.replace("pay", "pay as wage")
    after = with_sql(sql, features=[feature("wage", renamed_from="pay")])

    change = changes(BASE, after)[GROUP]

    assert {(r.rule, r.feature, r.change) for r in change.reasons} == {("feature_renamed", "pay", "breaking")}
    assert "pay" in change.reasons[0].message
    assert "wage" in change.reasons[0].message


def test_rule_2_a_rename_that_nobody_declares_is_a_drop_and_an_addition() -> None:
    after = with_sql(SQL.replace("pay", "pay as wage"))

    assert verdicts(BASE, after) == {("feature_dropped", "pay", "breaking"), ("feature_added", "wage", "additive")}


def test_rule_2_renamed_from_a_feature_that_is_still_there_is_an_addition() -> None:
    after = with_sql(SQL.replace("pay", "pay, pay as wage"), features=[feature("wage", renamed_from="pay")])

    assert verdicts(BASE, after) == {("feature_added", "wage", "additive")}


@pytest.mark.parametrize("more", [{}, {"nullable": True}, {"nullable": False, "default": 0}, {"default": 0}], ids=str)
def test_rule_3_feature_added(more: dict[str, Any]) -> None:
    after = with_sql(SQL.replace("age", "age, age + 1 as older"), features=[feature("older", "BIGINT", **more)])

    change = changes(BASE, after)[GROUP]

    assert ("feature_added", "older", "additive") in {(r.rule, r.feature, r.change) for r in change.reasons}
    assert (change.change, change.needs_bump) == ("additive", False)


def test_rule_4_feature_added_that_may_not_be_null() -> None:
    after = with_sql(SQL.replace("age", "age, age + 1 as older"), features=[feature("older", nullable=False)])

    assert ("feature_added_required", "older", "breaking") in verdicts(BASE, after)


def test_rule_6_a_narrower_cast_gives_the_same_values_or_fails() -> None:
    after = with_sql(SQL.replace("age", "age::INTEGER as age"))

    assert verdicts(BASE, after) == {("type_changed", "age", "breaking")}


@pytest.mark.parametrize("cast", ["DOUBLE", "VARCHAR", "FLOAT"])
def test_rule_6_a_cast_that_may_lose_something_is_another_type_and_another_meaning(cast: str) -> None:
    after = with_sql(SQL.replace("age", f"age::{cast} as age"))

    assert verdicts(BASE, after) == {("type_changed", "age", "breaking"), ("meaning_changed", "age", "breaking")}


@pytest.mark.parametrize(("column", "narrow", "wide"), [
    ("age", "SMALLINT", "INTEGER"), ("age", "INTEGER", "BIGINT"), ("age", "UTINYINT", "SMALLINT"),
    ("age", "DECIMAL(10,2)", "DECIMAL(12,3)"), ("pay", "SMALLINT", "INTEGER"),
])  # fmt: skip
def test_rule_5_a_wider_outermost_cast_is_a_wider_type_and_no_other_meaning(
    column: str, narrow: str, wide: str
) -> None:
    before, after = (with_sql(SQL.replace(column, f"{column}::{cast} as {column}")) for cast in (narrow, wide))

    assert verdicts(before, after) == {("type_widened", column, "additive")}
    assert verdicts(after, before) == {("type_changed", column, "breaking")}


@pytest.mark.parametrize(("narrow", "wide"), [("FLOAT", "DOUBLE"), ("INTEGER", "DOUBLE")])
def test_rule_5_a_cast_that_rounds_otherwise_means_something_else(narrow: str, wide: str) -> None:
    before, after = (with_sql(SQL.replace("pay", f"pay::{cast} as pay")) for cast in (narrow, wide))

    assert verdicts(before, after) == {("type_widened", "pay", "additive"), ("meaning_changed", "pay", "breaking")}


def test_rule_5_is_breaking_for_no_view_that_reads_it() -> None:
    before, after = (
        SmallProject([group()], [view()], sql={"income@1": SQL.replace("age", f"age::{cast} as age")})
        for cast in ("INTEGER", "BIGINT")
    )

    found = changes(before, after)

    assert [change.node for change in found.values() if change.change == "breaking"] == []
    assert found["feature_view:income@1"].change == "stale"


@pytest.mark.parametrize("alias", ["int8", "LONG", "bigint"])
def test_rule_7_another_name_of_the_same_type_is_nothing(alias: str) -> None:
    before, after = with_features(feature("age", "BIGINT")), with_features(feature("age", alias))

    assert changes(before, after) == {}


@pytest.mark.parametrize(("nulls", "verdict"), [({"age": 0}, "metadata"), ({"age": 2}, "breaking"), ({}, "breaking")])
def test_rule_8_nullability_tightened_depends_on_the_nulls_there_were(nulls: dict[str, int], verdict: str) -> None:
    before, after = with_features(feature("age")), with_features(feature("age", nullable=False))

    found = verdicts(before, after, null_counts=nulls)

    assert ("nullability_tightened", "age", verdict) in found
    assert {change for _rule, _feature, change in found} <= {verdict, "metadata"}


def test_rule_9_nullability_loosened() -> None:
    before, after = with_features(feature("age", nullable=False)), with_features(feature("age"))

    assert ("nullability_loosened", "age", "breaking") in verdicts(before, after, null_counts={"age": 0})


@pytest.mark.parametrize("spec", [{"primary_key": ["id", "city"]}, {"event_time": "seen"}, {"partition_by": ["city"]}])
def test_rule_10_key_changed(spec: dict[str, Any]) -> None:
    after = SmallProject([group(**spec)])

    found = changes(BASE, after)[GROUP]

    assert [r.message for r in found.reasons if r.rule == "key_changed"]
    assert next(iter(spec)) in next(r.message for r in found.reasons if r.rule == "key_changed")
    assert found.needs_bump


def test_rule_10_the_same_key_over_another_query_is_no_key_change() -> None:
    after = with_sql(SQL + " where age > 3")

    assert "key_changed" not in {rule for rule, _feature, _change in verdicts(BASE, after)}


def test_rule_11_online_removed_and_online_added() -> None:
    online = SmallProject([group(online=True)])

    assert ("online_removed", "", "breaking") in verdicts(online, BASE)
    assert verdicts(BASE, online) == {("metadata", "", "metadata")}


@pytest.mark.parametrize(("before", "after", "expected"), [
    ("{'a': age, 'b': city}", "{'a': age}", "nested_changed"),
    ("{'a': age}", "{'a': age, 'b': city}", "type_widened"),
    ("{'a': age::INTEGER}", "{'a': age::VARCHAR}", "nested_changed"),
    ("[age::INTEGER]", "[age::BIGINT]", "type_widened"),
    ("[age]", "[age::INTEGER]", "nested_changed"),
    ("map {'a': {'b': [age::SMALLINT]}}", "map {'a': {'b': [age::INTEGER]}}", "type_widened"),
    ("map {'a': {'b': [age::INTEGER]}}", "map {'a': {'b': [age::SMALLINT]}}", "nested_changed"),
])  # fmt: skip
def test_rule_12_parts_of_nested_types_follow_the_same_rules(before: str, after: str, expected: str) -> None:
    sql = "select id, {} as nested from {{{{ source('people') }}}}"

    found = verdicts(with_sql(sql.format(before)), with_sql(sql.format(after)))

    assert expected in {rule for rule, _feature, _change in found}


@pytest.mark.parametrize("spec", [
    {"description": "people and what they earn"}, {"owner": "ada"}, {"tags": ["pii"]},
    {"tests": [{"unique": {"columns": ["id"]}}]}, {"deprecated_after": "2027-01-01"},
    {"features": [feature("age", description="in years")]}, {"features": [feature("age", tags=["pii"])]},
    {"features": [feature("age", tests=[{"between": {"min": 0}}])]},
    {"features": [feature("pay"), feature("age")]},
], ids=str)  # fmt: skip
def test_rule_15_is_metadata(spec: dict[str, Any]) -> None:
    assert verdicts(BASE, SmallProject([group(**spec)])) == {("metadata", "", "metadata")}


def test_rule_15_feature_order_is_metadata_wherever_it_is_changed() -> None:
    moved = with_sql("select id, pay, age, rich, city, seen from {{ source('people') }}")

    assert verdicts(BASE, moved) == {("metadata", "", "metadata")}


@pytest.mark.parametrize("refers", [{"base": "income@2"}, {"joins": [{"group": "income@2", "features": ["city"]}]}])
def test_rule_16_a_group_that_something_refers_to_cannot_be_deleted(refers: dict[str, Any]) -> None:
    with pytest.raises(ProjectError) as caught:
        SmallProject([group()], [view(**refers)]).compiled()

    assert [d.code for d in caught.value.diagnostics] == ["E301"]


@pytest.mark.parametrize(("deadline", "today", "verdict"), [
    ("2026-05-31", "2026-06-01", "removed"), ("2026-06-01", "2026-06-01", "breaking"),
    ("2026-06-02", "2026-06-01", "breaking"), (None, "2026-06-01", "breaking"),
])  # fmt: skip
def test_rule_17_a_published_group_is_removed_once_its_deprecation_has_passed(
    deadline: str | None, today: str, verdict: str
) -> None:
    last = group("old", **({"deprecated_after": deadline} if deadline else {}))

    found = changes(SmallProject([group(), last]), BASE, as_of_date=today)

    assert [(c.node, c.change, c.needs_bump) for c in found.values()] == [
        ("feature_group:old@1", verdict, verdict == "breaking")
    ]
    assert [r.rule for r in found["feature_group:old@1"].reasons] == ["removed"]


@pytest.mark.parametrize(("deadline", "verdict"), [("2026-05-31", "removed"), (None, "breaking")])
def test_rule_17_holds_for_views(deadline: str | None, verdict: str) -> None:
    last = view(**({"deprecated_after": deadline} if deadline else {}))

    found = changes(SmallProject([group()], [last]), BASE)

    assert [(c.node, c.change) for c in found.values()] == [("feature_view:income@1", verdict)]


def test_all_violations_are_listed_and_the_worst_decides() -> None:
    after = with_sql(
        "select id, age::DOUBLE as age, city, seen, rich, 1 as one from {{ source('people') }}", description="new"
    )

    change = changes(BASE, after)[GROUP]

    assert {r.rule for r in change.reasons} == {
        "feature_dropped", "type_changed", "meaning_changed", "feature_added", "metadata",
    }  # fmt: skip
    assert (change.change, change.needs_bump) == ("breaking", True)


def test_the_span_of_a_reason_is_the_line_of_the_feature() -> None:
    before, after = with_features(feature("age"), feature("pay")), with_features(
        feature("age"), feature("pay", nullable=False)
    )  # fmt: skip

    reason = next(r for r in changes(before, after)[GROUP].reasons if r.rule == "nullability_tightened")

    assert reason.span is not None
    assert reason.span.path == "groups.yml"
    assert reason.span.line > after.compiled().nodes[GROUP].span.line


def test_materialised_otherwise_is_done_again_and_breaks_nobody() -> None:
    above = group("above")
    sql = {"above@1": "select * from {{ ref('income', version=1) }}"}
    before = SmallProject([group(), above], sql=sql)
    after = SmallProject([group(), above | {"materialized": "view"}], sql=sql)

    assert verdicts(before, after, "feature_group:above@1") == {("materialized_changed", "", "stale")}


def test_accepted_breaking_changes_need_no_bump() -> None:
    after = with_sql("select id, age, city, seen, rich from {{ source('people') }}")

    change = changes(BASE, after, accepted={"*": "why not"})[GROUP]

    assert (change.change, change.needs_bump, change.accepted, change.because) == ("breaking", False, True, "why not")


def test_another_source_column_is_no_change_of_who_does_not_read_it() -> None:
    after = SmallProject(columns=COLUMNS | {"extra": "BIGINT"})

    assert {c.change for c in changes(BASE, after).values()} <= {"stale"}


KEPT_UP: dict[str, Any] = {"materialized": "incremental", "watermark": "seen", "lookback": "2 days"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"lookback": "3 days"}, "lookback was 2 days and is 3 days"),
        ({"watermark": "rich_at"}, "watermark was seen and is rich_at"),
        ({"strategy": "append"}, "strategy was merge and is append"),
    ],
)
def test_how_a_group_is_kept_up_is_stale_and_its_rows_stay(more: dict[str, Any], said: str) -> None:
    sql = SQL.replace("rich", "rich, seen as rich_at")
    before, after = with_sql(sql, **KEPT_UP), with_sql(sql, **{**KEPT_UP, **more})

    reasons = changes(before, after)[GROUP].reasons

    assert [(r.rule, r.change) for r in reasons] == [("increment_changed", "stale")]
    assert said in reasons[0].message
    assert before.compiled().group(GROUP).fingerprints.deep == after.compiled().group(GROUP).fingerprints.deep


def test_the_same_length_of_time_in_other_words_is_no_change() -> None:
    assert changes(with_sql(SQL, **KEPT_UP), with_sql(SQL, **{**KEPT_UP, "lookback": "2day"})) == {}
    named = with_sql(SQL, **{**KEPT_UP, "event_time": "seen"})
    assert changes(named, with_sql(SQL, **{**KEPT_UP, "event_time": "seen", "watermark": "event_time"})) == {}


def since(days: int, pay: str = "pay") -> SmallProject:
    where = f"where seen > (select max(seen) - interval {days} days from {{{{ this }}}})"
    pays = f"{{% if is_incremental() %}} {pay} {{% else %}} pay {{% endif %}} as pay"
    sql = SQL.replace("pay", pays) + f" {{% if is_incremental() %}} {where} {{% endif %}}"
    return with_sql(sql, **KEPT_UP)


def test_both_renderings_are_hashed() -> None:
    assert changes(since(2), since(2)) == {}
    assert verdicts(since(2), since(3)) == {("increment_changed", "", "stale")}
    assert verdicts(since(2), since(2, "pay * 2")) == {("meaning_changed", "pay", "breaking")}
    assert verdicts(since(2, "pay * 2"), since(2, "pay * 3")) == {("meaning_changed", "pay", "breaking")}
    assert verdicts(with_sql(SQL, **KEPT_UP), since(2)) == {("increment_changed", "", "stale")}


def test_what_is_deleted_decides_which_rows_there_are() -> None:
    assert verdicts(with_sql(SQL, **KEPT_UP), with_sql(SQL, **KEPT_UP, deleted="rich")) == {
        ("rows_changed", "", "breaking")
    }


def test_what_new_features_get_and_how_backfills_go_is_metadata() -> None:
    after = with_sql(SQL, **KEPT_UP, new_features="default", batch="1 day")

    assert verdicts(with_sql(SQL, **KEPT_UP), after) == {("metadata", "", "metadata")}


def test_a_table_that_is_kept_up_from_now_on_is_put_there_anew() -> None:
    assert verdicts(BASE, with_sql(SQL, **KEPT_UP)) == {("materialized_changed", "", "stale")}
