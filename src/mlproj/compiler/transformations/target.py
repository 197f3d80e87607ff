"""The target encoder: a category as the mean of the label, which in training leaves out the row's own fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlproj.compiler.text import literal
from mlproj.compiler.transformations.encoders import CATEGORIES, accepts_categories, comparable
from mlproj.compiler.transformations.function import (
    Argument,
    Arguments,
    Evaluate,
    Function,
    Rows,
    Statistics,
    double,
    single,
    unless_null,
)
from mlproj.compiler.transformations.values import writer

_Sums = dict[str, tuple[float, float]]  # value → rows, sum of the label


def _fold(unit: str, folds: int) -> str:
    return f"floor({unit} * {folds})::BIGINT"


def _query(x: str, _type: str, args: Arguments, rows: Rows) -> dict[str, str]:
    """Rows and sum of the label by value and fold, of rows that have a label; nulls count in the overall mean."""
    columns = f"{comparable(x)} as v, {_fold(rows.unit, args['folds'])} as f, ({rows.label})::DOUBLE as y"
    summed = (
        f"select v, f, count(*) as n, sum(y) as s from (select {columns} from {rows.sql}) as r "
        "where isfinite(y) group by v, f"
    )
    return {"sums": f"(select list({{'v': v, 'f': f, 'n': n, 's': s}} order by v, f) from ({summed}) as g)"}


def _learn(args: Arguments, found: Statistics) -> dict[str, Any]:
    """The full means, and for each fold those of all other folds."""
    sums = found["sums"] or []
    folds = [_means([row for row in sums if row["f"] != fold], args) for fold in range(args["folds"])]
    return {**_means(sums, args), "folds": folds}


def _means(sums: list[dict[str, Any]], args: Arguments) -> dict[str, Any]:
    """The overall mean, and each value's, drawn towards it by as many rows as `smoothing` says."""
    total = sum(row["n"] for row in sums)
    if not total:
        return {"mean": None, "means": {}}
    mean = sum(row["s"] for row in sums) / total
    by_value: _Sums = {}
    for row in sums:
        if row["v"] is not None:
            n, s = by_value.get(row["v"], (0.0, 0.0))
            by_value[row["v"]] = (n + row["n"], s + row["s"])
    weight = args["smoothing"]
    return {"mean": mean, "means": {v: (s + weight * mean) / (n + weight) for v, (n, s) in sorted(by_value.items())}}


def _encoded(x: str, fitted: Mapping[str, Any]) -> str:
    if fitted["mean"] is None:
        return "NULL::DOUBLE"
    mean = literal(float(fitted["mean"]))
    if not fitted["means"]:
        return mean
    values, means = literal(list(fitted["means"])), literal([float(m) for m in fitted["means"].values()])
    return f"coalesce({means}[list_position({values}::VARCHAR[], {comparable(x)})], {mean})"


def _apply(x: str, _args: Arguments, s: Statistics) -> list[tuple[str | None, str]]:
    return single(f"case when ({x}) is not null then {_encoded(x, s)} end")


def _out_of_fold(x: str, args: Arguments, s: Statistics, unit: str) -> str:
    folds = " ".join(f"when {number} then {_encoded(x, fold)}" for number, fold in enumerate(s["folds"]))
    return f"case when ({x}) is not null then case {_fold(unit, args['folds'])} {folds} end end"


def _evaluate(type_name: str, _args: Arguments, s: Statistics) -> Evaluate:
    text, means, mean = writer(type_name), s["means"], s["mean"]
    return unless_null(lambda value: means.get(text(value), mean))


def _problem(_type: str, args: Arguments) -> str | None:
    if args["folds"] < 2:
        return "target_encoder: folds must be at least 2"
    return "target_encoder: smoothing cannot be negative" if args["smoothing"] < 0 else None


TARGET_ENCODER = Function(
    name="target_encoder",
    accepts=accepts_categories,
    wants=CATEGORIES,
    output=double,
    apply=_apply,
    evaluate=_evaluate,
    queries=_query,
    learn=_learn,
    arguments={"folds": Argument((int,), 5), "smoothing": Argument((int, float), 10)},
    check=_problem,
    out_of_fold=_out_of_fold,
)
