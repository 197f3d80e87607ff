"""Transformations: SQL against a reference in numpy, written from the table of features.md alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler.transformations import apply_sql, output_types
from mlproj.compiler.transformations.chain import FUNCTIONS
from mlproj.state import FittedStatistics
from tests.transformed import ENGINE as _ENGINE
from tests.transformed import chain_of, fit, load, one, problem, same, transformed

# --------------------------------------------------------------------------------------------- numbers: the reference


def seen(values: Sequence[Any]) -> list[float]:
    """What statistics are made of: neither null nor NaN nor infinite."""
    return [float(v) for v in values if v is not None and math.isfinite(v)]


def shift(values: Sequence[Any], center: float | None, scale: float | None) -> list[Any]:
    if center is None:
        return [None for _ in values]
    moved = [None if v is None or math.isnan(v) else float(v) - center for v in values]
    return [m if m is None or not scale else m / scale for m in moved]


def min_max(training: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    found = seen(training)
    return shift(values, min(found), max(found) - min(found)) if found else shift(values, None, None)


def standard(training: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    found = np.array(seen(training))
    if not len(found):
        return shift(values, None, None)
    return shift(values, float(found.mean()), 0.0 if found.min() == found.max() else float(found.std()))


def robust(training: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    if not seen(training):
        return shift(values, None, None)
    low, mid, high = (float(q) for q in np.percentile(np.array(seen(training)), [25, 50, 75]))
    return shift(values, mid, high - low)


def log(_training: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    return [None if v is None or math.isnan(v) or v <= 0 else math.log(v) for v in values]


def median(training: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    middle = float(np.median(np.array(seen(training))))
    return [middle if v is None or math.isnan(v) else float(v) for v in values]


REFERENCES = {
    "min_max_scaler": min_max, "standard_scaler": standard, "robust_scaler": robust, "log_transform": log,
    "impute_median": median,
}  # fmt: skip
# Small numbers of few digits: both sides round alike, and no sum of squares overflows.
DOUBLES = st.lists(
    st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, -0.0]) | st.integers(-4000, 4000).map(lambda n: n / 8),
    max_size=12,
)  # fmt: skip
WHOLE = st.lists(st.none() | st.integers(-1000, 1000), max_size=12)


@settings(deadline=None, max_examples=40)
@pytest.mark.parametrize("name", sorted(REFERENCES))
@given(training=DOUBLES, other=DOUBLES)
def test_numbers_with_fractions(name: str, training: list[Any], other: list[Any]) -> None:
    if name == "impute_median" and not seen(training):
        training = [*training, 0.5]
    assert same(one([name], "DOUBLE", training, other), REFERENCES[name](training, [*training, *other]))


@settings(deadline=None, max_examples=20)
@pytest.mark.parametrize("type_name", ["BIGINT", "SMALLINT", "DECIMAL(10,2)", "FLOAT"])
@pytest.mark.parametrize("name", sorted(REFERENCES))
@given(training=WHOLE, other=WHOLE)
def test_whole_numbers_and_decimals(name: str, type_name: str, training: list[Any], other: list[Any]) -> None:
    if name == "impute_median" and not seen(training):
        training = [*training, 3]
    assert same(one([name], type_name, training, other), REFERENCES[name](training, [*training, *other]))


@pytest.mark.parametrize("name", ["min_max_scaler", "standard_scaler", "robust_scaler"])
def test_a_constant_is_moved_and_not_divided(name: str) -> None:
    assert one([name], "DOUBLE", [7.0, 7.0, None], [9.0, None]) == [0.0, 0.0, None, 2.0, None]
    assert same(one([name], "DOUBLE", [0.1] * 3, [0.1]), [0.0] * 4)


@pytest.mark.parametrize("name", ["min_max_scaler", "standard_scaler", "robust_scaler"])
def test_nothing_to_learn_from_gives_nulls(name: str) -> None:
    assert one([name], "DOUBLE", [None, math.nan, math.inf], [3.0]) == [None] * 4


def test_scaling_does_not_clip_and_infinite_values_pass_through() -> None:
    assert one(["min_max_scaler"], "DOUBLE", [0.0, 10.0], [20.0, -5.0, math.inf, -math.inf]) == [
        0.0, 1.0, 2.0, -0.5, math.inf, -math.inf,
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*sorted(REFERENCES), "label_encoder"])
def test_statistics_come_from_the_training_split_only(name: str) -> None:
    training = [1, 2, 3, 10, None]
    without = one([name], "BIGINT", training)

    assert one([name], "BIGINT", training, [1000, -1000, 5, 5, 5])[: len(training)] == without


# --------------------------------------------------------------------------------------------------------- categories


WORDS = st.lists(
    st.none() | st.sampled_from(["", " ", "a", "A", "b", "it's", '"q"', "ä", "漢", "{x}", "null", "10", "9"]),
    max_size=14,
)


@settings(deadline=None, max_examples=60)
@given(WORDS, WORDS)
def test_label_encoder(training: list[Any], other: list[Any]) -> None:
    values = sorted({v for v in training if v is not None})
    expected = [None if v is None else values.index(v) if v in values else -1 for v in [*training, *other]]

    assert one(["label_encoder"], "VARCHAR", training, other) == expected


@settings(deadline=None, max_examples=60)
@given(WORDS, WORDS, st.none() | st.integers(1, 4))
def test_one_hot_encoder(training: list[Any], other: list[Any], limit: int | None) -> None:
    counts = Counter(v for v in training if v is not None)
    kept = sorted(sorted(counts, key=lambda v: (-counts[v], v))[:limit])
    step: Any = "one_hot_encoder" if limit is None else {"one_hot_encoder": {"max_categories": limit}}

    expected = {f"x_{value}": [int(v == value) for v in [*training, *other]] for value in kept}
    assert transformed([step], "VARCHAR", training, other) == expected


moment = datetime.fromisoformat


@pytest.mark.parametrize(
    ("type_name", "values", "names"),
    [
        ("BIGINT", [10, 9, -1, 9], ["-1", "9", "10"]),
        ("BOOLEAN", [True, False, None], ["false", "true"]),
        ("DATE", [date(2026, 1, 2), date(999, 1, 1)], ["0999-01-01", "2026-01-02"]),
        ("TIMESTAMP", [moment("2026-01-02T03:04:05.5"), moment("2026-01-02")], ["2026-01-02 00:00:00",
        "2026-01-02 03:04:05.5"]),
        ("TIME", [time(3, 4, 5), time(3, 4, 5, 120000)], ["03:04:05", "03:04:05.12"]),
        ("UTINYINT", [200, 3], ["3", "200"]),
    ],
)  # fmt: skip
def test_categories_of_every_type_are_sorted_by_their_own_order(
    type_name: str, values: list[Any], names: list[str]
) -> None:
    columns = transformed(["one_hot_encoder"], type_name, values, [None])

    assert list(columns) == [f"x_{name}" for name in names]
    assert [sum(column) for column in zip(*columns.values(), strict=True)] == [
        0 if v is None else 1 for v in [*values, None]
    ]
    codes = one(["label_encoder"], type_name, values, [None])
    ordered = sorted({v for v in values if v is not None})
    assert codes == [None if v is None else ordered.index(v) for v in [*values, None]]


def test_ties_of_frequency_go_by_value_in_the_order_of_the_type() -> None:
    step = {"one_hot_encoder": {"max_categories": 2}}

    assert list(transformed([step], "BIGINT", [10, 9, 10, 9, 100])) == ["x_9", "x_10"]
    assert list(transformed([step], "BIGINT", [100, 9, 10])) == ["x_9", "x_10"]
    assert list(transformed([step], "VARCHAR", ["c", "b", "c", "a"])) == ["x_a", "x_c"]


def test_no_categories_give_no_columns() -> None:
    assert transformed(["one_hot_encoder"], "VARCHAR", [None, None], ["a"]) == {}
    assert one(["label_encoder"], "VARCHAR", [None], ["a", None]) == [None, -1, None]


# ------------------------------------------------------------------------------------------------ constants and chains


@pytest.mark.parametrize(
    ("type_name", "value", "rows", "expected"),
    [
        ("DOUBLE", 0.0, [None, math.nan, 1.5, math.inf], [0.0, 0.0, 1.5, math.inf]),
        ("DOUBLE", 3, [None, math.nan], [3.0, 3.0]),
        ("BIGINT", 7, [None, 2], [7, 2]), ("BIGINT", 0.5, [None, 2], [0.5, 2.0]),
        ("TINYINT", -128, [None, 2], [-128, 2]),
        ("VARCHAR", "it's", [None, "", "a"], ["it's", "", "a"]), ("BOOLEAN", False, [None, True], [False, True]),
        ("DATE", "2026-01-31", [None, date(2020, 1, 1)], [date(2026, 1, 31), date(2020, 1, 1)]),
        ("DECIMAL(10,2)", 3, [None, Decimal("1.25")], [Decimal("3.00"), Decimal("1.25")]),
    ],
)  # fmt: skip
def test_impute_constant(type_name: str, value: Any, rows: list[Any], expected: list[Any]) -> None:
    assert one([{"impute_constant": {"value": value}}], type_name, rows) == expected


ARGUMENTS: dict[str, list[dict[str, Any]]] = {"hash_bucket": [{"n": 7}], "cyclical": [{"period": 24}]}
NUMBERS = [
    "TINYINT",
    "UTINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL(10,2)",
    "DECIMAL(38,0)",
]


@pytest.mark.parametrize(
    "type_name", [*NUMBERS, "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "TIME", "TIMESTAMP WITH TIME ZONE"]
)
def test_every_function_makes_the_type_that_it_says(type_name: str) -> None:
    value: Any = {"VARCHAR": "a", "BOOLEAN": True, "TIME": "10:30"}.get(
        type_name, "2026-01-31" if type_name not in NUMBERS else 3
    )
    load(type_name, [value])
    for name, function in FUNCTIONS.items():
        if function.out_of_fold:  # needs a label
            continue
        arguments = ARGUMENTS.get(name, [{}]) if name != "impute_constant" else [{"value": value}, {"value": 0.5}]
        if name == "ordinal_encoder":
            arguments = [{"order": [value]}]
        for given_ in arguments:
            if not function.accepts(type_name) or (given_.get("value") == 0.5 and type_name not in NUMBERS):
                continue
            chain = chain_of([{name: given_}], type_name)
            sql = apply_sql([("x", type_name)], fit(chain, type_name), "t")
            made = {row[1] for row in _ENGINE.execute(f"describe {sql}").fetchall()}
            assert made == {output_types(type_name, chain)}, (name, given_)


def test_a_chain_learns_each_step_from_what_the_steps_before_it_make() -> None:
    training, other = [1.0, None, math.e, math.nan, 0.0, 7.5], [None, 100.0, -1.0]
    steps = ["impute_median", "log_transform", {"impute_constant": {"value": -1.0}}, "standard_scaler"]

    filled = median(training, training), median(training, [*training, *other])
    logs = [log([], values) for values in filled]
    constant = [[-1.0 if v is None else v for v in values] for values in logs]
    assert same(one(steps, "DOUBLE", training, other), standard(*constant))


def test_encoders_may_stand_in_a_chain() -> None:
    steps = [{"impute_constant": {"value": "none"}}, "label_encoder", "min_max_scaler"]
    assert one(steps, "VARCHAR", ["a", None, "z"], ["?"]) == [0.0, 0.5, 1.0, -0.5]
    assert list(transformed([steps[0], "one_hot_encoder"], "VARCHAR", ["a", None])) == ["x_a", "x_none"]


def test_a_feature_without_a_chain_passes_with_nan_as_null() -> None:
    load("DOUBLE", [1.0, math.nan, math.inf])
    sql = apply_sql([("x", "DOUBLE")], FittedStatistics(), "t", ["i"])
    assert _ENGINE.execute(sql).fetchall() == [(0, 1.0), (1, None), (2, math.inf)]


@pytest.mark.parametrize(
    ("step", "type_name"),
    [
        ("min_max_scaler", "VARCHAR"), ("standard_scaler", "BOOLEAN"), ("label_encoder", "DOUBLE"),
        ("one_hot_encoder", "BIGINT[]"),
        ("label_encoder", "TIMESTAMP WITH TIME ZONE"), ("log_transform", "DATE"), ("nosuch", "BIGINT"),
        ("impute_constant", "BIGINT"),
        ({"impute_constant": {"value": "a"}}, "BIGINT"), ({"impute_constant": {"value": 1}}, "VARCHAR"),
        ({"impute_constant": {"value": 0.5}}, "VARCHAR"), ({"impute_constant": {"value": 0.5}}, "BOOLEAN"),
        ({"impute_constant": {"value": 200}}, "TINYINT"), ({"impute_constant": {"value": -1}}, "UBIGINT"),
        ({"impute_constant": {"value": True}}, "BIGINT"), ({"impute_constant": {"value": "yesterday"}}, "DATE"),
        ({"impute_constant": {"value": 1, "more": 2}}, "BIGINT"),
        ({"one_hot_encoder": {"max_categories": 0}}, "VARCHAR"),
        ({"one_hot_encoder": {"max_categories": 1.5}}, "VARCHAR"),
        ({"one_hot_encoder": {"max_categories": True}}, "VARCHAR"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(step: Any, type_name: str) -> None:
    assert problem(step, type_name)
