"""When a change of SQL is a change of meaning, in its coarse form: all features of the group, or none."""

from __future__ import annotations

import pytest

from tests.unit.planner.small_project import GROUP, SQL, SmallProject, changes, feature, group, verdicts

FEATURES = ("id", "age", "pay", "city", "seen", "rich")
ALL = {("meaning_changed", name, "breaking") for name in FEATURES}


def with_sql(sql: str, **spec: object) -> SmallProject:
    return SmallProject([group(**spec)], sql={"income@1": sql})


@pytest.mark.parametrize("text", [
    SQL + "\n", SQL + " -- people", "/* who */ " + SQL, SQL.replace(", ", "\n  , "),
    SQL.upper().replace("SOURCE('PEOPLE')", "source('people')"), SQL.replace("select", "SELECT"),
    SQL.replace("age", "age as age"), SQL.replace("age", "(age) as age"), SQL.replace("age", '"age"'), SQL + ";",
])  # fmt: skip
def test_comments_whitespace_and_capitals_mean_nothing(text: str) -> None:
    assert changes(with_sql(SQL), with_sql(text)) == {}


@pytest.mark.parametrize("sql", [
    SQL + " where age > 3",
    SQL.replace("select", "select distinct"),
    SQL + " limit 10",
    SQL + " union all " + SQL,
    SQL.replace("age", "age + 1 as age"),
    SQL.replace("age", "coalesce(age, 0) as age"),
    SQL.replace("people') }}", "people') }} as p join (values (1)) as v(x) on true"),
    SQL + " qualify row_number() over (partition by id order by seen) = 1",
])  # fmt: skip
def test_any_other_change_of_the_query_changes_the_meaning_of_all_features(sql: str) -> None:
    assert verdicts(with_sql(SQL), with_sql(sql)) >= ALL


def test_the_message_names_the_feature_and_its_group() -> None:
    found = changes(with_sql(SQL), with_sql(SQL + " where age > 3"))[GROUP]

    assert found.needs_bump
    assert all(r.feature in r.message and "income@1" in r.message for r in found.reasons if r.feature)


@pytest.mark.parametrize("expression", [
    "1", "age + 1", "upper(city)", "case when age > 3 then 1 else 0 end", "age between 1 and 2", "seen::DATE",
    "coalesce(city, 'x')", "try_cast(city as BIGINT)", "date_part('year', seen)",
])  # fmt: skip
def test_a_new_scalar_projection_is_additive(expression: str) -> None:
    after = with_sql(SQL.replace("rich", f"rich, {expression} as more"))

    assert verdicts(with_sql(SQL), after) == {("feature_added", "more", "additive")}


@pytest.mark.parametrize("expression", [
    "row_number() over (order by id)", "avg(age) over ()", "(select 1)", "unnest([1, 2])",
    "(select max(age) from {{ source('people') }})", "exists (select 1)",
])  # fmt: skip
def test_a_new_projection_that_is_no_scalar_may_touch_the_rows(expression: str) -> None:
    after = with_sql(SQL.replace("rich", f"rich, {expression} as more"))

    assert verdicts(with_sql(SQL), after) == ALL | {("feature_added", "more", "additive")}


def test_a_new_aggregate_that_makes_one_row_of_all_is_no_addition() -> None:
    before = with_sql("select 1 as id from {{ source('people') }}")
    after = with_sql("select 1 as id, count(*) as n from {{ source('people') }}")

    assert ("meaning_changed", "id", "breaking") in verdicts(before, after)


@pytest.mark.parametrize("frame", [
    "select distinct {} from {{{{ source('people') }}}}",
    "select {} from {{{{ source('people') }}}} union all select {} from {{{{ source('people') }}}}",
    "select {} from {{{{ source('people') }}}} group by all",
    "select {} from {{{{ source('people') }}}} order by all limit 3",
])  # fmt: skip
def test_a_new_projection_where_all_of_them_decide_the_rows_is_no_addition(frame: str) -> None:
    before, after = (with_sql(frame.format(*[columns] * 2)) for columns in ("id, age", "id, age, pay"))

    assert ("meaning_changed", "age", "breaking") in verdicts(before, after)


def test_a_new_name_that_another_expression_comes_to_mean_is_no_addition() -> None:
    before = with_sql("select id, age as years, pay + 1 as more from {{ source('people') }}")
    after = with_sql("select id, age as years, age * 2 as pay, pay + 1 as more from {{ source('people') }}")

    assert ("meaning_changed", "more", "breaking") in verdicts(before, after)


def test_an_addition_beside_another_edit_is_a_change_of_meaning() -> None:
    after = with_sql(SQL.replace("rich", "rich, 1 as more") + " where age > 3")

    assert verdicts(with_sql(SQL), after) == ALL | {("feature_added", "more", "additive")}


def test_a_required_addition_changes_no_meaning() -> None:
    after = with_sql(SQL.replace("rich", "rich, 1 as more"), features=[feature("more", nullable=False)])

    rules = {rule for rule, _feature, _change in verdicts(with_sql(SQL), after)}
    assert "meaning_changed" not in rules
    assert "feature_added_required" in rules


def test_two_columns_that_swap_their_expressions_mean_something_else() -> None:
    before = with_sql("select id, age as a, pay as b from {{ source('people') }}")
    after = with_sql("select id, pay as a, age as b from {{ source('people') }}")

    assert {("meaning_changed", "a", "breaking"), ("meaning_changed", "b", "breaking")} <= verdicts(before, after)


@pytest.mark.parametrize(("old", "new"), [("::", "try_cast"), ("try_cast", "::")])
def test_a_cast_that_fails_otherwise_means_something_else(old: str, new: str) -> None:
    text = {"::": "pay::INTEGER", "try_cast": "try_cast(pay as INTEGER)"}
    before, after = (with_sql(SQL.replace("pay", f"{text[kind]} as pay")) for kind in (old, new))

    assert ("meaning_changed", "pay", "breaking") in verdicts(before, after)


def test_an_inner_cast_is_meaning() -> None:
    casts = ("INTEGER", "BIGINT")
    before, after = (with_sql(SQL.replace("pay", f"(pay::{cast} + 1)::DOUBLE as pay")) for cast in casts)

    assert ("meaning_changed", "pay", "breaking") in verdicts(before, after)


def test_a_text_literal_tells_capitals_apart() -> None:
    before, after = (with_sql(SQL.replace("city", f"coalesce(city, '{text}') as city")) for text in ("x", "X"))

    assert ("meaning_changed", "city", "breaking") in verdicts(before, after)


def test_another_source_of_the_same_columns_is_another_meaning() -> None:
    before = SmallProject([group(), group("copy")], sql={"copy@1": "select * from {{ ref('income', version=1) }}"})
    after = SmallProject([group(), group("copy")], sql={"copy@1": "select * from {{ source('people') }}"})

    assert ("meaning_changed", "age", "breaking") in verdicts(before, after, "feature_group:copy@1")


def test_sql_that_is_not_understood_is_compared_as_text() -> None:
    before, after = (with_sql(f"from {{{{ source('people') }}}} select id, age where {w}") for w in ("true", "age > 3"))

    assert ("meaning_changed", "age", "breaking") in verdicts(before, after)
