"""Feature views: the declared joins as one SQL statement, one row per row of the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.resolve import Names, split_reference
from mlproj.compiler.text import identifier
from mlproj.compiler.transformations import compile_chain
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader import Loaded
from mlproj.ports import BindError
from mlproj.specs import FeatureView, Join
from mlproj.state import Fingerprints, GroupNode, SplitRule, Step, ViewColumn, ViewNode

Role = Literal["key", "event_time", "feature", "label", "passenger"]


@dataclass
class _Draft:
    """A view while it is compiled: what each output name stands for, and the SQL around it."""

    view: Loaded[FeatureView]
    node: str
    base: GroupNode
    joined: list[tuple[Join, GroupNode]] = field(default_factory=list)
    names: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # output name → (SQL, type, origin)
    wanted: dict[str, Role] = field(default_factory=dict)


def compile_view(
    view: Loaded[FeatureView], names: Names, groups: Mapping[str, GroupNode], checker: TypeChecker, collector: Collector
) -> ViewNode | None:
    """The node, or None with diagnostics; None without one where a group it reads has failed itself."""
    spec, node = view.spec, f"feature_view:{view.spec.name}@{view.spec.version}"
    base = resolve_reference(spec.base, "feature_group", view.locate(("base",)), names, node, collector)
    joins = [
        resolve_reference(join.group, "feature_group", view.locate(("joins", i, "group")), names, node, collector)
        for i, join in enumerate(spec.joins)
    ]
    if base is None or None in joins or any(parent not in groups for parent in [base, *joins] if parent):
        collector.poisoned.add(node)
        return None
    draft = _Draft(view, node, groups[base])
    _add_base(draft, collector)
    for index, (join, group) in enumerate(zip(spec.joins, joins, strict=True)):
        _add_join(draft, index, join, groups[group or ""], collector)
    _add_columns(draft, collector)
    chains = _chains(draft, collector)
    if node in collector.poisoned:
        return None
    sql = _sql(draft)
    _check_filter(draft, sql, checker, collector)
    if node in collector.poisoned:
        return None
    return _node(draft, sql, chains)


def resolve_reference(
    reference: str, kind: str, span: Span, names: Names, node: str, collector: Collector
) -> str | None:
    """Node id of what a view or model refers to; without a version it is the highest, and a warning."""
    name, version = split_reference(reference)
    found, (message, hint) = names.find(kind, name, version)
    if found is None:
        collector.error("E301", message, span, hint, node)
    elif version is None:
        pinned = found.partition(":")[2]
        collector.warn(
            "W301", f"'{name}' without a version means the highest, {pinned} today", span, f"write {pinned}", node
        )
    return found


def _add_base(draft: _Draft, collector: Collector) -> None:
    spec, base = draft.view.spec, draft.base
    for feature in base.features:
        draft.names[feature.name] = (f"b.{identifier(feature.name)}", feature.type, f"{base.relation}.{feature.name}")
    for key in base.primary_key:
        draft.wanted[key] = "key"
    if base.event_time:
        draft.wanted[base.event_time] = "event_time"
    special = {*draft.wanted, base.created_time, spec.label, *spec.passenger}
    for index, name in enumerate(spec.features):
        span = draft.view.locate(("features", index))
        if name == "*":
            draft.wanted.update({f.name: "feature" for f in base.features if f.name not in special})
        elif name not in draft.names:
            _unknown(name, base, span, draft, collector)
        elif draft.wanted.get(name) in ("key", "event_time"):
            collector.error(
                "E312",
                f"'{name}' identifies the rows of {base.relation}; it is always there, and no feature",
                span,
                "leave it out",
                draft.node,
            )
        else:
            draft.wanted[name] = "feature"


def _add_join(draft: _Draft, index: int, join: Join, group: GroupNode, collector: Collector) -> None:
    view, node = draft.view, draft.node
    if group.event_time:
        collector.error(
            "E313",
            f"{group.relation} has an event_time, so a key alone does not say which of its rows is meant",
            view.locate(("joins", index, "group")),
            "join a group with one row per key, for example its newest rows: qualify row_number() over (…) = 1",
            node,
        )
        return
    keys = join.on or {key: key for key in group.primary_key}
    where = view.locate(("joins", index, "on"))
    if set(keys.values()) != set(group.primary_key):
        collector.error(
            "E308",
            f"a join with {group.relation} must name its primary key ({', '.join(group.primary_key)}), "
            f"not {', '.join(keys.values())}",
            where,
            f"on: {{{', '.join(f'<column of the base>: {k}' for k in group.primary_key)}}}",
            node,
        )
        return
    types = {f.name: f.type for f in group.features}
    for left, right in keys.items():
        if left not in draft.names:
            collector.error(
                "E311",
                f"unknown column '{left}' of {draft.base.relation} in a join",
                where,
                did_you_mean(left, draft.names),
                node,
            )
        elif draft.names[left][1] != types[right]:
            collector.error(
                "E308",
                f"'{left}' is {draft.names[left][1]}, but '{right}' of {group.relation} is {types[right]}",
                where,
                "keys are joined by equal types: cast one of them in its group",
                node,
            )
    draft.joined.append((join, group))
    alias = f"j{len(draft.joined)}"
    for number, name in enumerate(_join_features(join, group)):
        span = view.locate(("joins", index, "features", number))
        output = join.prefix + name
        if name not in types:
            _unknown(name, group, span, draft, collector)
        elif output in draft.wanted:
            collector.error(
                "E310",
                f"'{output}' would come from {draft.names[output][2].rpartition('.')[0]} and from {group.relation}",
                span,
                "give the join a `prefix:`",
                node,
            )
        else:
            draft.names[output] = (f"{alias}.{identifier(name)}", types[name], f"{group.relation}.{name}")
            draft.wanted[output] = "feature"


def _join_features(join: Join, group: GroupNode) -> list[str]:
    if "*" in join.features:
        return [f.name for f in group.features if f.name not in group.primary_key]
    return join.features


def _add_columns(draft: _Draft, collector: Collector) -> None:
    spec, view = draft.view.spec, draft.view
    roles: list[tuple[Role, str, Span]] = [
        ("passenger", n, view.locate(("passenger", i))) for i, n in enumerate(spec.passenger)
    ]
    if spec.label:
        roles.append(("label", spec.label, view.locate(("label",))))
    for role, name, span in roles:
        if name not in draft.names:
            _unknown(name, draft.base, span, draft, collector)
        elif draft.wanted.get(name) == "feature" and role == "label":
            collector.error(
                "E309",
                f"the label '{name}' is among the features: the model would be told the answer",
                span,
                "take it out of `features:`",
                draft.node,
            )
        elif name in draft.wanted and draft.wanted[name] != "passenger":
            collector.error(
                "E310",
                f"'{name}' is a {draft.wanted[name]} already, and cannot be the {role} too",
                span,
                "name it once",
                draft.node,
            )
        else:
            draft.wanted[name] = role
    _check_leakage(draft, collector)
    if "feature" not in draft.wanted.values() and draft.node not in collector.poisoned:
        collector.error(
            "E311",
            "a view needs at least one feature",
            view.locate(()),
            'name some under `features:`, or ["*"]',
            draft.node,
        )


def _check_leakage(draft: _Draft, collector: Collector) -> None:
    """A joined column may be the label under another name."""
    spec = draft.view.spec
    if not spec.label or spec.label not in draft.names:
        return
    origin = draft.names[spec.label][2]
    for name, role in draft.wanted.items():
        if role == "feature" and name != spec.label and draft.names[name][2] == origin:
            collector.error(
                "E309",
                f"the feature '{name}' is the label's own column, {origin}",
                draft.view.locate(("label",)),
                "take it out of the features",
                draft.node,
            )


def _unknown(name: str, group: GroupNode, span: Span, draft: _Draft, collector: Collector) -> None:
    known = [f.name for f in group.features]
    collector.error(
        "E311",
        f"{group.relation} has no feature '{name}'",
        span,
        did_you_mean(name, known) or f"it has {', '.join(known)}",
        draft.node,
    )


def _chains(draft: _Draft, collector: Collector) -> dict[str, tuple[Step, ...]]:
    chains: dict[str, tuple[Step, ...]] = {}
    for name, steps in draft.view.spec.transformations.items():
        key = ("transformations", name)
        if draft.wanted.get(name) not in ("feature", "label"):
            known = [n for n, role in draft.wanted.items() if role in ("feature", "label")]
            collector.error(
                "E311",
                f"the view has no feature '{name}' to transform",
                draft.view.locate(key, key=True),
                did_you_mean(name, known),
                draft.node,
            )
            continue
        chain = compile_chain(steps, name, draft.names[name][1], draft.view.locate(key), draft.node, collector)
        if (
            chain is not None
            and draft.wanted[name] == "label"
            and any(step.name == "one_hot_encoder" for step in chain)
        ):
            collector.error("E410", "a label stays one column", draft.view.locate(key), "use label_encoder", draft.node)
        elif chain is not None:
            chains[name] = chain
    return chains


def _nullable(draft: _Draft, name: str) -> bool:
    """As the base's contract says.

    What a left join brings may be absent, what an inner join brings is as its group says.
    """
    relation, _, column = draft.names[name][2].rpartition(".")
    for join, group in draft.joined:
        if group.relation == relation and join.type == "left":
            return True
    groups = [draft.base, *(group for _join, group in draft.joined)]
    return next(f.nullable for g in groups if g.relation == relation for f in g.features if f.name == column)


def _sql(draft: _Draft) -> str:
    columns = ",\n  ".join(f"{sql} as {identifier(name)}" for name, (sql, _type, _origin) in draft.names.items())
    lines = [f"from {identifier(draft.base.relation)} as b"]
    for number, (join, group) in enumerate(draft.joined, 1):
        keys = join.on or {key: key for key in group.primary_key}
        condition = " and ".join(
            f"b.{identifier(left)} = j{number}.{identifier(right)}" for left, right in keys.items()
        )
        lines.append(f"{join.type} join {identifier(group.relation)} as j{number} on {condition}")
    inner = f"select\n  {columns}\n" + "\n".join(lines)
    outputs = ", ".join(identifier(name) for name in draft.wanted)
    filtered = f"\nwhere (\n{draft.view.spec.filter}\n)" if draft.view.spec.filter else ""
    return f"select {outputs}\nfrom (\n{inner}\n) as v{filtered}"


def _check_filter(draft: _Draft, sql: str, checker: TypeChecker, collector: Collector) -> None:
    """The joins are ours and bind; what may fail is the user's filter."""
    if draft.view.spec.filter is None:
        return
    parents = list(dict.fromkeys([draft.base.id, *(group.id for _join, group in draft.joined)]))
    try:
        checker.describe(sql, parents)
    except BindError as error:
        hint = (
            f"did you mean {', '.join(repr(c) for c in error.candidates[:3])}?"
            if error.candidates
            else "it is SQL over the base's columns and the joined features"
        )
        collector.error(
            "E401" if error.syntax else "E402",
            f"filter: {error.message}",
            draft.view.locate(("filter",)),
            hint,
            draft.node,
        )


