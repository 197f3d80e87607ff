"""A checked view as SQL and as a node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from mlproj.compiler.about import about
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import ConditionMeaning
from mlproj.compiler.text import identifier
from mlproj.loader import Loaded
from mlproj.specs import FeatureView, Join
from mlproj.state import Fingerprints, GroupNode, SplitRule, Step, ViewColumn, ViewNode

Role = Literal["key", "event_time", "feature", "label", "passenger"]


@dataclass
class Draft:
    """A view while it is compiled: what each output name stands for, and the SQL around it."""

    view: Loaded[FeatureView]
    node: str
    base: GroupNode
    joined: list[tuple[Join, GroupNode]] = field(default_factory=list)
    names: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # output name → (SQL, type, origin)
    wanted: dict[str, Role] = field(default_factory=dict)


def join_keys(join: Join, group: GroupNode) -> dict[str, str]:
    """Columns of the base → key columns of the joined group."""
    return dict(join.on or {key: key for key in group.primary_key})


def join_features(join: Join, group: GroupNode) -> list[str]:
    """The features that a join brings; `*` stands for all but the key."""
    if "*" in join.features:
        return [f.name for f in group.features if f.name not in group.primary_key]
    return join.features


def _nullable(draft: Draft, name: str) -> bool:
    """As the base's contract says.

    What a left join brings may be absent, what an inner join brings is as its group says.
    """
    relation, _, column = draft.names[name][2].rpartition(".")
    for join, group in draft.joined:
        if group.relation == relation and join.type == "left":
            return True
    groups = [draft.base, *(group for _join, group in draft.joined)]
    return next(f.nullable for g in groups if g.relation == relation for f in g.features if f.name == column)


def view_rows(draft: Draft) -> str:
    """The joins as a FROM clause: all names that a filter may speak of."""
    columns = ",\n  ".join(f"{sql} as {identifier(name)}" for name, (sql, _type, _origin) in draft.names.items())
    lines = [f"from {identifier(draft.base.relation)} as b"]
    for number, (join, group) in enumerate(draft.joined, 1):
        keys = join_keys(join, group)
        condition = " and ".join(
            f"b.{identifier(left)} = j{number}.{identifier(right)}" for left, right in keys.items()
        )
        lines.append(f"{join.type} join {identifier(group.relation)} as j{number} on {condition}")
    return f"from (\nselect\n  {columns}\n" + "\n".join(lines) + "\n) as v"


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
    columns = tuple(
        ViewColumn(name=n, type=draft.names[n][1], source=draft.names[n][2], role=role, nullable=_nullable(draft, n))
        for n, role in draft.wanted.items()
    )
    joins = _joins(draft)
    parts = [
        "feature_view",
        base.id,
        joins,
        condition.fingerprint if condition else None,
        spec.label,
        [[c.name, c.type, c.source, c.role] for c in columns],
        chains,
    ]
    local = fingerprint(*parts)
    parents = tuple(dict.fromkeys([base.id, *(group.id for _join, group in draft.joined)]))
    deep_of = {
        f"{group.relation}.{f.name}": f.deep
        for group in [base, *(g for _join, g in draft.joined)]
        for f in group.features
    }
    row_reads = sorted({*_row_reads(draft), *(condition.uses if condition else ())})
    reads = sorted({*row_reads, *(draft.names[name][2] for name in draft.wanted)})
    deep = fingerprint(local, [[source, deep_of[source]] for source in reads])
    metadata = fingerprint(spec.description, spec.owner, spec.tags, spec.deprecated_after)
    return ViewNode(
        id=draft.node,
        **about(draft.view),
        depends_on=parents,
        fingerprints=Fingerprints(local=local, deep=deep, metadata=metadata),
        base=base.id,
        joins=joins,
        reads=tuple(reads),
        row_reads=tuple(row_reads),
        filter=spec.filter,
        filter_fingerprint=condition.fingerprint if condition else None,
        label=spec.label,
        columns=columns,
        transformations=chains,
        split=_split(draft),
        sql=sql,
        deprecated_after=spec.deprecated_after,
    )


def _split(draft: Draft) -> SplitRule:
    split = draft.view.spec.split
    return SplitRule(
        test=split.test, validation=split.validation, by=split.by, seed=split.seed, key=draft.base.primary_key
    )


def _joins(draft: Draft) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "group": group.id,
            "on": join_keys(join, group),
            "features": list(join_features(join, group)),
            "prefix": join.prefix,
            "type": join.type,
        }
        for join, group in draft.joined
    )


def _row_reads(draft: Draft) -> Iterator[str]:
    """Every column that decides which rows there are, in which order and in which split, but for the filter's."""
    base = draft.base
    for name, role in draft.wanted.items():
        if role in ("key", "event_time"):
            yield draft.names[name][2]
    for join, group in draft.joined:
        for left, right in join_keys(join, group).items():
            yield f"{base.relation}.{left}"
            yield f"{group.relation}.{right}"
