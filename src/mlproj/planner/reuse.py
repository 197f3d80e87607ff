"""Rows that need not be computed, because somebody made them already from the same definition and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.manifest import Manifest
from mlproj.planner.backfills import meant
from mlproj.planner.increments import basis, built_upon, is_part
from mlproj.planner.inputs import reads_key
from mlproj.planner.model_rules import same_library
from mlproj.planner.plan import Plan
from mlproj.planner.training_data import dataset_fingerprint, inputs_of, training_fingerprint, view_digests
from mlproj.state import (
    GroupNode, Made, ModelNode, ModelVersion, Published, TargetState, TrainingDataset, ViewNode,
)  # fmt: skip
from mlproj.state.content import same_content, same_contents
from mlproj.state.runs import ROW_ACTIONS


def tests_fingerprint(node: GroupNode) -> str:
    """What rows have to pass, beside being computed."""
    return fingerprint(
        "tests", [t.failures if t.terms == (t.failures,) else t.terms for t in node.tests], node.unique_key
    )


def stands(node: GroupNode, row: Made | Published, inputs: Mapping[str, str], versions: Mapping[str, str]) -> bool:
    """Whether definition, directly read sources and the rows of the groups read are all as they were for `row`."""
    deep = row.fingerprint if isinstance(row, Made) else row.node.fingerprints.deep
    direct = [parent for parent in node.depends_on if parent.startswith("source:")]
    return (
        deep == node.fingerprints.deep
        and not (row.loaded and row.loaded.until)
        and row.inputs == inputs
        and all(same_content(row.source_versions.get(source), versions[source]) for source in direct)
    )


def find_rows(
    node: GroupNode, state: TargetState, inputs: Mapping[str, str], versions: Mapping[str, str]
) -> tuple[Made, str] | None:
    """Rows that a group would come out as, and whose they are in words: of builds that failed, or of another target."""
    kept, own = state.kept.get(node.id), state.published.get(node.id)
    if kept and is_part(kept):
        kept = None
    if kept and stands(node, kept, inputs, versions) and (node.increment is None or built_upon(kept, own)):
        return kept, f"computed by build {kept.by}"
    if basis(node, own):
        # Rows that came one after another are not those that another target has, though all that decides them is.
        return None
    for other in state.neighbours:
        row = other.published.get(node.id)
        # What another target has rolled back is its own affair, and what it has loaded a part of is not all.
        if row is None or not row.digest or row.held or row.loaded:
            continue
        if same_contents(row.source_versions, versions) and stands(node, row, inputs, versions):
            return _of(row, other.target), f"already materialised for {other.target}"
    return None


def _of(row: Published, target: str) -> Made:
    """Rows that another target has published, which passed its tests."""
    assert isinstance(row.node, GroupNode)
    return Made(
        by=row.build_id,
        fingerprint=row.node.fingerprints.deep,
        table=row.table,
        commit=row.commit,
        owner=row.owner or target,
        rows=row.rows or 0,
        digest=row.digest or "",
        column_digests=row.column_digests,
        null_counts=row.null_counts,
        source_versions=row.source_versions,
        inputs=row.inputs,
        tested=tests_fingerprint(row.node),
    )


def find_dataset(view_id: str, decides: str, state: TargetState) -> tuple[TrainingDataset, str] | None:
    """A training dataset of this fingerprint that the target has not published, and whose it is in words."""
    kept = state.kept.get(view_id)
    if kept and kept.dataset and kept.fingerprint == decides:
        return kept.dataset, f"made by build {kept.by}"
    for other in state.neighbours:
        dataset = other.training_datasets.get(view_id)
        if dataset and dataset.fingerprint == decides:
            return dataset, f"already made for {other.target}"
    return None


def trained_alike(version: ModelVersion, model: ModelNode, dataset: TrainingDataset, inputs: Sequence[str]) -> bool:
    """Whether a version was trained from the same definition and values, with the library that is asked for now.

    A lock names that more exactly than the fingerprint of a version may have it that was trained before it was written.
    """
    record = version.manifest
    name = model.library.partition(" ")[0]
    if not same_library(f"{name} {record.libraries.get(name, '')}", model.library):
        return False
    named_alike = model.model_copy(update={"library": record.model.library})
    return record.fingerprint == training_fingerprint(named_alike, dataset, inputs)


def find_model(
    model: ModelNode, dataset: TrainingDataset, inputs: Sequence[str], state: TargetState
) -> tuple[ModelVersion, str] | None:
    """A version that another target trained from the same, and measured as is asked now; and whose it is in words."""
    for other in state.neighbours:
        version, row = other.model_versions.get(model.id), other.published.get(model.id)
        if version is None or version.status != "passed" or not trained_alike(version, model, dataset, inputs):
            continue
        if row and isinstance(row.node, ModelNode) and measured_alike(row.node, model):
            return version, f"already trained for {other.target}"
    return None


def measured_alike(before: ModelNode, model: ModelNode) -> bool:
    """Whether the evidence there is answers the metrics and tests that are asked for now."""
    return (before.metrics, before.tests) == (model.metrics, model.tests)


def explain(plan: Plan, manifest: Manifest, state: TargetState, versions: Mapping[str, str]) -> Plan:
    """The plan, saying of each step whose work it will take over, as far as that can be known before it is done."""
    if not state.kept and not state.neighbours:
        return plan
    reasons = _Foresight(plan, manifest, state, versions).reasons()
    steps = tuple(s.model_copy(update={"reason": reasons.get((s.node, s.action), s.reason)}) for s in plan.steps)
    return plan.model_copy(update={"steps": steps})


class _Foresight:
    """What groups, training datasets and models will come out as, where nothing has to be computed to know it."""

    def __init__(self, plan: Plan, manifest: Manifest, state: TargetState, versions: Mapping[str, str]) -> None:
        self._manifest, self._state, self._versions = manifest, state, versions
        self._steps = {(s.node, s.action) for s in plan.steps}
        self._backfilled = {s.node for s in plan.steps if meant(s.reason)}
        self._makes = {s.node: s.action for s in plan.steps if s.action in ROW_ACTIONS}
        self._rows: dict[str, Made | Published] = {}
        self._datasets: dict[str, TrainingDataset] = {}
        self._reasons: dict[tuple[str, str], str] = {}

    def reasons(self) -> dict[tuple[str, str], str]:
        """(node, action) → whose work it is."""
        for node_id in self._manifest.order:
            match self._manifest.nodes[node_id]:
                case GroupNode() as group:
                    self._group(group)
                case ViewNode() as view:
                    self._view(view)
                case ModelNode() as model:
                    self._model(model)
        return self._reasons

    def _group(self, node: GroupNode) -> None:
        published = self._state.published.get(node.id)
        if node.id in self._backfilled:
            return
        if node.id not in self._makes:
            if published:
                self._rows[node.id] = published
            return
        parents = [p for p in node.depends_on if not p.startswith("source:")]
        if any(p not in self._rows for p in parents):
            return
        below: dict[str, str] = {}
        for parent in parents:
            below |= self._rows[parent].source_versions
        direct = {p: self._versions[p] for p in node.depends_on if p not in parents}
        read = {p: self._rows[p].column_digests.get(reads_key(node, p)) for p in parents}
        inputs = {p: digest for p, digest in read.items() if digest}
        if len(inputs) < len(read):
            return
        found = find_rows(node, self._state, inputs, dict(sorted((below | direct).items())))
        if found:
            self._rows[node.id], self._reasons[node.id, self._makes[node.id]] = found

    def _view(self, view: ViewNode) -> None:
        newest = self._state.training_datasets.get(view.id)
        if (view.id, "train_data") not in self._steps:
            if newest:
                self._datasets[view.id] = newest
            return
        digests = view_digests(view, self._rows)
        found = (
            None if None in digests.values() else find_dataset(view.id, dataset_fingerprint(view, digests), self._state)
        )
        if found:
            self._datasets[view.id], self._reasons[view.id, "train_data"] = found

    def _model(self, model: ModelNode) -> None:
        dataset = self._datasets.get(model.feature_view)
        if dataset and (model.id, "train") in self._steps:
            inputs = inputs_of(model, self._manifest.view(model.feature_view), self._state)
            found = find_model(model, dataset, inputs, self._state)
            if found:
                self._reasons[model.id, "train"] = found[1]
