"""Small but complete nouns for tests of what keeps them."""

from __future__ import annotations

from mlproj.diagnostics import Span
from mlproj.specs.model import MetricBounds
from mlproj.state import (
    BuildRecord,
    Column,
    Evaluation,
    Feature,
    Fingerprints,
    FittedStatistics,
    GroupNode,
    ModelManifest,
    ModelNode,
    Publication,
    Published,
    QueryShape,
    SignatureField,
    Step,
    JournalStep,
    TestOutcome,
    TrainingDataset,
)

AT = "2026-01-31T12:00:00Z"
PRINTS = Fingerprints(local="fp1:l", deep="fp1:d", metadata="fp1:m")


def group(name: str = "income", version: int = 1, features: int = 2) -> GroupNode:
    return GroupNode(
        id=f"feature_group:{name}@{version}",
        name=name,
        description="Größe – income",
        span=Span("feature_groups/income.yml", 3, 5, 6),
        depends_on=("source:census",),
        fingerprints=PRINTS,
        source_text={"yaml": "- name: income\n", "sql": "select 1 as person_id -- 'quoted'\n"},
        version=version,
        primary_key=("person_id",),
        sql_path="feature_groups/income.v1.sql",
        sql='select * from "source:census"',
        features=tuple(Feature(name=f"f{i}", type="BIGINT", default=i, fingerprint="fp1:f") for i in range(features)),
        shape=QueryShape(rows="r", deep="d", text="from t", uses=("source:census.z", "source:census.a")),
    )


def published(node: GroupNode, commit: int | None = 3, table: str | None = "income__v1__abc") -> Published:
    return Published(
        node=node,
        build_id="b1",
        published_at=AT,
        table=table,
        commit=commit,
        rows=10,
        digest="d1",
        null_counts={"f0": 0, "f1": 2},
        source_versions={"source:census": "sha256:1"},
    )


def training_dataset(
    number: int = 1, fingerprint: str = "fp1:td", view: str = "feature_view:income@1"
) -> TrainingDataset:
    return TrainingDataset(
        view=view,
        number=number,
        fingerprint=fingerprint,
        table=f"td_{number}",
        commit=4,
        inputs={"feature_group:income@1": 3},
        rows={"training": 8, "test": 2},
        columns=(Column(name="f0", type="BIGINT"),),
        keys=("person_id",),
        features=("f0",),
        label="f1",
        raw_inputs=(Column(name="f0", type="BIGINT"),),
        statistics=FittedStatistics(
            chains={"f0": (Step(name="min_max_scaler"),)}, values={"f0": ({"min": 0.1, "max": 1e300},)}
        ),
        build_id="b1",
        created_at=AT,
    )


def publication(
    *entries: Published,
    build_id: str = "b1",
    target: str = "dev",
    datasets: tuple[TrainingDataset, ...] = (),
    removed: tuple[str, ...] = (),
) -> Publication:
    return Publication(
        build_id=build_id,
        target=target,
        at=AT,
        author="ada",
        published={entry.node.id: entry.model_dump(mode="json") for entry in entries},
        training_datasets={dataset.name: dataset.model_dump(mode="json") for dataset in datasets},
        removed=removed,
    )


def model(name: str = "income_model", version: int = 1, tests: tuple[MetricBounds, ...] = ()) -> ModelNode:
    return ModelNode(
        id=f"model:{name}@{version}",
        name=name,
        span=Span("models/income_model.yml"),
        fingerprints=PRINTS,
        version=version,
        feature_view="feature_view:income@1",
        estimator="sklearn.linear_model.LogisticRegression",
        params={"max_iter": 500},
        task="classifier",
        library="scikit-learn 1.9",
        metrics=("accuracy",),
        tests=tests,
        label="label",
    )


def manifest(node: ModelNode) -> ModelManifest:
    return ModelManifest(
        model=node,
        fingerprint="fp1:train",
        training_dataset="income@1/td1",
        training_digest="d",
        view="feature_view:income@1",
        inputs_commits={"feature_group:income@1": 3},
        statistics=FittedStatistics(),
        seed=42,
        params={"max_iter": 500},
        libraries={"scikit-learn": "1.9.0"},
        platform={"machine": "x86_64"},
        files={"model.skops": "00ff"},
        inputs=(SignatureField(name="f0", type="BIGINT"),),
        outputs=(SignatureField(name="prediction", type="BIGINT", nullable=False),),
        classes=(0, 1),
        golden=({"f0": 1, "prediction": 0, "probabilities": [0.75, 0.25]},),
    )


def evaluation(status: str = "passed", build_id: str = "b1", at: str = AT) -> Evaluation:
    return Evaluation.model_validate(
        {
            "manifest_hash": "h1",
            "status": status,
            "metrics": {"test": {"accuracy": 0.8125}},
            "tests": (TestOutcome(description="accuracy ≥ 0.75", passed=status == "passed", value=0.8125),),
            "build_id": build_id,
            "at": at,
        }
    )


def build(id_: str = "b1", target: str = "dev", steps: tuple[JournalStep, ...] = ()) -> BuildRecord:
    return BuildRecord(id=id_, target=target, status="running", author="ada", started_at=AT, steps=steps)
