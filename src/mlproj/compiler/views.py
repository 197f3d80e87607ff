"""Feature views: the declared joins as one SQL statement, one row per row of the base."""

from __future__ import annotations

from collections.abc import Mapping

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.resolve import Names, split_reference
from mlproj.compiler.text import identifier
from mlproj.compiler.transformations import compile_chain
from mlproj.compiler.view_node import Draft, Role, join_features, join_keys, view_node, view_sql
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader import Loaded
from mlproj.ports import BindError
from mlproj.specs import FeatureView, Join
from mlproj.state import GroupNode, Step, ViewNode


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
    draft = Draft(view, node, groups[base])
    _add_base(draft, collector)
    for index, (join, group) in enumerate(zip(spec.joins, joins, strict=True)):
        _add_join(draft, index, join, groups[group or ""], collector)
    _add_columns(draft, collector)
    chains = _chains(draft, collector)
    if node in collector.poisoned:
        return None
    sql = view_sql(draft)
    _check_filter(draft, sql, checker, collector)
    if node in collector.poisoned:
        return None
    return view_node(draft, sql, chains)


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


def _add_base(draft: Draft, collector: Collector) -> None:
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


def _add_join(draft: Draft, index: int, join: Join, group: GroupNode, collector: Collector) -> None:
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
    if not _keys_hold(draft, join, group, view.locate(("joins", index, "on")), collector):
        return
    types = {f.name: f.type for f in group.features}
    draft.joined.append((join, group))
    alias = f"j{len(draft.joined)}"
    for number, name in enumerate(join_features(join, group)):
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


def _keys_hold(draft: Draft, join: Join, group: GroupNode, where: Span, collector: Collector) -> bool:
    """Whether the join names the whole primary key; what its columns are is checked too."""
    keys, node = join_keys(join, group), draft.node
    if set(keys.values()) != set(group.primary_key):
        collector.error(
            "E308",
            f"a join with {group.relation} must name its primary key ({', '.join(group.primary_key)}), "
            f"not {', '.join(keys.values())}",
            where,
            f"on: {{{', '.join(f'<column of the base>: {k}' for k in group.primary_key)}}}",
            node,
        )
        return False
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
    return True


def _add_columns(draft: Draft, collector: Collector) -> None:
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


def _check_leakage(draft: Draft, collector: Collector) -> None:
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


def _unknown(name: str, group: GroupNode, span: Span, draft: Draft, collector: Collector) -> None:
    known = [f.name for f in group.features]
    collector.error(
        "E311",
        f"{group.relation} has no feature '{name}'",
        span,
        did_you_mean(name, known) or f"it has {', '.join(known)}",
        draft.node,
    )


def _chains(draft: Draft, collector: Collector) -> dict[str, tuple[Step, ...]]:
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


def _check_filter(draft: Draft, sql: str, checker: TypeChecker, collector: Collector) -> None:
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
