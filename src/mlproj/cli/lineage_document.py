"""The answer of `lineage`: nodes around a node, or columns from source columns to model versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlproj.cli.documents import find_node
from mlproj.diagnostics import did_you_mean, fail
from mlproj.planner.columns import ROWS, Place, made_from, unlabelled
from mlproj.planner.lineage import ColumnGraph, Direction, place_id, reachable
from mlproj.project.model_names import resolve_model
from mlproj.state import Node

if TYPE_CHECKING:
    from mlproj.compiler import Manifest
    from mlproj.project.project import Project


def lineage_document(project: Project, text: str, direction: Direction) -> dict[str, Any]:
    """Of `NODE`, nodes and edges; of `NODE.feature` or a model version, columns and edges. Raises E507 and E508."""
    name = unlabelled(text)
    manifest = project.manifest
    version = _version_of(project, name)
    if version:
        graph = ColumnGraph(manifest.nodes, manifest.order, project.state())
        return graph.lineage(version, [version], direction).model_dump(mode="json")
    head, dot, feature = name.partition(".")  # of a node's name no part; source columns may have several
    node = find_node(manifest, head)
    if not dot:
        return _nodes(manifest, node, direction)
    columns = [c for c in made_from(node, manifest.nodes) if c != ROWS]
    if feature not in (*columns, ROWS):
        near = did_you_mean(feature, columns)
        shown = ", ".join(columns[:8]) + (" …" if len(columns) > 8 else "")
        what = "column" if node.kind == "source" else "feature"
        raise fail("E508", f"{node.id} has no {what} '{feature}'", hint=near or f"there is {shown or 'none'}")
    graph = ColumnGraph(manifest.nodes, manifest.order, project.state())
    return graph.lineage(node.id, [place_id(Place(node.id, feature))], direction).model_dump(mode="json")


def _version_of(project: Project, text: str) -> str | None:
    """The place of the model version that `name@version.run` or `name@alias` means, None where it is neither."""
    name, at, rest = text.removeprefix("model:").partition("@")
    if not at or re.fullmatch(r"[1-9]\d*(\.\D.*)?", rest):
        return None
    models = {n.partition("@")[0] for n in project.manifest.nodes if n.startswith("model:")}
    if f"model:{name}" not in models and not any(v.id.startswith(f"{name}@") for v in project.state().trained):
        return None
    return f"model_version:{resolve_model(project, f'{name}@{rest}').id}"


def _nodes(manifest: Manifest, node: Node, direction: Direction) -> dict[str, Any]:
    parents = {n: list(x.depends_on) for n, x in manifest.nodes.items()}
    children = manifest.children()
    up = reachable([node.id], parents) if direction != "downstream" else {node.id}
    down = reachable([node.id], children) if direction != "upstream" else {node.id}
    nodes = [n for n in manifest.order if n in up | down]
    edges = [[p, n] for n in nodes for p in parents[n] if (p in up and n in up) or (p in down and n in down)]
    return {
        "artifact": "lineage", "version": 1, "node": node.id, "direction": direction, "nodes": nodes, "edges": edges,
    }  # fmt: skip
