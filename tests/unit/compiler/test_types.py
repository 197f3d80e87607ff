"""Type names: what suits a value, and what the lake cannot hold."""

from __future__ import annotations

from typing import Any

import pytest

from mlproj.compiler.types import is_category, is_moment, is_numeric, suits, unknown_type_hint, why_not_storable


@pytest.mark.parametrize(
    ("value", "fitting"),
    [
        (3, {"BIGINT", "TINYINT", "UBIGINT", "DOUBLE", "FLOAT", "DECIMAL(10,2)"}),
        (0.5, {"DOUBLE", "FLOAT", "DECIMAL(10,2)"}),
        (True, {"BOOLEAN"}),
        ("2026-01-31", {"VARCHAR", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "UUID", "JSON", "INTERVAL"}),
        ("2026-01-31 10:30:00.5", {"VARCHAR", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "UUID", "JSON", "INTERVAL"}),
        ("2026-01-31T10:30+02", {"VARCHAR", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "UUID", "JSON", "INTERVAL"}),
        ("10:30", {"VARCHAR", "TIME", "UUID", "JSON", "INTERVAL"}),
        ("2026-02-30", {"VARCHAR", "UUID", "JSON", "INTERVAL"}),
        ("yesterday", {"VARCHAR", "UUID", "JSON", "INTERVAL"}),
    ],
)
def test_values_suit_types(value: Any, fitting: set[str]) -> None:
    types = {
        "BIGINT", "TINYINT", "UBIGINT", "DOUBLE", "FLOAT", "DECIMAL(10,2)", "BOOLEAN", "VARCHAR", "DATE", "TIMESTAMP",
        "TIMESTAMP WITH TIME ZONE", "TIME", "UUID", "JSON", "INTERVAL", "BIGINT[]", "STRUCT(a BIGINT)", "BLOB",
    }  # fmt: skip
    assert {type_name for type_name in types if suits(value, type_name)} == fitting


@pytest.mark.parametrize(
    "type_name",
    [
        "BIGINT", "DOUBLE", "VARCHAR", "DECIMAL(38,0)", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS",
        "TIME", "JSON",
        "BIGINT[]", "BIGINT[][]", "STRUCT(a BIGINT, b VARCHAR[])", "STRUCT(A BIGINT)", "MAP(VARCHAR, INTEGER)",
        "BLOB", "UUID",
        "STRUCT(hugeint BIGINT, bit VARCHAR)", "INTERVAL", "STRUCT(a DECIMAL(10,2))",
        "STRUCT(t TIMESTAMP WITH TIME ZONE)",
    ],
)  # fmt: skip
def test_storable(type_name: str) -> None:
    assert why_not_storable(type_name) is None


@pytest.mark.parametrize(
    ("type_name", "hint"),
    [
        ("HUGEINT", "sum(x)::BIGINT"), ("UHUGEINT", "::DECIMAL(38,0)"), ("HUGEINT[]", "x::BIGINT[]"),
        ("STRUCT(a HUGEINT, b VARCHAR)", "x::STRUCT(a BIGINT, b VARCHAR)"), ("MAP(VARCHAR, HUGEINT)",
        "MAP(VARCHAR, BIGINT)"),
        ("BIGINT[3]", "x::BIGINT[]"), ("BIGINT[3][]", "x::BIGINT[][]"), ("STRUCT(a FLOAT[2])", "x::STRUCT(a FLOAT[])"),
        ("ENUM('a', 'b')", "x::VARCHAR"), ("ENUM('a')[]", "x::VARCHAR"), ("BIT", "x::VARCHAR"), ("BIGNUM",
        "x::VARCHAR"),
        ("UNION(a INTEGER)", "x::VARCHAR"), ("TIME_NS", "x::VARCHAR"), ("TIME WITH TIME ZONE", "x::TIME"),
        ("STRUCT(INTEGER, VARCHAR)", "name them"), ("STRUCT(DECIMAL(10,2))", "name them"),
    ],
)  # fmt: skip
def test_not_storable_and_the_cast_to_write(type_name: str, hint: str) -> None:
    found = why_not_storable(type_name)
    assert found is not None
    assert hint in found[1]


def test_kinds_of_types() -> None:
    assert [t for t in ("BIGINT", "HUGEINT", "FLOAT", "DECIMAL(3,1)", "VARCHAR", "BIGINT[]") if is_numeric(t)] == [
        "BIGINT", "HUGEINT", "FLOAT", "DECIMAL(3,1)",
    ]  # fmt: skip
    assert [t for t in ("DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR") if is_moment(t)] == [
        "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
    ]  # fmt: skip
    assert [t for t in ("VARCHAR", "BOOLEAN", "BIGINT", "DATE", "DOUBLE", "BIGINT[]") if is_category(t)] == [
        "VARCHAR", "BOOLEAN", "BIGINT", "DATE",
    ]  # fmt: skip


def test_the_nearest_type_is_named() -> None:
    assert unknown_type_hint("integr") == "did you mean 'INTEGER'?"
    assert "BIGINT" in unknown_type_hint("nonsense")
