"""Training datasets, model versions and their evidence (models.md §1)."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from mlproj.state.definitions import ModelNode, OnDemand, Step
from mlproj.state.noun import Noun
from mlproj.state.source import Column


class EstimatorInfo(Noun):
    """What a child process read of an estimator's class: as data, so that planning imports no library.

    `params` are the constructor's argument names; `open_params` is true where it takes `**kwargs`.
    """

    path: str
    task: Literal["classifier", "regressor"]
    params: tuple[str, ...]
    open_params: bool = False
    seed_param: str | None = None
    library: str  # distribution name, as `scikit-learn`
    library_version: str


class SignatureField(Noun):
    name: str
    type: str
    nullable: bool = True


class FittedStatistics(Noun):
    """What the training split taught each feature's chain of transformations: one mapping per step, in order."""

    chains: dict[str, tuple[Step, ...]] = {}
    values: dict[str, tuple[dict[str, JsonValue], ...]] = {}


class Sampled(Noun):
    """A class of which only a share of the training rows was kept: `kept` of `rows`.

    A model that was trained on these rows gives the class too small a probability, and every other class too great
    odds against it: those odds, times `factor`, are the ones before the sampling.
    """

    label: str
    value: str
    rows: int
    kept: int

    @property
    def factor(self) -> float:
        return self.kept / self.rows


class TrainingDataset(Noun):
    """`view@version/tdN`: rows frozen in the lake, with a `split` column, sorted by key.

    `fingerprint` covers the view's definition, the split and the digests of the columns read; `inputs` maps the groups
    read to the commits they stood at; `digest` covers all rows in key order, `column_digests` each column's values in
    that order; `columns` are the table's, `features` those of them that a model may read, `statistics` what was fitted.
    `row_fingerprint` and `feature_fingerprints` are the parts of `fingerprint`.
    """

    view: str  # node id
    number: int
    fingerprint: str
    table: str
    commit: int
    inputs: dict[str, int]
    rows: dict[str, int]
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    features: tuple[str, ...]
    label: str | None
    passenger: tuple[str, ...] = ()
    raw_inputs: tuple[Column, ...]  # the view's features before transformation, in order
    statistics: FittedStatistics
    example: tuple[dict[str, JsonValue], ...] = ()  # the first rows by key, untransformed
    profile: dict[
        str, dict[str, JsonValue]
    ] = {}  # per feature: count, nulls, min, max, mean, std … of the training split
    digest: str = ""
    column_digests: dict[str, str] = {}
    row_fingerprint: str = ""
    feature_fingerprints: dict[str, str] = {}
    left_out: dict[str, int] = {}  # rows of the view that are in no split, by reason
    sampled: Sampled | None = None
    # split → column of the view, untransformed → count, nulls, distinct, min, max, mean, quantiles, histogram, top …
    column_statistics: dict[str, dict[str, dict[str, JsonValue]]] = {}
    weight: str | None = None  # the column that `sample_weight` came from, or `balanced`
    class_weights: dict[str, float] = {}  # of `balanced`: class as text → weight
    build_id: str
    created_at: str

    @property
    def name(self) -> str:
        return f"{self.view.removeprefix('feature_view:')}/td{self.number}"


class ModelManifest(Noun):
    """Everything that made a model version; immutable, and named by the hash of its JSON."""

    artifact: Literal["model_version"] = "model_version"
    format: int = 1
    model: ModelNode
    fingerprint: str  # of what decides the training; equal: nothing to train
    training_dataset: str
    training_digest: str
    view: str
    inputs_commits: dict[str, int]
    statistics: FittedStatistics
    seed: int
    params: dict[str, JsonValue]
    libraries: dict[str, str]
    platform: dict[str, str]
    files: dict[str, str]  # file name → sha256
    inputs: tuple[SignatureField, ...]  # raw features, before transformation
    outputs: tuple[SignatureField, ...]
    on_demand: dict[str, OnDemand] = {}  # of the inputs, those that a request does not have to bring
    classes: tuple[str | int | float | bool, ...] | None = None
    input_example: tuple[dict[str, JsonValue], ...] = ()
    golden: tuple[dict[str, JsonValue], ...] = ()  # rows with `prediction` and, for classifiers, `probabilities`
    profile: dict[str, dict[str, JsonValue]] = {}


class TestOutcome(Noun):
    __test__ = False  # not a test class, whatever pytest thinks of its name

    description: str
    passed: bool
    value: float | None = None


class Evaluation(Noun):
    """Append-only evidence about a model version; the newest decides its status."""

    manifest_hash: str
    status: Literal["passed", "failed"]
    metrics: dict[str, dict[str, float]]  # split → metric → value
    tests: tuple[TestOutcome, ...] = ()
    build_id: str
    at: str


class Trained(Noun):
    """A registered version in a line: what it was trained on. `model` and `view` are node ids."""

    id: str
    model: str
    view: str
    training_dataset: str
    inputs: tuple[str, ...]  # raw features
    label: str
    types: tuple[str, ...] = ()  # of the inputs
    output: str = ""  # type of a prediction
    passed: bool = False  # its tests, at some time


class ModelVersion(Noun):
    """`name@version.run`, as registered, with its latest evaluation."""

    name: str
    version: int
    run: int
    target: str
    manifest_hash: str
    manifest: ModelManifest
    evaluation: Evaluation
    build_id: str
    created_at: str

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}.{self.run}"

    @property
    def status(self) -> str:
        return self.evaluation.status

    @property
    def trained(self) -> Trained:
        record = self.manifest
        return Trained(
            id=self.id,
            model=record.model.id,
            view=record.view,
            training_dataset=record.training_dataset,
            inputs=tuple(field.name for field in record.inputs),
            label=record.model.label,
            types=tuple(field.type for field in record.inputs),
            output=record.outputs[0].type if record.outputs else "",
            passed=self.status == "passed",
        )
