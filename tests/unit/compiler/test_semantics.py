"""What a query means: which texts mean the same, which do not, and which projections can come or go."""

from __future__ import annotations

import re

import pytest

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.compiler.semantics import FunctionNames, query_shape

_BINDER = DuckDBBinder()
FUNCTIONS = FunctionNames(*(_BINDER.functions(kind) for kind in ("scalar", "aggregate", "table")))


def additive(sql: str) -> set[str]:
    shape, problem = query_shape(sql, FUNCTIONS)
    assert problem is None
    return set(shape.additive)


QUERIES = [
    "select id, age + 1 as next from t where age > 3 and not (job is null) order by age desc nulls first limit 3",
    "select id, count(*) filter (where age > 1) as n from t group by id having count(*) > 2",
    "select id, sum(age) over (partition by job order by id rows between 2 preceding and current row) as s from t",
    "select distinct on (id) id, cast(age as decimal(10, 2)) as a from t left join u using (id)",
    "with a as (select * from t), b as (select id from a) select a.*, b.id as other from a join b on a.id = b.id",
    "select id, seen + interval 3 days as later, extract(year from seen) as y, date_trunc('month', seen) as m from t",
    "select id, case when age between 1 and 2 then 1 else 0 end as c from t where job in ('a', 'B') union all from u",
    "select id, list_transform(l, lambda x : x + 1) as l, [x for x in l if x > 1] as m, {'a': 1} as s from t",
    "select * exclude (job) replace (age + 1 as age), age from t asof join u on t.id = u.id and t.x >= u.x",
    "select id, row_number() over w as n from t window w as (partition by job order by id) qualify n = 1",
    "select x.y as z, try_cast(job as integer) as j, job collate nocase as c, (age, id) as b from t tablesample 10%",
    "select id, true as a, false as b, null as c, job like 'A%' as d, job ilike 'a_' as e from t group by all",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_capitals_and_blanks_outside_of_texts_mean_nothing(sql: str) -> None:
    shouted = "".join(part if part.startswith("'") else part.upper() for part in re.split(r"('[^']*')", sql))
    spread = sql.replace(" ", "\n  ")
    commented = sql.replace(" ", " /* x */ ") + " -- the end"

    assert query_shape(sql, FUNCTIONS)[1] is None
    assert shouted != sql
    assert query_shape(shouted, FUNCTIONS) == query_shape(sql, FUNCTIONS)
    assert query_shape(spread, FUNCTIONS) == query_shape(sql, FUNCTIONS)
    assert query_shape(commented, FUNCTIONS) == query_shape(sql, FUNCTIONS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select id from t", 'select "id" from t'),
        ("select (age + 1) as a from t", "select age + 1 as a from t"),
        ("select age as age from t", "select age from t"),
        ("select age::bigint as a from t", "select age as a from t"),
    ],
)
def test_other_spellings_of_the_same(one: str, other: str) -> None:
    assert query_shape(one, FUNCTIONS) == query_shape(other, FUNCTIONS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("age + 1", "age - 1"), ("age + 1", "1 + age + 1"), ("age", "agee"), ("'a'", "'A'"), ("'1'", "1"), ("1", "1.0"),
        ("true", "false"), ("null", "false"), ("age > 1", "age >= 1"), ("age is null", "age is not null"),
        ("age in (1, 2)", "age not in (1, 2)"), ("age in (1, 2)", "age in (1, 3)"), ("upper(job)", "lower(job)"),
        ("round(age, 1)", "round(age, 2)"), ("age::integer + 1", "age::double + 1"), ("interval 3 days",
        "interval 3 months"),
        ("sum(age)", "sum(distinct age)"), ("sum(age)", "sum(age) filter (where age > 1)"), ("sum(age)",
        "sum(age) over ()"),
        ("sum(age) over (order by id)", "sum(age) over (order by id desc)"), ("first(age order by id)",
        "first(age order by job)"),
        ("sum(age) over (order by id rows 2 preceding)", "sum(age) over (order by id rows 3 preceding)"),
        ("case when age > 1 then 1 else 0 end", "case when age > 1 then 1 end"), ("job like 'a'", "job ilike 'a'"),
        ("list[1]", "list[2]"), ("{'a': 1}", "{'b': 1}"), ("t.age", "u.age"), ("age ** 2", "age // 2"),
        ("try_cast(job as integer) + 1", "cast(job as integer) + 1"),
        ("strange_function(age)", "other_function(age)"), ("strange_function(age)", "strange_function(age, 1)"),
    ],
)  # fmt: skip
def test_another_expression_changes_that_projection_and_no_other(old: str, new: str) -> None:
    before, after = (query_shape(f"select id, {e} as x from t join u on true", FUNCTIONS)[0] for e in (old, new))

    assert before.rest == after.rest
    assert before.projections["id"] == after.projections["id"]
    assert before.projections["x"] != after.projections["x"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from t", "from u"), ("from t", "from t where true"), ("from t where true", "from t where false"),
        ("from t join u on t.id = u.id", "from t left join u on t.id = u.id"), ("from t, u", "from u, t"),
        ("from t join u on t.id = u.id", "from t join u on t.id = u.i"), ("from t limit 1", "from t limit 2"),
        ("from t limit 1", "from t limit 1 offset 1"), ("from t order by x limit 1", "from t order by x desc limit 1"),
        ("from t", "from t group by id, x"), ("from t group by id, x", "from t group by id"),
        ("from t group by id", "from t group by id having count(*) > 1"), ("from t",
        "from t qualify row_number() over () = 1"),
        ("from t", "from t tablesample 10%"), ("from t", "from (select * from t where a)"), ("from t",
        "from t union from u"),
        ("from t union from u", "from t union all from u"), ("from range(3)", "from range(4)"),
        ("from t semi join u using (id)", "from t anti join u using (id)"), ("from t", "from t, unnest([1, 2])"),
    ],
)  # fmt: skip
def test_other_rows_change_the_rest(old: str, new: str) -> None:
    before, after = (query_shape(f"select id, x {rows}", FUNCTIONS)[0] for rows in (old, new))

    assert before.rest != after.rest


