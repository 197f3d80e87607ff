"""Feature views: the declared joins as one SQL statement, one row per row of the base."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.personal import warn_of_names
from mlproj.compiler.render import SqlRenderer
from mlproj.compiler.resolve import Names, split_reference
from mlproj.compiler.text import identifier
from mlproj.compiler.transformations import compile_chain, output_types
from mlproj.compiler.transformations.chain import Declared, function_of
from mlproj.compiler.types import is_numeric
from mlproj.compiler.view_draft import Draft, Named, Role
from mlproj.compiler.view_filter import check_filter, filter_meaning
from mlproj.compiler.view_joins import check_join, join_features
from mlproj.compiler.view_leakage import check_leakage
from mlproj.compiler.view_node import view_node, view_sql
from mlproj.compiler.view_on_demand import add_on_demand
from mlproj.compiler.view_split import check_split
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader import Loaded
from mlproj.specs import FeatureView, Join
from mlproj.state import GroupNode, Step, ViewNode


_AS_ROLE: dict[Role, str] = {
    "key": "a key", "event_time": "the event_time", "feature": "a feature", "label": "the label",
    "passenger": "a passenger",
}  # fmt: skip


def compile_view(
    view: Loaded[FeatureView],
    names: Names,
    groups: Mapping[str, GroupNode],
    checker: TypeChecker,
    renderer: SqlRenderer,
    collector: Collector,
    own: Declared | None = None,
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
    draft = Draft(view, node, groups[base], groups)
    _add_base(draft, collector)
    for index, (join, group) in enumerate(zip(spec.joins, joins, strict=True)):
        _add_join(draft, index, join, groups[group or ""], collector)
    add_on_demand(draft, checker, collector)
    _add_columns(draft, collector)
    chains = _chains(draft, own, collector)
    if node in collector.poisoned:
        return None
    sql = view_sql(draft)
    check_filter(draft, checker, renderer, collector)
    if node in collector.poisoned:
        return None
    made = view_node(draft, sql, chains, filter_meaning(draft, checker, collector))
    warn_of_names(made.transformations, made.pii, view.locate(("transformations",)), collector, node)
    return made


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
        draft.names[feature.name] = Named(
            f"b.{identifier(feature.name)}", feature.type, f"{base.relation}.{feature.name}"
        )
    for key in base.primary_key:
        draft.wanted[key] = "key"
    if base.event_time:
        draft.wanted[base.event_time] = "event_time"
    special = {*draft.wanted, base.created_time, spec.label, *spec.passenger}
    for index, name in enumerate(spec.features):
        span = draft.view.locate(("features", index))
        if name in spec.features[:index]:
            collector.error("E310", f"'{name}' is named twice", span, "name it once", draft.node)
        elif name == "*":
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
    joined = check_join(draft, index, join, group, collector)
    types = {f.name: f.type for f in group.features}
    draft.joined.append(joined)
    for number, name in enumerate(join_features(join, group)):
        span = view.locate(("joins", index, "features", number))
        output = join.prefix + name
        if name not in types:
            _unknown(name, group, span, draft, collector)
        elif taken := _taken(output, draft.wanted):
            collector.error(
                "E310",
                f"'{output}' would come from {draft.names[taken].origin.rpartition('.')[0]} and from {group.relation}",
                span,
                "give the join a `prefix:`" if not join.prefix else "give the join another `prefix:`",
                node,
            )
        else:
            # A column of the base that the view does not name makes place for a joined one.
            draft.names.pop(_taken(output, draft.names) or output, None)
            draft.names[output] = Named(f"{joined.alias}.{identifier(name)}", types[name], f"{group.relation}.{name}")
            draft.wanted[output] = "feature"
            if join.because:
                draft.leakage[output] = join.because


def _taken(name: str, names: Iterable[str]) -> str | None:
    """The name among `names` that SQL does not tell from this one."""
    return next((other for other in names if other.casefold() == name.casefold()), None)


def _add_columns(draft: Draft, collector: Collector) -> None:
    spec, view = draft.view.spec, draft.view
    roles: list[tuple[Role, str, Span]] = [
        ("passenger", n, view.locate(("passenger", i))) for i, n in enumerate(spec.passenger)
    ]
    if spec.label:
        roles.append(("label", spec.label, view.locate(("label",))))
    base_names = {f.name for f in draft.base.features}
    for role, name, span in roles:
        if name not in draft.names:
            _unknown(name, draft.base, span, draft, collector)
        elif name in base_names and draft.names[name].origin != f"{draft.base.relation}.{name}":
            other = draft.names[name].origin.rpartition(".")[0]
            message = f"the {role} '{name}' would come from {draft.base.relation} and from {other}"
            collector.error("E310", message, span, "give the join a `prefix:`", draft.node)
        elif draft.wanted.get(name) == "feature" and role == "label":
            collector.error(
                "E309",
                f"the label '{name}' is among the features: the model would be told the answer",
                span,
                "take it out of `features:`",
                draft.node,
            )
        elif name in draft.wanted:
            collector.error(
                "E310",
                f"'{name}' is {_AS_ROLE[draft.wanted[name]]} already, and cannot be {_AS_ROLE[role]} too"
                if draft.wanted[name] != role
                else f"'{name}' is named twice",
                span,
                "name it once",
                draft.node,
            )
        else:
            draft.wanted[name] = role
    check_leakage(draft, collector)
    check_split(draft, collector)
    if "feature" not in draft.wanted.values() and draft.node not in collector.poisoned:
        collector.error(
            "E311",
            "a view needs at least one feature",
            view.locate(()),
            'name some under `features:`, or ["*"]',
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


def _chains(draft: Draft, own: Declared | None, collector: Collector) -> dict[str, tuple[Step, ...]]:
    """The label's chain first: what learns from the label takes it as its chain leaves it."""
    declared, label = draft.view.spec.transformations, draft.view.spec.label
    found: dict[str, tuple[Step, ...]] = {}
    for name in sorted(declared, key=lambda name: name != label):
        if draft.wanted.get(name) not in ("feature", "label"):
            _cannot_transform(draft, name, collector)
            continue
        place = partial(_step_place, draft, name)
        chain = compile_chain(declared[name], name, draft.names[name].type, place, draft.node, collector, own)
        if chain is not None:
            found[name] = chain
            _check_label(draft, name, found, collector)
    return {name: found[name] for name in declared if name in found}


