"""Which column is made from which, node by node: what impact follows down, and lineage both ways."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, assert_never

from mlproj.state import GroupNode, ModelNode, Node, SourceNode, ViewNode

ROWS = "*"  # in place of a column: which rows there are


class Place(NamedTuple):
    """A column of a node, or its rows."""

    node: str
    column: str


def place_of(symbol: str) -> Place:
    """`income@1.age` or `source:census.education.num`, as compiled nodes name columns: no relation has a dot."""
    relation, _, column = symbol.partition(".")
    return Place(relation if relation.startswith("source:") else f"feature_group:{relation}", column)


def label(node_id: str) -> str:
    """A node as a path names it: `income@1`, `income(view)@1` for a view, `source:census` for a source."""
    kind, _, relation = node_id.partition(":")
    name, _, version = relation.partition("@")
    return f"{name}(view)@{version}" if kind == "feature_view" else node_id if kind == "source" else relation


def made_from(
    node: Node, nodes: Mapping[str, Node], inputs: Mapping[str, Collection[str]] | None = None
) -> dict[str, tuple[Place, ...]]:
    """Each column and what it is directly made from, `ROWS` first: every column follows its own node's rows.

    Columns of a model are what it is trained on; `inputs` names them, by model id, where its versions read less than
    the view has.
    """
    match node:
        case SourceNode():
            return {column.name: () for column in node.columns}
        case GroupNode():
            return _group(node)
        case ViewNode():
            return _view(node)
        case ModelNode():
            return _model(node, nodes, inputs or {})
        case _:
            assert_never(node)


def _group(node: GroupNode) -> dict[str, tuple[Place, ...]]:
    rows = [place_of(symbol) for symbol in node.shape.uses]
    named = {place.node for place in rows} | {place_of(symbol).node for f in node.features for symbol in f.uses}
    # Of a relation whose columns are all left alone the rows still count, as in `select count(*)`.
    rows += [Place(parent, ROWS) for parent in node.depends_on if parent not in named]
    own = Place(node.id, ROWS)
    return {
        ROWS: tuple(dict.fromkeys(rows)),
        **{f.name: (*(place_of(symbol) for symbol in f.uses), own) for f in node.features},
    }


def _view(node: ViewNode) -> dict[str, tuple[Place, ...]]:
    rows = [place_of(symbol) for symbol in node.row_reads]
    inner = [str(join["group"]) for join in node.joins if join["type"] == "inner"]
    rows += [Place(group, ROWS) for group in (node.base, *inner)]
    own = Place(node.id, ROWS)
    return {ROWS: tuple(dict.fromkeys(rows)), **{c.name: (place_of(c.source), own) for c in node.columns}}


def _model(
    node: ModelNode, nodes: Mapping[str, Node], inputs: Mapping[str, Collection[str]]
) -> dict[str, tuple[Place, ...]]:
    view, own = nodes.get(node.feature_view), Place(node.id, ROWS)
    if not isinstance(view, ViewNode):
        return {ROWS: ()}
    names = inputs.get(node.id, [c.name for c in view.of_role("feature")])
    read = [*names, *([node.label] if node.label else [])]
    return {ROWS: (Place(view.id, ROWS),), **{name: (Place(view.id, name), own) for name in read}}
