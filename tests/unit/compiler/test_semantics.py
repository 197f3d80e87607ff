"""What a query means: which texts mean the same, which do not, and which projections can come or go."""

from __future__ import annotations

import re

import pytest

from mlproj.compiler.semantics import wording, FunctionNames, condition_meaning, query_meaning
from mlproj.state import Column
from tests.unit.compiler.meanings import BINDER, FUNCTIONS, RELATIONS, computed, meaning, problems

UNDERSTOOD = [
    "select id, a + 1 as k from t where a > 3 and not (s is null) order by a desc nulls first limit 3",
    "select id, count(*) filter (where a > 1) as n from t group by id having count(*) > 2",
    "select id, sum(a) over (partition by s order by id rows between 2 preceding and current row) as x from t",
    "select distinct on (t.id) t.id, cast(t.a as decimal(10, 2)) as k from t left join u using (id)",
    "with p as (select * from t), q as (select id from p) select p.id, q.id as other from p join q on p.id = q.id",
    "select id, d + interval 3 days as later, extract(year from d) as y, date_trunc('month', d) as m from t",
    "select id, case when a between 1 and 2 then 1 else 0 end as k from t union all from (select 1, 2)",
    "select id, list_transform(l, lambda x : x + a) as k, [x * 2 for x in l if x > id] as m, {'a': 1} as r from t",
    "select list_filter(l, x -> x > 1) as f, list_reduce(l, lambda x, y: x + y) as r from t",
    "select * exclude (l, st) replace (a + 1 as a) rename (s as text) from t",
    "select t.a, u.c from t asof join u on t.id = u.id and t.a >= u.a",
    "select t.a, u.c from t positional join u",
    "select t.a from t semi join u using (id)",
    "select t.a from t anti join u on t.id = u.id",
    "select id, u.c from t natural join (select id, c from u) as u",
    "select id, row_number() over w as n from t window w as (partition by s order by id) qualify n = 1",
    "select lag(a ignore nulls) over (order by b rows between 1 preceding and 1 following exclude ties) as k from t",
    "select st.x as k, t.st.y as m, st['x'] as n, l[1] as o, l[1:2] as p, (st).y as q, s.upper().lower() as r from t",
    "select j->>'a' as k, j->'$.b' as m, coalesce(j->>'c', 'd') as n, j->0 as o from t",
    "select a, s, count(*) as n, grouping(a) as g from t group by grouping sets ((a), (a, s), ())",
    "select a, s, count(*) as n from t group by rollup (a, s)",
    "select a, s, count(*) as n from t group by cube (a, s)",
    "select a % 2 as k, count(*) as n from t group by all",
    "select a % 2 as k, count(*) as n from t group by 1 having n > 2",
    "select id, (select max(c) from u where u.id = t.id) as m, exists (from u where u.a = t.a) as e from t",
    "select a in (select a from u) as i, a = any(select a from u) as y, a > all(select a from u) as z from t",
    "select array(select a from u order by a) as z from t",
    "select id from t where (a, b) in (select a, c from u) and s not in ('a')",
    "select id, unnest(l) as k from t",
    "select id, v from t, unnest(l) as q(v)",
    "select r.range as k, id from t, range(3) as r",
    "select i from generate_series(1, 3) as r(i)",
    "select v.p, v.q from (values (1, 2), (3, 4)) as v(p, q)",
    "with v(p, q) as (values (1, 2)) select p + q as r from v",
    "select id, q.k from t, lateral (select max(c) as k from u where u.id = t.id) as q",
    "select id, q.k from t left join lateral (select c as k from u where u.id = t.id) as q on true",
    "select * from (pivot (select a, s, b from t) on s in ('x', 'y') using sum(b) group by a)",
    "with p as (pivot t on s in ('x', 'y') using sum(b) group by a) select a, x + 1 as k from p",
    "select a, x, y from (select a, s, b from t) pivot (sum(b) for s in ('x', 'y') group by a)",
    "select * from (unpivot (select id, a, small::bigint as c from t) on a, c into name n value v)",
    "with recursive r(n) as (select 1 union all select n + 1 from r where n < 3) select n from r",
    "select a from t union select a from u",
    "select a from t union all by name select c, a from u order by a limit 2",
    "select a from t except all select a from u",
    "select a from t intersect select a from u order by 1",
    "(select a from t order by a limit 2) union all (select a from u order by c limit 1)",
    "select string_agg(s, ',' order by a) as x, list(a order by b desc) as y, count(distinct a) as z from t",
    "select arg_max(a, b) as w, quantile_cont(b, 0.5) as q, first(a order by id) as f, geomean(b) as g from t",
    "from t select k: a + 1, id",
    "select t from t",
    "select a, b as k, k + 1 as m from t where k > 3",
    "select columns('i.*') from t",
    "select max(columns(*)) from (select a, b from t)",
    "select count(*) over () as c, sum(count(*)) over () as d from t group by a",
    "select trim(both 'x' from s) as q, position('a' in s) as p, substring(s from 1 for 2) as r from t",
    "select s like 'a%' as k, s similar to 'a' as m, s like 'a!%' escape '!' as n, s ~ 'b' as o from t",
    "select s collate nocase as k, d at time zone 'UTC' as m, a is not distinct from b as n, a // 2 as o from t",
    "select map {'a': a} as k, (a, b) as m, row(a, b) as n, a & 1 as o, s || 'x' as p, -a as q, ~a as v from t",
    'select cast(st as struct("x" bigint, "y" varchar)) as k, l::int[] as n, try_cast(s as int) as o from t',
    "select date '2020-01-01' as k, timestamp '2020-01-01' as m, interval '1' day as n, 1e3 as o, e'\\n' as p from t",
    "select if(a > 1, 2, 3) as k, ifnull(a, 2) as m, nullif(a, 1) as n, greatest(a, 2) as o, a.round(1) as p from t",
    "select id from t tablesample reservoir(10%) repeatable (3)",
    "select \"ID\", T.A from T",
]  # fmt: skip


