"""Rows that need not be computed, because somebody made them already from the same definition and data."""

from __future__ import annotations

from collections.abc import Mapping

from mlproj.compiler.fingerprints import fingerprint
from mlproj.state import GroupNode, Made, Published, TargetState, TrainingDataset


def tests_fingerprint(node: GroupNode) -> str:
    """What rows have to pass, beside being computed."""
    return fingerprint("tests", [test.failures for test in node.tests], node.unique_key)


def stands(node: GroupNode, row: Made | Published, inputs: Mapping[str, str], versions: Mapping[str, str]) -> bool:
    """Whether definition, directly read sources and the rows of the groups read are all as they were for `row`."""
    deep = row.fingerprint if isinstance(row, Made) else row.node.fingerprints.deep
    direct = [parent for parent in node.depends_on if parent.startswith("source:")]
    return (
        deep == node.fingerprints.deep
        and row.inputs == inputs
        and all(row.source_versions.get(source) == versions[source] for source in direct)
    )


def find_rows(
    node: GroupNode, state: TargetState, inputs: Mapping[str, str], versions: Mapping[str, str]
) -> tuple[Made, str] | None:
    """Rows that a group would come out as, and whose they are in words."""
    kept = state.kept.get(node.id)
    if kept and stands(node, kept, inputs, versions):
        return kept, f"computed by build {kept.by}"
    return None


def find_dataset(view_id: str, decides: str, state: TargetState) -> tuple[TrainingDataset, str] | None:
    """A training dataset of this fingerprint that the target has not published, and whose it is in words."""
    kept = state.kept.get(view_id)
    if kept and kept.dataset and kept.fingerprint == decides:
        return kept.dataset, f"made by build {kept.by}"
    return None
