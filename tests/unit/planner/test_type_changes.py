"""versions.md rule 5 as a table: every pair of numeric types, and nested types by the same rules."""

from __future__ import annotations

from itertools import product

import pytest

from mlproj.compiler.type_changes import compare_types

# The closure of what rule 5 lists: each type with all that hold every value of it.
WIDER = {
    "TINYINT": {"SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"},
    "SMALLINT": {"INTEGER", "BIGINT", "FLOAT", "DOUBLE"},
    "INTEGER": {"BIGINT", "DOUBLE"},
    "BIGINT": set(),
    "UTINYINT": {"USMALLINT", "UINTEGER", "UBIGINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"},
    "USMALLINT": {"UINTEGER", "UBIGINT", "INTEGER", "BIGINT", "DOUBLE"},
    "UINTEGER": {"UBIGINT", "BIGINT"},
    "UBIGINT": set(),
    "FLOAT": {"DOUBLE"},
    "DOUBLE": set(),
    "VARCHAR": set(),
    "BOOLEAN": set(),
    "DATE": set(),
    "TIMESTAMP": set(),
}


@pytest.mark.parametrize(("old", "new"), [*product(WIDER, WIDER)])
def test_every_pair(old: str, new: str) -> None:
    expected = "same" if old == new else "widened" if new in WIDER[old] else "changed"

    assert compare_types(old, new) == expected


@pytest.mark.parametrize(("old", "new", "verdict"), [
    ("DECIMAL(10,2)", "DECIMAL(10,2)", "same"),
    ("DECIMAL(10,2)", "DECIMAL(11,2)", "widened"),
    ("DECIMAL(10,2)", "DECIMAL(12,4)", "widened"),
    ("DECIMAL(10,2)", "DECIMAL(10,3)", "changed"),  # one digit less before the point
    ("DECIMAL(10,2)", "DECIMAL(12,1)", "changed"),  # one digit less behind it
    ("DECIMAL(10,2)", "DECIMAL(9,2)", "changed"),
    ("DECIMAL(10,0)", "BIGINT", "changed"),
    ("DECIMAL(4,2)", "DOUBLE", "changed"),
    ("INTEGER", "DECIMAL(38,0)", "changed"),
])  # fmt: skip
def test_decimals(old: str, new: str, verdict: str) -> None:
    assert compare_types(old, new) == verdict


@pytest.mark.parametrize(("old", "new", "verdict"), [
    ("INTEGER[]", "BIGINT[]", "widened"),
    ("BIGINT[]", "INTEGER[]", "nested_changed"),
    ("INTEGER[][]", "BIGINT[][]", "widened"),
    ("STRUCT(a INTEGER)", "STRUCT(a BIGINT)", "widened"),
    ("STRUCT(a INTEGER)", "STRUCT(a INTEGER, b VARCHAR)", "widened"),
    ("STRUCT(a INTEGER, b VARCHAR)", "STRUCT(a INTEGER)", "nested_changed"),
    ("STRUCT(a INTEGER)", "STRUCT(b INTEGER)", "nested_changed"),
    ("STRUCT(a DECIMAL(4,2))", "STRUCT(a DECIMAL(6,3))", "widened"),
    ("STRUCT(a DECIMAL(4,2))", "STRUCT(a DECIMAL(4,3))", "nested_changed"),
    ("STRUCT(a STRUCT(b INTEGER[]))", "STRUCT(a STRUCT(b BIGINT[]))", "widened"),
    ("STRUCT(a STRUCT(b BIGINT[]))", "STRUCT(a STRUCT(b VARCHAR[]))", "nested_changed"),
    ('STRUCT("a b, c" INTEGER)', 'STRUCT("a b, c" BIGINT)', "widened"),
    ('STRUCT("a(b" INTEGER, c DATE)', 'STRUCT("a(b" VARCHAR, c DATE)', "nested_changed"),
    ("MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, BIGINT)", "widened"),
    ("MAP(INTEGER, VARCHAR)", "MAP(VARCHAR, VARCHAR)", "nested_changed"),
    ("MAP(VARCHAR, STRUCT(a INTEGER, b DATE))", "MAP(VARCHAR, STRUCT(a BIGINT, b DATE))", "widened"),
    ("STRUCT(a INTEGER)[]", "STRUCT(a BIGINT)[]", "widened"),
    ("INTEGER[]", "INTEGER", "changed"),
    ("STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)", "changed"),
    ("STRUCT(a INTEGER)", "STRUCT(a INTEGER)[]", "changed"),
])  # fmt: skip
def test_nested_types(old: str, new: str, verdict: str) -> None:
    assert compare_types(old, new) == verdict
