"""When a training dataset is still the one that would be made, and what a model reads of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.manifest import Manifest
from mlproj.compiler.transformations import transformed_columns
from mlproj.compiler.view_reads import how_joined, joins_of
from mlproj.planner.columns import decides_rows, row_sources, sources_of, told
from mlproj.state import (
    Made,
    ModelNode,
    Published,
    SplitRule,
    TargetState,
    TrainingDataset,
    ViewColumn,
    ViewJoin,
    ViewNode,
)

Digests = Mapping[str, str | None]
_BY_THEMSELVES = ("feature", "passenger")


class DatasetParts(NamedTuple):
    """What decides a training dataset: rows, keys and label together, and each feature or passenger by itself."""

    rows: str
    features: dict[str, str]

    @property
    def whole(self) -> str:
        return fingerprint("training_dataset", self.rows, self.features)


def view_digests(view: ViewNode, rows: Mapping[str, Made | Published]) -> dict[str, str | None]:
    """The digest of every column that a view reads, of rows by group id; None where nobody took one."""
    found: dict[str, str | None] = {}
    for source in view.reads:
        relation, _, column = source.rpartition(".")
        row = rows.get(f"feature_group:{relation}")
        found[source] = row.column_digests.get(column) if row else None
    return found


def dataset_parts(view: ViewNode, digests: Digests) -> DatasetParts:
    """Definitions, the split, and the values of the columns that are read.

    How these are computed counts for nothing where they come out the same.
    """
    deciding = [_how_rows(view, join) for join in view.joins if decides_rows(join)]
    others = [_column_part(view, c, digests) for c in view.columns if c.role not in _BY_THEMSELVES]
    read = {source: digests.get(source) for source in sorted(row_sources(view))}
    rows = fingerprint("rows", view.base, deciding, view.filter_fingerprint, view.split, others, read)
    return DatasetParts(rows, {c.name: _column_part(view, c, digests) for c in view.of_role(*_BY_THEMSELVES)})


def dataset_fingerprint(view: ViewNode, digests: Digests) -> str:
    """All parts as one."""
    return dataset_parts(view, digests).whole


def holds(dataset: TrainingDataset, parts: DatasetParts, wanted: Iterable[str]) -> bool:
    """Whether a dataset is what would be made now, in the features that are wanted."""
    if dataset.fingerprint == parts.whole:
        return True
    kept = dataset.feature_fingerprints
    return dataset.row_fingerprint == parts.rows and all(kept.get(f) == parts.features[f] for f in wanted)


def _how_rows(view: ViewNode, join: ViewJoin) -> list[Any]:
    """How a join decides about rows; of an inner one its type goes without saying."""
    group, on, kind, *how = how_joined(view.joins, join)
    return [group, on, *([] if kind == "inner" else [kind]), *how]


def _column_part(view: ViewNode, column: ViewColumn, digests: Digests) -> str:
    read = {source: digests.get(source) for source in [*sources_of(view, column)][1:]}
    name = column.source.rpartition(".")[2]
    how = [how_joined(view.joins, join, name) for join in joins_of(view.joins, column)]
    chain = [step.meaning for step in view.transformations.get(column.name, ())]
    told = [column.name, column.type, column.source, column.role, chain, how]
    told += [column.on_demand.fingerprint] if column.on_demand else []
    return fingerprint("column", told, read, digests.get(column.source))


def _sources(view: ViewNode, wanted: Collection[str]) -> set[str]:
    """Columns of groups that decide the rows, and the features and passengers that are wanted."""
    columns = [c for c in view.columns if c.role not in _BY_THEMSELVES or c.name in wanted]
    return row_sources(view) | {source for c in columns for source in sources_of(view, c)}


def frozen_inputs(state: TargetState, model_id: str) -> tuple[str, ...] | None:
    """What all trainings of a declared model version read: the inputs of the first that passed; None before that."""
    return next((t.inputs for t in state.trained if t.model == model_id and t.passed), None)


def inputs_of(model: ModelNode, view: ViewNode, state: TargetState) -> tuple[str, ...]:
    """The features that a training of the model reads now, in their order."""
    features = [c.name for c in view.of_role("feature")]
    frozen = frozen_inputs(state, model.id)
    kept = [name for name in frozen or () if name in features]
    return tuple(kept or features)


def wanted_columns(view: ViewNode, manifest: Manifest, state: TargetState) -> tuple[str, ...]:
    """The features that some model reads, all of them where there is no model; and every passenger."""
    models = [m for m in manifest.nodes.values() if isinstance(m, ModelNode) and m.feature_view == view.id]
    read = {name for model in models for name in inputs_of(model, view, state)}
    kept = view.of_role(*_BY_THEMSELVES)
    return tuple(c.name for c in kept if not models or c.role == "passenger" or c.name in read)


def columns_read(dataset: TrainingDataset, inputs: Iterable[str]) -> tuple[str, ...]:
    """The dataset's columns that features became."""
    types = {c.name: c.type for c in dataset.raw_inputs}
    names = [name for name in inputs if name in types]
    if names == list(types):
        return dataset.features
    return tuple(c for name in names for c, _sql in transformed_columns(name, types[name], dataset.statistics))


