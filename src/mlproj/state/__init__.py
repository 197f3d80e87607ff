"""What a target holds, as frozen nouns: compiled definitions, what was published of them, what was trained."""

from mlproj.state.definitions import (
    Band, Column, CompiledTest, Downsampling, Equivalence, Feature, Fingerprints, GroupNode, Increment, ModelNode,
    Node, OnDemand, OwnFunction, QueryShape, SourceNode, SplitRule, Step, ViewColumn, ViewJoin, ViewNode,
)  # fmt: skip
from mlproj.state.published import Commit, CommitKind, Held, Loaded, Made, Published, RowChanges, TargetState
from mlproj.state.registry import (
    EstimatorInfo, Evaluation, FittedStatistics, ModelManifest, ModelVersion, Sampled, SignatureField, TestOutcome,
    Trained, TrainingDataset,
)  # fmt: skip
from mlproj.state.runs import BuildRecord, Event, FailedRows, JournalStep, Publication, StepResult, TestRun, ViewMove
from mlproj.state.unit_tests import CompiledUnitTest, Fixture

__all__ = [
    "Band", "BuildRecord", "Column", "Commit", "CommitKind", "CompiledTest", "CompiledUnitTest", "Downsampling",
    "Equivalence", "EstimatorInfo", "Evaluation", "Event", "FailedRows", "Feature", "Fingerprints", "FittedStatistics",
    "Fixture", "GroupNode", "Held", "Increment", "JournalStep", "Loaded", "Made", "ModelManifest", "ModelNode",
    "ModelVersion", "Node", "OnDemand", "OwnFunction", "Publication", "Published", "QueryShape", "RowChanges",
    "Sampled", "SignatureField", "SourceNode", "SplitRule", "Step", "StepResult", "TargetState", "TestOutcome",
    "TestRun", "Trained", "TrainingDataset", "ViewColumn", "ViewJoin", "ViewMove", "ViewNode",
]  # fmt: skip
