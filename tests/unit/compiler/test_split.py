"""The split of a row: a hash of its key, equal to a reference in Python, whatever other rows there are."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler.splits import split_sql
from mlproj.state import SplitRule

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
SHARE = st.floats(0, 0.5, allow_subnormal=False)


def rule(test: float = 0.2, validation: float = 0.0, seed: int = 42, key: tuple[str, ...] = ("a", "b")) -> SplitRule:
    return SplitRule(test=test, validation=validation, by="hash", seed=seed, key=key)


def reference(values: list[Any], split: SplitRule) -> str:
    """features.md, section 5, word for word."""
    texts = [None if value is None else str(value) for value in values]
    canonical = json.dumps(texts, separators=(",", ":"), ensure_ascii=False)
    # The engine writes the digits of control characters in capitals.
    canonical = re.sub(r"(?<!\\)((?:\\\\)*)\\u00(..)", lambda m: f"{m[1]}\\u00{m[2].upper()}", canonical)
    digest = hashlib.md5((str(split.seed) + canonical).encode(), usedforsecurity=False).hexdigest()
    u = (int(digest, 16) >> (128 - 52)) / 2**52
    if u < split.test:
        return "test"
    return "validation" if u < split.test + split.validation else "training"


_ENGINE = duckdb.connect()


def splits(rows: list[tuple[Any, ...]], split: SplitRule, types: tuple[str, ...] = ("BIGINT", "VARCHAR")) -> list[str]:
    _ENGINE.execute(f"create or replace table t (position BIGINT, a {types[0]}, b {types[1]})")
    if rows:
        columns = [list(range(len(rows))), *(list(column) for column in zip(*rows, strict=True))]
        _ENGINE.execute(f"insert into t select unnest(?), unnest(?)::{types[0]}, unnest(?)::{types[1]}", columns)
    return [s for (s,) in _ENGINE.execute(f"select {split_sql(split)} from t order by position").fetchall()]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1) | st.none(), TEXT | st.none()), max_size=8),
    SHARE,
    SHARE,
    st.integers(),
)
def test_equals_the_reference(rows: list[tuple[Any, ...]], test: float, validation: float, seed: int) -> None:
    split = rule(test, validation, seed)
    assert splits(rows, split) == [reference(list(row), split) for row in rows]


@pytest.mark.parametrize(
    "text", ['"', "\\", "/", "\n\t\r\b\f", "\x01\x1f\x7f", "é漢🦆", "\u2028", "', '", "</script>", " "]
)
def test_texts_that_json_writes_in_its_own_way(text: str) -> None:
    split = rule(0.5)
    assert splits([(1, text * n) for n in range(12)], split) == [reference([1, text * n], split) for n in range(12)]


def test_neither_order_nor_other_rows_nor_the_width_of_whole_numbers_matter() -> None:
    rows = [(i, f"k{i % 7}") for i in range(200)]
    alone = splits(rows, rule())

    assert splits(rows[::-1], rule())[::-1] == alone
    assert splits([*rows, *((i, "new") for i in range(500))], rule())[:200] == alone
    assert splits(rows, rule(), ("INTEGER", "VARCHAR")) == alone


def test_a_bigger_share_takes_rows_and_gives_none_back() -> None:
    rows = [(i, "") for i in range(500)]
    small, big = splits(rows, rule(0.1)), splits(rows, rule(0.3))

    assert {i for i, s in enumerate(small) if s == "test"} < {i for i, s in enumerate(big) if s == "test"}


def test_shares_are_about_what_was_asked_for() -> None:
    found = splits([(i, "") for i in range(4000)], rule(0.2, 0.1))

    assert abs(found.count("test") / 4000 - 0.2) < 0.025
    assert abs(found.count("validation") / 4000 - 0.1) < 0.02


def test_another_seed_is_another_split_and_no_shares_are_all_training() -> None:
    rows = [(i, "") for i in range(100)]

    assert splits(rows, rule(seed=1)) != splits(rows, rule(seed=2))
    assert set(splits(rows, rule(0.0, 0.0))) == {"training"}
    assert "test" not in splits(rows, rule(0.0, 0.5))
