"""When a change of SQL is a change of meaning, feature by feature, and when it is one of the rows."""

from __future__ import annotations

import pytest

from tests.unit.planner.small_project import SQL, SmallProject, changes, feature, group, verdicts

ROWS = {("rows_changed", "", "breaking")}
MORE = {("feature_added", "more", "additive")}


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
    SQL + " order by id limit 10",
    SQL.replace("people') }}", "people') }} as p join (values (1)) as v(x) on true"),
    SQL + " qualify row_number() over (partition by id order by seen) = 1",
])  # fmt: skip
def test_what_decides_the_rows_is_a_change_of_the_rows_and_of_no_expression(sql: str) -> None:
    assert verdicts(with_sql(SQL), with_sql(sql)) == ROWS


def test_a_set_operation_is_a_change_of_both() -> None:
    found = verdicts(with_sql(SQL), with_sql(SQL + " union all " + SQL))

    assert found > ROWS
    assert ("meaning_changed", "age", "breaking") in found


@pytest.mark.parametrize(
    "expression", ["age + 1", "coalesce(age, 0)", "pay::BIGINT", "age * 2 // 2", "max(age) over ()"]
)
def test_another_expression_changes_the_meaning_of_its_feature_and_of_no_other(expression: str) -> None:
    after = with_sql(SQL.replace("age", f"{expression} as age"))

    assert verdicts(with_sql(SQL), after) == {("meaning_changed", "age", "breaking")}


@pytest.mark.parametrize("sql", [
    "with p as (select * from {{ source('people') }}) select * from p",
    "with p as (select *, age as y from {{ source('people') }}) select id, y as age, pay, city, seen, rich from p",
    "select p.id, age, pay, p.city, seen, rich from {{ source('people') }} as p order by age",
    "select * exclude (rich), rich from (select * from {{ source('people') }}) as q",
])  # fmt: skip
def test_other_words_for_the_same_are_no_change(sql: str) -> None:
    assert changes(with_sql(SQL), with_sql(sql)) == {}


@pytest.mark.parametrize(("one", "other"), [
    ("age > 3 and pay < 2", "pay < 2 and age > 3"), ("age > 3", "3 < age"), ("age = 3", "(3 = age)"),
    ("(age > 3 and pay < 2) and rich", "rich and (pay < 2 and 3 < age)"), ("age <> 3 or rich", "rich or 3 <> age"),
])  # fmt: skip
def test_the_same_condition_in_another_order_is_no_change(one: str, other: str) -> None:
    assert changes(with_sql(f"{SQL} where {one}"), with_sql(f"{SQL} where {other}")) == {}


@pytest.mark.parametrize("expression", [
    "1", "age + 1", "upper(city)", "case when age > 3 then 1 else 0 end", "age between 1 and 2", "seen::DATE",
    "coalesce(city, 'x')", "try_cast(city as BIGINT)", "date_part('year', seen)", "row_number() over (order by id)",
    "avg(age) over ()", "(select 1)", "(select max(age) from {{ source('people') }})", "exists (select 1)",
])  # fmt: skip
def test_a_new_projection_that_keeps_the_rows_is_additive(expression: str) -> None:
    after = with_sql(SQL.replace("rich", f"rich, {expression} as more"))

    assert verdicts(with_sql(SQL), after) == MORE


@pytest.mark.parametrize("expression", ["unnest([1, 2])", "unnest([age]) + 1", "generate_subscripts([1, 2], 1)"])
def test_a_new_projection_that_gives_several_rows_changes_the_rows(expression: str) -> None:
    after = with_sql(SQL.replace("rich", f"rich, {expression} as more"))

    assert verdicts(with_sql(SQL), after) == ROWS | MORE


def test_a_new_aggregate_that_makes_one_row_of_all_is_no_addition() -> None:
    before = with_sql("select 1 as id from {{ source('people') }}")
    after = with_sql("select 1 as id, count(*) as n from {{ source('people') }}")

    assert verdicts(before, after) == ROWS | {("feature_added", "n", "additive")}


def test_a_new_aggregate_beside_others_is_additive() -> None:
    frame = "select city as id, count(*) as n{} from {{{{ source('people') }}}} group by all"
    before, after = (with_sql(frame.format(more)) for more in ("", ", max(age) as more"))

    assert verdicts(before, after) == MORE


@pytest.mark.parametrize("frame", [
    "select distinct {} from {{{{ source('people') }}}}",
    "select {} from {{{{ source('people') }}}} union all select {} from {{{{ source('people') }}}}",
    "select {} from {{{{ source('people') }}}} group by all",
    "select {} from {{{{ source('people') }}}} order by all limit 3",
])  # fmt: skip
def test_a_new_projection_where_all_of_them_decide_the_rows_is_no_addition(frame: str) -> None:
    before, after = (with_sql(frame.format(*[columns] * 2)) for columns in ("id, age", "id, age, pay"))

    assert verdicts(before, after) >= ROWS


def test_a_new_name_that_is_a_column_too_leaves_others_as_they_are() -> None:
    before = with_sql("select id, age as years, pay + 1 as raised from {{ source('people') }}")
    after = with_sql("select id, age as years, age * 2 as pay, pay + 1 as raised from {{ source('people') }}")

    assert verdicts(before, after) == {("feature_added", "pay", "additive")}


def test_an_addition_beside_another_edit_is_a_change_of_meaning() -> None:
    after = with_sql(SQL.replace("rich", "rich, 1 as more") + " where age > 3")

    assert verdicts(with_sql(SQL), after) == ROWS | MORE


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
    before, after = (with_sql(f"select id, #2 as {n}age from {{{{ source('people') }}}}") for n in ("", "/* */ "))
    other = with_sql("select id,  #2 as age from {{ source('people') }} where true")

    assert changes(before, after) == {}
    assert verdicts(before, other) == ROWS | {("meaning_changed", name, "breaking") for name in ("id", "age")}
