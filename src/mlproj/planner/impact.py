"""Whom a change touches, feature by feature.

Dependants that use a changed feature, with the path to them and what of theirs is in use, and those that do not, with
why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mlproj.planner.columns import ROWS, Place, label, made_from, some
from mlproj.planner.plan import Affected, Reason, Unaffected
from mlproj.state import ModelNode, Node, TargetState, ViewNode


@dataclass(frozen=True)
class Dependants:
    """Everybody who may use a node, in dependency order: definitions as published where they are, else as declared."""

    nodes: Mapping[str, Node]
    order: Sequence[str]
    state: TargetState

    def columns(self, node_id: str) -> Mapping[str, tuple[Place, ...]]:
        """What each column of a node is made from, of one that is gone too."""
        if node_id not in self._columns:
            gone = self.state.published.get(node_id)
            node = self.nodes.get(node_id) or (gone.node if gone else None)
            self._columns[node_id] = made_from(node, self.nodes, self._inputs) if node else {}
        return self._columns[node_id]

    def below(self, node_id: str) -> list[str]:
        """Everything that depends on a node, in order."""
        found, reached = {node_id}, {node_id}
        while reached:
            reached = {n for n in self.order if n not in found and not found.isdisjoint(self.nodes[n].depends_on)}
            found |= reached
        return [n for n in self.order if n in found and n != node_id]

    @cached_property
    def _columns(self) -> dict[str, Mapping[str, tuple[Place, ...]]]:
        return {}

    @cached_property
    def _inputs(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for version in self.state.trained:
            found.setdefault(version.model, set()).update(version.inputs)
        return found


def impact(
    node_id: str, reasons: Iterable[Reason], dependants: Dependants
) -> tuple[tuple[Affected, ...], tuple[Unaffected, ...]]:
    """Dependants of a node that is breaking, nearest first."""
    breaking = [r for r in reasons if r.change == "breaking"]
    features = {r.feature for r in breaking if r.feature is not None}
    # A rule that names no feature speaks of the rows or of the whole node: it touches every reader.
    whole = any(r.feature is None for r in breaking)
    own = dependants.columns(node_id)
    start = {c: frozenset({c}) for c in (own if whole else features)} | ({ROWS: frozenset({ROWS})} if whole else {})
    reach = _Reach(node_id, start, dependants)
    spared = reach.spared()
    affected = [reach.affected(n) for n in reach.nearest_first()]
    return tuple(affected), tuple(Unaffected(node=n, why=why) for n, why in spared.items())


class _Reach:
    """Of each node the columns that a change reaches, and from which of the changed ones each of them comes."""

    def __init__(self, start: str, changed: Mapping[str, frozenset[str]], dependants: Dependants) -> None:
        self._start, self._all = start, dependants
        self._order = dependants.below(start)
        self.touched: dict[str, Mapping[str, frozenset[str]]] = {start: changed}
        # Published and declared definitions together may stand in another order than either: until nothing moves.
        while self._spread():
            pass
        self._distance = self._distances()

    def _spread(self) -> bool:
        moved = False
        for node in self._order:
            columns: dict[str, frozenset[str]] = {}
            for column, places in self._all.columns(node).items():
                origins = frozenset().union(
                    *(columns.get(p.column, ()) if p.node == node else self._origins(p) for p in places)
                )
                if origins:
                    columns[column] = origins
            if columns and columns != self.touched.get(node):
                self.touched[node], moved = columns, True
        return moved

    def _origins(self, place: Place) -> frozenset[str]:
        return self.touched.get(place.node, {}).get(place.column, frozenset())

    def _feeders(self, node: str, columns: Iterable[str]) -> dict[str, set[str]]:
        """Of each node before it, the touched columns through which the change comes to these."""
        found: dict[str, set[str]] = {}
        rows = {ROWS} if ROWS in self.touched[node] else set()
        for column in {*columns} | rows:
            for place in self._all.columns(node).get(column, ()):
                if place.node != node and self._origins(place):
                    found.setdefault(place.node, set()).add(place.column)
        return found

    def _distances(self) -> dict[str, int]:
        before = {n: self._feeders(n, columns) for n, columns in self.touched.items() if n != self._start}
        found, length = {self._start: 0}, 0
        while len(found) < len(self.touched):
            length += 1
            layer = [n for n, feeders in before.items() if n not in found and any(f in found for f in feeders)]
            found |= dict.fromkeys(layer, length)
        return found

    def nearest_first(self) -> list[str]:
        return [n for n in self._order if n in self.touched]

    def affected(self, node: str) -> Affected:
        touched = self.touched[node]
        columns = sorted(set(touched) - {ROWS})
        versions = [v for v in self._all.state.trained if v.model == node and self._trained_on(v.inputs, node)]
        ids = {v.id for v in versions}
        return Affected(
            node=node,
            features=tuple(sorted(frozenset().union(*touched.values()) - {ROWS})),
            columns=tuple(columns),
            path=self._path(node),
            training_datasets=self._datasets(node),
            model_versions=tuple(v.id for v in versions),
            aliases=tuple(sorted(a for a, v in self._all.state.aliases.items() if v in ids)),
        )

    def _trained_on(self, inputs: Iterable[str], model: str) -> bool:
        node = self._all.nodes[model]
        label = {node.label} if isinstance(node, ModelNode) else set()
        return bool({ROWS, *inputs, *label} & self.touched[model].keys())

    def _datasets(self, view: str) -> tuple[str, ...]:
        """Those that hold what is touched: the newest of a view, and what versions were trained on."""
        state, touched = self._all.state, self.touched[view].keys()
        found = {
            v.training_dataset: None for v in state.trained if v.view == view and {ROWS, v.label, *v.inputs} & touched
        }
        newest = state.training_datasets.get(view)
        if newest:
            held = {c.name for c in newest.raw_inputs} | {newest.label, *newest.passenger, *newest.keys, ROWS}
            if held & touched:
                found[newest.name] = None
        return tuple(found)

    def _path(self, node: str) -> tuple[str, ...]:
        columns = set(self.touched[node])
        steps = [self._label(node, columns)]
        while node != self._start:
            feeders = self._feeders(node, columns)
            node = min(feeders, key=lambda n: (self._distance[n], n))
            columns = feeders[node]
            steps.append(self._label(node, columns))
        return tuple(reversed(steps))

    def _label(self, node: str, columns: Iterable[str]) -> str:
        """As `income(view)@1.age`; nothing but the node where all of it is meant."""
        name, shown = label(node), sorted(columns)
        if ROWS in shown:
            return name if ROWS in self.touched[self._start] else f"{name} (rows)"
        return name if node.startswith("model:") else f"{name}.{some(shown)}"

    def spared(self) -> dict[str, str]:
        """What stands below the change and uses none of it, and why."""
        found: dict[str, str] = {}
        for node in self._order:
            if node in self.touched:
                continue
            parents = self._all.nodes[node].depends_on
            parent = next((p for p in parents if p in self.touched), next((p for p in parents if p in found), None))
            if parent is not None:
                found[node] = self._why(parent, found)
        return found

    def _why(self, parent: str, spared: Mapping[str, str]) -> str:
        if parent in spared:
            return f"reads {label(parent)}, which {spared[parent]}"
        columns = sorted(set(self.touched[parent]) - {ROWS})
        if isinstance(self._all.nodes[parent], ViewNode):
            return f"is not trained on {some(columns)}"
        return f"reads none of {some(columns if parent == self._start else [f'{label(parent)}.{c}' for c in columns])}"
