"""Relationships between groups, as tests say them: checked once the columns of all groups are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlproj.compiler.resolve import Names, split_reference
from mlproj.compiler.types import is_numeric, is_temporal
from mlproj.diagnostics import Collector, did_you_mean
from mlproj.loader import Loaded, LoadedProject
from mlproj.loader.loaded import Location
from mlproj.specs import FeatureGroup
from mlproj.specs.data_test import Relationships
from mlproj.state import GroupNode


def check_relationships(
    loaded: LoadedProject, names: Names, groups: Mapping[str, GroupNode], collector: Collector
) -> None:
    """The field is there, and its values can be equal to those of the column. What else is wrong was told before."""
    for group in loaded.feature_groups:
        node = groups.get(f"feature_group:{group.spec.name}@{group.spec.version}")
        for feature, rule, place in _relationships(group) if node else ():
            target, _problem = names.find("feature_group", *split_reference(rule.to))
            other = groups.get(target or "")
            field = rule.field or names.sole_key(target or "")
            if other is None or field is None or node is None:
                continue
            types = {f.name: f.type for f in other.features}
            own = {f.name: f.type for f in node.features}.get(feature or rule.column or field)
            if field not in types:
                hint = did_you_mean(field, types) or f"its columns are {', '.join(types)}"
                span = group.locate((*place, "field"))
                collector.error("E414", f"'{field}' is no column of {other.relation}", span, hint, node.id)
            elif own is not None and not _comparable(own, types[field]):
                message = f"a relationship of {own} with '{field}' of {other.relation}, which is {types[field]}"
                hint = "values of these types are never equal: cast one of the columns in its group's SQL"
                collector.error("E414", message, group.locate(place), hint, node.id)


def has_relationships(group: FeatureGroup) -> bool:
    """Whether a test of the group speaks of another one, whose versions and key it depends on."""
    tests = [*group.tests, *(test for feature in group.features for test in feature.tests)]
    return any(test.relationships is not None for test in tests)


def _relationships(group: Loaded[FeatureGroup]) -> Iterator[tuple[str | None, Relationships, Location]]:
    """The feature (None: a test of the group), what is said, and where."""
    for index, feature in enumerate(group.spec.features):
        for number, test in enumerate(feature.tests):
            if test.relationships:
                yield feature.name, test.relationships, ("features", index, "tests", number, "relationships")
    for number, test in enumerate(group.spec.tests):
        if test.relationships:
            yield None, test.relationships, ("tests", number, "relationships")


def _comparable(one: str, other: str) -> bool:
    families = (is_numeric, is_temporal)
    return one == other or any(family(one) and family(other) for family in families)
