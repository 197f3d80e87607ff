"""Training a model on a frozen dataset, measuring it, and registering the version."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

from mlproj.compiler.manifest import Manifest
from mlproj.compiler.splits import SPLITS
from mlproj.compiler.text import identifier, total_order
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor.adapters import Adapters
from mlproj.executor.metrics import check_bounds, evaluate
from mlproj.executor.scoring import LoadedModel, decoded, golden_rows, load_model, model_columns
from mlproj.executor.weights import WEIGHT
from mlproj.planner.reuse import find_model, measured_alike, trained_alike
from mlproj.planner.training_data import columns_read, digest_read, inputs_of, training_fingerprint
from mlproj.ports import Fitted
from mlproj.state import (
    Evaluation,
    FittedStatistics,
    ModelManifest,
    ModelNode,
    ModelVersion,
    SignatureField,
    StepResult,
    TargetState,
    TrainingDataset,
    ViewNode,
)
from mlproj.state.runs import StepStatus

if TYPE_CHECKING:
    import pandas as pd

_EXAMPLE_ROWS = 5


def train(
    model: ModelNode,
    dataset: TrainingDataset,
    manifest: Manifest,
    state: TargetState,
    adapters: Adapters,
    build_id: str,
) -> StepResult:
    """Train and register a version, or find that the newest was made from the same. Raises `ProjectError`."""
    started = time.perf_counter()
    inputs = inputs_of(model, manifest.view(model.feature_view), state)
    standing = _standing(model, dataset, inputs, state, adapters, build_id, started)
    if standing:
        return standing
    features = columns_read(dataset, inputs)
    frame = training_frame(dataset, features, adapters, weighed=True)
    weights = frame.pop(WEIGHT) if dataset.weight else None
    training = frame["split"] == "training"
    rows = frame[training]
    info = manifest.estimators[model.estimator]
    trainer = adapters.trainer_for(model.estimator)
    if not len(rows):
        raise ProjectError(
            [Diagnostic("E606", f"{dataset.name} has no training row with a label", model.span, node=model.id)],
            exit_code=1,
        )
    heavy = None if weights is None else weights[training]
    fitted = trainer.fit(model, info, rows[list(features)], rows["label"], heavy)
    files = {name: adapters.artifacts.put(name, content) for name, content in trainer.save(fitted).items()}
    sample = frame.head(_EXAMPLE_ROWS)[list(features)]
    golden = golden_rows(sample, decoded(trainer.predict(fitted, sample), model.label, dataset.statistics))
    record = _manifest(
        model, manifest.view(model.feature_view), dataset, inputs, fitted, files, golden, info.library_version
    )
    loaded = LoadedModel(record, fitted, trainer)
    evaluation = evaluated(model, loaded, frame, manifest_hash(record), build_id, adapters.now())
    version = adapters.store.register_model(state.target, record, manifest_hash(record), evaluation, adapters.now())
    return _result(
        model,
        version,
        "ok" if version.status == "passed" else "failed",
        started,
        _failures(evaluation),
        fitted.warnings,
    )


def _standing(
    model: ModelNode,
    dataset: TrainingDataset,
    inputs: Sequence[str],
    state: TargetState,
    adapters: Adapters,
    build_id: str,
    started: float,
) -> StepResult | None:
    """The newest version, or one of another target, where it was made from the same; measured again if need be."""
    newest, published = state.model_versions.get(model.id), state.published.get(model.id)
    if newest and newest.status == "passed" and trained_alike(newest, model, dataset, inputs):
        if not (published and isinstance(published.node, ModelNode) and measured_alike(published.node, model)):
            return test_model(model, dataset, state, adapters, build_id).model_copy(update={"action": "train"})
        adapters.store.add_evaluation(state.target, newest, model, newest.evaluation)
        return _result(model, newest, "reused", started, "trained on the same data already")
    found = find_model(model, dataset, inputs, state)
    if found is None or not _is_whole(found[0], adapters):
        return None
    evidence = found[0].evaluation.model_copy(update={"build_id": build_id, "at": adapters.now()})
    adapters.store.add_evaluation(state.target, found[0], model, evidence)
    return _result(model, found[0], "reused", started, found[1])


def _is_whole(version: ModelVersion, adapters: Adapters) -> bool:
    """Whether this target has the files of a version that another one trained."""
    try:
        for name, sha256 in version.manifest.files.items():
            adapters.artifacts.get(name, sha256)
    except ProjectError:
        return False
    return True


def test_model(
    model: ModelNode, dataset: TrainingDataset, state: TargetState, adapters: Adapters, build_id: str
) -> StepResult:
    """Measure the newest version again, without training, and append the evidence."""
    started = time.perf_counter()
    version = state.model_versions[model.id]
    trainer = adapters.trainer_for(model.estimator)
    loaded = load_model(version.manifest, adapters.artifacts, trainer, version.id, model.pii)
    features = columns_read(dataset, [field.name for field in version.manifest.inputs])
    frame = training_frame(dataset, features, adapters)
    evaluation = evaluated(model, loaded, frame, version.manifest_hash, build_id, adapters.now())
    adapters.store.add_evaluation(state.target, version, model, evaluation)
    measured = version.model_copy(update={"evaluation": evaluation})
    status: StepStatus = "ok" if evaluation.status == "passed" else "failed"
    return _result(model, measured, status, started, _failures(evaluation)).model_copy(update={"action": "test"})


test_model.__test__ = False  # type: ignore[attr-defined]  # no test function, whatever pytest thinks of its name


def manifest_hash(record: ModelManifest) -> str:
    """The name of a manifest: a hash of its JSON."""
    text = json.dumps(record.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"mv1:{blake2b(text.encode(), digest_size=16).hexdigest()}"


def training_frame(
    dataset: TrainingDataset, names: Sequence[str], adapters: Adapters, *, weighed: bool = False
) -> pd.DataFrame:
    """All rows in key order: the features named, as the estimator takes them, `label`, `split`, and what they weigh.

    Rows without a label are left out.
    """
    types = {c.name: c for c in dataset.columns}
    features = model_columns([types[name] for name in names])
    label = identifier(dataset.label or "")
    label_sql = label if not types[dataset.label or ""].type.startswith("DECIMAL") else f"{label}::DOUBLE"
    relation = adapters.lake.relation(dataset.table, dataset.commit)
    order = total_order(dataset.keys, types)
    weight = f", {WEIGHT}" if weighed and dataset.weight else ""
    columns = f"{', '.join(features)}, {label_sql} as label, split{weight}"
    query = f"select {columns} from {relation} where {label} is not null order by {order}"
    clash = {"label", "split"} & set(names)
    if clash:
        raise ProjectError(
            [
                Diagnostic(
                    "E617", f"a feature of a model cannot be called '{min(clash)}'", None, "rename it in its group"
                )
            ],
            exit_code=1,
        )
    frame: pd.DataFrame = adapters.engine.arrow(query).to_pandas()
    return frame


def evaluated(
    model: ModelNode, loaded: LoadedModel, frame: pd.DataFrame, record_hash: str, build_id: str, at: str
) -> Evaluation:
    """Metrics on every split that has rows, and the model's tests on them."""
    metrics: dict[str, dict[str, float]] = {}
    features = [c for c in frame.columns if c not in ("label", "split")]
    for split in SPLITS:
        rows = frame[frame["split"] == split]
        if len(rows):
            predictions = loaded.trainer.predict(loaded.fitted, rows[features])
            metrics[split], _notes = evaluate(model.task, model.metrics, rows["label"], predictions)
    outcomes = check_bounds(model.tests, metrics)
    status: Literal["passed", "failed"] = "passed" if all(o.passed for o in outcomes) else "failed"
    return Evaluation(
        manifest_hash=record_hash, status=status, metrics=metrics, tests=outcomes, build_id=build_id, at=at
    )


