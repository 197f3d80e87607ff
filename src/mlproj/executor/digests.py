"""Digests of rows, by which it is decided whether what was made of them still stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlproj.compiler.text import identifiers
from mlproj.compiler.windows import observed_events, stored_columns
from mlproj.planner.inputs import columns_read, reads_key
from mlproj.state import GroupNode, Node, ViewNode


def digest_sql(names: Sequence[str]) -> str:
    """A digest of rows that does not depend on their order: the sum of the rows' hashes."""
    return f"coalesce(sum(hash({identifiers(names)})::HUGEINT), 0)::VARCHAR" if names else "''"


def whole_digest_sql(node: GroupNode) -> str:
    """A digest of all that is stored of a group's rows."""
    return digest_sql(sorted(stored_columns(node)))


def column_digest_sql(node: GroupNode, name: str) -> str:
    """A digest of one column with the key; of a window of the events too that decide it at any other time."""
    events = observed_events(node, name)
    if events is None:
        return digest_sql([*node.row_key, name])
    return f"coalesce(sum(hash({identifiers([*node.row_key, name])}, {events})::HUGEINT), 0)::VARCHAR"


def digests_wanted(node: GroupNode, readers: Iterable[Node]) -> dict[str, str]:
    """What of a group is to be digested for those who read it, as name → SQL.

    For views each column by itself, with the key, on which they count; for the SQL of groups all that it reads at once.
    """
    found: dict[str, str] = {}
    for reader in readers:
        if isinstance(reader, GroupNode):
            found[reads_key(reader, node.id)] = digest_sql(columns_read(reader, node.id))
        elif isinstance(reader, ViewNode):
            own = (s.rpartition(".")[2] for s in reader.reads if s.rpartition(".")[0] == node.relation)
            found |= {name: column_digest_sql(node, name) for name in own}
    return dict(sorted(found.items()))