@pytest.mark.parametrize("sql", UNDERSTOOD)
def test_capitals_blanks_and_comments_outside_of_texts_mean_nothing(sql: str) -> None:
    shouted = "".join(p if p.startswith(("'", '"')) else p.upper() for p in re.split(r"('[^']*'|\"[^\"]*\")", sql))
    shouted = shouted.replace("E'", "e'")
    spread = sql.replace(" ", "\n  ")
    commented = sql.replace(" ", " /* x */ ") + " -- the end"
    found = meaning(sql)

    assert problems(found) == []
    for other in (shouted, spread, commented):
        assert (meaning(other).rows, computed(meaning(other))) == (found.rows, computed(found))


SAME = [
    ("select id from t where 0 < a", "select id from t where a > 0"),
    ("select id from t where a > 0 and b < 3", "select id from t where b < 3 and 0 < a"),
    ("select id from t where a > 0 and (b < 3 and s = 'x')", "select id from t where (b < 3 and 0 < a) and 'x' = s"),
    ("select a = b or flag as k from t", "select flag or b = a as k from t"),
    ("select a <> b as k from t", "select b != a as k from t"),
    ("select id from t", "select x.id from t as x"),
    ("select (a + 1) as k from t", "select a + 1 as k from t"),
    ("with q as (select * from t) select id from q", "select id from t"),
    ("with q as (select id, a + 1 as k from t where b > 1) select k, id from q where k > 3",
     "select a + 1 as k, id from t where b > 1 and a + 1 > 3"),
    ("select id, k from (select id, count(*) as k from t group by id)", "select id, count(*) as k from t group by 1"),
    ("select id, k + 1 as k from (select id, count(*) as k from t group by all)",
     "select id, count(*) + 1 as k from t group by id"),
    ("select t.id, u.c from t join u using (id)", "select t.id, u.c from t join u on u.id = t.id"),
    ("select t.id, u.c from t join u using (id)", "select t.id, u.c from t, u where u.id = t.id"),
    ("select id, u.c from t natural join (select id, c from u) u", "select t.id, u.c from t join u on t.id = u.id"),
    ("select id, c from t left join u using (id)", "select t.id, c from t left join u on t.id = u.id"),
    ("select id, c from t right join u using (id)", "select u.id, c from t right join u on t.id = u.id"),
    ("select id, c from t full join u using (id)",
     "select coalesce(t.id, u.id) as id, c from t full join u on t.id = u.id"),
    ("select id from t order by a", "select id from t"),
    ("select a from (select a from t order by b) order by a", "select a from t"),
    ("select count(id) as n from (select id from t order by a)", "select count(id) as n from t"),
    ("select id, a::bigint as a from t", "select id, a from t"),
    ("select id, small::double as k from t", "select id, small as k from t"),
    ("select id, sum(a) over w as k from t window w as (partition by b order by id)",
     "select id, sum(a) over (partition by b order by id) as k from t"),
    ("select a, count(*) n from t group by a, b", "select a, count(*) n from t group by b, a"),
    ("select t.id, m.k from t left join (select id, max(c) as k from u group by id) m using (id)",
     "with m as (select id, max(c) as k from u group by id) select t.id, m.k from t left join m on m.id = t.id"),
    ("select q.id from (select id, a from t where a > 1) q left join u using (id)",
     "select t.id from t left join u using (id) where t.a > 1"),
    ("select a from t union select a from u",
     "with x as (select a from t), y as (select a from u) select * from (select a from x union select a from y)"),
    ("select id, row_number() over (order by id) r from t qualify r = 1",
     "select id, row_number() over (order by id) r from t qualify row_number() over (order by id) = 1"),
    ("select distinct a from t", "select * from (select distinct a from t)"),
    ("select t.s, t.a from t as o, t join u using (s)", "select t.s, t.a from t as o, t join u on t.s = u.s"),
    ("select (select max(c) from u where u.id = t.id) as k from t",
     "select (select max(z.c) from u as z where t.id = z.id) as k from t"),
    ("select id, b from t where id in (select id from u where c > 1)",
     "select id, b from t where id in (select x.id from u as x where 1 < x.c)"),
    ("select * exclude (l, st, j, d, s, flag, small) from t", "select id, a, b from t"),
    ("select list_transform(l, x -> x + 1) as k from t", "select list_transform(l, lambda y: y + 1) as k from t"),
    ("select a, sum(b) as k from (select * from t where id > 3) group by a",
     "select a, sum(b) as k from t where id > 3 group by a"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_other_words_for_the_same(one: str, other: str) -> None:
    first, second = meaning(one), meaning(other)

    assert problems(first) == problems(second) == []
    assert (first.rows, computed(first)) == (second.rows, computed(second))


DIFFERENT = [
    ("select a from t", "select distinct a from t"),
    ("select a from t", "select a from t limit 1"),
    ("select a from t union all select a from u", "select a from t union select a from u"),
    ("select t.a from t join u on t.id = u.id", "select t.a from t left join u on t.id = u.id"),
    ("select x.a from t x, t y where x.id > y.id", "select y.a from t x, t y where x.id > y.id"),
    ("select t.id from t left join (select id as i, c from u where c > 1) q on q.i = t.id",
     "select t.id from t left join (select id as i, c from u) q on q.i = t.id where c > 1"),
    ("select t.id, k from t left join (select id as i, 1 as k from u) q on q.i = t.id",
     "select t.id, 1 as k from t left join u q on q.id = t.id"),
    ("select t.id, k from t left join (select id as i, coalesce(c, 0) as k from u) q on q.i = t.id",
     "select t.id, coalesce(q.c, 0) as k from t left join u q on q.id = t.id"),
    ("select q.id from (select id, a from t where a > 1) q right join u using (id)",
     "select t.id from t right join u using (id) where t.a > 1"),
    ("select a from t where s = 'x'", "select a from t where s = 'X'"),
    ("select count(a) as n from t", "select count(*) as n from t"),
    ("select a // 2 as k from t", "select a / 2 as k from t"),
    ("select list(id) as k from (select id from t order by a)",
     "select list(id) as k from (select id from t order by b)"),
    ("select list(id) as k from (select id from t order by a)", "select list(id) as k from t"),
    ("select sum(b) as k from (select b from t order by a)", "select sum(b) as k from t"),
    ("select a from (select a from t order by b) limit 3", "select a from t limit 3"),
    ("select sum(a) as k, id from t group by id", "select sum(a) as k, 1 as id from t"),
    ("select id from t where a in (select a from u)", "select id from t where a not in (select a from u)"),
    ("select max(a) over (partition by b) as k from t", "select max(a) over (order by b) as k from t"),
    ("select a from t tablesample reservoir(10%) repeatable (1)",
     "select a from t tablesample reservoir(10%) repeatable (2)"),
    ("select a from t where a = a", "select a from t"),
    ("select j->'a.b' as k from t", "select j->'$.a.b' as k from t"),
    ("select l[0] as k from t", "select l[-1] as k from t"),
    ("select l[0] as k from t", "select l[1] as k from t"),
    ("select arbitrary(a) as k from t", "select any_value(a) as k from t"),
    ("select {'a': a} as k from t", "select {'A': a} as k from t"),
    ("select s collate nocase as k from t", "select s as k from t"),
    ("select a from (select a from t limit 3) where a > 1", "select a from (select a from t where a > 1) limit 3"),
    ("select id from t semi join (select id from u where a > 1) q using (id)",
     "select id from t semi join u using (id)"),
    ("select sum(b) as k from t", "select sum(distinct b) as k from t"),
    ("select quantile_cont(a, 0.5) as k from t", "select quantile_disc(a, 0.5) as k from t"),
    ("select id from (select id, unnest(l) as k from t)", "select id from t"),
    ("select a from t group by a", "select a from t"),
    ("select max(a) as k from t group by id", "select max(a) as k from t group by b"),
    ("select id, sum(n) over () as k from (select id, count(*) as n from t group by id)",
     "select id, sum(n) over () as k from (select id, count(*) as n from t where a > 1 group by id)"),
    ("select a + 1 as k from t", "select small + 1 as k from t"),
    ("select a::float as k from t", "select a::double as k from t"),
    ("select try_cast(s as int) as k from t", "select cast(s as int) as k from t"),
    ("select (a + small)::int + 1 as k from t", "select (a + small)::double + 1 as k from t"),
    ("select interval 3 days as k from t", "select interval 3 months as k from t"),
    ("select first(a order by id) as k from t", "select first(a order by s) as k from t"),
    ("select case when a > 1 then 1 else 0 end as k from t", "select case when a > 1 then 1 end as k from t"),
    ("select -a as b, a from t order by b limit 1", "select -a as b, a from t order by t.b limit 1"),
    ("select a from t order by a limit 1", "select a from t order by a desc limit 1"),
    ("select a from t order by a limit 1", "select a from t order by a nulls first limit 1"),
    ("select 1 as k from t", "select 1 as k from t, u"),
    ("select 1 as k from t", "select 1 as k from t, unnest([1, 2])"),
    ("select a from t except select a from u", "select a from u except select a from t"),
    # A comma binds less than a JOIN.
    ("select w.id from t, u right join u as w on u.id = w.id",
     "select w.id from t cross join u right join u as w on u.id = w.id"),
    # In DuckDB COLLATE binds more than `||`, which the parser sees otherwise.
    ("select s || 'b' collate nocase as k from t", "select (s || 'b') collate nocase as k from t"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_meaning(one: str, other: str) -> None:
    first, second = meaning(one), meaning(other)

    assert problems(first) == problems(second) == []
    assert (first.rows, computed(first)) != (second.rows, computed(second))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a + 1", "a - 1"), ("a + 1", "1 + a + 1"), ("a", "b"), ("'a'", "'A'"), ("'1'", "1"), ("1", "1.0"),
        ("true", "false"), ("null", "false"), ("a > 1", "a >= 1"), ("a is null", "a is not null"),
        ("a in (1, 2)", "a not in (1, 2)"), ("a in (1, 2)", "a in (1, 3)"), ("upper(s)", "lower(s)"),
        ("round(b, 1)", "round(b, 2)"), ("sum(a) over (order by id)", "sum(a) over (order by id desc)"),
        ("sum(a) over (order by id rows 2 preceding)", "sum(a) over (order by id rows 3 preceding)"),
        ("s like 'a'", "s ilike 'a'"), ("l[1]", "l[2]"), ("t.a", "u.a"), ("a ** 2", "a // 2"), ("u.c", "t.b"),
    ],
)  # fmt: skip
def test_another_expression_changes_that_column_and_nothing_else(old: str, new: str) -> None:
    frame = "select t.id, {} as k from t join (select id as i, c, a as ua from u) as w on true join u on true"
    before, after = (meaning(frame.format(re.sub(r"(?<![.\w])(id|a|s|b)(?!\w|')", r"t.\1", e))) for e in (old, new))

    assert before.rows == after.rows
    assert before.columns["id"] == after.columns["id"]
    assert before.columns["k"].computed != after.columns["k"].computed


ADDITIVE = [
    ("select id{} from t", "a + 1"), ("select id{} from t", "upper(s)"), ("select id{} from t", "'x'"),
    ("select id{} from t", "null"), ("select id{} from t", "row_number() over (order by a)"),
    ("select id{} from t", "(select max(c) from u)"), ("select id{} from t", "exists (from u where u.id = t.id)"),
    ("select id{} from t", "list_contains(l, 3)"), ("select id{} from t", "md5(s)"),
    ("select id{} from t", "{'a': a}"), ("select id{} from t limit 3", "b"),
    ("select id{} from t order by a limit 3", "b"),
    ("select id, count(*) as n{} from t group by id", "max(a)"), ("select max(a) as n{} from t", "count(*)"),
    ("select id, a, count(*) as n{} from t group by all", "sum(b)"), ("select distinct on (id) id{} from t", "a"),
    ("with q as (select id, sum(a) as x{} from t group by id) select q.id, x{} from q join u using (id)", "max(a)"),
    ("with q as (select id{} from t) select id{} from q", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "expression"), ADDITIVE)
def test_a_projection_that_keeps_the_rows_changes_nothing_else(frame: str, expression: str) -> None:
    outer = f", {expression} as k" if frame.count("{}") == 1 else ", k"
    before, after = meaning(frame.replace("{}", "")), meaning(
        frame.replace("{}", f", {expression} as k", 1).replace("{}", outer)
    )  # fmt: skip

    assert problems(after) == []
    assert before.rows == after.rows
    assert {name: after.columns[name].computed for name in before.columns} == {
        name: column.computed for name, column in before.columns.items()
    }


@pytest.mark.parametrize(("before", "after"), [
    ("select 1 as k from t", "select 1 as k, count(*) as n from t"),
    ("select id from t", "select id, unnest(l) as k from t"),
    ("select id from t", "select id, 1 + unnest(l) as k from t"),
    ("select id from t", "select id, generate_subscripts(l, 1) as k from t"),
    ("select id, count(*) as n from t group by all", "select id, count(*) as n, a as k from t group by all"),
    ("select distinct id from t", "select distinct id, a as k from t"),
    ("select id from t union select id from u", "select id, a as k from t union select id, a from u"),
    ("select id from t order by all limit 3", "select id, a as k from t order by all limit 3"),
])  # fmt: skip
def test_a_projection_that_changes_the_rows(before: str, after: str) -> None:
    assert meaning(before).rows != meaning(after).rows


@pytest.mark.parametrize("name", sorted(n for n in FUNCTIONS.aggregate if n.isidentifier()))
def test_every_aggregate_of_the_engine_makes_one_row_of_all(name: str) -> None:
    """Whatever is bound to it; the engine is not asked whether the arguments fit."""
    outputs = [Column(name="k", type="BIGINT"), Column(name="n", type="BIGINT")]
    before = query_meaning("select 1 as k from t", RELATIONS, FUNCTIONS, outputs[:1])
    for arguments in ("a", "a, id", "a, 0.5, 3"):
        after = query_meaning(f"select 1 as k, {name}({arguments}) as n from t", RELATIONS, FUNCTIONS, outputs)
        assert before.rows != after.rows


def test_a_function_that_nobody_knows_may_do_anything_to_the_rows() -> None:
    nothing = FunctionNames(frozenset(), frozenset(), frozenset())
    outputs = [Column(name="id", type="BIGINT"), Column(name="k", type="BIGINT")]
    before = query_meaning("select id from t", RELATIONS, nothing, outputs[:1])
    after = query_meaning("select id, strange(a) as k from t", RELATIONS, nothing, outputs)

    assert before.rows != after.rows


@pytest.mark.parametrize(("sql", "uses", "row_uses"), [
    ("select a + b as k from t where s = 'x'", {"t.a", "t.b"}, {"t.*", "t.s"}),
    ("select 1 as k from t", set(), {"t.*"}),
    ("select count(*) as k from t group by a", set(), {"t.*", "t.a"}),
    ("select c as k from t left join u using (id)", {"u.c"}, {"t.*", "t.id", "u.*", "u.id"}),
    ("select (select max(c) from u where u.id = t.a) as k from t", {"u.c", "u.id", "u.*", "t.a"}, {"t.*"}),
    ("with q as (select id, max(c) as m from u where s = 'x' group by id) select m as k from t join q using (id)",
     {"u.c", "u.id", "u.s", "u.*"}, {"t.*", "t.id", "u.*", "u.id", "u.s"}),
    ("select a as k from (select a, s from t) where s = 'x' order by a", {"t.a"}, {"t.*", "t.s"}),
])  # fmt: skip
def test_exactly_the_columns_that_are_used(sql: str, uses: set[str], row_uses: set[str]) -> None:
    found = meaning(sql)

    assert (set(found.columns["k"].uses), set(found.row_uses)) == (uses, row_uses)


@pytest.mark.parametrize(("sql", "expression"), [
    ("select a + 1 as k from t", "t.a + 1"),
    ("with q as (select a + 1 as m from t) select m * 2 as k from q", "(t.a + 1) * 2"),
    ("select case when a > 1 then 'x' end as k from t", "CASE WHEN t.a > 1 THEN 'x' END"),
    ("select sum(a) filter (where b > 1) as k from t", "sum(t.a) FILTER (WHERE t.b > 1)"),
    ("select small::bigint as k from t", "t.small"),
    ("select row_number() over (partition by a order by b desc) as k from t",
     "row_number() OVER (PARTITION BY t.a ORDER BY t.b DESC)"),
    ("select (a > 1 or b > 2) and flag as k from t", "(t.a > 1 OR t.b > 2) AND t.flag"),
])  # fmt: skip
def test_the_expression_reads_like_sql_of_the_sources(sql: str, expression: str) -> None:
    assert meaning(sql).columns["k"].expression == expression


@pytest.mark.parametrize(
    ("symbol", "alone", "whole"),
    [
        ("income@1.age", "age", "income@1.age"),
        ("source:census.education.num", '"education.num"', 'census."education.num"'),
        ("source:census.alter_größe", "alter_größe", "census.alter_größe"),
        ("source:census.1st", '"1st"', 'census."1st"'),
    ],
)
def test_a_column_is_shown_as_one_writes_it(symbol: str, alone: str, whole: str) -> None:
    assert (wording.column(symbol, whole=False), wording.column(symbol, whole=True)) == (alone, whole)


def test_the_rows_read_like_sql_of_the_sources() -> None:
    found = meaning(
        "with q as (select * from t where a > 1) select q.s, count(*) as n from q join u using (id) group by all"
    )

    assert found.row_text == "FROM t CROSS JOIN u WHERE t.a > 1 AND t.id = u.id GROUP BY t.s"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "with recursive r as (select 1 as a union all select a + 1 from r where a < 5) select a from r",
            "FROM ((SELECT 1) UNION ALL (SELECT a + 1 FROM r WHERE a < 5))",
        ),
        ("select t.id from t, lateral (select t.a + 1 as q)", "FROM t CROSS JOIN (SELECT t.a + 1)"),
        ("select id from (select distinct id, a from t) where a > 1", "FROM (FROM t DISTINCT) WHERE t.a > 1"),
    ],
)
def test_a_query_in_from_is_shown_as_it_would_be_written(sql: str, expected: str) -> None:
    assert meaning(sql).row_text == expected