def test_distinct_changes_the_rest() -> None:
    assert (
        query_shape("select a from t", FUNCTIONS)[0].rest != query_shape("select distinct a from t", FUNCTIONS)[0].rest
    )


def test_a_new_projection_leaves_the_rest_as_it_is() -> None:
    before, after = (
        query_shape(f"select id{more} from t where age > 3", FUNCTIONS)[0] for more in ("", ", age + 1 as k")
    )

    assert before.rest == after.rest
    assert after.projections.keys() - before.projections.keys() == {"k"}
    assert "k" in after.additive


def test_a_count_turns_all_rows_into_one_and_is_never_additive() -> None:
    before = query_shape("select 1 as k from t", FUNCTIONS)[0]
    after = query_shape("select 1 as k, count(*) as n from t", FUNCTIONS)[0]

    assert before.rest == after.rest
    assert "n" not in after.additive


@pytest.mark.parametrize(
    "expression",
    [
        "age + 1", "upper(job)", "case when age > 3 then 'a' end", "coalesce(age, 0)", "age::double", "'x'", "null",
        "{'a': age}",
        "list[1]", "list_contains(l, 3)", "md5(job)", "age between 1 and 2", "strftime(seen, '%Y')",
        "concat_ws('-', job, age)",
        "regexp_extract(job, 'a')", "age is distinct from 3", "try_cast(job as integer)", "array_length(l)", "age ** 2",
    ],
)  # fmt: skip
def test_scalar_projections_are_additive(expression: str) -> None:
    assert additive(f"select id, {expression} as k from t") >= {"k"}


@pytest.mark.parametrize(
    "expression",
    [
        "count(*)", "1 + count(*)", "coalesce(max(age), 0)", "count(*) over ()", "lag(age) over (order by id)",
        "unnest(l)",
        "1 + unnest(l)", "generate_subscripts(l, 1)", "(select max(age) from t)", "exists (select 1 from u)",
        "age in (select id from u)", "unknown_function(age)", "list(age)", "string_agg(job, ',')", "any_value(age)",
        "columns('a.*')", "columns(*)", "arg_max(age, id)", "histogram(age)", "[x for x in (select 1)]",
        "array(select 1)",
    ],
)  # fmt: skip
def test_what_may_change_rows_is_not_additive(expression: str) -> None:
    assert additive(f"select id, {expression} as k from t") & {"k"} == set()


@pytest.mark.parametrize("name", sorted(n for n in FUNCTIONS.aggregate if n.isidentifier()))
def test_no_aggregate_of_the_engine_is_additive(name: str) -> None:
    for arguments in ("age", "age, id", "age, 0.5, 3"):
        shape, _problem = query_shape(f"select id, {name}({arguments}) as k from t", FUNCTIONS)
        assert "k" not in shape.additive


@pytest.mark.parametrize(
    "sql",
    [
        "select id, age + 1 as k from t order by k limit 3", "select id, age + 1 as k from t where k > 3",
        "select id, age + 1 as k from t qualify row_number() over (order by k) = 1",
        "select age + 1 as k, k * 2 as j from t",
        "select id % 2 as k, count(*) as n from t group by k",
        "select id, age as k from t group by id, age having k > 1",
        "select id, age as K from t order by k", 'select id, age as "k" from t order by K',
        "select distinct id, age as k from t", "select distinct on (id) id, age as k from t",
        "select id, age as k from t group by all", "select id, age as k from t group by 1, 2",
        "select id, age as k from t order by 2",
        "select id, age as k from t order by all limit 3", "select id, age as k from t union select id, age from u",
        "select id, {'a': age} as k from t order by k.a limit 1", "select k: age, j: k + 1 from t",
        "select id, age as k from t where exists (select 1 from u where u.id = k)",
    ],
)  # fmt: skip
def test_a_projection_that_the_query_speaks_of_is_not_additive(sql: str) -> None:
    assert "k" not in {name.lower() for name in additive(sql)}


def test_stars_are_not_additive_and_what_stands_beside_them_is() -> None:
    assert additive("select *, age + 1 as k from t") == {"k"}
    assert additive("select t.*, age + 1 as k from t") == {"k"}
    assert additive("select * replace (k as age), 3 as k from t") == set()


def test_names_within_a_table_of_the_from_clause_are_others() -> None:
    assert "k" in additive("select id, age as k from (select id, age, 3 as k from t where k > 1) as s")
    assert "k" in additive("with a as (select id, age from t order by k) select id, age as k from a")


def test_what_is_not_understood_is_compared_as_text_without_comments_blanks_and_capitals() -> None:
    one, problem = query_shape("select id, X'aa'::blob as key -- a\n from  T", FUNCTIONS)
    other, _problem = query_shape("SELECT id, x'aa'::blob AS key\nFROM t", FUNCTIONS)
    changed, _problem = query_shape("SELECT id, x'aa'::blob AS \"Key\"\nFROM t", FUNCTIONS)

    assert problem
    assert "\n" not in problem
    assert one == other
    assert one.projections == {}
    assert one.rest != changed.rest
