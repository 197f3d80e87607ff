"""What a group reads of another one: by the digest of just that it is decided whether its own rows still stand."""

from __future__ import annotations

from mlproj.planner.columns import ROWS, prefix_of
from mlproj.state import GroupNode, Published


def columns_read(node: GroupNode, parent: str) -> tuple[str, ...]:
    """The columns of `parent` that the SQL of a group reads, sorted; none where it counts its rows alone."""
    prefix = prefix_of(parent)
    own = node.increment.uses if node.increment else ()
    used = (node.shape.uses, own, *(feature.uses for feature in node.features))
    columns = {symbol[len(prefix) :] for symbols in used for symbol in symbols if symbol.startswith(prefix)}
    return tuple(sorted(columns - {ROWS}))


def reads_key(node: GroupNode, parent: str) -> str:
    """Under which `Published.column_digests` of `parent` holds their joint digest: no column is called `(age, id)`."""
    return f"({', '.join(columns_read(node, parent))})"


def read_digest(node: GroupNode, parent: str, row: Published) -> str | None:
    """The digest of what a group reads of `parent`, as it stands in `row`; None where nobody took it."""
    return row.column_digests.get(reads_key(node, parent))
