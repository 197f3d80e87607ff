"""Freezing training datasets: split, statistics from the training split only, transformed rows in key order."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mlproj.compiler.splits import SPLITS, divided_sql
from mlproj.compiler.text import identifier, identifiers, total_order
from mlproj.compiler.transformations import apply_sql
from mlproj.compiler.windows import stored_relation
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor.column_statistics import ColumnStatistics, Looked, column_statistics
from mlproj.executor.dataset_profile import column_digests, combined_digest, followed, profile
from mlproj.executor.digests import column_digest_sql
from mlproj.executor.fitting import fit, refuse_nothing
from mlproj.executor.groups import refuse_duplicates
from mlproj.executor.journal import commit_info
from mlproj.executor.weights import WEIGHT, divide, looked_at_twice, weighed
from mlproj.executor.workspace import DatasetOutcome, Workspace, table_name
from mlproj.planner.reuse import find_dataset
from mlproj.planner.training_data import DatasetParts, dataset_parts, holds, wanted_columns
from mlproj.ports import Engine, EngineError, TableWrite
from mlproj.state import Column, GroupNode, StepResult, TrainingDataset, ViewNode
from mlproj.state.runs import StepStatus

_EXAMPLE_ROWS = 5
# More values than these are sorted on their way into the lake, and looked at there: memory need not hold them all.
_VALUES_IN_MEMORY = 10_000_000


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
            _refuse_duplicates(space.manifest.group(parent), space)
        space.datasets[view.id] = _freeze(view, space, parts, number)
    except EngineError as error:
        raise ProjectError(
            [Diagnostic("E602", f"{view.relation}: {space.said(error, view.id)}", view.span, node=view.id)], exit_code=1
        ) from error
    return _result(view, space.datasets[view.id].dataset, started, "ok", "")


def _refuse_duplicates(group: GroupNode, space: Workspace) -> None:
    """Raises E615, for rows as published only where nobody who counted on their key has looked at it before."""
    row = space.state.published.get(group.id) if group.id not in space.outcomes else None
    stands = row is not None and row.table is not None
    if row and stands and isinstance(row.node, GroupNode) and row.node.unique_key:
        return
    refuse_duplicates(group, space)
    if stands and group.unique_key:
        space.keyed.add(group.id)


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
    by_group: dict[str, list[str]] = {}
    for source in view.reads:
        relation, _, column = source.rpartition(".")
        by_group.setdefault(relation, []).append(column)
    for relation, columns in by_group.items():
        node_id = f"feature_group:{relation}"
        group, known = space.manifest.group(node_id), space.column_digests(node_id)
        missing = [c for c in columns if c not in known]
        if missing:
            sums = ", ".join(column_digest_sql(group, column) for column in missing)
            stored = identifier(stored_relation(group))
            rows, *found = space.adapters.engine.rows(f"select count(*), {sums} from {stored}")[0]
            space.digests.setdefault(node_id, {}).update(
                {column: f"{rows}:{digest}" for column, digest in zip(missing, found, strict=True)}
            )
    places = {source: source.rpartition(".") for source in view.reads}
    return {s: space.column_digests(f"feature_group:{relation}")[c] for s, (relation, _, c) in places.items()}


def _freeze(view: ViewNode, space: Workspace, parts: DatasetParts, number: int) -> DatasetOutcome:
    engine, raw = space.adapters.engine, f"raw:{view.relation}"
    stored = space.manifest.group(view.base).materialized != "view"
    division = divide(view, space.fill(view.sql), engine, raw, stored=stored)
    space.adapters.provide(view.transformations)
    statistics, unusual = _statistics(view, space, identifier(raw), stored=stored)
    fitted, training = fit(view, engine, identifier(raw), statistics.get("training", {}))
    keys, passenger = ([c.name for c in view.of_role(*roles)] for roles in (("key", "event_time"), ("passenger",)))
    inputs, label = ([(c.name, c.type) for c in view.of_role(role)] for role in ("feature", "label"))
    features = [c.name for c in engine.describe(apply_sql(inputs, fitted, identifier(raw)))]
    weighed_rows, class_weights = weighed(view, engine, identifier(raw))
    ours = ["split", *(["fold"] if view.split.folds else []), *([WEIGHT] if view.split.weight else [])]
    _refuse_clashes(view, [*keys, *features, *(n for n, _t in label), *passenger, *ours])
    clean = statistics["training"].keys() - unusual
    query = apply_sql([*inputs, *label], fitted, weighed_rows, [*keys, *passenger, *ours], training, clean)
    columns = engine.describe(query)
    order = _order(view, keys, columns, space)
    counts = _counts(statistics, engine, identifier(raw))
    table = table_name(f"td__{view.name}__v{view.version}", parts.whole, space.state)
    few = sum(counts.values()) * len(columns) <= _VALUES_IN_MEMORY
    frozen = _ordered(view, f"select * from ({query}) as t order by {order}", None if few else table, space)
    digests = column_digests(columns, engine, frozen.relation, "" if few else order)
    known = followed(view, fitted, statistics["training"], unusual)
    dataset = TrainingDataset(
        view=view.id,
        number=number,
        fingerprint=parts.whole,
        row_fingerprint=parts.rows,
        feature_fingerprints=parts.features,
        table=table,
        commit=frozen.commit,
        inputs=dict.fromkeys(view.depends_on, 0),
        rows={s: counts.get(s, 0) for s in SPLITS},
        columns=columns,
        keys=tuple(keys), features=tuple(features), label=view.label, passenger=tuple(passenger),
        raw_inputs=tuple(Column(name=n, type=t) for n, t in inputs),
        statistics=fitted,
        example=_example(view, space, raw),
        profile=profile(features, columns, engine, frozen.relation, sum(counts.values()), keys, known),
        digest=combined_digest(digests),
        column_digests=digests,
        **division._asdict(),
        column_statistics=statistics,
        weight=view.split.weight,
        class_weights=class_weights,
        build_id=space.build_id,
        created_at=space.adapters.now(),
    )  # fmt: skip
    return DatasetOutcome(dataset, frozen.unwritten)


class _Frozen(NamedTuple):
    """Where the rows can be read, the commit that holds them, and the query of those that are in scratch space only."""

    relation: str
    commit: int
    unwritten: str | None


def _ordered(view: ViewNode, query: str, table: str | None, space: Workspace) -> _Frozen:
    """Rows in key order, in scratch space; in a `table` of the lake where one is given, in order but for its files'."""
    if table is None:
        space.adapters.engine.create_table(f"training:{view.relation}", query)
        relation = identifier(f"training:{view.relation}")
        return _Frozen(relation, 0, f"select * from {relation}")
    commit = space.adapters.lake.write([TableWrite(table, query)], commit_info(space, f"write {table}"))
    return _Frozen(space.adapters.lake.relation(table, commit), commit, None)


