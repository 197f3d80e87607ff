"""What a group reads of another one: by the digest of just that it is decided whether its own rows still stand."""

from __future__ import annotations

from mlproj.planner.columns import ROWS, place_of
from mlproj.state import GroupNode, Published


def columns_read(node: GroupNode, parent: str) -> tuple[str, ...]:
    """The columns of `parent` that the SQL of a group reads, sorted; none where it counts its rows alone."""
    own = node.increment.uses if node.increment else ()
    symbols = {*node.shape.uses, *own, *(symbol for feature in node.features for symbol in feature.uses)}
    return tuple(sorted({p.column for p in map(place_of, symbols) if p.node == parent} - {ROWS}))


def reads_key(node: GroupNode, parent: str) -> str:
    """Under which `Published.column_digests` of `parent` holds their joint digest: no column is called `(age, id)`."""
    return f"({', '.join(columns_read(node, parent))})"


def read_digest(node: GroupNode, parent: str, row: Published) -> str | None:
    """The digest of what a group reads of `parent`, as it stands in `row`; None where nobody took it."""
    return row.column_digests.get(reads_key(node, parent))
