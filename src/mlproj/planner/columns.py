"""Which column is made from which, node by node: what impact follows down, and lineage both ways."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, assert_never

from mlproj.compiler.manifest import Manifest
from mlproj.compiler.view_reads import deciding_reads, join_reads, value_reads
from mlproj.state import GroupNode, ModelNode, Node, Published, SourceNode, ViewColumn, ViewJoin, ViewNode

ROWS = "*"  # in place of a column: which rows there are
_SHOWN = 4  # columns that a path or a reason names


class Place(NamedTuple):
    """A column of a node, or its rows."""

    node: str
    column: str


def place_of(symbol: str) -> Place:
    """`income@1.age` or `source:census.education.num`, as compiled nodes name columns: no relation has a dot."""
    relation, _, column = symbol.partition(".")
    return Place(relation if relation.startswith("source:") else f"feature_group:{relation}", column)


def prefix_of(node_id: str) -> str:
    """How compiled nodes begin the name of a node's column: the part that `place_of` makes an id of."""
    return f"{node_id.removeprefix('feature_group:')}."


def label(node_id: str) -> str:
    """A node as a path names it: `income@1`, `income(view)@1` for a view, `source:census` for a source."""
    kind, _, relation = node_id.partition(":")
    name, _, version = relation.partition("@")
    return f"{name}(view)@{version}" if kind == "feature_view" else node_id if kind == "source" else relation


# A view as paths have it, `income(view)@1` and what follows, and as steps have it, `income@1 (view)`; a node as the
# list of changes has it, `feature group income@1`.
_VIEW = re.compile(r"([\w-]+)\(view\)(.*)|([\w-]+(?:@\d+)?) \(view\)")
_KIND = re.compile(r"(feature) (group|view)\s+(\S+)")


def unlabelled(text: str) -> str:
    """A node as it is written, where the text is one of the labels that are printed; otherwise the text."""
    text = text.strip()
    view, kind = _VIEW.fullmatch(text), _KIND.fullmatch(text)
    if view:
        return f"feature_view:{view[3] or view[1] + view[2]}"
    return f"{kind[1]}_{kind[2]}:{kind[3]}" if kind else text


def made_from(
    node: Node, nodes: Mapping[str, Node], inputs: Mapping[str, Collection[str]] | None = None
) -> dict[str, tuple[Place, ...]]:
    """Each column and what it is directly made from, `ROWS` first: every column follows its own node's rows.

    Columns of a model are what it is trained on; `inputs` names them, by model id, where its versions read less than
    the view has.
    """
    match node:
        case SourceNode():
            return dict.fromkeys((ROWS, *(column.name for column in node.columns)), ())
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
    deciding = [join.group for join in node.joins if decides_rows(join)]
    rows = [*map(place_of, sorted(row_sources(node))), *(Place(group, ROWS) for group in (node.base, *deciding))]
    own = Place(node.id, ROWS)
    found = {ROWS: tuple(dict.fromkeys(rows))}
    for column in node.columns:
        found[column.name] = (*dict.fromkeys(map(place_of, sources_of(node, column))), own)
    return found


def sources_of(view: ViewNode, column: ViewColumn) -> Iterator[str]:
    """The columns of groups that decide the value of a column, its own first."""
    return value_reads(_relation(view.base), view.joins, column)


def decides_rows(join: ViewJoin) -> bool:
    """Whether rows of a view hang on what a join finds; a left join otherwise adds columns, and no rows."""
    return join.decides_rows or join.type == "inner"


def row_sources(view: ViewNode) -> set[str]:
    """Columns that decide which rows there are."""
    base, joins = _relation(view.base), view.joins
    of_left = {source for j in joins if not decides_rows(j) for source in join_reads(base, j)}
    deciding = {source for j in joins if decides_rows(j) for source in deciding_reads(base, joins, j)}
    keys = {c.source for c in view.of_role("key", "event_time")}
    written = set(re.findall(r"\w+", (view.filter or "").lower()))
    filtered = {s for s in of_left if s.rpartition(".")[2].lower() in written}
    return {s for s in view.row_reads if s not in of_left} | deciding | keys | filtered


def _relation(node_id: str) -> str:
    return node_id.partition(":")[2]


def _model(
    node: ModelNode, nodes: Mapping[str, Node], inputs: Mapping[str, Collection[str]]
) -> dict[str, tuple[Place, ...]]:
    view, own = nodes.get(node.feature_view), Place(node.id, ROWS)
    if not isinstance(view, ViewNode):
        return {ROWS: ()}
    names = inputs.get(node.id, [c.name for c in view.of_role("feature")])
    read = [*names, *([node.label] if node.label else [])]
    return {ROWS: (Place(view.id, ROWS),), **{name: (Place(view.id, name), own) for name in read}}


def redefined(symbol: str, published: Mapping[str, Published], manifest: Manifest) -> bool:
    """Whether a group's column, or its rows, are defined otherwise than published, be it through what stands below."""
    node_id, column = place_of(symbol)
    new, row = manifest.nodes.get(node_id), published.get(node_id)
    if row is None or not isinstance(new, GroupNode) or not isinstance(row.node, GroupNode):
        return not node_id.startswith("source:")
    deep = [{ROWS: node.shape.deep} | {f.name: f.deep for f in node.features} for node in (row.node, new)]
    return deep[0].get(column) != deep[1].get(column)


def told(symbols: Iterable[str], published: Mapping[str, Published], manifest: Manifest) -> str:
    """Which of these columns are defined otherwise than published, in words; of other rows, whose rows they are."""
    moved = sorted(s for s in set(symbols) if redefined(s, published, manifest))
    relations = sorted({s.partition(".")[0] for s in moved})
    whole = [r for r in relations if redefined(f"{r}.{ROWS}", published, manifest)]
    columns = [s for s in moved if s.partition(".")[0] not in whole]
    return some([*(f"the rows of {relation}" for relation in whole), *columns])


def some(names: Sequence[str]) -> str:
    """All of a few names; of many the first ones, and how many more there are."""
    rest = len(names) - _SHOWN
    return ", ".join(names) if rest <= 1 else f"{', '.join(names[:_SHOWN])} and {rest} more"
