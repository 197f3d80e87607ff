"""Leakage: features that are, or are computed from, what the label is made of."""

from __future__ import annotations

from collections.abc import Mapping

from mlproj.compiler.view_draft import Draft
from mlproj.diagnostics import Collector, Span
from mlproj.state import Feature, GroupNode


def check_leakage(draft: Draft, collector: Collector) -> None:
    """Follows every feature up to the sources; `leakage: allowed` lets it through, but for the label itself."""
    spec, features = draft.view.spec, _features(draft.groups)
    if not spec.label or spec.label not in draft.names:
        return
    label = _same_column(draft.names[spec.label].origin, features)
    allowed: dict[str, str] = {}
    for name, role in draft.wanted.items():
        if role != "feature" or name == spec.label:
            continue
        origins = draft.on_demand[name].uses if name in draft.on_demand else (draft.names[name].origin,)
        if label[0] in origins:
            message = f"the feature '{name}' is the label's own column, {label[0]}"
            if name in draft.on_demand:
                message = f"the feature '{name}' is computed from the label, {label[0]}"
            collector.error("E309", message, _place(draft, name), "take it out of the features", draft.node)
            continue
        path = next(filter(None, (_path(origin, set(label), features) for origin in origins)), None)
        if path is None:
            continue
        because = _because(draft, name)
        if because:
            allowed[name] = because
            continue
        message = f"the feature '{name}' is computed from the label: {' → '.join(path)}"
        hint = "take it out of the features; where it was known before the label, say `leakage: allowed` and `because:`"
        collector.error("E309", message, _place(draft, name), hint, draft.node)
    draft.leakage = allowed


def _because(draft: Draft, name: str) -> str | None:
    return draft.leakage.get(name) if draft.names[name].sql.startswith("j") else draft.view.spec.because


def _features(groups: Mapping[str, GroupNode]) -> dict[str, Feature]:
    return {f"{group.relation}.{f.name}": f for group in groups.values() for f in group.features}


def _same_column(symbol: str, features: Mapping[str, Feature]) -> list[str]:
    """The column, and those above it that it only passes on."""
    found = [symbol]
    while (feature := features.get(found[-1])) and len(feature.uses) == 1:
        used = feature.uses[0]
        if used.partition(".")[2].casefold() not in _readings(feature.expression):
            break
        found.append(used)
    return found


def _readings(expression: str) -> set[str]:
    """What an expression may be the bare name of: `income`, `"education.num"`, `t1.income`."""
    text = expression.casefold()
    return {text, text.replace('"', ""), text.rpartition(".")[2].replace('"', "")}


def _path(symbol: str, label: set[str], features: Mapping[str, Feature]) -> list[str] | None:
    """The way from a column of the label to what is computed from it, the label's first."""
    before: dict[str, str | None] = {symbol: None}
    queue = [symbol]
    for current in queue:
        if current in label:
            path: list[str] = []
            step: str | None = current
            while step is not None:
                path.append(step)
                step = before[step]
            return path
        feature = features.get(current)
        for used in feature.uses if feature else ():
            if used not in before:
                before[used] = current
                queue.append(used)
    return None


def _place(draft: Draft, name: str) -> Span:
    """Where the feature is named: among those of the base, or of its join; else the label."""
    spec, named = draft.view.spec, draft.names[name]
    if name in draft.on_demand:
        index = next(i for i, declared in enumerate(spec.on_demand) if declared.name == name)
        return draft.view.locate(("on_demand", index, "name"))
    if named.sql.startswith("b."):
        places = [("features", i) for i, n in enumerate(spec.features) if n in (name, "*")]
        return draft.view.locate(places[0] if places else ("label",))
    join = next(j.join for j in draft.joined if named.sql.startswith(f"{j.alias}."))
    column = named.origin.rpartition(".")[2]
    index = next((i for i, n in enumerate(join.features) if n in (column, "*")), 0)
    number = next(i for i, declared in enumerate(spec.joins) if declared is join)
    return draft.view.locate(("joins", number, "features", index))
