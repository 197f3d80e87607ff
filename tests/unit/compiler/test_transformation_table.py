"""The rest of features.md's table against numpy, scikit-learn and plain Python; in every case Python equals the SQL."""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler.transformations.quantiles import CDF_KNOTS
from tests.transformed import one, problem, same, transformed

Values = Sequence[Any]
moment = datetime.fromisoformat
LONG = Decimal("123456789012345678901234567890.12")
DOUBLES = st.lists(
    st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, -0.0]) | st.integers(-400, 400).map(lambda n: n / 8),
    max_size=14,
)
WORDS = st.lists(
    st.none() | st.sampled_from(["", "a", "A", "b", "it's", '"q"', "ä", "漢🦆", "other", "\\", "10"]), max_size=14
)


def seen(values: Values) -> list[float]:
    return sorted(float(v) for v in values if v is not None and math.isfinite(v))


def each(values: Values, function: Callable[[float], Any]) -> list[Any]:
    """Null and NaN stay null."""
    return [None if v is None or math.isnan(v) else function(float(v)) for v in values]


def quantiles(training: Values, shares: Sequence[float]) -> list[float]:
    return [float(q) for q in np.quantile(np.array(seen(training)), shares)]


# ----------------------------------------------------------------------------------------------- numbers: the reference


def mean(training: Values, values: Values) -> list[Any]:
    middle = float(np.mean(seen(training)))
    return [middle if v is None or math.isnan(v) else v for v in values]


def equal_width(training: Values, values: Values) -> list[Any]:
    found = seen(training)
    edges = sorted(set(np.linspace(found[0], found[-1], 11)[1:-1].tolist())) if found else []
    return each(values, lambda v: bisect_left(edges, v) if found else None)


def by_quantile(training: Values, values: Values) -> list[Any]:
    if not seen(training):
        return [None for _ in values]
    edges = sorted(set(quantiles(training, [0.25, 0.5, 0.75])))
    return each(values, lambda v: bisect_left(edges, v))


def clipped(training: Values, values: Values) -> list[Any]:
    if not seen(training):
        return [None for _ in values]
    low, high = quantiles(training, [0.01, 0.99])
    return each(values, lambda v: min(max(v, low), high))


def cdf(training: Values, values: Values) -> list[Any]:
    found = seen(training)
    return each(values, lambda v: sum(t <= v for t in found) / len(found) if found else None)


def rank(training: Values, values: Values) -> list[Any]:
    """As scikit-learn has it, but for a constant."""
    if not seen(training):
        return [None for _ in values]
    at = np.linspace(0, 1, 9)  # eighths: positions between values are exact
    q = np.array(quantiles(training, at.tolist()))

    def of(v: float) -> float:
        if q[0] == q[-1]:
            return 0.5 if v == q[0] else float(v > q[0])
        if v <= q[0] or v >= q[-1]:
            return float(v > q[0])
        return float(0.5 * (np.interp(v, q, at) - np.interp(-v, -q[::-1], -at[::-1])))

    return each(values, of)


REFERENCES: dict[str, Callable[[Values, Values], list[Any]]] = {
    "impute_mean": mean, "equal_width_binner": equal_width, "quantile_binner": by_quantile, "winsorize": clipped,
    "rank_normalizer": cdf, "quantile_transformer": rank,
}  # fmt: skip


STEPS: dict[str, Any] = {"quantile_transformer": {"quantile_transformer": {"n_quantiles": 9}}}


@settings(deadline=None, max_examples=25)
@pytest.mark.parametrize("name", sorted(REFERENCES))
@given(training=DOUBLES, other=DOUBLES)
def test_numbers(name: str, training: list[Any], other: list[Any]) -> None:
    if name == "impute_mean" and not seen(training):
        training = [*training, 0.5]
    assert same(
        one([STEPS.get(name, name)], "DOUBLE", training, other), REFERENCES[name](training, [*training, *other])
    )


@pytest.mark.parametrize("type_name", ["BIGINT", "UTINYINT", "DECIMAL(10,2)", "FLOAT"])
@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_whole_numbers_and_decimals(name: str, type_name: str) -> None:
    training, other = [3, 1, None, 4, 1, 5, 9, 2, 6, 5, 3, 5], [0, 10, None, 200]
    assert same(
        one([STEPS.get(name, name)], type_name, training, other), REFERENCES[name](training, [*training, *other])
    )


