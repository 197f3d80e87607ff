"""Lineage of columns: from source columns to model versions, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from mlproj.planner.columns import ROWS, Place, made_from
from mlproj.state import ModelNode, Node, TargetState, Trained
from mlproj.state.noun import Noun

Direction = Literal["upstream", "downstream", "both"]


class LineageColumn(Noun):
    """One place of a lineage: a column, a node's rows, a model, or what a target holds of it.

    `node` is what it belongs to: for a model version its model, for a training dataset its view. A version says what it
    was trained on, and which aliases name it.
    """

    id: str
    kind: Literal["column", "rows", "model", "training_dataset", "model_version"]
    node: str
    column: str | None = None
    training_dataset: str | None = None
    aliases: tuple[str, ...] = ()


class ColumnLineage(Noun):
    """Places in dependency order; edges lead from what is read to what is made of it, by id."""

    artifact: Literal["lineage"] = "lineage"
    version: Literal[1] = 1
    node: str
    start: tuple[str, ...]
    direction: Direction
    nodes: tuple[str, ...]
    columns: tuple[LineageColumn, ...]
    edges: tuple[tuple[str, str], ...]


class ColumnGraph:
    """What every column of a project is made from, down to the model versions that a target holds."""

    def __init__(self, nodes: Mapping[str, Node], order: Sequence[str], state: TargetState) -> None:
        self._state = state
        self._columns: dict[str, Place | LineageColumn] = {}
        self._parents: dict[str, list[str]] = {}
        for node_id in order:
            for column, places in made_from(nodes[node_id], nodes).items():
                self._add(Place(node_id, column), places)
        for view, dataset in state.training_datasets.items():
            held = [*(c.name for c in dataset.raw_inputs), *([dataset.label] if dataset.label else []), ROWS]
            self._artifact(f"training_dataset:{dataset.name}", "training_dataset", view, held)
        for version in state.trained:
            self._version(version, nodes)
        # What a node reads may have been declared otherwise when it was trained: such a place is known by name only.
        for parent in [p for parents in self._parents.values() for p in parents if p not in self._columns]:
            self._columns[parent] = _place(parent)
            self._parents.setdefault(parent, [])

    def _add(self, place: Place, made_of: Iterable[Place]) -> None:
        id_ = place_id(place)
        self._columns[id_] = place
        self._parents[id_] = [p for p in dict.fromkeys(map(place_id, made_of)) if p != id_]

    def _artifact(self, id_: str, kind: str, node: str, columns: Iterable[str], **rest: object) -> None:
        self._columns[id_] = LineageColumn.model_validate({"id": id_, "kind": kind, "node": node, **rest})
        parents = self._parents.setdefault(id_, [])
        parents += [p for c in columns if (p := place_id(Place(node, c))) in self._columns and p not in parents]

    def _version(self, version: Trained, nodes: Mapping[str, Node]) -> None:
        """Of a model that is declared, it hangs on it; otherwise on what it was trained on."""
        aliases = tuple(sorted(a.partition("@")[2] for a, v in self._state.aliases.items() if v == version.id))
        reads = [*version.inputs, version.label, ROWS]
        owner = version.model if isinstance(nodes.get(version.model), ModelNode) else version.view
        self._artifact(
            f"model_version:{version.id}", "model_version", owner, reads,
            training_dataset=version.training_dataset, aliases=aliases,
        )  # fmt: skip

    def knows(self, id_: str) -> bool:
        return id_ in self._columns

    def lineage(self, node: str, start: Sequence[str], direction: Direction) -> ColumnLineage:
        """Everything that the places of `start` are made from, or that is made from them, or both."""
        children: dict[str, list[str]] = {id_: [] for id_ in self._columns}
        for id_, parents in self._parents.items():
            for parent in parents:
                children[parent].append(id_)
        up = reachable(start, self._parents) if direction != "downstream" else set(start)
        down = reachable(start, children) if direction != "upstream" else set(start)
        found = [id_ for id_ in self._columns if id_ in up | down]
        edges = [(p, c) for c in found for p in self._parents[c] if {p, c} <= up or {p, c} <= down]
        drawn = {id_: _column(self._columns[id_]) for id_ in found}
        shown = {id_: column.id for id_, column in drawn.items()}
        pairs = dict.fromkeys((shown[p], shown[c]) for p, c in edges if shown[p] != shown[c])
        columns = {column.id: column for column in drawn.values()}
        return ColumnLineage(
            node=node,
            start=tuple(dict.fromkeys(shown[id_] for id_ in start)),
            direction=direction,
            nodes=tuple(dict.fromkeys(c.node for c in columns.values())),
            columns=tuple(columns.values()),
            edges=tuple(pairs),
        )


def place_id(place: Place) -> str:
    """`feature_group:income@1.age`, and `feature_group:income@1.*` for its rows."""
    return f"{place.node}.{place.column}"


def _column(place: Place | LineageColumn) -> LineageColumn:
    """A model is shown as one place, whatever of it is meant; which of its versions follow is decided by column."""
    if isinstance(place, LineageColumn):
        return place
    id_ = place_id(place)
    if place.node.startswith("model:"):
        return LineageColumn(id=place.node, kind="model", node=place.node)
    if place.column == ROWS:
        return LineageColumn(id=id_, kind="rows", node=place.node)
    return LineageColumn(id=id_, kind="column", node=place.node, column=place.column)


def _place(id_: str) -> Place:
    kind, _, rest = id_.partition(":")
    relation, _, column = rest.partition(".")
    return Place(f"{kind}:{relation}", column or ROWS)


def reachable(start: Iterable[str], edges: Mapping[str, Sequence[str]]) -> set[str]:
    """What follows from `start` over any number of edges, with it."""
    found, queue = set(start), list(start)
    while queue:
        for other in edges[queue.pop()]:
            if other not in found:
                found.add(other)
                queue.append(other)
    return found