@pytest.mark.parametrize(("sql", "word", "what"), [
    ("select now() as k from t", "now", "now"),
    ("select id from t where d < current_date", "current_date", "current_date"),
    ("select a, random() as k from t", "random", "random"), ("select 2 * uuid()::varchar as k from t", "uuid", "uuid"),
    ("with q as (select id, today() as k from t) select k from q", "today", "today"),
    ("select (select max(id) from u where random() > 1) as k from t", "random", "random"),
    ("select id from t tablesample 10%", "tablesample", "SAMPLE without REPEATABLE"),
    ("select id from t limit 10", "limit", "LIMIT without ORDER BY"),
])  # fmt: skip
def test_what_is_another_at_each_run_is_told_with_its_place(sql: str, word: str, what: str) -> None:
    sql = sql.replace("uuid()::varchar", "length(uuid()::varchar)")
    notes = [note for note in meaning(f"-- a comment\n{sql}").notes if note.kind == "not_deterministic"]

    assert [(note.what, note.position) for note in notes] == [(what, f"-- a comment\n{sql}".index(word))]


def test_two_random_numbers_are_two_and_one_is_one() -> None:
    once = meaning("with q as (select id, random() as r from t) select r + r as k from q")
    twice = meaning("select random() + random() as k from t")

    assert once.columns["k"].computed != twice.columns["k"].computed