def _manifest(
    model: ModelNode,
    view: ViewNode,
    dataset: TrainingDataset,
    inputs: Sequence[str],
    fitted: Fitted,
    files: Mapping[str, str],
    golden: tuple[dict[str, Any], ...],
    library_version: str,
) -> ModelManifest:
    outputs = [SignatureField(name="prediction", type=_prediction_type(model, view, dataset), nullable=False)]
    nullable = {c.name: c.nullable for c in view.columns}
    types, read = {c.name: c.type for c in dataset.raw_inputs}, columns_read(dataset, inputs)
    if fitted.classes is not None:
        outputs.append(SignatureField(name="probabilities", type="DOUBLE[]", nullable=False))
    return ModelManifest(
        model=model,
        fingerprint=training_fingerprint(model, dataset, inputs),
        training_dataset=dataset.name,
        training_digest=digest_read(dataset, inputs),
        view=dataset.view,
        inputs_commits=dataset.inputs,
        statistics=_statistics(dataset, [*inputs, model.label]),
        seed=model.seed,
        params=model.params,
        libraries={**dict(fitted.libraries), model.library.split(" ")[0]: library_version},
        platform={"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()},
        files=dict(files),
        inputs=tuple(SignatureField(name=name, type=types[name], nullable=nullable.get(name, True)) for name in inputs),
        outputs=tuple(outputs),
        on_demand={c.name: c.on_demand for c in view.columns if c.on_demand and c.name in inputs},
        classes=fitted.classes,
        input_example=tuple({name: row[name] for name in inputs} for row in dataset.example),
        golden=golden,
        profile={name: facts for name, facts in dataset.profile.items() if name in read},
    )


def _statistics(dataset: TrainingDataset, names: Sequence[str]) -> FittedStatistics:
    """What was fitted for the columns that a model has to do with."""
    fitted = dataset.statistics
    return FittedStatistics(
        chains={n: chain for n, chain in fitted.chains.items() if n in names},
        values={n: values for n, values in fitted.values.items() if n in names},
    )


def _prediction_type(model: ModelNode, view: ViewNode, dataset: TrainingDataset) -> str:
    """The label's own type: where it is encoded, predictions are decoded before anybody sees them."""
    if model.task == "regressor":
        return "DOUBLE"
    chain = dataset.statistics.chains.get(model.label, ())
    encoded = bool(chain) and chain[-1].name == "label_encoder"
    columns = view.columns if encoded else dataset.columns
    return next(c.type for c in columns if c.name == model.label)


def _failures(evaluation: Evaluation) -> str:
    failed = [o for o in evaluation.tests if not o.passed]
    return "; ".join(o.description + (f", but it is {o.value:.4f}" if o.value is not None else "") for o in failed)


def _result(
    model: ModelNode,
    version: ModelVersion,
    status: StepStatus,
    started: float,
    message: str,
    warnings: tuple[str, ...] = (),
) -> StepResult:
    return StepResult(
        node=model.id,
        action="train",
        status=status,
        seconds=time.perf_counter() - started,
        message=message,
        warnings=warnings,
        model_version=version.id,
        metrics=version.evaluation.metrics,
    )
