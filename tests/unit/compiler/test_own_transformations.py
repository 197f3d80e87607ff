"""A project's own transformations in SQL: what they give, in training and online, and what a change of them is."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.transformations.own import OwnFunctions
from mlproj.compiler.transformations.own_function import reads_a_query, substituted
from mlproj.diagnostics import Collector, Span
from mlproj.loader import Loaded
from mlproj.specs import OwnTransformation
from tests.transformed import chain_of, same, transformed

CHECKER = TypeChecker(DuckDBBinder(), {})


def own(**spec: Any) -> OwnFunctions:
    collector = Collector()
    declared = OwnTransformation.model_validate({"name": "mine", **spec})
    found = OwnFunctions([Loaded(declared, "t.yml", "", lambda *_p, **_k: Span("t.yml"))], CHECKER, collector)
    assert not collector.errors, collector.errors
    return found


def meaning(**spec: Any) -> Any:
    """What a step without arguments of its own means, of a DOUBLE."""
    (step,) = chain_of(["mine"], "DOUBLE", own(**spec))
    return step.meaning


SQUASH: dict[str, Any] = {
    "args": {"power": 2.0},
    "statistics": {"lo": "min(x)", "hi": "max(x)"},
    "sql": "((x - lo) / nullif(hi - lo, 0)) ** power",
}
DOUBLES = st.lists(st.sampled_from([None, math.nan, math.inf]) | st.integers(0, 80).map(lambda n: n / 8), max_size=9)


@settings(deadline=None, max_examples=20)
@given(DOUBLES, DOUBLES)
def test_statistics_leave_out_what_is_infinite_and_nan_is_null(training: list[Any], other: list[Any]) -> None:
    seen = [v for v in training if v is not None and math.isfinite(v)]
    low, high = min(seen, default=0), max(seen, default=0)
    found = transformed(["mine"], "DOUBLE", training, other, own(**SQUASH))["x"]

    expected = [
        None if v is None or math.isnan(v) or low == high else ((v - low) / (high - low)) ** 2
        for v in [*training, *other]
    ]
    assert same(found, expected)


def test_arguments_and_other_steps() -> None:
    steps = ["impute_median", {"mine": {"power": 1}}, "standard_scaler"]
    found = transformed(steps, "BIGINT", [1, None, 3], [5], own(**SQUASH))["x"]
    assert same(found, [-math.sqrt(1.5), 0.0, math.sqrt(1.5), 3 * math.sqrt(1.5)])


@pytest.mark.parametrize(
    ("type_name", "spec", "values", "expected"),
    [
        ("VARCHAR", {"sql": "upper(trim(x))"}, [" a'", None, "漢"], ["A'", None, "漢"]),
        ("VARCHAR", {"statistics": {"top": "mode(x)"}, "sql": "(x = top)::INTEGER"}, ["a", "b", "a"], [1, 0, 1]),
        ("DATE", {"statistics": {"first": "min(x)"}, "sql": "x - first"}, ["2026-01-01", "2026-01-03"], [0, 2]),
        ("TIMESTAMP", {"sql": "date_trunc('month', x)::DATE = x::DATE"}, ["2026-01-01 10:00"], [True]),
        ("DOUBLE", {"statistics": {"q": "quantile_cont(x, [0.0, 1.0])"}, "sql": "x - q[1] + q[2]"}, [1.0, 3.0], [3, 5]),
        ("DOUBLE", {"statistics": {"max": "max(x)"}, "sql": "greatest(x, -x) / max"}, [-1.0, 4.0], [0.25, 1.0]),
        ("BIGINT", {"args": {"n": "BIGINT", "how": {"default": "it's", "type": "VARCHAR"}}, "sql": "x % n || how"},
         [7, 10], ["1it's", "1it's"]),
    ],
)  # fmt: skip
def test_types(type_name: str, spec: dict[str, Any], values: list[Any], expected: list[Any]) -> None:
    step: Any = {"mine": {"n": 3}} if "n" in spec.get("args", {}) else "mine"
    assert same(transformed([step], type_name, values, [], own(**spec))["x"], expected)


@pytest.mark.parametrize(
    "other",
    [
        {**SQUASH, "sql": "((X-lo)/nullif(hi-lo,0))**power -- the same"}, {**SQUASH, "description": "other words"},
        {**SQUASH, "statistics": {"hi": "MAX(x)", "lo": " min( x )"}},
        {"args": {"p": 2.0}, "statistics": {"a": "min(x)", "b": "max(x)"}, "sql": "((x - a) / nullif(b - a, 0)) ** p"},
    ],
)  # fmt: skip
def test_other_words_mean_the_same(other: dict[str, Any]) -> None:
    assert meaning(**other) == meaning(**SQUASH)


@pytest.mark.parametrize(
    "other",
    [
        {**SQUASH, "sql": "((x - hi) / nullif(hi - lo, 0)) ** power"}, {**SQUASH, "args": {"power": 3.0}},
        {**SQUASH, "statistics": {"lo": "avg(x)", "hi": "max(x)"}},
        {**SQUASH, "statistics": {"hi": "min(x)", "lo": "max(x)"}},
    ],
)  # fmt: skip
def test_another_statistic_argument_or_expression_means_something_else(other: dict[str, Any]) -> None:
    assert meaning(**other) != meaning(**SQUASH)


def test_what_a_view_gives_counts_and_not_the_default() -> None:
    (given_,) = chain_of([{"mine": {"power": 2.0}}], "DOUBLE", own(**{**SQUASH, "args": {"power": 9.0}}))
    assert given_.meaning == meaning(**SQUASH)


def test_names_are_replaced_where_they_stand_for_columns_alone() -> None:
    names = {"x": "(1)", "lo": "(2)"}
    assert (
        substituted("x + LO - \"x\" * lo(x) - a.x - 'x' -- x", names).rstrip()
        == "(1) + (2) - (1) * lo((1)) - a.x - 'x'"
    )
    assert substituted("1e5 + x1 + 0x1", names) == "1e5 + x1 + 0x1"


@pytest.mark.parametrize(
    "sql", ["x - (select 1)", "exists ( FROM t)", "x in (values (1))", "x + (with a as (from t) from a)"]
)
def test_queries_are_seen(sql: str) -> None:
    assert reads_a_query(sql)


@pytest.mark.parametrize("sql", ["x = '(select 1)'", 'x + ("select")', "extract(year from x)", "x -- (select 1)"])
def test_what_looks_like_a_query_is_none(sql: str) -> None:
    assert not reads_a_query(sql)
