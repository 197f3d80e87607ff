"""Freezing training datasets: split, statistics from the training split only, transformed rows in key order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from mlproj.compiler.splits import SPLITS
from mlproj.compiler.text import identifier, identifiers, total_order
from mlproj.compiler.transformations import apply_sql, statistics_of_row
from mlproj.compiler.types import is_float, is_numeric
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor.digests import digest_sql
from mlproj.executor.fitting import fit
from mlproj.executor.groups import refuse_duplicates
from mlproj.executor.weights import WEIGHT, divide, weighed
from mlproj.executor.workspace import DatasetOutcome, Workspace, table_name
from mlproj.planner.reuse import find_dataset
from mlproj.planner.training_data import DatasetParts, dataset_parts, holds, wanted_columns
from mlproj.ports import EngineError
from mlproj.state import Column, StepResult, TrainingDataset, ViewNode
from mlproj.state.runs import StepStatus

if TYPE_CHECKING:
    import pyarrow as pa

_EXAMPLE_ROWS = 5


def make_dataset(view: ViewNode, space: Workspace) -> StepResult:
    """Make the next training dataset of a view, or find that the newest still holds, or that it was made already."""
    started = time.perf_counter()
    for parent in view.depends_on:
        space.provide(parent)
        space.refuse_outdated(view, parent)
    newest = space.state.training_datasets.get(view.id)
    try:
        parts = dataset_parts(view, _digests(view, space))
        if newest and holds(newest, parts, wanted_columns(view, space.manifest, space.state)):
            space.datasets[view.id] = DatasetOutcome(newest, None)
            return _result(view, newest, started, "reused", "what it reads came out the same")
        # After a rollback the current one is not the newest; a number is never given twice.
        made = space.adapters.state.training_datasets(space.state.target, view.id)
        number = max((d.number for d in made), default=0) + 1
        found = find_dataset(view.id, parts.whole, space.state)
        if found:
            own = {"number": number, "build_id": space.build_id, "created_at": space.adapters.now()}
            dataset = found[0].model_copy(update=own)
            space.datasets[view.id] = DatasetOutcome(dataset, None)
            return _result(view, dataset, started, "reused", found[1])
        for parent in view.depends_on:
            refuse_duplicates(space.manifest.group(parent), space)
        space.datasets[view.id] = _freeze(view, space, parts, number)
    except EngineError as error:
        raise ProjectError(
            [Diagnostic("E602", f"{view.relation}: {space.said(error, view.id)}", view.span, node=view.id)], exit_code=1
        ) from error
    return _result(view, space.datasets[view.id].dataset, started, "ok", "")


def _result(view: ViewNode, dataset: TrainingDataset, started: float, status: StepStatus, message: str) -> StepResult:
    rows = sum(dataset.rows.values())
    counts = {**dataset.rows, **dataset.left_out}
    shown = ", ".join(f"{count} {split}" for split, count in counts.items() if count)
    text = f"{dataset.name}: {shown}" + (f" ({message})" if message else "")
    return StepResult(
        node=view.id, action="train_data", status=status, seconds=time.perf_counter() - started, rows=rows, message=text
    )


def _digests(view: ViewNode, space: Workspace) -> dict[str, str | None]:
    """Digests of the columns read, as the groups stand in this build; taken now where no build took them."""
    found: dict[str, str | None] = {}
    for source in view.reads:
        relation, _, column = source.rpartition(".")
        node_id = f"feature_group:{relation}"
        if column not in space.column_digests(node_id):
            group = space.manifest.group(node_id)
            key = [*group.row_key, column]
            row = space.adapters.engine.rows(f"select count(*), {digest_sql(key)} from {identifier(relation)}")[0]
            space.digests.setdefault(node_id, {})[column] = f"{row[0]}:{row[1]}"
        found[source] = space.column_digests(node_id)[column]
    return found


def _freeze(view: ViewNode, space: Workspace, parts: DatasetParts, number: int) -> DatasetOutcome:
    engine = space.adapters.engine
    raw = f"raw:{view.relation}"
    division = divide(view, space.fill(view.sql), engine, raw)
    space.adapters.provide(view.transformations)
    fitted, training = fit(view, space.adapters.engine, identifier(raw))
    keys = [c.name for c in view.of_role("key", "event_time")]
    inputs = [(c.name, c.type) for c in view.of_role("feature")]
    label = [(c.name, c.type) for c in view.of_role("label")]
    passenger = [c.name for c in view.of_role("passenger")]
    features = [c.name for c in engine.describe(apply_sql(inputs, fitted, identifier(raw)))]
    weighed_rows, class_weights = weighed(view, engine, identifier(raw))
    ours = ["split", *(["fold"] if view.split.folds else []), *([WEIGHT] if view.split.weight else [])]
    _refuse_clashes(view, [*keys, *features, *(n for n, _t in label), *passenger, *ours])
    query = apply_sql([*inputs, *label], fitted, weighed_rows, [*keys, *passenger, *ours], training)
    frozen = f"training:{view.relation}"
    columns = engine.describe(query)
    engine.create_table(frozen, f"select * from ({query}) as t order by {total_order(keys, [c.name for c in columns])}")
    counts = dict(engine.rows(f"select split, count(*) from {identifier(frozen)} group by split"))
    digests = column_digests(engine.arrow(f"select * from {identifier(frozen)}"))
    dataset = TrainingDataset(
        view=view.id,
        number=number,
        fingerprint=parts.whole,
        row_fingerprint=parts.rows,
        feature_fingerprints=parts.features,
        table=table_name(f"td__{view.name}__v{view.version}", parts.whole, space.state),
        commit=0,
        inputs=dict.fromkeys(view.depends_on, 0),
        rows={s: int(counts.get(s, 0)) for s in SPLITS},
        columns=columns,
        keys=tuple(keys),
        features=tuple(features),
        label=view.label,
        passenger=tuple(passenger),
        raw_inputs=tuple(Column(name=n, type=t) for n, t in inputs),
        statistics=fitted,
        example=_example(view, space, raw),
        profile=_profile(features, {c.name: c.type for c in columns}, space, identifier(frozen)),
        digest=combined_digest(digests),
        column_digests=digests,
        left_out=division.left_out,
        sampled=division.sampled,
        weight=view.split.weight,
        class_weights=class_weights,
        build_id=space.build_id,
        created_at=space.adapters.now(),
    )
    return DatasetOutcome(dataset, f"select * from {identifier(frozen)}")


def _example(view: ViewNode, space: Workspace, raw: str) -> tuple[dict[str, Any], ...]:
    names = [c.name for c in view.of_role("feature")]
    order = total_order([c.name for c in view.of_role("key", "event_time")], names)
    rows = space.adapters.engine.rows(
        f"select {identifiers(names)} from {identifier(raw)} order by {order} limit {_EXAMPLE_ROWS}"
    )
    return tuple(
        {
            n: v if isinstance(v, int | float | bool | str) or v is None else str(v)
            for n, v in zip(names, row, strict=True)
        }
        for row in rows
    )


def _refuse_clashes(view: ViewNode, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            message = f"two columns of the training data would be called '{name}'"
            raise ProjectError(
                [
                    Diagnostic(
                        "E617",
                        message,
                        view.span,
                        "one_hot_encoder makes <feature>_<value>; split, fold, sample_weight are ours: rename one",
                        node=view.id,
                    )
                ],
                exit_code=1,
            )
        seen.add(name.casefold())


def _profile(
    features: list[str], types: Mapping[str, str], space: Workspace, relation: str
) -> dict[str, dict[str, Any]]:
    """Per feature, of the training split: count, nulls, distinct, and for numbers min, max, mean, std and quartiles."""
    parts: list[str] = []
    wanted: list[tuple[str, str]] = []
    for name in features:
        column = identifier(name)
        measures = {
            "count": f"count({column})",
            "nulls": f"count(*) - count({column})",
            "distinct": f"approx_count_distinct({column})",
        }
        if is_numeric(types[name]):
            value = f"{column}::DOUBLE"
            finite = f"filter (where isfinite({value}))" if is_float(types[name]) else ""
            measures |= {n: f"{n}({value}) {finite}" for n in ("min", "max")} | {
                "mean": f"avg({value}) {finite}",
                "std": f"stddev_pop({value}) {finite}",
            }
            measures |= {f"p{p}": f"quantile_cont({value}, 0.{p}) {finite}" for p in (25, 50, 75)}
        parts += measures.values()
        wanted += [(name, measure) for measure in measures]
    row = space.adapters.engine.rows(f"select {', '.join(parts)} from {relation} where split = 'training'")[0]
    return statistics_of_row(wanted, row)


def column_digests(table: pa.Table) -> dict[str, str]:
    """blake2b of every column over all rows in their order: its name, type, nulls and values.

    Nulls hash as a mask and values as bytes with nulls filled, so that what lies under a null counts for nothing.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[str, str] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        digest = blake2b(digest_size=16)
        digest.update(f"{field.name}:{field.type}:{len(column)};".encode())
        digest.update(pc.is_null(column).cast(pa.uint8()).combine_chunks().to_numpy(zero_copy_only=False).tobytes())
        if pa.types.is_floating(field.type) or pa.types.is_integer(field.type):
            digest.update(pc.fill_null(column, 0).combine_chunks().to_numpy(zero_copy_only=False).tobytes())
        else:
            for value in column.cast(pa.large_string()).to_pylist():
                digest.update(b"\0" if value is None else value.encode() + b"\1")
        found[field.name] = digest.hexdigest()
    return found


def combined_digest(digests: Mapping[str, str]) -> str:
    """One digest of all columns, in their order."""
    return f"td1:{blake2b(''.join(digests.values()).encode(), digest_size=16).hexdigest()}"
