"""A project taken for published: what a target would hold, had it built just this manifest and no data ever moved."""

from __future__ import annotations

from mlproj.compiler.manifest import Manifest
from mlproj.planner.training_data import dataset_fingerprint, view_digests
from mlproj.state import (
    Evaluation,
    FittedStatistics,
    GroupNode,
    ModelManifest,
    ModelNode,
    ModelVersion,
    Node,
    Published,
    SignatureField,
    TargetState,
    TrainingDataset,
    ViewNode,
)

SOURCE_VERSION = "as it is"


def as_published(manifest: Manifest, target: str, build_id: str) -> TargetState:
    """The state that a manifest is compared with; sources have `SOURCE_VERSION`, and nobody counted any nulls.

    Training datasets and model versions are there, as a build leaves them, but nothing is known to be trained on them.
    """
    rows = {n: _published(node, manifest, build_id) for n, node in manifest.nodes.items() if node.kind != "source"}
    views = [node for node in manifest.nodes.values() if isinstance(node, ViewNode)]
    models = [node for node in manifest.nodes.values() if isinstance(node, ModelNode)]
    return TargetState(
        target=target,
        published=rows,
        training_datasets={v.id: _dataset(v, rows, build_id) for v in views},
        model_versions={m.id: _version(m, manifest.view(m.feature_view), target, build_id) for m in models},
    )


def _published(node: Node, manifest: Manifest, build_id: str) -> Published:
    row = Published(node=node, build_id=build_id, published_at="")
    if not isinstance(node, GroupNode):
        return row
    return row.model_copy(
        update={
            "table": None if node.materialized == "view" else f"{node.name}__v{node.version}",
            "source_versions": dict.fromkeys(sorted(manifest.sources_below(node.id)), SOURCE_VERSION),
        }
    )


def _dataset(view: ViewNode, rows: dict[str, Published], build_id: str) -> TrainingDataset:
    return TrainingDataset(
        view=view.id,
        number=1,
        fingerprint=dataset_fingerprint(view, view_digests(view, rows)),
        table="",
        commit=0,
        inputs={},
        rows={},
        columns=(),
        keys=tuple(c.name for c in view.of_role("key", "event_time")),
        features=(),
        label=view.label,
        raw_inputs=(),
        statistics=FittedStatistics(),
        build_id=build_id,
        created_at="",
    )


def _version(model: ModelNode, view: ViewNode, target: str, build_id: str) -> ModelVersion:
    manifest = ModelManifest(
        model=model,
        fingerprint="",
        training_dataset=f"{view.relation}/td1",
        training_digest="",
        view=view.id,
        inputs_commits={},
        statistics=FittedStatistics(),
        seed=model.seed,
        params=model.params,
        libraries={},
        platform={},
        files={},
        inputs=tuple(SignatureField(name=c.name, type=c.type, nullable=c.nullable) for c in view.of_role("feature")),
        outputs=(),
    )
    evaluation = Evaluation(manifest_hash="", status="passed", metrics={}, build_id=build_id, at="")
    return ModelVersion(
        name=model.name,
        version=model.version,
        run=1,
        target=target,
        manifest_hash="",
        manifest=manifest,
        evaluation=evaluation,
        build_id=build_id,
        created_at="",
    )
