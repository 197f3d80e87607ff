"""One feature `x` through a chain: fitted and transformed by the engine, and in Python beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

import duckdb

from mlproj.adapters.own_functions import OwnCode
from mlproj.compiler.transformations import Evaluator, apply_sql, compile_chain, transformed_columns
from mlproj.compiler.transformations.fitting import Training, fit_stage_sql, learnt
from mlproj.compiler.transformations.own import OwnFunctions
from mlproj.diagnostics import Collector, Span
from mlproj.specs import Transformation
from mlproj.state import Column, FittedStatistics, Step

TRAINING = Training(None, "0.0")
OWN = OwnCode(Path())
ENGINE = duckdb.connect()
ENGINE.execute("set threads = 1")


def chain_of(steps: Sequence[Any], type_name: str, own: OwnFunctions | None = None) -> tuple[Step, ...]:
    collector = Collector()
    written = [Transformation.model_validate(step) for step in steps]
    chain = compile_chain(written, "x", type_name, lambda _i: Span("v.yml"), "feature_view:v@1", collector, own)
    assert chain is not None, collector.errors
    return chain


def problem(step: Any, type_name: str) -> str:
    collector = Collector()
    made = compile_chain(
        [Transformation.model_validate(step)], "x", type_name, lambda _i: Span("v.yml"), "v", collector
    )
    assert made is None
    (found,) = collector.errors
    assert found.code == "E410"
    return found.message


def load(type_name: str, training: Sequence[Any], other: Sequence[Any] = ()) -> None:
    ENGINE.execute(f"create or replace table t (i BIGINT, split VARCHAR, x {type_name})")
    rows = [(i, "training", x) for i, x in enumerate(training)]
    rows += [(len(rows) + i, "test" if i % 2 else "validation", x) for i, x in enumerate(other)]
    if rows:
        ENGINE.execute(
            "insert into t select unnest(?), unnest(?), unnest(?)::" + type_name,
            [list(c) for c in zip(*rows, strict=True)],
        )


def fit(chain: tuple[Step, ...], type_name: str) -> FittedStatistics:
    """As a build does: the statistics of one stage after the other; as JSON and back."""
    fitted = FittedStatistics(chains={"x": chain}, values={"x": ()})
    for stage in range(len(chain)):
        sql, wanted = fit_stage_sql({"x": chain}, {"x": type_name}, fitted, stage, "t", TRAINING)
        fitted = learnt({"x": chain}, stage, fitted, wanted, ENGINE.execute(sql).fetchall()[0] if sql else ())
    return FittedStatistics.model_validate_json(fitted.model_dump_json())


def transformed(
    steps: Sequence[Any],
    type_name: str,
    training: Sequence[Any],
    other: Sequence[Any] = (),
    own: OwnFunctions | None = None,
) -> dict[str, list[Any]]:
    """Columns of all rows, training first; what the engine gives, Python gives too."""
    chain = chain_of(steps, type_name, own)
    load(type_name, training, other)
    fitted = fit(chain, type_name)
    cursor = ENGINE.execute(
        apply_sql([("x", type_name)], fitted, "(select * from t order by i)", ["i"]) + " order by i"
    )
    names = [column[0] for column in cursor.description]
    assert names == ["i", *(name for name, _sql in transformed_columns("x", type_name, fitted))]
    columns = [list(column) for column in zip(*cursor.fetchall(), strict=True)] or [[] for _ in names]
    found = dict(list(zip(names, columns, strict=True))[1:])
    assert online(type_name, fitted).keys() == found.keys()
    for name, values in online(type_name, fitted).items():
        assert same(values, found[name]), (name, values, found[name])
    return found


def online(type_name: str, fitted: FittedStatistics) -> dict[str, list[Any]]:
    """What Python makes of the rows, as columns; one row at a time it is the same."""
    raw = [x for (x,) in ENGINE.execute("select x from t order by i").fetchall()]
    evaluator = Evaluator([Column(name="x", type=type_name)], fitted, OWN)
    columns = evaluator.columns({"x": raw})
    assert [tuple(evaluator.row({"x": x}).values()) for x in raw] == (
        list(zip(*columns.values(), strict=True)) or [()] * len(raw)
    )
    return columns


def one(steps: Sequence[Any], type_name: str, training: Sequence[Any], other: Sequence[Any] = ()) -> list[Any]:
    columns = transformed(steps, type_name, training, other)
    assert list(columns) == ["x"]
    return columns["x"]


def same(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Equal, numbers to nine digits."""

    def equal(a: Any, b: Any) -> bool:
        if a is None or b is None:
            return a is b
        if isinstance(a, str | date | time):
            return bool(a == b)
        return bool(a == b or math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-12))

    return len(found) == len(expected) and all(equal(a, b) for a, b in zip(found, expected, strict=True))
