"""Whom a breaking change touches, by which path, and whom it spares, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlproj.planner import Change
from tests.unit.planner.small_project import (
    GROUP, SQL, SmallProject, changes, group, model, plan_of, published, view,
)  # fmt: skip

NODES = {
    "views": [view(), view("money", features=["pay"]), view("plain", features=["age"], label=None)],
    "models": [model(), model("rich_model", feature_view="money@1")],
}


def broken(sql: str, above: dict[str, str] | None = None, **nodes: list[dict[str, object]]) -> Change:
    """The change of income@1, where `sql` replaces its query."""
    groups = [group(), *(group(name) for name in above or {})]
    above_sql = {f"{name}@1": text for name, text in (above or {}).items()}
    before, after = (SmallProject(groups, **(NODES | nodes), sql={"income@1": s, **above_sql}) for s in (SQL, sql))
    return changes(before, after)[GROUP]


def test_who_uses_the_feature_is_affected_with_the_path_to_it() -> None:
    change = broken(SQL.replace("age", "age::DOUBLE as age"))

    assert [(a.node, a.features, a.path) for a in change.affected] == [
        ("feature_view:income@1", ("age",), ("income@1.age", "income(view)@1.age")),
        ("feature_view:plain@1", ("age",), ("income@1.age", "plain(view)@1.age")),
        ("model:income_model@1", ("age",), ("income@1.age", "income(view)@1.age", "income_model@1")),
    ]


def test_who_reads_none_of_it_is_spared_and_says_why() -> None:
    change = broken(SQL.replace("age", "age::DOUBLE as age"))

    assert {u.node: u.why for u in change.unaffected} == {
        "feature_view:money@1": "reads none of age",
        "model:rich_model@1": "reads money(view)@1, which reads none of age",
    }


def test_a_view_that_reads_none_of_several_is_spared() -> None:
    change = broken(SQL.replace("age", "age::DOUBLE as age").replace("city", "city::BLOB as city"))

    assert {u.node: u.why for u in change.unaffected}["feature_view:money@1"] == "reads none of age, city"
    assert "feature_view:plain@1" in {a.node for a in change.affected}


def test_a_change_of_the_whole_group_touches_everybody() -> None:
    before = SmallProject([group()], **NODES)
    after = SmallProject([group(event_time="seen")], **NODES)

    change = changes(before, after)[GROUP]

    assert len(change.affected) == len(NODES["views"]) + len(NODES["models"])
    assert change.unaffected == ()


def test_the_label_and_what_a_filter_reads_count_as_used() -> None:
    change = broken(
        SQL.replace("city", "city::BLOB as city"),
        views=[view(), view("filtered", filter="city is not null")],
        models=[],
    )

    assert {a.node for a in change.affected} == {"feature_view:filtered@1"}
    labels = broken(SQL.replace("rich", "rich::VARCHAR as rich"), models=[])
    assert {a.node for a in labels.affected} == {"feature_view:income@1", "feature_view:money@1"}


def test_sql_over_a_group_is_taken_to_use_all_of_it_whatever_it_calls_its_columns() -> None:
    above = {"doubled": "select id, age * 2 as twice, rich from {{ ref('income', version=1) }}"}
    reader = view("above", base="doubled@1", features=["twice"])

    change = broken(SQL.replace("age", "age::DOUBLE as age"), above, views=[reader], models=[])

    assert [a.node for a in change.affected] == ["feature_group:doubled@1", "feature_view:above@1"]
    assert all(a.path[0] == "income@1.age" for a in change.affected)


def test_what_joins_a_broken_group_and_reads_none_of_it_beside_the_key_is_spared() -> None:
    other = {"towns": "select id, age as a from {{ source('people') }}"}
    joins = [{"group": "income@1", "features": ["pay"]}]
    joined = view("both", base="towns@1", features=["a"], label=None, joins=joins)

    change = broken(SQL.replace("age", "age::DOUBLE as age"), other, views=[joined], models=[])

    assert [u.node for u in change.unaffected] == ["feature_view:both@1"]


def test_additive_changes_touch_nobody() -> None:
    change = broken(SQL.replace("rich", "rich, 1 as one"))

    assert (change.change, change.affected, change.unaffected) == ("additive", (), ())


REF = "{{ ref('income', version=1) }}"


def test_a_feature_is_followed_under_the_name_that_sql_gives_it() -> None:
    above = {"doubled": f"select id, age * 2 as twice, pay from {REF}"}
    views = [
        view("above", base="doubled@1", features=["twice"], label=None),
        view("paid", base="doubled@1", features=["pay"], label=None),
    ]

    change = broken(SQL.replace("age", "age::DOUBLE as age"), above, views=views, models=[])

    assert [(a.node, a.columns, a.path) for a in change.affected] == [
        ("feature_group:doubled@1", ("twice",), ("income@1.age", "doubled@1.twice")),
        ("feature_view:above@1", ("twice",), ("income@1.age", "doubled@1.twice", "above(view)@1.twice")),
    ]
    assert {u.node: u.why for u in change.unaffected} == {"feature_view:paid@1": "reads none of doubled@1.twice"}


def test_a_condition_of_sql_carries_a_feature_into_all_rows() -> None:
    above = {"adults": f"select id, pay from {REF} where age > 17"}
    reader = view("above", base="adults@1", features=["pay"], label=None)

    change = broken(SQL.replace("age", "age::DOUBLE as age"), above, views=[reader], models=[])

    assert [a.path for a in change.affected] == [
        ("income@1.age", "adults@1 (rows)"),
        ("income@1.age", "adults@1 (rows)", "above(view)@1 (rows)"),
    ]


def test_sql_that_leaves_the_feature_alone_is_spared_and_so_is_who_reads_it() -> None:
    above = {"paid": f"select id, pay from {REF}"}
    reader = view("above", base="paid@1", features=["pay"], label=None)

    change = broken(SQL.replace("age", "age::DOUBLE as age"), above, views=[reader], models=[])

    assert change.affected == ()
    assert {u.node: u.why for u in change.unaffected} == {
        "feature_group:paid@1": "reads none of age",
        "feature_view:above@1": "reads paid@1, which reads none of age",
    }


def test_other_rows_touch_who_only_counts_them() -> None:
    above = {"size": f"select 1 as id, count(*) as n from {REF}"}
    reader = view("above", base="size@1", features=["n"], label=None)

    change = broken(SQL + " where age > 3", above, views=[reader], models=[])

    assert [(a.node, a.path) for a in change.affected] == [
        ("feature_group:size@1", ("income@1", "size@1")),
        ("feature_view:above@1", ("income@1", "size@1", "above(view)@1")),
    ]
    assert broken(SQL.replace("age", "age::DOUBLE as age"), above, views=[], models=[]).affected == ()


def test_what_the_target_holds_of_a_dependant_is_named() -> None:
    before = SmallProject([group()], **NODES)
    state = published(before.compiled())
    newer = state.trained[0].model_copy(update={"id": "income_model@1.2", "inputs": ("pay",)})
    held = state.model_copy(
        update={
            "trained": (*state.trained, newer),
            "aliases": {"income_model@champion": "income_model@1.1", "income_model@challenger": "income_model@1.2"},
        }
    )
    after = SmallProject([group()], **NODES, sql={"income@1": SQL.replace("age", "age::DOUBLE as age")})

    change = plan_of(after, held).changes[0]

    models = {a.node: (a.model_versions, a.aliases) for a in change.affected if a.node.startswith("model:")}
    assert models == {"model:income_model@1": (("income_model@1.1",), ("income_model@champion",))}, "1.2 never read age"


def test_a_model_is_spared_what_its_view_only_passes_by() -> None:
    views = [view(passenger=["city"])]

    change = broken(SQL.replace("city", "city::BLOB as city"), views=views, models=[model()])

    assert [a.node for a in change.affected] == ["feature_view:income@1"]
    assert {u.node: u.why for u in change.unaffected} == {"model:income_model@1": "is not trained on city"}


def test_many_features_are_counted_in_a_path() -> None:
    casts = {n: f"{n}::VARCHAR as {n}" for n in ("age", "pay", "seen", "rich")}
    sql = SQL.replace("city", "city::BLOB as city")
    for name, cast in casts.items():
        sql = sql.replace(name, cast)
    everything = view(features=["age", "pay", "city", "seen"], label="rich")

    change = broken(sql, views=[everything], models=[])

    assert change.affected[0].path == (
        "income@1.age, city, pay, rich, seen",
        "income(view)@1.age, city, pay, rich, seen",
    )


CHAIN = {"doubled": f"select id, age * 2 as twice, pay from {REF}", "size": f"select 1 as id, count(*) as n from {REF}"}


def reasons(before: SmallProject, sql: str) -> dict[str, tuple[str, str]]:
    """Rule and message of the first reason of every node that changed, where `sql` replaces the query of income@1."""
    found = changes(before, replace(before, sql={**before.sql, "income@1": sql}))
    return {n: (c.reasons[0].rule, c.reasons[0].message) for n, c in found.items() if n != GROUP}


def chain(**rest: Any) -> SmallProject:
    sql = {f"{name}@1": text for name, text in CHAIN.items()} | {"income@1": SQL}
    return SmallProject([group(), *(group(name) for name in CHAIN)], **rest, sql=sql)


def test_what_is_stale_through_others_says_through_which_column() -> None:
    views = [view("above", base="doubled@1", features=["twice"], label="pay")]
    project = chain(views=views, models=[model(feature_view="above@1")])

    found = reasons(project, SQL.replace("age", "age + 1 as age"))

    assert found == {
        "feature_group:doubled@1": ("upstream_changed", "it uses income@1.age, defined otherwise now"),
        "feature_view:above@1": ("definition_changed", "it reads doubled@1.twice, defined otherwise now"),
        "model:income_model@1": (
            "training_data_changed",
            "its training dataset is made anew: it reads doubled@1.twice, defined otherwise now",
        ),
    }


def test_what_follows_the_rows_of_another_group_says_so() -> None:
    found = reasons(chain(), SQL + " where age > 3")

    assert found["feature_group:size@1"][1] == "it uses the rows of income@1, defined otherwise now"


def test_additions_upstream_make_nobody_stale() -> None:
    assert reasons(chain(), SQL.replace("rich", "rich, age + 1 as older")) == {}


def test_a_model_is_not_stale_through_what_its_view_only_passes_by() -> None:
    project = SmallProject([group()], [view(passenger=["city"])], [model()], {"income@1": SQL})

    found = reasons(project, SQL.replace("city", "upper(city) as city"))

    assert set(found) == {"feature_view:income@1"}


def test_the_key_of_a_left_join_decides_what_it_brings_and_nothing_else() -> None:
    towns = {"towns@1": "select id, age as a, city from {{ source('people') }}", "income@1": SQL}
    joins = [{"group": "income@1", "on": {"a": "id"}, "features": ["pay"], "prefix": "p_"}]
    both = view("both", base="towns@1", features=["city"], label=None, joins=joins)
    project = SmallProject([group(), group("towns")], [both], sql=towns)

    found = changes(project, replace(project, sql={**towns, "towns@1": towns["towns@1"].replace("age", "age + 1")}))

    affected = found["feature_group:towns@1"].affected
    assert [(a.node, a.columns) for a in affected] == [("feature_view:both@1", ("p_pay",))]
