"""The manifest as JSON, put together of the texts of its nodes: where a node stands, so does its text of last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic_core import to_json

from mlproj.compiler import Manifest
from mlproj.state import Node

_NODES = b'"nodes":{}'


@dataclass(frozen=True)
class NodeTexts:
    """Nodes of a manifest in its `text`, each from where to where; none where nothing is known of a manifest."""

    text: bytes = b""
    nodes: Mapping[str, Node] = field(default_factory=dict)
    places: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def of(self, node: Node) -> bytes:
        """The JSON of a node, which is made only where it is not the very one of last time."""
        if self.nodes.get(node.id) is not node or node.id not in self.places:
            return node.model_dump_json().encode()
        start, end = self.places[node.id]
        return self.text[start:end]


def written(manifest: Manifest, before: NodeTexts) -> NodeTexts:
    """The bytes of `manifest.model_dump_json()`."""
    head, _, tail = manifest.model_copy(update={"nodes": {}}).model_dump_json().encode().partition(_NODES)
    parts, places, end = [head, b'"nodes":{'], {}, len(head) + len(_NODES) - 1
    for number, (name, node) in enumerate(manifest.nodes.items()):
        key = b"," * (number > 0) + to_json(name) + b":"
        text = before.of(node)
        places[name] = (end + len(key), end := end + len(key) + len(text))
        parts += [key, text]
    return NodeTexts(b"".join([*parts, b"}", tail]), manifest.nodes, places)
