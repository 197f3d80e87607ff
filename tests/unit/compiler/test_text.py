"""SQL text: what is written for a value is read back by the engine as that value."""

from __future__ import annotations

import math
import struct
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler.text import identifier, literal, one_statement, plain_text, total_order, without_comments, written

# The engine's strings are UTF-8 without NUL.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
_ENGINE = duckdb.connect()


def read(sql: str) -> Any:
    row = _ENGINE.execute(f"select {sql}").fetchone()
    assert row is not None
    return row[0]


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_doubles_are_read_back_bit_by_bit(value: float) -> None:
    assert struct.pack("d", read(literal(value))) == struct.pack("d", value)


@pytest.mark.parametrize("value", [5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, -0.0, 1e23])
def test_doubles_at_the_edges(value: float) -> None:
    assert struct.pack("d", read(literal(value))) == struct.pack("d", value)
    assert read(f"typeof({literal(value)})") == "DOUBLE"


def test_nan_is_read_back() -> None:
    assert math.isnan(read(literal(math.nan)))


@settings(deadline=None)
@given(TEXT)
def test_texts_are_read_back(value: str) -> None:
    assert read(literal(value)) == value


@settings(deadline=None)
@given(st.one_of(st.integers(-(2**63), 2**63 - 1), st.booleans(), st.none()))
def test_whole_numbers_booleans_and_null_are_read_back(value: Any) -> None:
    found = read(literal(value))
    assert found == value
    assert type(found) is type(value)


@settings(deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_lists_are_read_back(values: list[str]) -> None:
    assert read(literal(values)) == values


@settings(deadline=None)
@given(TEXT.filter(bool))
def test_any_text_can_be_a_name(name: str) -> None:
    described = _ENGINE.execute(f"describe select 1 as {identifier(name)}").fetchall()
    assert described[0][0] == name


def test_keys_come_first_in_a_total_order_and_no_column_comes_twice() -> None:
    assert total_order(["b", "a"], ["a", "c", "b"]) == '"b", "a", "c"'


@pytest.mark.parametrize(
    ("value", "shown"), [(True, "true"), (False, "false"), ("it's", "'it's'"), (3, "3"), (0.5, "0.5")]
)
def test_values_are_shown_as_yaml_has_them(value: Any, shown: str) -> None:
    assert written(value) == shown


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ("select 1", "select 1"), (" select 1 ;\n", "select 1"), ("select 1; -- the end", "select 1"),
        ("select ';' as a; /* ; */", "select ';' as a"), ('select 1 as ";" ;', 'select 1 as ";"'),
        ("-- a; b\nselect 1;", "-- a; b\nselect 1"), ("select 'it''s; so';;", "select 'it''s; so'"),
        ("select $$;$$, $x$;$$;$x$;", "select $$;$$, $x$;$$;$x$"), ("select e'\\';' ;", "select e'\\';'"),
    ],
)  # fmt: skip
def test_the_semicolon_that_ends_a_statement_goes(sql: str, statement: str) -> None:
    assert one_statement(sql) == statement
    assert (
        _ENGINE.execute(f"select * from (\n{one_statement(sql)}\n) as q").fetchall() == _ENGINE.execute(sql).fetchall()
    )


@pytest.mark.parametrize(
    ("sql", "without"),
    [
        ("select 1 -- one\n, 2", "select 1       \n, 2"), ("select /* a\nb */ 1", "select           1"),
        ("select '--', '/*', 1", None),
        ('select 1 as "--"', None), ("select $$ -- $$", None), ("select 1 - -1", None), ("select 4 /2", None),
    ],
)  # fmt: skip
def test_comments_go_and_what_looks_like_one_in_a_text_stays(sql: str, without: str | None) -> None:
    assert without_comments(sql) == (without or sql)


def test_plain_text_keeps_what_stands_in_quotes() -> None:
    sql = "SELECT  'A  B' AS \"C  D\" -- x\n FROM T"
    assert plain_text(sql) == "select 'A  B' as \"C  D\" from t"
