"""Stratified, grouped, timed splits and folds, against loops in Python over the same rows."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler.splits import divided_sql, folded_sql
from mlproj.state import SplitRule

_ENGINE = duckdb.connect()
_ENGINE.execute("set threads = 1")
DAY = timedelta(days=1)
START = datetime(2026, 1, 1)  # noqa: DTZ001  (as the engine gives a TIMESTAMP)


def rule(**rest: Any) -> SplitRule:
    return SplitRule(**{"test": 0.2, "validation": 0.0, "by": "hash", "seed": 42, "key": ("id",), **rest})


def unit(seed: str, *values: Any) -> float:
    text = seed + json.dumps([str(v) for v in values], separators=(",", ":"))
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:13], 16) / 2**52


def found(rows: list[tuple[Any, ...]], split: SplitRule, at: str = "TIMESTAMP") -> dict[int, tuple[Any, ...]]:
    """What rows (id, customer, label, moment) that are in a split have: id → (split, fold or None)."""
    _ENGINE.execute(f"create or replace table t (id BIGINT, customer BIGINT, label VARCHAR, moment {at})")
    if rows:
        _ENGINE.execute(
            f"insert into t select unnest(?), unnest(?)::BIGINT, unnest(?)::VARCHAR, unnest(?)::{at}",
            [list(column) for column in zip(*rows, strict=True)],
        )
    fold = "fold" if split.folds else "null"
    query = folded_sql(split, f"({divided_sql(split, 'select * from t')})")
    cursor = _ENGINE.execute(f"select id, split, {fold} from ({query})")
    return {row[0]: row[1:] for row in cursor.fetchall()}


ROWS = [(i, i % 11, "ab"[i % 3 == 0], START + i * DAY) for i in range(100)]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from("abc") | st.none(), max_size=40), st.integers(0, 9), st.integers(0, 9), st.integers())
def test_stratified_shares_are_exact_in_every_class(
    labels: list[str | None], tenths: int, twentieths: int, seed: int
) -> None:
    test, validation = tenths / 20, twentieths / 20
    split = rule(test=test, validation=validation, seed=seed, stratify="label", rows=("id",), folds=3)
    classes: dict[str | None, list[int]] = defaultdict(list)
    for i, label in enumerate(labels):
        classes[label].append(i)
    expected, folds = {}, {}
    for label, ids in classes.items():
        # Half a row more is a row more, as the engine rounds.
        ends = [int(len(ids) * share + 0.5 + 1e-9) for share in (test, test + validation)]
        for place, i in enumerate(sorted(ids, key=lambda i: (unit(str(seed), i), i))):
            expected[i] = "test" if place < ends[0] else "validation" if place < ends[1] else "training"
        training = [i for i in ids if expected[i] == "training"]
        ordered = sorted(training, key=lambda i: (unit(f"fold {seed}", i), i))
        folds |= {i: place % 3 for place, i in enumerate(ordered)}
        assert label in {labels[i] for i in ids}

    rows = [(i, 0, label, START) for i, label in enumerate(labels)]
    assert found(rows, split) == {i: (s, folds.get(i)) for i, s in expected.items()}
    assert found(rows[::-1], split) == found(rows, split)


def test_rows_of_a_group_stay_together_and_in_one_fold() -> None:
    split = rule(test=0.3, key=("customer",), folds=4)
    sides: dict[int, set[Any]] = defaultdict(set)
    for i, side in found(ROWS, split).items():
        sides[i % 11].add(side)

    assert all(len(side) == 1 for side in sides.values())
    assert {next(iter(side))[0] for side in sides.values()} == {"test", "training"}
    for customer, side in sides.items():
        fold = int(unit("fold 42", customer) * 4)
        assert side == ({("test", None)} if unit("42", customer) < 0.3 else {("training", fold)})


def test_folds_are_about_equal_and_of_training_rows_alone() -> None:
    sides = found([(i, 0, "a", START) for i in range(2000)], rule(folds=5)).values()

    counts = [sum(side == ("training", fold) for side in sides) for fold in range(5)]
    assert sum(counts) == sum(split == "training" for split, _fold in sides)
    assert all(abs(count - 320) < 60 for count in counts)
    assert {fold for split, fold in sides if split != "training"} == {None}


def test_times_from_which_on_rows_are_tested_and_the_gap_before() -> None:
    split = rule(
        test=0.0, by="time", time="moment", gap=3 * 86_400_000_000,
        validation_from="2026-02-10 00:00:00", test_from="2026-03-02 00:00:00",
    )  # fmt: skip
    days = {name: [i for i, (s, _f) in found(ROWS, split).items() if s == name] for name in ("training", "validation")}

    assert days == {"training": [*range(37)], "validation": [*range(40, 57)]}
    assert [i for i, (s, _f) in found(ROWS, split).items() if s == "test"] == [*range(60, 100)]


def test_a_gap_that_is_wider_than_the_validation_split_takes_all_of_it() -> None:
    split = rule(test=0.1, validation=0.1, by="time", time="moment", gap=20 * 86_400_000_000)
    sides = found(ROWS, split)

    assert {s for s, _f in sides.values()} == {"training", "test"}
    # The span is 99 days: test from day 89.1 on, validation from 79.2, training ends 20 days before that.
    assert [i for i, (s, _f) in sides.items() if s == "test"] == [*range(90, 100)]
    assert [i for i, (s, _f) in sides.items() if s == "training"] == [*range(60)]


def test_shares_of_time_are_of_the_span_and_not_of_the_rows() -> None:
    rows = [(i, 0, "a", START) for i in range(50)] + [(50 + i, 0, "a", START + (i + 1) * DAY) for i in range(10)]
    sides = found(rows, rule(test=0.25, by="time", time="moment"))

    assert [i for i, (s, _f) in sides.items() if s == "test"] == [57, 58, 59]


@pytest.mark.parametrize("at", ["DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"])
def test_every_type_of_time(at: str) -> None:
    rows = [(i, 0, "a", t.replace(tzinfo=UTC) if at.endswith("ZONE") else t) for i, _c, _l, t in ROWS]
    split = rule(test=0.0, by="time", time="moment", test_from="2026-04-01 00:00:00")

    assert [i for i, (s, _f) in found(rows, split, at).items() if s == "test"] == [*range(90, 100)]


def test_a_row_without_a_time_is_in_no_split() -> None:
    rows = [(0, 0, "a", START), (1, 0, "a", None), (2, 0, "a", START + DAY)]

    assert found(rows, rule(test=0.5, by="time", time="moment")) == {0: ("training", None), 2: ("test", None)}


def test_an_old_rule_reads_and_is_written_as_before() -> None:
    text = '{"test":0.2,"validation":0.0,"by":"hash","seed":42,"key":["id"]}'

    assert SplitRule.model_validate_json(text).model_dump_json() == text
    assert SplitRule.model_validate_json(rule(gap=5, folds=3).model_dump_json()) == rule(gap=5, folds=3)