def test_what_is_not_understood_is_compared_as_text_without_comments_blanks_and_capitals() -> None:
    one = meaning("select id, #2 as key -- a\n from  T")
    other, changed = meaning("SELECT id, #2 AS key\nFROM t"), meaning("SELECT id, #2 AS key FROM t where true")

    assert problems(one) == ["positional column"]
    assert one.model_copy(update={"notes": ()}).rows == other.rows != changed.rows
    assert one.columns["key"].computed == other.columns["key"].computed != changed.columns["key"].computed
    assert set(one.columns["key"].uses) == {f"{r}.{c.name}" for r, columns in RELATIONS.items() for c in columns} | {
        "t.*",
        "u.*",
    }


def test_a_condition_means_what_it_means_and_names_its_columns() -> None:
    names = {"age": Column(name="income@1.age", type="BIGINT"), "job": Column(name="jobs@1.name", type="VARCHAR")}
    found = condition_meaning("age > 3 and job = 'x'", names, FUNCTIONS)

    assert found == condition_meaning("('x' = JOB) AND -- a\n 3 < age", names, FUNCTIONS)
    assert found.fingerprint != condition_meaning("age >= 3 and job = 'x'", names, FUNCTIONS).fingerprint
    assert found.uses == ("income@1.age", "jobs@1.name")
    assert condition_meaning("age > 3", names, FUNCTIONS).uses == ("income@1.age",)


