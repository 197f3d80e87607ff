"""`ports.Binder`: what every type checker does."""

from __future__ import annotations

import pytest

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.ports import BindError, Binder
from mlproj.state import Column


def column(name: str, type_name: str) -> Column:
    return Column(name=name, type=type_name)


@pytest.fixture(params=[DuckDBBinder])
def binder(request: pytest.FixtureRequest) -> Binder:
    made: Binder = request.param()
    made.declare("income@1", [column("age", "BIGINT"), column("education.num", "DOUBLE"), column("job", "VARCHAR")])
    return made


def refused(binder: Binder, sql: str) -> BindError:
    with pytest.raises(BindError) as caught:
        binder.describe(sql)
    return caught.value


def test_describes_names_and_types(binder: Binder) -> None:
    found = binder.describe('select age + 1 as next, "education.num", upper(job) as "Größe" from "income@1"')
    assert found == (column("next", "BIGINT"), column("education.num", "DOUBLE"), column("Größe", "VARCHAR"))


@pytest.mark.parametrize(
    "sql",
    ['from "income@1"', "(select 1)", "values (1)", "with a as (select 1 as x) from a", "select 1;", "select 1 -- x"],
)
def test_accepts_every_form_of_query(binder: Binder, sql: str) -> None:
    assert binder.describe(sql)


def test_declaring_again_replaces(binder: Binder) -> None:
    binder.declare("income@1", [column("x", "DATE")])
    assert binder.describe('from "income@1"') == (column("x", "DATE"),)


def test_declares_odd_names_and_nested_types(binder: Binder) -> None:
    columns = [column('a "b"', "STRUCT(x INTEGER, y VARCHAR[])"), column("select", "MAP(VARCHAR, DECIMAL(10,2))")]
    binder.declare("source:ö'\"x", columns)
    assert list(binder.describe('from "source:ö\'""x"')) == columns


def test_an_unknown_column_is_placed_and_has_candidates(binder: Binder) -> None:
    sql = 'select age, agee from "income@1"'
    error = refused(binder, sql)
    assert error.message == 'Referenced column "agee" not found in FROM clause'
    assert error.position == sql.index("agee")
    assert error.candidates[0] == "age"
    assert not error.syntax


def test_positions_count_characters(binder: Binder) -> None:
    sql = "select 'ééé 漢字 🦆' as a, nocol from \"income@1\""
    assert refused(binder, sql).position == sql.index("nocol")


def test_syntax_errors_say_so(binder: Binder) -> None:
    sql = 'select age,, job from "income@1"'
    error = refused(binder, sql)
    assert error.syntax
    assert error.position == sql.index(",,") + 1
    assert error.message == 'syntax error at or near ","'


def test_a_wrong_call_lists_few_candidates(binder: Binder) -> None:
    error = refused(binder, 'select sum(job) from "income@1"')
    first, *others = error.message.splitlines()
    assert first.startswith("No function matches the given name and argument types 'sum(VARCHAR)'.")
    assert 1 <= len(others) <= 4
    assert "sum(DECIMAL) -> DECIMAL" in error.candidates


def test_commas_within_a_candidate_do_not_part_it(binder: Binder) -> None:
    assert "date_trunc(VARCHAR, DATE) -> TIMESTAMP" in refused(binder, "select date_trunc(1, 2)").candidates


def test_system_tables_are_no_candidates(binder: Binder) -> None:
    error = refused(binder, "select * from nosuch")
    assert error.message == "Table with name nosuch does not exist"
    assert not [c for c in error.candidates if c.startswith(("pg_", "duckdb_"))]


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("select 1; select 2", "2 statements"),
        ("", "no statement"),
        ("-- nothing", "no statement"),
        ('drop table "income@1"', "DROP"),
        ("insert into \"income@1\" values (1, 2, 'x')", "INSERT"),
        ("create table x as select 1", "CREATE"),
        ("set threads = 1", "SET"),
        ("attach 'x.db'", "ATTACH"),
        ("copy (select 1) to 'x.csv'", "COPY"),
        ('pivot "income@1" on job using sum(age)', "PIVOT"),
    ],
)
def test_anything_but_one_select_is_refused(binder: Binder, sql: str, word: str) -> None:
    assert word in refused(binder, sql).message
    assert len(binder.describe('from "income@1"')) == 3


@pytest.mark.parametrize(
    "query",
    [
        "read_csv('/etc/passwd')",
        "'data/x.parquet'",
        "read_text('/etc/passwd')",
        "glob('/etc/*')",
        "read_json('x.json')",
    ],
)
def test_files_are_out_of_reach(binder: Binder, query: str) -> None:
    message = refused(binder, f"select * from {query}").message
    assert "declare it as a source" in message
    assert "{{ source('…') }}" in message


def test_extensions_are_not_fetched(binder: Binder) -> None:
    assert "sqlite_scanner" in refused(binder, "select * from sqlite_scan('x', 'y')").message


def test_variables_of_the_calling_code_are_no_tables(binder: Binder) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": [1]})
    assert refused(binder, "select * from frame").message == "Table with name frame does not exist"
    assert len(frame) == 1


def test_settings_cannot_be_changed(binder: Binder) -> None:
    assert refused(binder, "set enable_external_access = true")
    assert "source" in refused(binder, "select * from read_csv('/etc/passwd')").message


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("int8", "BIGINT"), ("text", "VARCHAR"), ("numeric(10, 2)", "DECIMAL(10,2)"), ("int[]", "INTEGER[]"),
        ("timestamptz", "TIMESTAMP WITH TIME ZONE"), ("struct(a int, b text)", "STRUCT(a INTEGER, b VARCHAR)"),
        ("bool", "BOOLEAN"), ("enum('a', 'b')", "ENUM('a', 'b')"),
    ],
)  # fmt: skip
def test_normalises_types(binder: Binder, written: str, normal: str) -> None:
    assert binder.normalise_type(written) == normal
    assert binder.normalise_type(normal) == normal


@pytest.mark.parametrize(
    "written", ["", "foo", "bigint; drop table x", "bigint) as c --", "int), cast(1 as int", "bigint, 1"]
)
def test_refuses_what_is_no_type(binder: Binder, written: str) -> None:
    with pytest.raises(BindError):
        binder.normalise_type(written)


def test_declaring_an_unknown_type_is_refused(binder: Binder) -> None:
    with pytest.raises(BindError, match="Type with name foo does not exist"):
        binder.declare("x", [column("a", "foo")])


def test_lists_functions_by_kind(binder: Binder) -> None:
    assert {"sum", "avg"} <= binder.functions("aggregate")
    assert "upper" in binder.functions("scalar")
    assert "sum" not in binder.functions("scalar")
    assert "unnest" in binder.functions("table") or "range" in binder.functions("table")
    assert binder.functions("nonsense") == frozenset()
    assert binder.functions("macro")
