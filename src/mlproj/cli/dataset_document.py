"""A training dataset as a document: what it was made from, what it learnt, and the statistics that it keeps."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from mlproj.compiler.splits import SPLITS
from mlproj.diagnostics import fail
from mlproj.planner.masking import masked_fitted
from mlproj.project.node_names import find_id
from mlproj.project.preview import hidden_of
from mlproj.state import TrainingDataset

if TYPE_CHECKING:
    from mlproj.project.project import Project

Document = dict[str, Any]

_NAMED = re.compile(r"(.+)/td(\d+)")
_COUNTS = ("count", "nulls", "distinct")
_MEASURES = (*_COUNTS, "min", "max", "mean", "std", "p25", "p50", "p75")
_TOP = 5


def named_dataset(project: Project, text: str) -> TrainingDataset | None:
    """The training dataset that a text names, as `income@1/td2`; None where it names something else. Raises E508."""
    found = _NAMED.fullmatch(text)
    if not found:
        return None
    name = found[1].removeprefix("feature_view:")
    known = {n for n in (*project.manifest.nodes, *project.state().published) if n.startswith("feature_view:")}
    view = find_id(known, f"feature_view:{name}")
    datasets = project.session.reader.training_datasets(project.target_name, view)
    for dataset in datasets:
        if dataset.number == int(found[2]):
            return dataset
    hint = f"there is {', '.join(d.name for d in datasets[-5:])}" if datasets else "build the view first"
    raise fail("E508", f"there is no training dataset '{text.removeprefix('feature_view:')}'", hint=hint)


def shown_dataset(project: Project, dataset: TrainingDataset, *, stats: bool) -> Document:
    """Any training dataset there is a record of, with `stats` a line for each column and split. Raises E508."""
    hidden = hidden_of(project, dataset.view)
    document = {"artifact": "training_dataset", "version": 1, **dataset_facts(dataset, hidden)}
    if not stats:
        return document
    if not dataset.column_statistics:
        hint = "it was made before they were kept: build the view anew, with --full-refresh"
        raise fail("E508", f"{dataset.name} keeps no statistics", hint=hint)
    left_out = ("statistics", "features", "passenger", "keys", "commits", "digest")
    lines = list(_lines(document["split_statistics"]))
    return {n: v for n, v in document.items() if n not in left_out} | {"column_statistics": lines}


def _lines(statistics: Document) -> Iterator[Document]:
    """Column by column, so that its splits stand below each other; histograms are left to `split_statistics`."""
    splits = [split for split in SPLITS if split in statistics]
    for column in dict.fromkeys(name for split in splits for name in statistics[split]):
        for split in splits:
            values = statistics[split].get(column, {})
            measures = {name: values[name] for name in _MEASURES if name in values}
            top = {"top": values["top"][:_TOP]} if values.get("top") else {}
            yield {"column": column, "split": split, **measures, **top}


def dataset_facts(dataset: TrainingDataset, hidden: Collection[str]) -> Document:
    """What is recorded of it; of hidden columns no value."""
    return {
        "training_dataset": dataset.name,
        "rows": dataset.rows,
        "left_out": dataset.left_out,
        "sampled": dataset.sampled and {**dataset.sampled.model_dump(mode="json"), "factor": dataset.sampled.factor},
        "sample_weight": dataset.weight,
        "class_weights": dataset.class_weights,
        "features": list(dataset.features),
        "label": dataset.label,
        "passenger": list(dataset.passenger),
        "keys": list(dataset.keys),
        "commits": dataset.inputs,
        "digest": dataset.digest,
        "statistics": masked_fitted(dataset.statistics.model_dump(mode="json"), hidden),
        "split_statistics": _shown(dataset, hidden),
        "created_at": dataset.created_at,
    }


def _shown(dataset: TrainingDataset, hidden: Collection[str]) -> Document:
    """Statistics of its columns; of hidden ones the counts, though they were not hidden when it was made."""
    return {
        split: {
            name: {m: v for m, v in values.items() if name not in hidden or m in _COUNTS}
            for name, values in columns.items()
        }
        for split, columns in dataset.column_statistics.items()
    }
