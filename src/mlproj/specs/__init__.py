"""What the user wrote: frozen specs, one file per resource kind."""

from mlproj.specs.aggregate import Aggregate, WindowFeature
from mlproj.specs.connection import Connection
from mlproj.specs.data_test import DataTest
from mlproj.specs.feature_group import FeatureGroup, FeatureSpec
from mlproj.specs.feature_view import Downsample, FeatureView, Join, OnDemand, Split
from mlproj.specs.lock import Lock
from mlproj.specs.model import MetricBounds, Model, ModelTest
from mlproj.specs.project import ProjectSpec, Target
from mlproj.specs.retention import Retention
from mlproj.specs.source import Source
from mlproj.specs.transformation import (
    OwnTransformation, PythonTransformation, Transformation, TransformationArgument,
)  # fmt: skip
from mlproj.specs.unit_test import UnitTest

__all__ = [
    "Aggregate", "Connection", "DataTest", "Downsample", "FeatureGroup", "FeatureSpec", "FeatureView", "Join", "Lock",
    "MetricBounds", "Model", "ModelTest", "OnDemand", "OwnTransformation", "ProjectSpec", "PythonTransformation",
    "Retention", "Source", "Split", "Target", "Transformation", "TransformationArgument", "UnitTest", "WindowFeature",
]  # fmt: skip