def test_quantile_transformer_is_scikit_learns() -> None:
    from sklearn.preprocessing import QuantileTransformer

    random = np.random.default_rng(7)
    training = np.round(random.normal(size=500), 2)
    training[:150] = training.min()
    other = np.round(random.normal(size=50) * 2, 2)
    fitted = QuantileTransformer(n_quantiles=20).fit(training.reshape(-1, 1))
    expected = fitted.transform(np.concatenate([training, other]).reshape(-1, 1)).ravel().tolist()

    step = {"quantile_transformer": {"n_quantiles": 20}}
    assert same(one([step], "DOUBLE", training.tolist(), other.tolist()), expected)


def test_a_constant_is_one_bin_and_the_middle_rank() -> None:
    assert one(["quantile_transformer"], "DOUBLE", [7.0, 7.0, None], [7.0]) == [0.5, 0.5, None, 0.5]
    assert one(["equal_width_binner"], "DOUBLE", [7.0, 7.0]) == [0, 0]
    assert one(["quantile_binner"], "DOUBLE", [7.0, 7.0]) == [0, 0]
    assert one(["winsorize"], "DOUBLE", [7.0, 7.0], [9.0]) == [7.0] * 3
    assert one(["rank_normalizer"], "DOUBLE", [7.0, 7.0], [6.9]) == [1.0, 1.0, 0.0]


def test_bins_are_closed_on_the_right_and_open_to_both_sides() -> None:
    found = one(["equal_width_binner"], "DOUBLE", [0.0, 10.0], [1.0, 1.0001, 9.0, 9.1, -math.inf, math.inf, -5, 11])
    assert found == [0, 9, 0, 1, 8, 9, 0, 9, 0, 9]
    assert one([{"quantile_binner": {"n_bins": 2}}], "BIGINT", [1, 2, 3]) == [0, 0, 1]


def test_a_cdf_of_very_many_values_is_off_by_less_than_one_knot() -> None:
    training = [float(n * n % 7919) + n / 100_000 for n in range(5 * CDF_KNOTS)]
    found = one(["rank_normalizer"], "DOUBLE", training)
    exact = {value: (index + 1) / len(training) for index, value in enumerate(sorted(training))}

    assert all(0 <= exact[t] - f < 1 / CDF_KNOTS for t, f in zip(training, found, strict=True))
    assert max(found) == 1.0


# ----------------------------------------------------------------------------------------------------------- categories


@settings(deadline=None, max_examples=25)
@given(WORDS, WORDS, st.integers(1, 4))
def test_top_k_encoder(training: list[Any], other: list[Any], k: int) -> None:
    counts = Counter(v for v in training if v is not None)
    kept = sorted(counts, key=lambda v: (-counts[v], v))[:k]
    expected = [v if v in kept else "other" for v in [*training, *other]]

    assert one([{"top_k_encoder": {"k": k}}], "VARCHAR", training, other) == expected


def test_ties_go_by_value_in_the_order_of_the_type() -> None:
    assert one([{"top_k_encoder": {"k": 1}}], "BIGINT", [10, 9, 9, 10, None]) == ["other", "9", "9", "other", "other"]
    assert one(["impute_mode"], "BIGINT", [10, 9, 9, 10, None])[-1] == 9
    assert one(["top_k_encoder"], "DATE", [date(2026, 1, 2)], [date(2026, 1, 3)]) == ["2026-01-02", "other"]


@settings(deadline=None, max_examples=30)
@given(WORDS, WORDS)
def test_impute_mode(training: list[Any], other: list[Any]) -> None:
    training = [*training, "a"]
    counts = Counter(v for v in training if v is not None)
    mode = min(counts, key=lambda v: (-counts[v], v))

    expected = [mode if v is None else v for v in [*training, *other]]
    assert one(["impute_mode"], "VARCHAR", training, other) == expected


