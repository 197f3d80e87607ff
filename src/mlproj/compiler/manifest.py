"""The manifest: every node of the project, compiled. Byte-identical for equal input."""

from __future__ import annotations

from typing import Literal

from mlproj.diagnostics import Diagnostic
from mlproj.state import CompiledUnitTest, EstimatorInfo, GroupNode, ModelNode, Node, SourceNode, ViewNode
from mlproj.state.noun import Noun


class Manifest(Noun):
    """`nodes` by id; `order` lists ids so that every node comes after what it depends on."""

    artifact: Literal["manifest"] = "manifest"
    version: Literal[1] = 1
    project: str
    nodes: dict[str, Node] = {}
    order: tuple[str, ...] = ()
    env_defaults: dict[str, str] = {}
    estimators: dict[str, EstimatorInfo] = {}
    warnings: tuple[Diagnostic, ...] = ()
    unit_tests: tuple[CompiledUnitTest, ...] = ()
    locked: bool = False  # there is an mlproj.lock

    def group(self, node_id: str) -> GroupNode:
        node = self.nodes[node_id]
        assert isinstance(node, GroupNode)
        return node

    def view(self, node_id: str) -> ViewNode:
        node = self.nodes[node_id]
        assert isinstance(node, ViewNode)
        return node

    def model(self, node_id: str) -> ModelNode:
        node = self.nodes[node_id]
        assert isinstance(node, ModelNode)
        return node

    def source(self, node_id: str) -> SourceNode:
        node = self.nodes[node_id]
        assert isinstance(node, SourceNode)
        return node

    def children(self) -> dict[str, list[str]]:
        """Ids of the nodes that depend directly on each node, in order."""
        found: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        for node_id in self.order:
            for parent in self.nodes[node_id].depends_on:
                found[parent].append(node_id)
        return found

    def sources_below(self, node_id: str) -> set[str]:
        """Ids of all sources that a node reads, directly or through others."""
        return {n for n in self.below(node_id) if n.startswith("source:")}

    def below(self, node_id: str) -> set[str]:
        """A node and all that it reads, directly or through others."""
        found: set[str] = set()
        queue = [node_id]
        while queue:
            current = queue.pop()
            if current not in found:
                found.add(current)
                queue.extend(self.nodes[current].depends_on)
        return found
