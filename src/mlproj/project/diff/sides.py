"""What `mlproj diff` is asked to compare, as two relations of one engine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.compiler.text import identifier, identifiers
from mlproj.diagnostics import ProjectError, did_you_mean, fail
from mlproj.project.as_of import AsOf, commit_as_of, group_as_of, moment, readable_dataset, shown
from mlproj.project.diff.difference import DiffSide
from mlproj.project.handles import FeatureGroup
from mlproj.project.node_names import matching
from mlproj.project.preview import hidden_of
from mlproj.project.project import Project
from mlproj.state import GroupNode, TrainingDataset

if TYPE_CHECKING:
    from mlproj.state import TargetState

_DATASET = re.compile(r"(.+)/td(\d+)")
_GROUP = "feature_group:"
_OLD, _NEW = "diff:old", "diff:new"


@dataclass(frozen=True)
class Side:
    """`relation` names rows in the engine, `types` its columns, `key` what identifies a row.

    Of `hidden` columns no value is shown, and nothing that tells one.
    """

    about: DiffSide
    relation: str
    types: dict[str, str]
    key: tuple[str, ...]
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Asked:
    """One side before it is read; `simple` where reading it again costs no more than a scan."""

    about: DiffSide
    sql: str
    key: tuple[str, ...]
    hidden: frozenset[str]
    simple: bool = True


def sides_of(project: Project, words: Sequence[str], targets: Sequence[str] = ()) -> tuple[Side, Side]:
    """Old and new of `NODE`, `NODE A`, `NODE A B`, `NODE NODE`; with `targets`, of `NODE` in two of them.

    A and B are commits or times. Raises E506, E508, E509 and E504.
    """
    if targets:
        return _in_targets(project, words, targets)
    name, *rest = words
    if len(rest) == 1 and not _is_moment(rest[0]):
        return _read(project, _of_name(project, name), _OLD), _read(project, _of_name(project, rest[0]), _NEW)
    if _DATASET.fullmatch(name):
        raise fail("E509", f"{name} never changes", hint=f"name another: mlproj diff {name} {_another(name)}")
    old, new = _moments(project, name, rest)
    return _read(project, _group(project, name, old), _OLD), _read(project, _group(project, name, new), _NEW)


def _in_targets(project: Project, words: Sequence[str], targets: Sequence[str]) -> tuple[Side, Side]:
    if len(words) != 1:
        raise fail("E509", "--targets compares one node in two targets", hint="mlproj diff income@1 --targets dev prod")
    found: list[Side] = []
    for target, relation in zip(targets, (_OLD, _NEW), strict=True):
        with Project(project.root, target=target, vars=project.variables) as other:
            found.append(_read(project, _of_name(other, words[0]), relation, other))
    return found[0], found[1]


def _is_moment(text: str) -> bool:
    try:
        moment(text)
    except ProjectError:
        return False
    return True


def _moments(project: Project, name: str, words: Sequence[str]) -> tuple[AsOf, AsOf | None]:
    """Old and new as asked for; new None is what is published, and alone it is compared with the commit before."""
    if words:
        return words[0], words[1] if len(words) > 1 else None
    node = _node(project, name)
    commits = [c.commit for c in project.session.reader.history(node.id, project.target_name) if not c.expired]
    if len(commits) < 2:
        hint = f"name what to compare it with: mlproj diff {node.relation} OLD NEW"
        raise fail("E506", f"{node.relation} has {len(commits) or 'no'} commit{'s' * (len(commits) != 1)}", hint=hint)
    return commits[-2], None


def _of_name(project: Project, text: str) -> _Asked:
    """A training dataset, or a group as it is published."""
    dataset = _DATASET.fullmatch(text)
    return _dataset(project, dataset[1], int(dataset[2])) if dataset else _group(project, text, None)


def _group(project: Project, text: str, as_of: AsOf | None) -> _Asked:
    node = _node(project, text)
    handle = FeatureGroup(project, node.name, node.version)
    about = DiffSide(name=node.relation, target=project.target_name)
    hidden = hidden_of(project, node.id)
    if as_of is None:
        row = project.state().published[node.id]
        return _Asked(
            about.model_copy(update={"commit": row.commit}), handle.query(), node.row_key, hidden,
            row.table is not None,
        )  # fmt: skip
    commit = commit_as_of(project, node, as_of)
    then = {"as_of": shown(as_of), "commit": commit.commit if commit else None}
    query = group_as_of(project, node, as_of)
    return _Asked(about.model_copy(update=then), query, node.row_key, hidden, commit is not None)


def _node(project: Project, text: str) -> GroupNode:
    """The published group that a text means, of its highest version. Raises E508 and E504."""
    state = project.state()
    groups = {n: p.node for n, p in state.published.items() if isinstance(p.node, GroupNode)}
    found = [groups[n] for n in matching(groups, text)]
    if not found:
        raise _unknown(project, state, text)
    return max(found, key=lambda node: node.version)


def _unknown(project: Project, state: TargetState, text: str) -> ProjectError:
    if matching(project.manifest.nodes, text) and not text.startswith(("model:", "source:", "feature_view:")):
        message = f"feature group '{text}' is not published in target '{state.target}'"
        if matching([n for n in project.manifest.nodes if n.startswith(_GROUP)], text):
            return fail("E504", message, hint=f"publish it: mlproj --target {state.target} build", exit_code=1)
    known = [n.partition(":")[2] for n in state.published if n.startswith(_GROUP)]
    hint = did_you_mean(text, known) or "it compares feature groups, and training datasets as income@1/td1"
    return fail("E508", f"there is nothing to compare that is called '{text}'", hint=hint)


def _dataset(project: Project, view: str, number: int) -> _Asked:
    state = project.state()
    ids = matching([n for n in state.published if n.startswith("feature_view:")], view)
    if not ids:
        known = [n.partition(":")[2] for n in state.published if n.startswith("feature_view:")]
        raise fail(
            "E508", f"there is no feature view '{view}'", hint=did_you_mean(view, known) or "`mlproj ls` lists them"
        )
    datasets = project.session.reader.training_datasets(project.target_name, max(ids))
    found: TrainingDataset | None = next((d for d in datasets if d.number == number), None)
    if found is None:
        known_names = ", ".join(d.name for d in datasets) or "none"
        raise fail("E508", f"there is no training dataset '{view}/td{number}'", hint=f"there are {known_names}")
    readable_dataset(project, found)
    relation = project.session.lake.relation(found.table, found.commit)
    sql = f"select {identifiers(c.name for c in found.columns)} from {relation}"
    about = DiffSide(name=found.name, target=project.target_name, commit=found.commit)
    return _Asked(about, sql, found.keys, hidden_of(project, found.view))


def _another(name: str) -> str:
    stem, _, number = name.rpartition("/td")
    return f"{stem}/td{int(number) + 1}"


def _read(project: Project, asked: _Asked, name: str, other: Project | None = None) -> Side:
    """Make one side readable in the project's engine; rows of another lake are copied there."""
    engine = project.session.engine
    if other is not None and _lake_of(other) != _lake_of(project):
        rows = other.session.engine.arrow(asked.sql)
        engine.cursor().register("mlproj_rows", rows)
        engine.create_table(name, "select * from mlproj_rows")
        engine.cursor().unregister("mlproj_rows")
    elif asked.simple:
        project.session.lake.relation("")
        engine.create_view(name, asked.sql)
    else:
        project.session.lake.relation("")
        engine.create_table(name, asked.sql)
    relation = identifier(name)
    types = {c.name: c.type for c in engine.describe(f"select * from {relation}")}
    rows_there = int(engine.rows(f"select count(*) from {relation}")[0][0])
    side = Side(asked.about.model_copy(update={"rows": rows_there}), relation, types, asked.key, asked.hidden)
    return replace(side, key=tuple(n for n in side.key if n in types))


def _lake_of(project: Project) -> Path:
    return (project.root / project.session.target.catalog.partition(":")[2]).resolve()
