"""Feature views: which columns they have, where these come from, and that the SQL gives a row per row of the base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from mlproj.diagnostics import ProjectError
from mlproj.state import ViewNode
from tests.compilation import compile_folder, write_files

COLUMNS = {"id": "BIGINT", "age": "BIGINT", "job": "VARCHAR", "rich": "BOOLEAN", "seen": "TIMESTAMP"}
FILES = {
    "people.v1.sql": "select * from {{ source('s') }}",
    "pay.v1.sql": "select id as person, age, age * 2 as wage from {{ source('s') }}",
    "jobs.v1.sql": "select job, 1 as rank from {{ source('s') }}",
}
GROUPS = [
    {"name": "people", "primary_key": ["id"], "event_time": "seen"},
    {"name": "pay", "primary_key": ["person"], "features": [{"name": "wage", "nullable": False}]},
    {"name": "jobs", "primary_key": ["job"]},
]


def compiled(folder: Path, **about: Any) -> ViewNode:
    view = {"name": "v", "base": "people@1", **about}
    sources = [{"name": "s", "path": "s.csv", "columns": COLUMNS}]
    text = yaml.safe_dump({"sources": sources, "feature_groups": GROUPS, "feature_views": [view]})
    root = write_files(folder / "p", {**FILES, "all.yml": text})
    return compile_folder(root, folder / "cache").view("feature_view:v@1")


def codes(folder: Path, **about: Any) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        compiled(folder, **about)
    return [d.code for d in caught.value.diagnostics]


def rows(view: ViewNode) -> list[dict[str, Any]]:
    engine = duckdb.connect()
    engine.execute("""
        create table "people@1" as select * from (values
            (1, 10, 'a', true, timestamp '2026-01-01'),
            (2, 20, 'b', false, '2026-01-02'), (2, 21, null, true, '2026-01-03')
        ) as t(id, age, job, rich, seen);
        create table "pay@1" as select * from (values (1, 11, 22), (3, 33, 66)) as t(person, age, wage);
        create table "jobs@1" as select * from (values ('a', 5), ('c', 6)) as t(job, rank);
    """)
    cursor = engine.execute(view.sql)
    return [dict(zip([c[0] for c in cursor.description], row, strict=True)) for row in cursor.fetchall()]


PAY = {"group": "pay@1", "on": {"id": "person"}, "features": ["wage"]}


def test_a_star_is_all_that_has_no_other_role(tmp_path: Path) -> None:
    view = compiled(tmp_path, features=["*"], label="rich", passenger=["job"])

    assert {c.name: c.role for c in view.columns} == {
        "id": "key", "seen": "event_time", "age": "feature", "job": "passenger", "rich": "label",
    }  # fmt: skip


def test_a_left_join_keeps_every_row_and_an_inner_join_those_that_match(tmp_path: Path) -> None:
    left = compiled(tmp_path / "a", features=["age"], joins=[PAY])
    inner = compiled(tmp_path / "b", features=["age"], joins=[{**PAY, "type": "inner"}])

    assert sorted((r["age"], r["wage"]) for r in rows(left) if r["wage"] is None) == [(20, None), (21, None)]
    assert [(r["age"], r["wage"]) for r in rows(inner)] == [(10, 22)]
    assert {c.name: c.nullable for c in left.columns}["wage"] is True
    assert {c.name: c.nullable for c in inner.columns}["wage"] is False


def test_several_joins_and_prefixes(tmp_path: Path) -> None:
    joins = [{**PAY, "features": ["*"], "prefix": "pay_"}, {"group": "jobs@1", "features": ["rank"]}]
    view = compiled(tmp_path, features=["age"], joins=joins)

    assert sorted((r["age"], r["pay_age"], r["pay_wage"], r["rank"]) for r in rows(view) if r["id"] == 1) == [
        (10, 11, 22, 5)
    ]
    assert {c.name: c.source for c in view.columns}["pay_age"] == "pay@1.age"


def test_a_joined_feature_hides_a_column_that_the_view_does_not_name(tmp_path: Path) -> None:
    view = compiled(tmp_path, features=["job"], joins=[{**PAY, "features": ["age"]}], filter="age = 11")

    assert [(r["id"], r["age"]) for r in rows(view)] == [(1, 11)]


@pytest.mark.parametrize(
    "condition",
    [
        "age > 10 -- adults",
        "age > 10 or false",
        "job is null or age = 20",
        "(age > 10)",
        "rich in (true, false) and age > 10",
    ],
)
def test_a_filter_is_one_condition(tmp_path: Path, condition: str) -> None:
    assert {r["age"] for r in rows(compiled(tmp_path, features=["age"], filter=condition))} == {20, 21}


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("true) or (true", "E401"), ("true); drop table x; select (1", "E401"),
        ("age > 3 group by age", "E401"),
        ("age > 3 limit 1", "E401"), ("age + 1", "E402"), ("'yes'", "E402"), ("count(*) > 3", "E402"),
        ("wage > 3", "E402"),
        ("age > 3 union all select 1", "E401"), ("-- nothing", "E401"), ("/* open", "E401"),
    ],
)  # fmt: skip
def test_anything_but_one_condition_is_refused(tmp_path: Path, condition: str, code: str) -> None:
    assert codes(tmp_path, features=["age"], filter=condition) == [code]


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"features": ["age", "age"]}, "E310"), ({"features": ["age"], "passenger": ["job", "job"]}, "E310"),
        ({"features": ["age"], "label": "age"}, "E309"), ({"features": ["age"], "label": "id"}, "E310"),
        ({"features": ["age", "id"]}, "E312"), ({"features": ["Age"]}, "E311"), ({"features": []}, "E311"),
        ({"features": ["age"], "joins": [{**PAY, "features": ["age"]}]}, "E310"),
        ({"features": ["job"], "joins": [{**PAY, "features": ["age"]}], "label": "age"}, "E310"),
        ({"features": ["age"], "joins": [PAY, PAY]}, "E310"),
        ({"features": ["age"], "joins": [{**PAY, "prefix": "A"}, {**PAY, "prefix": "a"}]}, "E310"),
        ({"features": ["age"], "joins": [{**PAY, "on": {"age": "wage"}}]}, "E308"),
        ({"features": ["age"], "joins": [{**PAY, "on": {"job": "person"}}]}, "E308"),
        ({"features": ["age"], "joins": [PAY, {**PAY, "on": {"wages": "person"}, "prefix": "q_"}]}, "E311"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, about: dict[str, Any], code: str) -> None:
    assert codes(tmp_path, **about) == [code]


def test_what_a_view_reads_is_what_decides_its_rows(tmp_path: Path) -> None:
    view = compiled(tmp_path, features=["age"], joins=[PAY], filter="JOB = 'a'")

    assert view.reads == ("pay@1.person", "pay@1.wage", "people@1.age", "people@1.id", "people@1.job", "people@1.seen")
