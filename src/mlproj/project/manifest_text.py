"""The manifest as JSON, put together of the texts of its nodes: where a node stands, so does its text of last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import to_json

from mlproj.compiler import Manifest
from mlproj.state import Node

_NODES = b'"nodes":{}'


@dataclass(frozen=True)
class NodeTexts:
    """A manifest and its `text`, and in `places` where each of its nodes begins and ends there."""

    text: bytes
    manifest: Manifest
    places: Mapping[str, Sequence[int]]

    def of(self, node_id: str) -> tuple[Node, bytes] | None:
        """A node and its JSON."""
        if node_id not in self.places:
            return None
        start, end = self.places[node_id]
        return self.manifest.nodes[node_id], self.text[start:end]


def written(manifest: Manifest, before: NodeTexts | None) -> NodeTexts:
    """The bytes of `manifest.model_dump_json()`."""
    head, _, tail = manifest.model_copy(update={"nodes": {}}).model_dump_json().encode().partition(_NODES)
    parts, places, end = [head, b'"nodes":{'], {}, len(head) + len(_NODES) - 1
    for number, (name, node) in enumerate(manifest.nodes.items()):
        key = b"," * (number > 0) + to_json(name) + b":"
        known = before.of(name) if before else None
        # The very object of last time has the text of last time.
        text = known[1] if known and known[0] is node else node.model_dump_json().encode()
        places[name] = (end + len(key), end := end + len(key) + len(text))
        parts += [key, text]
    return NodeTexts(b"".join([*parts, b"}", tail]), manifest, places)
