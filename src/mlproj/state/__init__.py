"""What a target holds, as frozen nouns: compiled definitions, what was published of them, what was trained."""

from mlproj.state.definitions import (
    Downsampling, Equivalence, Feature, GroupNode, Increment, ModelNode, Node, OnDemand, OwnFunction, QueryShape,
    SplitRule, Step, ViewColumn, ViewJoin, ViewNode,
)  # fmt: skip
from mlproj.state.published import Commit, CommitKind, Held, Loaded, Made, Published, RowChanges, TargetState
from mlproj.state.registry import (
    EstimatorInfo, Evaluation, FittedStatistics, ModelManifest, ModelVersion, Sampled, SignatureField, TestOutcome,
    Trained, TrainingDataset,
)  # fmt: skip
from mlproj.state.runs import BuildRecord, Event, FailedRows, JournalStep, Publication, StepResult, TestRun, ViewMove
from mlproj.state.source import Band, Column, CompiledTest, Fingerprints, Location, SourceNode
from mlproj.state.unit_tests import CompiledUnitTest, Fixture
from mlproj.state.windows import Aggregation, Window

__all__ = [
    "Aggregation", "Band", "BuildRecord", "Column", "Commit", "CommitKind", "CompiledTest", "CompiledUnitTest",
    "Downsampling", "Equivalence", "EstimatorInfo", "Evaluation", "Event", "FailedRows", "Feature", "Fingerprints",
    "FittedStatistics", "Fixture", "GroupNode", "Held", "Increment", "JournalStep", "Loaded", "Location", "Made",
    "ModelManifest", "ModelNode", "ModelVersion", "Node", "OnDemand", "OwnFunction", "Publication", "Published",
    "QueryShape", "RowChanges", "Sampled", "SignatureField", "SourceNode", "SplitRule", "Step", "StepResult",
    "TargetState", "TestOutcome", "TestRun", "Trained", "TrainingDataset", "ViewColumn", "ViewJoin", "ViewMove",
    "ViewNode", "Window",
]  # fmt: skip