def _check_label(draft: Draft, name: str, chains: Mapping[str, tuple[Step, ...]], collector: Collector) -> None:
    """A label stays one column that does not speak of itself, and is a number where a feature learns from it."""
    label = draft.view.spec.label
    for index, function in enumerate(map(function_of, chains[name])):
        place = _step_place(draft, name, index)
        if name == label and (function.several or function.out_of_fold):
            hint = "use label_encoder"
            message = "a label stays one column" if function.several else f"{function.name} learns from the label"
            collector.error("E410", message, place, hint, draft.node)
        elif function.out_of_fold and name != label:
            if label is None:
                message = f"{function.name} learns from the label, and the view has none"
                collector.error("E410", message, place, "give the view a `label:`", draft.node)
            elif label in draft.names:
                kind = output_types(draft.names[label].type, chains.get(label, ()))
                if not is_numeric(kind) and kind != "BOOLEAN":
                    message = f"{function.name} takes means of the label, but '{label}' is {kind}"
                    hint = f"transform the label too: {label}: label_encoder"
                    collector.error("E410", message, place, hint, draft.node)


def _step_place(draft: Draft, feature: str, index: int) -> Span:
    return draft.view.locate(("transformations", feature, index, "name"))


def _cannot_transform(draft: Draft, name: str, collector: Collector) -> None:
    known = [n for n, role in draft.wanted.items() if role in ("feature", "label")]
    hint = did_you_mean(name, known) or f"it has {', '.join(known) or 'none'}"
    if name in draft.wanted:
        hint = f"'{name}' is {_AS_ROLE[draft.wanted[name]]}, which stays as it is"
    place = draft.view.locate(("transformations", name), key=True)
    collector.error("E311", f"the view has no feature '{name}' to transform", place, hint, draft.node)
