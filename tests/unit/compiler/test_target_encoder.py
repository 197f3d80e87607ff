"""The target encoder against a loop in Python: a training row never sees the labels of its own fold."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler.transformations import Evaluator, apply_sql
from mlproj.compiler.transformations.fitting import fit_stage_sql, learnt, training_of
from mlproj.state import Column, FittedStatistics, SplitRule
from tests.transformed import ENGINE, chain_of, same

SPLIT = SplitRule(test=0.2, validation=0.0, by="hash", seed=42, key=("i",))
ROWS = st.lists(st.tuples(st.none() | st.sampled_from("abcd"), st.none() | st.integers(0, 3)), max_size=30)


def fold(key: int, folds: int) -> int:
    digest = hashlib.md5(f'fold 42["{key}"]'.encode(), usedforsecurity=False).hexdigest()
    return int((int(digest[:13], 16) / 2**52) * folds)


def smoothed(labels: list[tuple[Any, float]], value: Any, smoothing: float) -> float | None:
    """What a value is worth, by rows of value and label."""
    if not labels:
        return None
    mean = sum(y for _v, y in labels) / len(labels)
    own = [y for v, y in labels if v == value]
    return (sum(own) + smoothing * mean) / (len(own) + smoothing) if own else mean


def transformed(
    steps: list[Any], training: list[tuple[Any, Any]], later: list[tuple[Any, Any]], keys: range | None = None
) -> tuple[list[Any], FittedStatistics]:
    """The column of all rows, training first, as a build makes it."""
    rows = [(i, "training", *row) for i, row in zip(keys or range(len(training)), training, strict=True)]
    rows += [(1000 + i, "test", *row) for i, row in enumerate(later)]
    ENGINE.execute("create or replace table t (i BIGINT, split VARCHAR, x VARCHAR, y BIGINT)")
    if rows:
        ENGINE.executemany("insert into t values (?, ?, ?, ?)", rows)
    chains, types = {"x": chain_of(steps, "VARCHAR")}, {"x": "VARCHAR", "y": "BIGINT"}
    fitted = FittedStatistics(chains=chains, values={"x": ()})
    context = training_of(SPLIT, "y", types, fitted)
    for stage in range(len(chains["x"])):
        sql, wanted = fit_stage_sql(chains, types, fitted, stage, "t", context)
        fitted = learnt(chains, stage, fitted, wanted, ENGINE.execute(sql).fetchall()[0])
    fitted = FittedStatistics.model_validate_json(fitted.model_dump_json())
    query = apply_sql([("x", "VARCHAR")], fitted, "t", ["i"], context)
    return [x for _i, x in ENGINE.execute(f"{query} order by i").fetchall()], fitted


@settings(deadline=None, max_examples=30)
@given(ROWS, ROWS, st.integers(2, 6), st.sampled_from([0, 1, 10, 2.5]))
def test_equals_the_loop(training: list[Any], later: list[Any], folds: int, smoothing: float) -> None:
    step = {"target_encoder": {"folds": folds, "smoothing": smoothing}}
    found, fitted = transformed([step], training, later)

    labelled = [(fold(i, folds), x, y) for i, (x, y) in enumerate(training) if y is not None]
    expected = [
        None if x is None else smoothed([(v, y) for f, v, y in labelled if f != fold(i, folds)], x, smoothing)
        for i, (x, _y) in enumerate(training)
    ]
    whole = [(v, y) for _f, v, y in labelled]
    expected += [None if x is None else smoothed(whole, x, smoothing) for x, _y in later]
    assert same(found, expected)
    online = Evaluator([Column(name="x", type="VARCHAR")], fitted).columns({"x": [x for x, _y in later]})["x"]
    assert same(online, expected[len(training) :])


def test_unseen_is_the_global_mean_and_null_stays_null() -> None:
    found, _fitted = transformed(["target_encoder"], [("a", 1), ("a", 1), ("b", 0), ("b", 0)], [("?", 0), (None, 0)])
    assert found[4:] == [0.5, None]


def test_a_row_does_not_see_its_own_label() -> None:
    rows = [("a", i % 2) for i in range(40)]
    one = transformed(["target_encoder"], rows, [])[0]
    other = transformed(["target_encoder"], [("a", 7), *rows[1:]], [])[0]

    same_fold = [i for i in range(40) if fold(i, 5) == fold(0, 5)]
    assert [i for i in range(40) if one[i] == other[i]] == same_fold


def test_folds_depend_on_the_key_alone() -> None:
    rows = [("ab"[i % 2], i % 3) for i in range(60)]
    forth = transformed(["target_encoder"], rows, [])[0]
    assert same(transformed(["target_encoder"], rows[::-1], [], range(59, -1, -1))[0], forth)


def test_a_step_after_it_learns_from_what_training_rows_get() -> None:
    rows = [("abc"[i % 3], i % 2) for i in range(50)]
    encoded = transformed(["target_encoder"], rows, [])[0]
    scaled, fitted = transformed(["target_encoder", "min_max_scaler"], rows, [("a", None)])

    low, high = min(encoded), max(encoded)
    assert same(scaled[:50], [(value - low) / (high - low) for value in encoded])
    assert fitted.values["x"][1] == {"min": pytest.approx(low), "max": pytest.approx(high)}
