"""References of files to versions: moved to another, or pinned where they name none.

A reference without a version means the highest that is declared, so one more version would move it: it is pinned to
what it means now, which is no change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from yaml.nodes import MappingNode, SequenceNode

from mlproj.compiler.resolve import split_reference
from mlproj.loader import Loaded, LoadedProject
from mlproj.loader.yaml_file import entry
from mlproj.project.bump.items import Edit, find_item, set_in
from mlproj.specs import FeatureGroup, FeatureView, UnitTest

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


@dataclass(frozen=True)
class Moves:
    """`versions` maps kind and name to the highest declared version and the new one of what is bumped.

    `moved` maps node ids to new ones; `follow` holds the nodes whose references move, all others' stay.
    """

    highest: dict[tuple[str, str], int]
    moved: dict[str, str]
    follow: frozenset[str]

    def reference(self, owner: str, kind: str, text: str) -> str | None:
        """What `income@1`, as written in the definition of `owner`, has to be called; None where it stands."""
        name, version = split_reference(text)
        highest = self.highest.get((kind, name))
        if owner in self.follow:
            target = self.moved.get(f"{kind}:{name}@{version}") if version else None
            return target.partition(":")[2] if target else None
        return f"{name}@{highest}" if highest and version is None else None


def yaml_edits(project: LoadedProject, path: str, text: str, moves: Moves) -> list[Edit]:
    """What to change in one file, which is as it was loaded."""
    edits: list[Edit] = []
    for view in project.feature_views:
        if view.path == path and _refers(view, moves):
            edits += _view_edits(view, text, moves)
    for model in project.models:
        owner = f"model:{model.spec.name}@{model.spec.version}"
        new = moves.reference(owner, "feature_view", model.spec.feature_view) if model.path == path else None
        item = find_item(path, text, "models", model) if new else None
        if item and new:
            edits += set_in(text, item.node, "feature_view", new, ("version", "name"))
    for group in project.feature_groups:
        if group.path == path:
            edits += _group_edits(group, text, moves)
    for test in project.unit_tests:
        if test.path == path:
            edits += _test_edits(test, project, text, moves)
    return edits


def _group_edits(group: Loaded[FeatureGroup], text: str, moves: Moves) -> Iterator[Edit]:
    events = group.spec.aggregate.of if group.spec.aggregate else ""
    owner = f"feature_group:{group.spec.name}@{group.spec.version}"
    new = moves.reference(owner, "feature_group", events) if "@" in events else None  # else it names a source
    item = find_item(group.path, text, "feature_groups", group) if new else None
    aggregate = entry(item.node, "aggregate") if item else None
    if new and aggregate and isinstance(aggregate[1], MappingNode):
        yield from set_in(text, aggregate[1], "from", new)


def _test_edits(test: Loaded[UnitTest], project: LoadedProject, text: str, moves: Moves) -> Iterator[Edit]:
    """Rows are given of what the node that is tested reads, so references go where that node's go."""
    owner = _tested(test.spec, project)
    news = [moves.reference(owner, "feature_group", given.ref) if given.ref else None for given in test.spec.given]
    item = find_item(test.path, text, "unit_tests", test) if owner and any(news) else None
    found = entry(item.node, "given") if item else None
    nodes = found[1].value if found and isinstance(found[1], SequenceNode) else []
    for new, node in zip(news, nodes, strict=False):
        if new and isinstance(node, MappingNode):
            yield from set_in(text, node, "ref", new)


def _tested(test: UnitTest, project: LoadedProject) -> str:
    """The id of the node that is tested, or nothing where there is none."""
    kind, _, reference = test.node.rpartition(":")
    name, version = split_reference(reference)
    groups, views = project.feature_groups, project.feature_views
    of_kind = {
        "feature_group": [g.spec.version for g in groups if g.spec.name == name],
        "feature_view": [v.spec.version for v in views if v.spec.name == name],
    }
    for each in [kind] if kind else of_kind:
        versions = of_kind[each]
        if versions:
            return f"{each}:{name}@{version or max(versions)}"
    return ""


def _refers(view: Loaded[FeatureView], moves: Moves) -> bool:
    owner = f"feature_view:{view.spec.name}@{view.spec.version}"
    references = [view.spec.base, *(j.group for j in view.spec.joins)]
    return any(moves.reference(owner, "feature_group", r) for r in references)


def _view_edits(view: Loaded[FeatureView], text: str, moves: Moves) -> Iterator[Edit]:
    item = find_item(view.path, text, "feature_views", view)
    if item is None:
        return
    owner = f"feature_view:{view.spec.name}@{view.spec.version}"
    base = moves.reference(owner, "feature_group", view.spec.base)
    if base:
        yield from set_in(text, item.node, "base", base, ("version", "name"))
    joins = entry(item.node, "joins")
    nodes = joins[1].value if joins and isinstance(joins[1], SequenceNode) else []
    start, end = item.extent
    for join, node in zip(view.spec.joins, nodes, strict=False):
        new = moves.reference(owner, "feature_group", join.group)
        if new and isinstance(node, MappingNode) and start <= node.start_mark.index < end:
            yield from set_in(text, node, "group", new)


def sql_text(text: str, owner: str | None, moves: Moves) -> str:
    """A group's SQL, or a file of macros (`owner` None), with its `ref()` calls moved or pinned."""
    for (kind, name), highest in moves.highest.items():
        if kind != "feature_group":
            continue
        call = re.compile(rf"\bref\(\s*(['\"]){name}\1\s*(,\s*(?:version\s*=\s*)?)?(\d+)?")

        def changed(match: re.Match[str], name: str = name, highest: int = highest) -> str:
            version = match[3]
            if owner in moves.follow:
                target = moves.moved.get(f"feature_group:{name}@{version}") if version else None
                return match[0].removesuffix(version or "") + target.rpartition("@")[2] if target else match[0]
            return match[0] if version or match[2] else f"{match[0].rstrip()}, version={highest}"

        text = _JINJA.sub(lambda part, call=call, changed=changed: call.sub(changed, part[0]), text)  # type: ignore[misc]
    return text
