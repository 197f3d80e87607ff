"""Whether the rows of a group are still those that its sources and the groups it reads would give, and who is held.

A group that was rolled back is held: its sources moved on, it does not. What reads it is fresh where it was computed
from the rows that it has now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from mlproj.compiler.manifest import Manifest
from mlproj.planner.increments import recomputes
from mlproj.planner.inputs import read_digest
from mlproj.planner.plan import HeldNode, Reason, moment_words
from mlproj.state import GroupNode, Node, Published, TargetState
from mlproj.state.content import UNKNOWN, same_content


class Freshness:
    """Asked for groups in dependency order. `resumed` holds the ids of groups that are to be held no longer.

    `moved` holds the groups asked for whose rows may come out otherwise.
    """

    def __init__(
        self, manifest: Manifest, state: TargetState, source_versions: Mapping[str, str], resumed: Collection[str]
    ) -> None:
        self._manifest, self._state, self._versions, self._resumed = manifest, state, source_versions, resumed
        self._expected: dict[str, dict[str, str]] = {}
        self.moved: set[str] = set()

    def reason(self, node: GroupNode, published: Published) -> Reason | None:
        """Why a group is stale though its definition stands; None where it is not, or is held."""
        if self.stays(node, published):
            return None
        inputs = [p for p in node.depends_on if p in self.moved or not self._read_as_now(p, published)]
        inputs = [p for p in inputs if not p.startswith("source:")]
        expected = self._expect(node.id)
        moved = sorted(s for s, v in expected.items() if not same_content(published.source_versions.get(s), v))
        until = published.loaded.until if published.loaded else ""
        if moved or inputs or until or recomputes(node, published):
            self.moved.add(node.id)
        if node.id in self._resumed and published.held:
            return _stale(node, "resumed", f"resumed: {published.held.reason}")
        if until:
            return _stale(node, "partly_loaded", f"its rows from {moment_words(until)} on have not been loaded")
        if moved and not self._only_by_held(node.id, moved):
            return _stale(node, "source_data_changed", _moved(moved, expected))
        if inputs or moved:
            read = inputs or [p for p in node.depends_on if not p.startswith("source:")]
            return _stale(node, "input_data_changed", f"{_names(read)} has other rows than it was computed from")
        return None

    def stays(self, node: GroupNode, published: Published) -> bool:
        """Whether a group is left as it was rolled back."""
        return is_held(node, published) and node.id not in self._resumed

    def _read_as_now(self, parent: str, published: Published) -> bool:
        """Whether the rows were computed from what the parent holds now, as far as it is read."""
        row, read = self._state.published.get(parent), published.inputs.get(parent)
        if row is None or row.digest is None or read is None or not isinstance(published.node, GroupNode):
            return True
        return read == read_digest(published.node, parent, row)

    def _expect(self, node_id: str) -> dict[str, str]:
        """The source versions that a build would record: of now, but below a held group those that it has."""
        if node_id not in self._expected:
            row = self._state.published.get(node_id)
            node = self._manifest.nodes[node_id]
            found: dict[str, str] = {}
            if row and is_held(node, row) and node_id not in self._resumed:
                found = row.source_versions
            else:
                for parent in node.depends_on:
                    found = {**found, **(self._expect(parent) if not parent.startswith("source:") else {})}
                direct = [p for p in node.depends_on if p in self._versions]
                found = {**found, **{p: self._versions[p] for p in direct}}
            self._expected[node_id] = found
        return self._expected[node_id]

    def _only_by_held(self, node_id: str, moved: Iterable[str]) -> bool:
        """Whether the versions that moved are not those of now, but older ones that a held group has."""
        return all(self._expected[node_id][s] != self._versions.get(s) for s in moved)


def is_held(node: Node, published: Published) -> bool:
    """Whether a group is left as it was rolled back: until its definition changes."""
    return published.held is not None and published.node.fingerprints.deep == node.fingerprints.deep


def held_nodes(manifest: Manifest, state: TargetState, resumed: Collection[str] = ()) -> tuple[HeldNode, ...]:
    """Groups that a build leaves as they were rolled back, in order."""
    rows = [(n, state.published[n]) for n in manifest.order if n in state.published and n not in resumed]
    return tuple(
        HeldNode(node=n, reason=row.held.reason, since=row.held.since)
        for n, row in rows
        if row.held and is_held(manifest.nodes[n], row)
    )


def _moved(sources: Sequence[str], versions: Mapping[str, str]) -> str:
    unknown = [s for s in sources if versions[s] == UNKNOWN]
    if len(unknown) == len(sources):
        return f"the content of {_names(sources)} may have changed: nothing tells, so it is read again"
    return f"the content of {_names(s for s in sources if s not in unknown)} changed"


def _names(ids: Iterable[str]) -> str:
    return ", ".join(i.partition(":")[2] for i in ids)


def _stale(node: GroupNode, rule: str, message: str) -> Reason:
    return Reason(rule=rule, change="stale", message=message, span=node.span)
