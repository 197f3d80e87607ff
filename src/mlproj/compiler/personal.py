"""Personal data: which columns are marked `pii: true`, or are computed from such ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from mlproj.diagnostics import Collector, Span
from mlproj.loader import Loaded
from mlproj.specs import FeatureGroup
from mlproj.state import Feature, GroupNode, SourceNode, Step, ViewColumn


def personal_symbols(node: SourceNode | GroupNode) -> Iterator[str]:
    """The marked columns of a node as queries name them: `income@1.email`, `source:census.email`."""
    relation = node.id if isinstance(node, SourceNode) else node.relation
    return (f"{relation}.{name}" for name in node.pii)


def personal_features(
    group: Loaded[FeatureGroup], features: Sequence[Feature], marked: Collection[str], collector: Collector, node: str
) -> tuple[str, ...]:
    """The features that are marked, or computed from `marked` columns; W403 where one of these says `pii: false`."""
    declared = {spec.name: (spec.pii, index) for index, spec in enumerate(group.spec.features)}
    found = []
    for feature in features:
        says, index = declared.get(feature.name, (None, 0))
        sources = [use for use in feature.uses if use in marked]
        if says is False and sources:
            collector.warn(
                "W403",
                f"'{feature.name}' is computed from {', '.join(sources)}, marked pii, and is shown: pii: false",
                group.locate(("features", index, "pii")),
                "right where nobody can be told by it, as of a count; otherwise leave `pii: false` out",
                node,
            )
        if says or (says is None and sources):
            found.append(feature.name)
    return tuple(found)


def personal_columns(columns: Iterable[ViewColumn], groups: Iterable[GroupNode]) -> tuple[str, ...]:
    """The columns of a view over these groups that are marked there, or computed from such ones on demand."""
    marked = {symbol for group in groups for symbol in personal_symbols(group)}
    return tuple(c.name for c in columns if marked.intersection(c.sources))


def warn_of_names(
    chains: Mapping[str, Sequence[Step]], marked: Collection[str], place: Span, collector: Collector, node: str
) -> None:
    """W403 where values of a marked feature become names of columns, which cannot be hidden."""
    for feature, steps in chains.items():
        if feature in marked and any(step.name == "one_hot_encoder" for step in steps):
            collector.warn(
                "W403",
                f"one_hot_encoder makes columns that are called as the values of '{feature}', which is marked pii",
                place,
                "encode it as numbers: label_encoder, hash_bucket or target_encoder",
                node,
            )
