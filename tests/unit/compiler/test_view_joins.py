"""Joins as of a time: what the view says of them, and joins that go through others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from mlproj.compiler.point_in_time import Joining, Moment, from_clause
from mlproj.diagnostics import ProjectError
from mlproj.planner.columns import Place, made_from
from mlproj.state import ViewNode
from tests.compilation import compile_folder, write_files

COLUMNS = {"id": "BIGINT", "shop": "VARCHAR", "seen": "TIMESTAMP", "put": "TIMESTAMP", "x": "DOUBLE", "y": "DOUBLE"}
FILES = {
    "orders.v1.sql": "select id, shop, seen, x > 3 as bad from {{ source('s') }}",
    "shops.v1.sql": "select shop, seen, put, x, y, 'r' as region from {{ source('s') }}",
    "regions.v1.sql": "select shop as region, seen, x as tax from {{ source('s') }}",
    "names.v1.sql": "select shop as region, 'n' as name from {{ source('s') }}",
}
GROUPS = [
    {"name": "orders", "primary_key": ["id"], "event_time": "seen"},
    {"name": "shops", "primary_key": ["shop"], "event_time": "seen", "created_time": "put"},
    {"name": "regions", "primary_key": ["region"], "event_time": "seen"},
    {"name": "names", "primary_key": ["region"]},
]
SHOPS = {"group": "shops@1", "features": ["y"]}


def compiled(folder: Path, *joins: dict[str, Any], groups: Any = GROUPS, **about: Any) -> ViewNode:
    view = {"name": "v", "base": "orders@1", "joins": list(joins), **about}
    sources = [{"name": "s", "path": "s.csv", "columns": COLUMNS}]
    text = yaml.safe_dump({"sources": sources, "feature_groups": groups, "feature_views": [view]})
    root = write_files(folder / "p", {**FILES, "all.yml": text})
    return compile_folder(root, folder / "cache").view("feature_view:v@1")


def messages(folder: Path, *joins: dict[str, Any], **about: Any) -> list[tuple[str, str]]:
    with pytest.raises(ProjectError) as caught:
        compiled(folder, *joins, **about)
    return [(d.code, d.message) for d in caught.value.diagnostics]


def rows(view: ViewNode, columns: str) -> list[tuple[Any, ...]]:
    engine = duckdb.connect()
    engine.execute("""
        create table "orders@1" as select id, shop, seen::timestamp as seen, false as bad from (values
            (1, 'a', '2026-01-05'), (2, 'b', '2026-01-05'), (3, 'a', '2026-01-09')) as t(id, shop, seen);
        create table "shops@1" as select shop, seen::timestamp as seen, null::timestamp as put, 0.0 as x, y, region
            from (values ('a', '2026-01-01', 1.0, 'r'), ('a', '2026-01-08', 2.0, 's'), ('b', '2026-01-01', 3.0, null))
            as t(shop, seen, y, region);
        create table "regions@1" as select region, seen::timestamp as seen, tax from (values
            ('r', '2026-01-02', 10.0), ('r', '2026-01-06', 11.0), ('s', '2026-01-01', 20.0)) as t(region, seen, tax);
        create table "names@1" as select * from (values ('r', 'red'), ('s', 'sea')) as t(region, name);
    """)
    return engine.execute(f"select id, {columns} from ({view.sql}) as v order by id").fetchall()


def test_a_join_may_go_through_columns_of_another_that_are_features_or_not(tmp_path: Path) -> None:
    regions = {"group": "regions@1", "on": {"region": "region"}, "features": ["tax"]}
    names = {"group": "names@1", "on": ["region"], "features": ["name"]}
    shown = compiled(tmp_path / "a", {**SHOPS, "features": ["y", "region"]}, regions, names)
    hidden = compiled(tmp_path / "b", SHOPS, regions, names)
    inner = compiled(tmp_path / "c", SHOPS, {**regions, "type": "inner"}, {**names, "type": "inner"})

    expected = [(1, 1.0, 10.0, "red"), (2, 3.0, None, None), (3, 2.0, 20.0, "sea")]
    assert rows(shown, "y, tax, name") == rows(hidden, "y, tax, name") == expected
    assert rows(inner, "y, tax, name") == [expected[0], expected[2]]
    assert [c.name for c in hidden.of_role("feature")] == ["y", "tax", "name"]


def test_what_goes_through_a_prefix_is_called_by_it(tmp_path: Path) -> None:
    names = {"group": "names@1", "on": {"now_region": "region"}, "features": ["name"]}

    assert rows(compiled(tmp_path, {**SHOPS, "prefix": "now_"}, names), "now_y, name")[2] == (3, 2.0, "sea")


def test_a_key_that_two_joins_bring_is_refused(tmp_path: Path) -> None:
    twice = {**SHOPS, "features": ["x"], "max_age": "1 day"}
    names = {"group": "names@1", "on": ["region"], "features": ["name"]}

    assert messages(tmp_path, SHOPS, twice, names) == [
        ("E308", "'region' may be shops@1.region or shops@1.region"),
    ]  # fmt: skip


@pytest.mark.parametrize("on", [{"seen": "seen", "shop": "shop"}, {"seen": "shop"}])
def test_the_time_is_no_key(tmp_path: Path, on: dict[str, str]) -> None:
    assert [code for code, _message in messages(tmp_path, {**SHOPS, "on": on})] == ["E308"]


def test_a_time_in_the_primary_key_is_looked_up_and_not_compared(tmp_path: Path) -> None:
    groups = [{**g, "primary_key": ["shop", "seen"]} if g["name"] == "shops" else g for g in GROUPS]

    assert rows(compiled(tmp_path, SHOPS, groups=groups), "y") == [(1, 1.0), (2, 3.0), (3, 2.0)]


def test_a_group_with_nothing_but_its_time_for_a_key_is_refused(tmp_path: Path) -> None:
    groups = [{**g, "primary_key": ["seen"]} if g["name"] == "shops" else g for g in GROUPS]

    assert [code for code, _message in messages(tmp_path, SHOPS, groups=groups)] == ["E308"]


def test_a_star_brings_neither_key_nor_times(tmp_path: Path) -> None:
    view = compiled(tmp_path, {**SHOPS, "features": ["*"]})

    assert [c.name for c in view.of_role("feature")] == ["x", "y", "region"]


def test_ties_are_told_apart_by_what_stands_before_the_columns_that_are_read(tmp_path: Path) -> None:
    view = compiled(tmp_path, SHOPS)

    assert view.joins[0].ties == ("x", "y")
    assert view.reads == (
        "orders@1.id", "orders@1.seen", "orders@1.shop",
        "shops@1.put", "shops@1.seen", "shops@1.shop", "shops@1.x", "shops@1.y",
    )  # fmt: skip


def test_of_rows_that_are_equal_in_all_that_is_read_one_is_left(tmp_path: Path) -> None:
    view = compiled(tmp_path, {**SHOPS, "features": ["seen"], "prefix": "shop_"})
    engine = duckdb.connect()
    engine.execute("""
        create table "orders@1" as select 1 as id, 'a' as shop, timestamp '2026-01-05' as seen, true as bad;
        create table "shops@1" as select 'a' as shop, timestamp '2026-01-01' as seen, null::timestamp as put, x,
            x as y, 'r' as region from (values (1.0), (2.0), (2.0)) as t(x);
    """)

    assert engine.execute(f"select count(*) from ({view.sql}) as v").fetchall() == [(1,)]


def test_where_a_test_says_that_there_are_no_ties_nothing_is_read_to_tell_them_apart(tmp_path: Path) -> None:
    unique = {"tests": [{"unique": ["shop", "seen"]}]}
    groups = [{**g, **unique} if g["name"] == "shops" else g for g in GROUPS]
    view = compiled(tmp_path, SHOPS, groups=groups)

    assert "row_number" not in view.sql
    assert "shops@1.x" not in view.reads
    assert rows(view, "y") == [(1, 1.0), (2, 3.0), (3, 2.0)]


def test_lineage_follows_keys_times_and_the_joins_on_the_way(tmp_path: Path) -> None:
    names = {"group": "names@1", "on": ["region"], "features": ["name"]}
    view = compiled(tmp_path, SHOPS, names)

    made_of = made_from(view, {})["name"]

    group = "feature_group:{}@1".format
    assert {Place(group("names"), "name"), Place(group("shops"), "region"), Place(group("shops"), "seen"),
            Place(group("orders"), "seen"), Place(group("orders"), "shop")} <= set(made_of)  # fmt: skip


@pytest.mark.parametrize(("join", "about", "decides"), [
    ({}, {}, False), ({"type": "inner"}, {}, True), ({}, {"filter": "y > 2"}, True), ({}, {"filter": "bad"}, False),
])  # fmt: skip
def test_rows_hang_on_an_inner_join_and_on_what_the_filter_reads(
    tmp_path: Path, join: dict[str, Any], about: dict[str, Any], decides: bool
) -> None:
    view = compiled(tmp_path, {**SHOPS, **join}, **about)

    assert (Place("feature_group:shops@1", "seen") in made_from(view, {})["*"]) is decides


def test_a_feature_that_is_computed_from_the_label_needs_a_reason(tmp_path: Path) -> None:
    leaky = {**SHOPS, "features": ["x"]}
    allowed = {**leaky, "leakage": "allowed", "because": "of the time before"}
    label = {"label": "bad"}

    assert messages(tmp_path / "a", {**leaky, "leakage": "allowed"}, **label)[0][0] == "E202"
    assert messages(tmp_path / "b", {**leaky, "because": "of the time before"}, **label)[0][0] == "E202"
    assert compiled(tmp_path / "c", allowed, **label).leakage == {}  # the label is computed from x


def test_the_label_of_a_joined_group_leaks_through_what_it_passes_on(tmp_path: Path) -> None:
    joins = [{**SHOPS, "features": ["x"], "prefix": "shop_"},
             {"group": "regions@1", "on": {"shop": "region"}, "features": ["tax"]}]  # fmt: skip

    told = ("E309", "the label 'shop_x' is among the features: the model would be told the answer")
    leaks = ("E309", "the feature 'tax' is computed from the label: source:s.x → regions@1.tax")
    allowed = {**joins[1], "leakage": "allowed", "because": "taxes are told a year ahead"}

    assert sorted(messages(tmp_path / "a", *joins, label="shop_x")) == [leaks, told]
    assert messages(tmp_path / "b", joins[0], allowed, label="shop_x") == [told]


@pytest.mark.parametrize("age", [7, "7", "7 moons", "1 month", "-1 days", "days 7", "", "99999999999 days"])
def test_an_age_is_a_number_and_a_unit_of_fixed_length(tmp_path: Path, age: Any) -> None:
    assert [code for code, _message in messages(tmp_path, {**SHOPS, "max_age": age})] == ["E202"]


def test_observations_of_a_join_go_through_the_joins_they_need_and_no_others() -> None:
    def joining(number: int, side: str, kind: str = "left") -> Joining:
        at, time = Moment("b.at", "TIMESTAMP"), Moment('"at"', "TIMESTAMP")
        return Joining(number, f"g{number}", "as_of", kind, ((side, "k"),), ("x",), at, time)

    def observed(number: int, *joins: Joining) -> str:
        tables, _rows = from_clause("base", joins)
        return tables.partition(f'"observed {number}" as materialized (')[2].partition("\n),")[0]

    alone = observed(3, joining(1, "b.k"), joining(2, "b.k"), joining(3, "b.k"))
    through = observed(3, joining(1, "b.k"), joining(2, "b.k"), joining(3, "j2.k"))
    fewer = observed(3, joining(1, "b.k"), joining(2, "j1.k", "inner"), joining(3, "b.k"))

    assert " join " not in alone
    assert ("found 2" in through, "found 1" in through) == (True, False)
    assert "found 1" in fewer
    assert "found 2" in fewer
