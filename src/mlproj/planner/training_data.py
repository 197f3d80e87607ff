"""When a training dataset is still the one that would be made, and what a model reads of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.manifest import Manifest
from mlproj.compiler.transformations import transformed_columns
from mlproj.state import GroupNode, ModelNode, Published, TargetState, TrainingDataset, ViewColumn, ViewNode

Digests = Mapping[str, str | None]


class DatasetParts(NamedTuple):
    """What decides a training dataset: all of it but the features, and each feature by itself."""

    rows: str
    features: dict[str, str]

    @property
    def whole(self) -> str:
        return fingerprint("training_dataset", self.rows, self.features)


def view_digests(view: ViewNode, published: Mapping[str, Published]) -> dict[str, str | None]:
    """The digest of every column that a view reads, as last published; None where nobody took one."""
    found: dict[str, str | None] = {}
    for source in view.reads:
        relation, _, column = source.rpartition(".")
        row = published.get(f"feature_group:{relation}")
        found[source] = row.column_digests.get(column) if row else None
    return found


def dataset_parts(view: ViewNode, digests: Digests) -> DatasetParts:
    """Definitions, the split, and the values of the columns that are read.

    How these are computed counts for nothing where they come out the same.
    """
    inner = [[j["group"], j["on"]] for j in view.joins if j["type"] == "inner"]
    others = [_column_part(view, c, digests) for c in view.columns if c.role != "feature"]
    read = {source: digests.get(source) for source in sorted(_row_sources(view))}
    rows = fingerprint("rows", view.base, inner, view.filter_fingerprint, view.split, others, read)
    return DatasetParts(rows, {c.name: _column_part(view, c, digests) for c in view.of_role("feature")})


def dataset_fingerprint(view: ViewNode, digests: Digests) -> str:
    """All parts as one."""
    return dataset_parts(view, digests).whole


def holds(dataset: TrainingDataset, parts: DatasetParts, wanted: Iterable[str]) -> bool:
    """Whether a dataset is what would be made now, in the features that are wanted."""
    if dataset.fingerprint == parts.whole:
        return True
    kept = dataset.feature_fingerprints
    return dataset.row_fingerprint == parts.rows and all(kept.get(f) == parts.features[f] for f in wanted)


def _column_part(view: ViewNode, column: ViewColumn, digests: Digests) -> str:
    joins = _joins_of(view, column)
    keys = {source: digests.get(source) for join in joins for source in _join_keys(view, join)}
    how = [[j["group"], j["on"], j["type"]] for j in joins]
    chain = view.transformations.get(column.name, ())
    told = [column.name, column.type, column.source, column.role, chain, how]
    return fingerprint("column", told, keys, digests.get(column.source))


def _joins_of(view: ViewNode, column: ViewColumn) -> list[dict[str, Any]]:
    relation, _, name = column.source.rpartition(".")
    return [
        j for j in view.joins if j["group"] == f"feature_group:{relation}" and f"{j['prefix']}{name}" == column.name
    ]


def _join_keys(view: ViewNode, join: Mapping[str, Any]) -> Iterator[str]:
    for left, right in join["on"].items():
        yield f"{view.base.partition(':')[2]}.{left}"
        yield f"{join['group'].partition(':')[2]}.{right}"


def _row_sources(view: ViewNode) -> set[str]:
    """Columns that decide which rows there are: a left join on a primary key adds columns, and no rows."""
    of_left = {source for j in view.joins if j["type"] == "left" for source in _join_keys(view, j)}
    of_inner = {source for j in view.joins if j["type"] == "inner" for source in _join_keys(view, j)}
    keys = {c.source for c in view.of_role("key", "event_time")}
    written = set(re.findall(r"\w+", (view.filter or "").lower()))
    filtered = {s for s in of_left if s.rpartition(".")[2].lower() in written}
    return {s for s in view.row_reads if s not in of_left} | of_inner | keys | filtered


def _sources(view: ViewNode, wanted: Collection[str]) -> set[str]:
    """Columns of groups that decide the rows and the features that are wanted."""
    columns = [c for c in view.columns if c.role != "feature" or c.name in wanted]
    keys = {source for c in columns for j in _joins_of(view, c) for source in _join_keys(view, j)}
    return _row_sources(view) | {c.source for c in columns} | keys


def frozen_inputs(state: TargetState, model_id: str) -> tuple[str, ...] | None:
    """What all trainings of a declared model version read: the inputs of the first that passed; None before that."""
    return next((t.inputs for t in state.trained if t.model == model_id and t.passed), None)


def inputs_of(model: ModelNode, view: ViewNode, state: TargetState) -> tuple[str, ...]:
    """The features that a training of the model reads now, in their order."""
    features = [c.name for c in view.of_role("feature")]
    frozen = frozen_inputs(state, model.id)
    kept = [name for name in frozen or () if name in features]
    return tuple(kept or features)


def wanted_features(view: ViewNode, manifest: Manifest, state: TargetState) -> tuple[str, ...]:
    """The features that some model reads; all of them where there is no model."""
    models = [m for m in manifest.nodes.values() if isinstance(m, ModelNode) and m.feature_view == view.id]
    read = {name for model in models for name in inputs_of(model, view, state)}
    return tuple(c.name for c in view.of_role("feature") if not models or c.name in read)


def columns_read(dataset: TrainingDataset, inputs: Iterable[str]) -> tuple[str, ...]:
    """The dataset's columns that features became."""
    types = {c.name: c.type for c in dataset.raw_inputs}
    names = [name for name in inputs if name in types]
    if names == list(types):
        return dataset.features
    return tuple(c for name in names for c, _sql in transformed_columns(name, types[name], dataset.statistics))


def digest_read(dataset: TrainingDataset, inputs: Iterable[str]) -> str:
    """A digest of everything that a training on these inputs reads."""
    if not dataset.column_digests:
        return dataset.digest
    names = [*dataset.keys, *([dataset.label] if dataset.label else []), "split", *columns_read(dataset, inputs)]
    return fingerprint("read", dataset.label, [[name, dataset.column_digests[name]] for name in names])


def why_remake(
    view: ViewNode,
    dataset: TrainingDataset | None,
    state: TargetState,
    manifest: Manifest,
    moved: Collection[str],
    wanted: Collection[str],
) -> tuple[str, str] | None:
    """(rule, message) where a training dataset has to be made for the features that are wanted, None where it holds.

    `moved` holds the groups whose rows may come out otherwise, because their sources moved.
    """
    if dataset is None:
        return "new", "there is no training dataset yet"
    row = state.published.get(view.id)
    old = row.node if row else None
    if isinstance(old, ViewNode) and old.split != view.split:
        return "split_changed", "the split changed"
    sources = _sources(view, wanted)
    if any(_redefined(source, state.published, manifest) for source in sources):
        return "definition_changed", "what the view reads is defined otherwise"
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


def _redefined(source: str, published: Mapping[str, Published], manifest: Manifest) -> bool:
    """Whether a group's column is computed otherwise than it was published, be it through what stands below it."""
    relation, _, column = source.rpartition(".")
    new, row = manifest.nodes.get(f"feature_group:{relation}"), published.get(f"feature_group:{relation}")
    if row is None or not isinstance(new, GroupNode) or not isinstance(row.node, GroupNode):
        return True
    deep = [{f.name: f.deep for f in node.features}.get(column) for node in (row.node, new)]
    return deep[0] != deep[1]