def _counts(statistics: Mapping[str, Mapping[str, ColumnStatistics]], engine: Engine, raw: str) -> dict[str, int]:
    """Rows of each split: every column that was measured has as many values and nulls."""
    first = {split: next(iter(columns.values()), None) for split, columns in statistics.items()}
    if not first or None in first.values():
        return dict(engine.rows(f"select split, count(*) from {raw} group by split"))
    return {split: int(str(c["count"])) + int(str(c["nulls"])) for split, c in first.items() if c}


def _order(view: ViewNode, keys: Sequence[str], columns: Sequence[Column], space: Workspace) -> str:
    """The keys; where the base has an event_time, all columns: its rows may be alike in both."""
    if space.manifest.group(view.base).event_time is None:
        return identifiers(keys)
    return total_order(keys, [c.name for c in columns])


def _statistics(view: ViewNode, space: Workspace, raw: str, *, stored: bool) -> Looked:
    """Statistics of what the view gives, by split, before transformation; E606 without training rows."""
    engine = space.adapters.engine
    refuse_nothing(view, engine, raw)
    types = {c.name: c.type for c in view.of_role("feature", "label", "passenger")}
    keys = [c.name for c in view.of_role("key", "event_time")]

    def some(condition: str) -> str:
        """Of a view the engine would find a split for all rows, and look at the condition then."""
        return divided_sql(view.split, f"select * from (\n{space.fill(view.sql)}\n) as v where {condition}")

    below = some if looked_at_twice(view, stored=stored) else None
    return column_statistics(engine, raw, types, keys, "split", "training", view.pii, below)


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