def test_a_query_that_grows_beyond_measure_is_compared_as_text() -> None:
    ctes = ["q0 as (select id, count(*) as n from t group by id)"]
    ctes += [
        f"q{i} as (select a.id, max(b.n) as n from q{i - 1} a join q{i - 1} b using (id) group by a.id)"
        for i in range(1, 14)
    ]
    sql = f"with {', '.join(ctes)} select id, n from q13"

    assert problems(query_meaning(sql, RELATIONS, FUNCTIONS, BINDER.describe("select id, a as n from t")))


@pytest.mark.parametrize("key", ["1", "upper('x')", "random()", "case when true then 'a' end"])
def test_group_by_all_takes_no_constant_for_a_key(key: str) -> None:
    """Of an empty table `group by 1` gives no row, and ALL, which finds no key here, one row."""
    by_all, by_key = (meaning(f"select {key} as k, max(a) as m from t group by {part}") for part in ("all", "1"))

    assert problems(by_all) == []
    assert by_all.rows != by_key.rows
    assert by_all.rows == meaning(f"select {key} as k, max(a) as m from t").rows


@pytest.mark.parametrize("key", ["a", "a + 1", "t.a", "st.x", "upper(s)", "s", "q"])
def test_group_by_all_is_resolved_to_its_keys(key: str) -> None:
    source = "t" if key != "q" else "(select 1 as q, a from t) as t"
    by_all, by_key = (meaning(f"select {key} as k, max(a) as m from {source} group by {part}") for part in ("all", "1"))

    assert problems(by_all) == []
    assert by_all.rows == by_key.rows


def test_under_group_by_all_the_columns_of_having_are_keys_too() -> None:
    named, by_all = (f"select a + b as k from t group by {keys} having a + b > 0" for keys in ("1", "all"))
    assert meaning(named).rows != meaning(by_all).rows
    assert problems(meaning(by_all)) == []


@pytest.mark.parametrize("key", ["(select max(c) from u)", "[x for x in [1]]"])
def test_what_group_by_all_makes_of_a_subquery_or_a_comprehension_alone_is_not_told(key: str) -> None:
    assert problems(meaning(f"select {key} as k, max(a) as m from t group by all")) != []
    assert problems(meaning(f"select {key} as k, s, max(a) as m from t group by all")) == []


def test_a_comparison_of_a_column_with_itself_is_turned_too() -> None:
    assert meaning("select id from t where a < a").rows == meaning("select id from t where a > a").rows
    assert meaning("select id from t where a <= a").rows != meaning("select id from t where a > a").rows
