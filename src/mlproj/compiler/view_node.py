"""A checked view as SQL and as a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from mlproj.compiler.about import about
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import ConditionMeaning
from mlproj.compiler.personal import personal_columns
from mlproj.compiler.point_in_time import from_clause
from mlproj.compiler.text import identifier
from mlproj.compiler.view_draft import Draft
from mlproj.compiler.view_joins import joinings, view_joins
from mlproj.compiler.view_reads import join_reads, value_reads
from mlproj.compiler.view_split import split_rule
from mlproj.state import Fingerprints, Step, ViewColumn, ViewJoin, ViewNode


def _nullable(draft: Draft, name: str) -> bool:
    """As the base's contract says.

    What a left join brings may be absent, what an inner join brings is as its group says.
    """
    if name in draft.on_demand:
        return True
    relation, _, column = draft.names[name].origin.rpartition(".")
    for joined in draft.joined:
        if joined.group.relation == relation and joined.join.type == "left":
            return True
    groups = [draft.base, *(joined.group for joined in draft.joined)]
    return next(f.nullable for g in groups if g.relation == relation for f in g.features if f.name == column)


def view_rows(draft: Draft) -> str:
    """The joins as a FROM clause: all names that a filter may speak of."""
    columns = ",\n  ".join(f"{named.sql} as {identifier(name)}" for name, named in draft.names.items())
    base, types = draft.base, {f.name: f.type for f in draft.base.features}
    shared, rows = from_clause(base.relation, joinings(view_joins(draft), draft.groups, types))
    return f"from (\n{shared}select\n  {columns}\n{rows}\n) as v"


def view_sql(draft: Draft) -> str:
    """One row per row of the base: names in the order of the view."""
    outputs = ", ".join(identifier(name) for name in draft.wanted)
    filtered = f"\nwhere (\n{draft.view.spec.filter}\n)" if draft.view.spec.filter else ""
    return f"select {outputs}\n{view_rows(draft)}{filtered}"


def view_node(
    draft: Draft, sql: str, chains: dict[str, tuple[Step, ...]], condition: ConditionMeaning | None
) -> ViewNode:
    """The node of a view that has no errors."""
    spec, base = draft.view.spec, draft.base
    columns = tuple(_columns(draft))
    joins = view_joins(draft, condition.uses if condition else ())
    parts = [
        "feature_view",
        base.id,
        [_told(join) for join in joins],
        condition.fingerprint if condition else None,
        spec.label,
        [_said(c) for c in columns],
        {name: [step.meaning for step in chain] for name, chain in chains.items()},
    ]
    local = fingerprint(*parts)
    groups = [base, *(joined.group for joined in draft.joined)]
    deep_of = {f"{group.relation}.{f.name}": f.deep for group in groups for f in group.features}
    row_reads = sorted({*_row_reads(draft, joins), *(condition.uses if condition else ())})
    values = {source for c in columns for source in value_reads(base.relation, joins, c)}
    reads = sorted({*row_reads, *values})
    deep = fingerprint(local, [[source, deep_of[source]] for source in reads])
    pii = personal_columns(columns, groups)
    return ViewNode(
        id=draft.node,
        **about(draft.view),
        depends_on=tuple(draft.parents()),
        fingerprints=Fingerprints(local=local, deep=deep, metadata=_metadata(draft, pii)),
        base=base.id,
        joins=joins,
        reads=tuple(reads),
        row_reads=tuple(row_reads),
        filter=spec.filter,
        filter_fingerprint=condition.fingerprint if condition else None,
        label=spec.label,
        columns=columns,
        transformations=chains,
        split=split_rule(draft),
        sql=sql,
        leakage=draft.leakage,
        deprecated_after=spec.deprecated_after,
        pii=pii,
    )


def _columns(draft: Draft) -> Iterator[ViewColumn]:
    for name, role in draft.wanted.items():
        named, feature = draft.names[name], draft.on_demand.get(name)
        yield ViewColumn(
            name=name,
            type=named.type,
            source=named.origin,
            role=role,
            nullable=_nullable(draft, name),
            on_demand=feature,
        )


def _said(column: ViewColumn) -> list[str]:
    """What of a column decides its values, but for how it is joined."""
    computed = [column.on_demand.fingerprint] if column.on_demand else []
    return [column.name, column.type, column.source, column.role, *computed]


def _metadata(draft: Draft, pii: Iterable[str]) -> str:
    spec = draft.view.spec
    said = [spec.description, spec.owner, spec.tags, spec.deprecated_after]
    marked = ["pii", *sorted(pii)]
    return fingerprint(*said, *([draft.leakage] if draft.leakage else []), *([marked] if pii else []))


def _told(join: ViewJoin) -> dict[str, JsonValue]:
    """What of a join decides the data; whether rows hang on it follows from the rest."""
    return join.model_dump(mode="json", exclude_defaults=True, exclude={"decides_rows"})


def _row_reads(draft: Draft, joins: Iterable[ViewJoin]) -> Iterator[str]:
    """Every column that decides which rows there are, in which order and in which split, but for the filter's."""
    for name, role in draft.wanted.items():
        if role in ("key", "event_time"):
            yield draft.names[name].origin
    for name in draft.view.spec.split.group_by:
        yield draft.names[name].origin
    for join in joins:
        yield from join_reads(draft.base.relation, join)
