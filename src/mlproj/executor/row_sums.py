"""What a group's rows are after an increment, from what they were and what came and went: no row is read that stays.

Row counts, counts of nulls and digests are sums over rows, so that they go on from those of the rows before.
"""

from __future__ import annotations

from dataclasses import replace

from mlproj.compiler.data_test_sql import unique
from mlproj.compiler.row_changes import same_key_sql
from mlproj.compiler.text import identifier, identifiers
from mlproj.executor.digests import digest_sql, digests_wanted
from mlproj.executor.groups import key_warnings
from mlproj.executor.workspace import GroupOutcome, Workspace
from mlproj.state import GroupNode, Published


def summed(
    made: GroupOutcome, before: Published, came: str, gone: str, beside: str | None, space: Workspace
) -> GroupOutcome | None:
    """The outcome with its measures; None where they were not all taken of the rows before.

    `beside` are rows that stay although they may have keys that came.
    """
    node = made.node
    names = [f.name for f in node.features]
    wanted = digests_wanted(node, space.readers(node.id))
    known = {**before.column_digests, **space.digests.get(node.id, {})}
    if before.rows is None or not before.digest or not before.null_counts.keys() >= {*names} or wanted.keys() - known:
        return None
    digests = [digest_sql(sorted(names)), *wanted.values()]
    nulls = [f"count(*) - count({identifier(n)})" for n in names]
    query = f"select {', '.join(['count(*)', *digests, *nulls])} from "
    new, old = (space.adapters.engine.rows(query + relation)[0] for relation in (came, gone))
    rows = before.rows + int(new[0]) - int(old[0])
    was = [before.digest, *(known[name] for name in wanted)]
    sums = [f"{rows}:{_sum(*parts)}" for parts in zip(was, new[1:], old[1:], strict=False)]
    counts = zip(names, new[1 + len(was) :], old[1 + len(was) :], strict=True)
    null_counts = {name: before.null_counts[name] + int(a) - int(b) for name, a, b in counts}
    return replace(
        made,
        rows=rows,
        digest=sums[0],
        column_digests=dict(zip(wanted, sums[1:], strict=True)),
        null_counts=null_counts,
        warnings=tuple(key_warnings(node, rows, null_counts, _repeated(node, came, beside, space))),
    )


def _sum(before: str, came: str, gone: str) -> str:
    """The digest part of `rows:digest`; of no columns it is empty."""
    digest = before.partition(":")[2]
    return str(int(digest) + int(came) - int(gone)) if digest else digest


def _repeated(node: GroupNode, came: str, beside: str | None, space: Workspace) -> int:
    """Rows that repeat a key, of the keys that came: the others were looked at when they did."""
    if node.event_time:
        return 0
    relation, names = came, identifiers(node.primary_key)
    if beside:
        # Rows without a key repeat none.
        pairs = ((f"t.{identifier(name)}", f"c.{identifier(name)}") for name in node.primary_key)
        those = f"exists (select 1 from {came} as c where {same_key_sql(pairs, nulls=False)})"
        relation = f"(select {names} from {came} union all select {names} from {beside} as t where {those}) as k"
    return int(space.adapters.engine.rows(f"select {unique(node.primary_key).failures} from {relation}")[0][0])
