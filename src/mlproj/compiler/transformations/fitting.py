"""Fitting and applying chains in SQL: statistics of one stage at a time, from the training split only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from mlproj.compiler.text import identifier, identifiers, literal
from mlproj.compiler.transformations.chain import cleaned, function_of, types_along
from mlproj.compiler.transformations.function import Rows, finite
from mlproj.compiler.transformations.hashing import unit_sql
from mlproj.state import FittedStatistics, SplitRule, Step

Chains = Mapping[str, tuple[Step, ...]]
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Training:
    """What training rows have beside their features: SQL of the label as a number, and of their key's hash."""

    label: str | None
    unit: str


def training_of(split: SplitRule, label: str | None, types: Mapping[str, str], fitted: FittedStatistics) -> Training:
    """Of a view's split and label, whose own chain is fitted. Folds have a seed of their own, made of the split's."""
    unit = unit_sql(f"fold {split.seed}", map(identifier, split.key))
    if label is None:
        return Training(None, unit)
    chain = fitted.chains.get(label, ())
    if len(fitted.values.get(label, ())) < len(chain):
        return Training(None, unit)
    return Training(f"({_expression(label, types[label], chain, fitted.values.get(label, ()), None)})::DOUBLE", unit)


def learns_from_label(chains: Chains) -> bool:
    return any(function_of(step).out_of_fold is not None for chain in chains.values() for step in chain)


def fit_stage_sql(
    chains: Chains,
    types: Mapping[str, str],
    fitted: FittedStatistics,
    stage: int,
    relation: str,
    training: Training,
    known: Mapping[str, str] = NOTHING,
) -> tuple[str, list[tuple[str, str]]]:
    """One query for the statistics of every chain's step number `stage`, and which (feature, statistic) each column is.

    Empty where no step of that stage has statistics. `known` maps aggregates to what they are known to give, as SQL.
    """
    aggregates: dict[tuple[str, str], str] = {}
    queries: dict[tuple[str, str], str] = {}
    where = f"{relation} where split = 'training'"
    rows = Rows(where, training.label, training.unit)
    for feature, chain in chains.items():
        if len(chain) <= stage:
            continue
        before, step = chain[:stage], chain[stage]
        # Statistics leave out what is not finite, and with it NaN, which need not be looked for twice.
        x = identifier(feature)
        if before:
            x = _expression(feature, types[feature], before, fitted.values.get(feature, ()), training)
        function, type_name = function_of(step), types_along(types[feature], before)[-1]
        aggregates |= {(feature, n): sql for n, sql in function.statistics(x, step.args).items()}
        queries |= {(feature, n): sql for n, sql in function.queries(x, type_name, step.args, rows).items()}
    if not aggregates | queries:
        return "", []
    # Without an aggregate there would be as many rows as in the training split.
    selected = f"select {', '.join([*(known.get(a, a) for a in aggregates.values()), *queries.values()])}"
    looks = any(aggregate not in known for aggregate in aggregates.values())
    return f"{selected} from {where}" if looks else selected, [*aggregates, *queries]


def known_aggregates(column: str, found: Mapping[str, Any], *, usual: bool) -> dict[str, str]:
    """The aggregates that steps learn of a column with these statistics of its training rows, with their values as SQL.

    A column is `usual` where a mean leaves out what is no finite number, and nothing else.
    """
    x = identifier(column)
    value = f"({x})::DOUBLE"
    sql = {"min": f"(min({x}) {finite(x)})::DOUBLE", "max": f"(max({x}) {finite(x)})::DOUBLE"}
    if usual:
        sql |= {"mean": f"avg({value}) {finite(x)}", "std": f"stddev_pop({value}) {finite(x)}"}
    return {sql[n]: f"{literal(float(found[n]))}::DOUBLE" for n in sql if found.get(n) is not None}


def statistics_of_row(wanted: Sequence[tuple[str, str]], row: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """A row of a query of statistics as JSON values, by feature and statistic."""
    found: dict[str, dict[str, Any]] = {}
    for (feature, name), value in zip(wanted, row, strict=True):
        found.setdefault(feature, {})[name] = _plain(value)
    return found


def learnt(
    chains: Chains, stage: int, fitted: FittedStatistics, wanted: Sequence[tuple[str, str]], row: Sequence[Any]
) -> FittedStatistics:
    """What was fitted, and what the row of `fit_stage_sql`'s query says of this stage."""
    found, values = statistics_of_row(wanted, row), dict(fitted.values)
    for name, chain in chains.items():
        if len(chain) > stage:
            step = chain[stage]
            values[name] = (*values.get(name, ()), function_of(step).learn(step.args, found.get(name, {})))
    return FittedStatistics(chains=fitted.chains, values=values)


def missing_statistics(chain: Sequence[Step], stage: int, statistics: Mapping[str, Any]) -> bool:
    """Whether a step that cannot do without values found none in the training split."""
    return function_of(chain[stage]).needs_values and any(value is None for value in statistics.values())


def transformed_columns(
    feature: str, type_name: str, fitted: FittedStatistics, training: Training | None = None, *, clean: bool = False
) -> list[tuple[str, str]]:
    """(name, SQL) of the columns that a feature becomes; itself where it has no chain. A `clean` one holds no NaN."""
    chain, values = fitted.chains.get(feature, ()), fitted.values.get(feature, ())
    if not chain or not function_of(chain[-1]).several:
        return [(feature, _expression(feature, type_name, chain, values, training, clean=clean))]
    last = chain[-1]
    x = _expression(feature, type_name, chain[:-1], values[:-1], training, clean=clean)
    columns = function_of(last).apply(x, last.args, values[-1])
    return [(f"{feature}_{suffix}", sql) for suffix, sql in columns]


def apply_sql(
    columns: Sequence[tuple[str, str]],
    fitted: FittedStatistics,
    relation: str,
    others: Sequence[str] = (),
    training: Training | None = None,
    clean: Collection[str] = (),
) -> str:
    """A query of transformed features, (name, type) in order, after `others`, which pass as they are.

    With `training`, rows of the training split get what was learnt of the label without them. `clean` columns are known
    to hold no NaN.
    """
    parts = [identifiers(others)] if others else []
    for name, type_name in columns:
        made = transformed_columns(name, type_name, fitted, training, clean=name in clean)
        parts += [f"{sql} as {identifier(output)}" for output, sql in made]
    return f"select {', '.join(parts)} from {relation}"


def _expression(
    feature: str,
    type_name: str,
    chain: Sequence[Step],
    values: Sequence[Mapping[str, Any]],
    training: Training | None,
    *,
    clean: bool = False,
) -> str:
    sql = identifier(feature) if clean else cleaned(identifier(feature), type_name)
    for step, statistics in zip(chain, values, strict=False):
        function = function_of(step)
        applied = function.apply(sql, step.args, statistics)[0][1]
        if training is not None and function.out_of_fold is not None:
            fold = function.out_of_fold(sql, step.args, statistics, training.unit)
            applied = f"case when split = 'training' then {fold} else {applied} end"
        sql = applied
    return sql


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date | time):
        return str(value)
    return value