@pytest.mark.parametrize(
    ("type_name", "values", "mode"),
    [
        ("DOUBLE", [math.inf, math.inf, 0.1, math.nan, None, 0.3, 0.3], 0.3),
        ("FLOAT", [0.5, 0.5, None], 0.5),
        ("BOOLEAN", [False, False, True, None], False),
        ("DECIMAL(38,2)", [LONG, None], LONG),
        ("TIMESTAMP", [moment("2026-01-02T03:04:05.000500"), None], moment("2026-01-02T03:04:05.000500")),
        ("TIME", [time(3, 4, 5), None], time(3, 4, 5)), ("BIGINT", [2**60 + 1, None], 2**60 + 1),
    ],
)  # fmt: skip
def test_impute_mode_keeps_the_type(type_name: str, values: list[Any], mode: Any) -> None:
    expected = [mode if v is None or v != v else v for v in values]  # noqa: PLR0124 - NaN
    assert one(["impute_mode"], type_name, values) == expected


@pytest.mark.parametrize(
    ("type_name", "order", "values", "expected"),
    [
        ("VARCHAR", ["low", "mid", "high"], ["high", "low", None, "?"], [2, 0, None, -1]),
        ("BIGINT", [3, 1, 2], [1, 2, 3, 4, None], [1, 2, 0, -1, None]),
        ("DATE", ["2026-02-01", "2026-01-01"], [date(2026, 1, 1), date(2026, 2, 1)], [1, 0]),
        ("TIMESTAMP", ["2026-02-01", "2026-01-01 10:00"], [moment("2026-01-01T10:00")], [1]),
        ("BOOLEAN", [True, False], [True, False, None], [0, 1, None]),
    ],
)  # fmt: skip
def test_ordinal_encoder(type_name: str, order: list[Any], values: list[Any], expected: list[Any]) -> None:
    assert one([{"ordinal_encoder": {"order": order}}], type_name, values) == expected


@settings(deadline=None, max_examples=25)
@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)))
def test_hash_bucket_is_the_hash_of_the_split(values: list[Any]) -> None:
    def bucket(value: str) -> int:
        array = json.dumps([value], separators=(",", ":"), ensure_ascii=False)
        for code in range(32):
            array = array.replace(f"\\u00{code:02x}", f"\\u00{code:02X}")
        return (int(hashlib.md5(f"42{array}".encode(), usedforsecurity=False).hexdigest(), 16) >> 76) % 7

    found = one([{"hash_bucket": {"n": 7}}], "VARCHAR", values)
    if not any(v and "\\u00" in v for v in values):
        assert found == [None if v is None else bucket(v) for v in values]
    assert all(v is None or 0 <= v < 7 for v in found)


def test_hash_bucket_does_not_depend_on_the_width_of_whole_numbers() -> None:
    step = {"hash_bucket": {"n": 1000}}
    values = list(range(100))
    assert one([step], "BIGINT", values) == one([step], "UTINYINT", values) == one([step], "VARCHAR", values)
    assert one([{"hash_bucket": {"n": 1000, "seed": 1}}], "BIGINT", values) != one([step], "BIGINT", values)


# --------------------------------------------------------------------------------------------------------- times, texts


def test_parts_of_texts_and_times() -> None:
    monday, sunday = date(2026, 1, 5), moment("2026-01-11T23:59:59")
    assert one(["text_length"], "VARCHAR", ["", "añ漢🦆", None]) == [0, 4, None]
    assert one(["day_of_week"], "DATE", [monday, None, date(1969, 12, 31)]) == [0, None, 2]
    assert one(["day_of_week"], "TIMESTAMP", [sunday]) == [6]
    assert one(["hour_of_day"], "TIMESTAMP", [sunday, None]) == [23, None]
    assert one(["hour_of_day"], "TIME", [time(7, 30)]) == [7]


def test_cyclical_makes_a_point_on_a_circle() -> None:
    values = [0, 6, 18, 24, 25.5, None, math.nan, math.inf]
    found = transformed([{"cyclical": {"period": 24}}], "DOUBLE", values)

    angles = [None if v is None or not math.isfinite(v) else v / 24 * 2 * math.pi for v in values]
    assert list(found) == ["x_sin", "x_cos"]
    assert same(found["x_sin"], [None if a is None else math.sin(a) for a in angles])
    assert same(found["x_cos"], [None if a is None else math.cos(a) for a in angles])
    assert list(transformed(["hour_of_day", {"cyclical": {"period": 24}}], "TIME", [time(6)])) == ["x_sin", "x_cos"]


