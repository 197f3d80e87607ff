"""Lineage as a tree or as Mermaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def lineage_lines(document: dict[str, Any], *, mermaid: bool) -> list[str]:
    """Upstream above the node, downstream below it."""
    if mermaid:
        return _mermaid(document)
    parents: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    for parent, child in document["edges"]:
        parents.setdefault(child, []).append(parent)
        children.setdefault(parent, []).append(child)
    node = document["node"]
    lines = [node]
    if document["direction"] != "downstream" and node in parents:
        lines += ["  depends on", *_tree(node, parents, "    ", {node})]
    if document["direction"] != "upstream" and node in children:
        lines += ["  is used by", *_tree(node, children, "    ", {node})]
    return lines


def _tree(node: str, edges: dict[str, list[str]], indent: str, seen: set[str]) -> Iterator[str]:
    following = edges.get(node, [])
    for index, other in enumerate(following):
        last = index == len(following) - 1
        again = other in seen
        yield f"{indent}{'└─' if last else '├─'} {other}{' (above)' if again and edges.get(other) else ''}"
        if not again:
            seen.add(other)
            yield from _tree(other, edges, indent + ("   " if last else "│  "), seen)


def _mermaid(document: dict[str, Any]) -> list[str]:
    ids = {node: f"n{i}" for i, node in enumerate(document["nodes"])}
    return [
        "graph LR",
        *(f'  {i}["{node}"]' for node, i in ids.items()),
        *(f"  {ids[a]} --> {ids[b]}" for a, b in document["edges"]),
    ]