def digest_read(dataset: TrainingDataset, inputs: Iterable[str]) -> str:
    """A digest of everything that a training on these inputs reads.

    What was fitted is part of it: scaled columns may come out the same from other raw values, which a model that goes
    on scaling as before would take for what they are not.
    """
    if not dataset.column_digests:
        return dataset.digest
    inputs, label = list(inputs), [dataset.label] if dataset.label else []
    names = [*dataset.keys, *label, "split", *(["sample_weight"] if dataset.weight else [])]
    names += columns_read(dataset, inputs)
    fitted = {name: dataset.statistics.values.get(name) for name in [*inputs, *label]}
    return fingerprint("read", dataset.label, [[name, dataset.column_digests[name]] for name in names], fitted)


def training_fingerprint(model: ModelNode, dataset: TrainingDataset, inputs: Sequence[str]) -> str:
    """What decides a training: the model's definition, its library, and every value it is trained on."""
    return fingerprint("training", model.fingerprints.local, model.library, digest_read(dataset, inputs))


def _changed(old: SplitRule, new: SplitRule) -> str:
    """What of a split is otherwise, in words."""
    words = {"weight": "the sample weights", "downsample": "the down-sampling"}
    moved = {name for name in SplitRule.model_fields if getattr(old, name) != getattr(new, name)} - {"rows"}
    parts = [*(["the split"] if moved - words.keys() else []), *(words[name] for name in words if name in moved)]
    return " and ".join(parts or ["the split"])


def why_remake(
    view: ViewNode,
    dataset: TrainingDataset | None,
    state: TargetState,
    manifest: Manifest,
    moved: Collection[str],
    wanted: Collection[str],
) -> tuple[str, str] | None:
    """(rule, message) where a training dataset has to be made for the columns that are wanted, None where it holds.

    `moved` holds the groups whose rows may come out otherwise, because their sources moved.
    """
    if dataset is None:
        return "new", "there is no training dataset yet"
    row = state.published.get(view.id)
    old = row.node if row else None
    if isinstance(old, ViewNode) and old.split != view.split:
        return "split_changed", f"{_changed(old.split, view.split)} changed"
    sources = _sources(view, wanted)
    changed = told(sources, state.published, manifest)
    if changed:
        return "definition_changed", f"it reads {changed}, defined otherwise now"
    groups = sorted({s.rpartition(".")[0] for s in sources if f"feature_group:{s.rpartition('.')[0]}" in moved})
    if groups:
        return "data_changed", f"the rows of {', '.join(groups)} may change"
    parts = dataset_parts(view, view_digests(view, state.published))
    if holds(dataset, parts, wanted):
        return None
    absent = [name for name in wanted if name not in dataset.feature_fingerprints]
    if absent and dataset.row_fingerprint == parts.rows:
        return "features_added", f"{dataset.name} does not hold {', '.join(absent)}, which a model reads"
    if isinstance(old, ViewNode) and old.fingerprints.local != view.fingerprints.local:
        return "definition_changed", "the view is defined otherwise"
    return "data_changed", "it was made from other data than is published now"
