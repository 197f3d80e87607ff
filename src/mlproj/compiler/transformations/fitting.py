"""Fitting and applying chains in SQL: statistics of one stage at a time, from the training split only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from mlproj.compiler.text import identifier, literal
from mlproj.compiler.transformations.chain import FUNCTIONS, cleaned
from mlproj.state import FittedStatistics, SplitRule, Step

Chains = Mapping[str, tuple[Step, ...]]
_TWO_TO_52 = "4503599627370496.0"


def split_sql(split: SplitRule) -> str:
    """SQL of the split's name for a row: u < test, u < test + validation, else training.

    u is the first 52 bits of md5(seed ‖ canonical JSON array of the key's values as text) / 2^52 (features.md §5), so
    that it depends on nothing but the key: not on other rows, types, threads or the engine's version. The JSON has no
    blanks, and escapes nothing but quotes, backslashes and control characters, with hexadecimal digits in capitals.
    """
    key = ", ".join(f"{identifier(name)}::VARCHAR" for name in split.key)
    text = f"{literal(str(split.seed))} || to_json([{key}])::VARCHAR"
    u = f"(('0x' || substr(md5({text}), 1, 13))::UBIGINT / {_TWO_TO_52})"
    cases = f"when {u} < {literal(split.test)} then 'test' " if split.test else ""
    if split.validation:
        cases += f"when {u} < {literal(split.test + split.validation)} then 'validation' "
    return f"case {cases}else 'training' end" if cases else "'training'"


def fit_stage_sql(
    chains: Chains, types: Mapping[str, str], fitted: FittedStatistics, stage: int, relation: str
) -> tuple[str, list[tuple[str, str]]]:
    """One query for the statistics of every chain's step number `stage`, and which (feature, statistic) each column is.

    Empty where no step of that stage has statistics.
    """
    columns: list[str] = []
    wanted: list[tuple[str, str]] = []
    for feature, chain in chains.items():
        if len(chain) <= stage:
            continue
        x = _expression(feature, types[feature], chain[:stage], fitted.values.get(feature, ()))
        step = chain[stage]
        for name, sql in FUNCTIONS[step.name].statistics(x, step.args).items():
            columns.append(sql)
            wanted.append((feature, name))
    if not columns:
        return "", []
    return f"select {', '.join(columns)} from {relation} where split = 'training'", wanted


def statistics_of_row(wanted: Sequence[tuple[str, str]], row: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """A row of `fit_stage_sql`'s query as JSON values, by feature and statistic."""
    found: dict[str, dict[str, Any]] = {}
    for (feature, name), value in zip(wanted, row, strict=True):
        found.setdefault(feature, {})[name] = _plain(value)
    return found


def missing_statistics(chain: Sequence[Step], stage: int, statistics: Mapping[str, Any]) -> bool:
    """Whether a step that cannot do without values found none in the training split."""
    return FUNCTIONS[chain[stage].name].needs_values and any(value is None for value in statistics.values())


def transformed_columns(feature: str, type_name: str, fitted: FittedStatistics) -> list[tuple[str, str]]:
    """(name, SQL) of the columns that a feature becomes; itself where it has no chain."""
    chain = fitted.chains.get(feature, ())
    if not chain:
        return [(feature, cleaned(identifier(feature), type_name))]
    values = fitted.values[feature]
    x = _expression(feature, type_name, chain[:-1], values[:-1])
    columns = FUNCTIONS[chain[-1].name].apply(x, chain[-1].args, values[-1])
    return [(feature if suffix is None else f"{feature}_{suffix}", sql) for suffix, sql in columns]


def apply_sql(
    columns: Sequence[tuple[str, str]], fitted: FittedStatistics, relation: str, others: Sequence[str] = ()
) -> str:
    """A query of transformed features, (name, type) in order, after `others`, which pass as they are."""
    parts = [identifier(name) for name in others]
    for name, type_name in columns:
        parts += [f"{sql} as {identifier(output)}" for output, sql in transformed_columns(name, type_name, fitted)]
    return f"select {', '.join(parts)} from {relation}"


def _expression(feature: str, type_name: str, chain: Sequence[Step], values: Sequence[Mapping[str, Any]]) -> str:
    sql = cleaned(identifier(feature), type_name)
    for step, statistics in zip(chain, values, strict=True):
        sql = FUNCTIONS[step.name].apply(sql, step.args, statistics)[0][1]
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
