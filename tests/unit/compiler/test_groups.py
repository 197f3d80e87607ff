"""Feature groups: the query against its contract, and the query that is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from mlproj.diagnostics import ProjectError
from mlproj.state import GroupNode
from tests.compilation import compile_folder, write_files

SOURCE = {
    "name": "people", "path": "people.csv",
    "columns": {"id": "BIGINT", "age": "BIGINT", "wage": "DOUBLE", "job": "VARCHAR", "education.num": "BIGINT"},
}  # fmt: skip


def compiled(folder: Path, sql: str, **about: Any) -> GroupNode:
    group = {"name": "income", "primary_key": ["id"], **about}
    text = yaml.safe_dump({"sources": [SOURCE], "feature_groups": [group]})
    root = write_files(folder / "p", {"all.yml": text, "income.v1.sql": sql})
    node = compile_folder(root, folder / "cache").nodes["feature_group:income@1"]
    assert isinstance(node, GroupNode)
    return node


def codes(folder: Path, sql: str, **about: Any) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        compiled(folder, sql, **about)
    return [d.code for d in caught.value.diagnostics]


def run(node: GroupNode, rows: str) -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect()
    columns = ", ".join(f'"{n}" {t}' for n, t in dict(SOURCE["columns"]).items())  # type: ignore[call-overload]
    engine.execute(f'create table "source:people" ({columns}); insert into "source:people" values {rows}')
    return engine.execute(f"select * from (\n{node.sql}\n) as q")


def test_features_that_yaml_leaves_out_come_after_those_it_declares(tmp_path: Path) -> None:
    node = compiled(tmp_path, "select job, id, age from {{ source('people') }}", features=[{"name": "age"}])

    assert [(f.name, f.type, f.declared) for f in node.features] == [
        ("age", "BIGINT", True), ("job", "VARCHAR", False), ("id", "BIGINT", False),
    ]  # fmt: skip


def test_keys_and_event_time_are_never_null_unless_it_says_so(tmp_path: Path) -> None:
    node = compiled(
        tmp_path, "select id, age, now()::timestamp as seen from {{ source('people') }}", event_time="seen",
        features=[{"name": "age", "nullable": False}],
    )  # fmt: skip
    assert {f.name: f.nullable for f in node.features} == {"age": False, "id": False, "seen": False}


def test_a_sum_of_whole_numbers_is_cast_where_the_contract_says_so(tmp_path: Path) -> None:
    sql = "select id, sum(age) as total, sum(age) as exact from {{ source('people') }} group by id -- per person"
    types = [{"name": "total", "type": "BIGINT"}, {"name": "exact", "type": "DECIMAL(38, 0)"}]
    node = compiled(tmp_path, sql, features=types)

    found = run(node, "(1, 9007199254740993, 0, '', 0), (1, 2, 0, '', 0)")
    assert [str(column[1]) for column in found.description] == ["BIGINT", "BIGINT", "DECIMAL(38,0)"]
    assert found.fetchall() == [(1, 9007199254740995, 9007199254740995)]
    with pytest.raises(duckdb.Error, match="out of range"):
        run(node, "(1, 9223372036854775807, 0, '', 0), (1, 1, 0, '', 0)").fetchall()


def test_a_sum_of_whole_numbers_without_a_declared_type_is_refused(tmp_path: Path) -> None:
    assert codes(tmp_path, "select id, sum(age) as total from {{ source('people') }} group by id") == ["E405"]


@pytest.mark.parametrize(
    "name", ["select", "order", "table", "from", "größe", "Mixed_Case", "_hidden", "v1", "primary"]
)
def test_words_of_sql_may_be_features(tmp_path: Path, name: str) -> None:
    sql = f"select id, sum(age) over () as \"{name}\" from {{{{ source('people') }}}}"
    node = compiled(
        tmp_path, sql, primary_key=["id"],
        features=[{"name": name, "type": "BIGINT", "tests": ["not_null", "unique", {"between": {"min": 0}}]}],
    )  # fmt: skip
    found = run(node, "(1, 2, 0, '', 0)")

    assert [column[0] for column in found.description] == ["id", name]
    assert found.fetchall() == [(1, 2)]


@pytest.mark.parametrize(
    "sql",
    [
        "select id from {{ source('people') }};", "select id from {{ source('people') }}; -- done\n",
        "-- first\nselect id from {{ source('people') }} -- last",
        "select id, ';' as job from {{ source('people') }} ; /* ; */",
        "from {{ source('people') }} select id", "with a as (from {{ source('people') }}) select id from a;",
    ],
)  # fmt: skip
def test_what_is_run_is_one_statement_that_can_stand_in_another(tmp_path: Path, sql: str) -> None:
    found = run(compiled(tmp_path, sql), "(7, 1, 0, '', 0)")

    assert found.fetchall()[0][0] == 7


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select id, age, wage as AGE from {{ source('people') }}", "E406"),
        ("select id, count(*) from {{ source('people') }} group by id", "E418"),
        ("select id, \"education.num\" from {{ source('people') }}", "E418"),
        ("select age from {{ source('people') }}", "E412"),
        ("select id, {'total': sum(age) over ()} as s from {{ source('people') }}", "E405"),
        ("select id, row(age, wage) as s from {{ source('people') }}", "E405"),
        ("select id from read_parquet('x.parquet')", "E402"),
        ('select id from "source:people"', "E402"),
        ("", "E401"),
    ],
)
def test_refused(tmp_path: Path, sql: str, code: str) -> None:
    assert codes(tmp_path, sql) == [code]


def test_a_child_of_what_failed_is_silent(tmp_path: Path) -> None:
    text = yaml.safe_dump({
        "sources": [SOURCE],
        "feature_groups": [{"name": n, "primary_key": ["id"]} for n in ("income", "child", "grandchild", "other")],
        "feature_views": [{"name": "view", "base": "grandchild@1", "features": ["nosuch"]}],
        "models": [{"name": "model", "feature_view": "view@1", "estimator": "xgboost.XGBClassifier"}],
    })  # fmt: skip
    root = write_files(tmp_path / "p", {
        "all.yml": text, "income.v1.sql": "select nosuch from {{ source('people') }}",
        "child.v1.sql": "select nosuch from {{ ref('income') }}",
        "grandchild.v1.sql": "select x from {{ ref('child') }}",
        "other.v1.sql": "select id, nothing from {{ source('people') }}",
    })  # fmt: skip

    with pytest.raises(ProjectError) as caught:
        compile_folder(root, tmp_path / "cache")
    assert [d.node for d in caught.value.diagnostics] == ["feature_group:income@1", "feature_group:other@1"]