# --------------------------------------------------------------------------------------------------------------- chains


def test_a_chain_of_three() -> None:
    training, other = [20.0, None, 30.0, 25.0, math.nan, 90.0, 41.0], [None, 1000.0]
    filled = [float(np.median(seen(training))) if v is None or math.isnan(v) else v for v in [*training, *other]]
    upper, lower = np.quantile(filled[:7], 0.95), np.quantile(filled[:7], 0.01)
    cut = np.clip(filled, lower, upper)
    expected = (cut - cut[:7].mean()) / cut[:7].std()

    steps = ["impute_median", {"winsorize": {"upper": 0.95}}, "standard_scaler"]
    assert same(one(steps, "DOUBLE", training, other), expected.tolist())


def test_what_makes_categories_may_be_encoded() -> None:
    found = transformed([{"top_k_encoder": {"k": 1}}, "one_hot_encoder"], "VARCHAR", ["a", "b", "a", None], ["c"])
    assert found == {"x_a": [1, 0, 1, 0, 0], "x_other": [0, 1, 0, 1, 1]}
    assert one([{"quantile_binner": {"n_bins": 2}}, {"impute_constant": {"value": -1}}], "DOUBLE", [1, 2, None]) == [
        0, 1, -1,
    ]  # fmt: skip


HUGE = [1e308, -1e308, 1e-308, 5e-324, 1e16, -0.0, math.inf, None]


@pytest.mark.parametrize("name", ["min_max_scaler", "robust_scaler", "log_transform", *sorted(REFERENCES)])
def test_huge_values_give_the_same_in_sql_and_in_python(name: str) -> None:
    assert len(one([name], "DOUBLE", [1e16, 3.0, 1e-300, 1e15], HUGE)) == 4 + len(HUGE)


@pytest.mark.parametrize(
    ("step", "type_name", "said"),
    [
        ({"winsorize": {"lower": 0.9, "upper": 0.1}}, "DOUBLE", "0 ≤ lower < upper ≤ 1"),
        ({"winsorize": {"upper": 95}}, "DOUBLE", "0 ≤ lower < upper ≤ 1"),
        ({"quantile_binner": {"n_bins": 1}}, "DOUBLE", "at least 2"),
        ({"equal_width_binner": {"n_bins": 2.5}}, "DOUBLE", "cannot be 2.5"),
        ({"quantile_transformer": {"n_quantiles": 1}}, "DOUBLE", "at least 2"),
        ({"top_k_encoder": {"k": 0}}, "VARCHAR", "at least 1"), ("top_k_encoder", "DOUBLE", "takes text"),
        ("hash_bucket", "VARCHAR", "needs 'n'"), ({"hash_bucket": {"n": 0}}, "VARCHAR", "at least 1"),
        ("cyclical", "BIGINT", "needs 'period'"), ({"cyclical": {"period": 0}}, "BIGINT", "more than 0"),
        ("ordinal_encoder", "VARCHAR", "needs 'order'"), ({"ordinal_encoder": {"order": []}}, "VARCHAR", "no value"),
        ({"ordinal_encoder": {"order": ["a", "a"]}}, "VARCHAR", "twice"),
        ({"ordinal_encoder": {"order": ["a"]}}, "BIGINT", "'a' is no BIGINT"),
        ({"ordinal_encoder": {"order": "a"}}, "VARCHAR", "cannot be 'a'"), ("day_of_week", "TIME", "takes dates"),
        ("hour_of_day", "DATE", "takes times"), ("text_length", "BIGINT", "takes text"),
        ({"target_encoder": {"folds": 1}}, "VARCHAR", "at least 2"),
        ({"target_encoder": {"smoothing": -1}}, "VARCHAR", "negative"), ("standard_scalar", "DOUBLE", "unknown"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(step: Any, type_name: str, said: str) -> None:
    assert said in problem(step, type_name)