def _node(draft: _Draft, sql: str, chains: dict[str, tuple[Step, ...]]) -> ViewNode:
    spec, base = draft.view.spec, draft.base
    columns = tuple(
        ViewColumn(name=n, type=draft.names[n][1], source=draft.names[n][2], role=role, nullable=_nullable(draft, n))
        for n, role in draft.wanted.items()
    )
    joins: tuple[dict[str, Any], ...] = tuple(
        {
            "group": group.id,
            "on": dict(join.on or {k: k for k in group.primary_key}),
            "features": list(_join_features(join, group)),
            "prefix": join.prefix,
            "type": join.type,
        }
        for join, group in draft.joined
    )
    split = SplitRule(
        test=spec.split.test,
        validation=spec.split.validation,
        by=spec.split.by,
        seed=spec.split.seed,
        key=base.primary_key,
    )
    parts = [
        "feature_view",
        base.id,
        joins,
        spec.filter,
        spec.label,
        [[c.name, c.type, c.source, c.role] for c in columns],
        chains,
    ]
    local = fingerprint(*parts)
    parents = tuple(dict.fromkeys([base.id, *(group.id for _join, group in draft.joined)]))
    # Through the columns that are read, and the base's key: other features of a group may change without a trace here.
    groups = {g.relation: g for g in [base, *(group for _join, group in draft.joined)]}
    read = {c.source for c in columns} | (
        {f"{base.relation}.{f.name}" for f in base.features} if spec.filter else set()
    )
    read |= {
        f"{base.relation}.{left}" for join, _g in draft.joined for left in (join.on or dict.fromkeys(_g.primary_key))
    }
    read |= {f"{g.relation}.{key}" for _join, g in draft.joined for key in g.primary_key}
    deep = sorted(
        (source, next(f.deep for f in groups[relation].features if f.name == name))
        for source in read
        for relation, _, name in [source.rpartition(".")]
    )
    return ViewNode(
        id=draft.node,
        name=spec.name,
        version=spec.version,
        description=spec.description,
        owner=spec.owner,
        tags=tuple(spec.tags),
        span=draft.view.locate(()),
        depends_on=parents,
        source_text={"yaml": draft.view.text},
        fingerprints=Fingerprints(
            local=local, deep=fingerprint(local, deep), metadata=fingerprint(spec.description, spec.owner, spec.tags)
        ),
        base=base.id,
        joins=joins,
        reads=tuple(sorted(read)),
        filter=spec.filter,
        label=spec.label,
        columns=columns,
        transformations=chains,
        split=split,
        sql=sql,
    )
