"""Fitting a view's transformations: one query per step of the longest chain, over the training split only."""

from __future__ import annotations

from collections.abc import Mapping

from mlproj.compiler.transformations.fitting import (
    Chains,
    Training,
    fit_stage_sql,
    known_aggregates,
    learns_from_label,
    learnt,
    missing_statistics,
    training_of,
)
from mlproj.compiler.types import is_numeric
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor.column_statistics import ColumnStatistics, is_usual
from mlproj.ports import Engine
from mlproj.state import FittedStatistics, ViewNode


def fit(
    view: ViewNode, engine: Engine, relation: str, measured: Mapping[str, ColumnStatistics]
) -> tuple[FittedStatistics, Training]:
    """Statistics of every chain, and what training rows are transformed with; `relation` has a `split` column.

    What is `measured` of its columns in the training split already is not looked at again.

    Raises E616 where a step has nothing to learn from.
    """
    chains, types = view.transformations, {c.name: c.type for c in view.columns}
    known: dict[str, str] = {}
    for name, found in measured.items():
        if is_numeric(types[name]):
            known |= known_aggregates(name, found, usual=is_usual(found))
    fitted = FittedStatistics(chains=chains, values=dict.fromkeys(chains, ()))
    first: Chains = {}
    if view.label and learns_from_label(chains):
        first = {name: chain for name, chain in chains.items() if name == view.label}
        fitted = _fit(view, first, types, fitted, training_of(view.split, None, types, fitted), engine, relation, known)
    training = training_of(view.split, view.label, types, fitted)
    rest = {name: chain for name, chain in chains.items() if name not in first}
    return _fit(view, rest, types, fitted, training, engine, relation, known), training


def _fit(
    view: ViewNode,
    chains: Chains,
    types: Mapping[str, str],
    fitted: FittedStatistics,
    training: Training,
    engine: Engine,
    relation: str,
    known: Mapping[str, str],
) -> FittedStatistics:
    for stage in range(max((len(chain) for chain in chains.values()), default=0)):
        sql, wanted = fit_stage_sql(chains, types, fitted, stage, relation, training, known)
        fitted = learnt(chains, stage, fitted, wanted, engine.rows(sql)[0] if sql else ())
        for name, chain in chains.items():
            if len(chain) > stage and missing_statistics(chain, stage, fitted.values[name][stage]):
                message = f"{chain[stage].name} of '{name}' has nothing to learn from: it is null in every training row"
                raise _failure(view, "E616", message, "use impute_constant, or leave the feature out")
    return fitted


def refuse_nothing(view: ViewNode, engine: Engine, relation: str) -> None:
    """Raises E606 where no row is in the training split."""
    if engine.rows(f"select 1 from {relation} where split = 'training' limit 1"):
        return
    total = engine.rows(f"select count(*) from {relation}")[0][0]
    if total:
        message = f"none of the {total} rows of {view.relation} fall into the training split"
        raise _failure(view, "E606", message, "make the test and validation shares smaller")
    hint = "look at its filter, its joins and the groups it reads: `mlproj show NODE`"
    raise _failure(view, "E606", f"{view.relation} gives no rows", hint)


def _failure(view: ViewNode, code: str, message: str, hint: str) -> ProjectError:
    return ProjectError([Diagnostic(code, message, view.span, hint, node=view.id)], exit_code=1)
