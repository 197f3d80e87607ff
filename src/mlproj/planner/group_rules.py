"""What a change of a feature group means: versions.md rules 1 to 15, one function each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlproj.planner.equivalents import acknowledged
from mlproj.planner.expressions import CUT, differing
from mlproj.planner.increments import ways
from mlproj.planner.plan import ChangeKind, Reason
from mlproj.compiler.type_changes import compare_types
from mlproj.state import Feature, GroupNode, Published


def compare_groups(new: GroupNode, published: Published) -> list[Reason]:
    """Every rule that applies, in the order of the rules."""
    old = published.node
    assert isinstance(old, GroupNode)
    order = [f.name for f in new.features]
    if old.fingerprints == new.fingerprints and [f.name for f in old.features] == order:
        return []
    return [reason for rule in RULES for reason in rule(old, new, published)]


def _by_name(group: GroupNode) -> dict[str, Feature]:
    return {f.name: f for f in group.features}


def _renames(old: GroupNode, new: GroupNode) -> dict[str, str]:
    """Old name → new name, where the user says so and it is true."""
    before, after = _by_name(old), _by_name(new)
    return {
        f.renamed_from: f.name
        for f in new.features
        if f.renamed_from in before and f.renamed_from not in after and f.name not in before
    }


def _dropped(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    after, renamed = _by_name(new), _renames(old, new)
    for name in _by_name(old):
        if name in after:
            continue
        if name in renamed:
            span = after[renamed[name]].span
            yield Reason(
                rule="feature_renamed",
                feature=name,
                change="breaking",
                span=span,
                message=f"{name} is called {renamed[name]} now",
            )
        else:
            yield Reason(
                rule="feature_dropped", feature=name, change="breaking", span=new.span, message=f"{name} is gone"
            )


def _added(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    before, renamed = _by_name(old), set(_renames(old, new).values())
    for name, feature in _by_name(new).items():
        if name in before or name in renamed:
            continue
        if feature.nullable or feature.default is not None:
            yield Reason(
                rule="feature_added",
                feature=name,
                change="additive",
                span=feature.span,
                message=f"{name} {feature.type} is new",
            )
        else:
            message = f"{name} {feature.type} is new, may not be null and has no default"
            yield Reason(
                rule="feature_added_required", feature=name, change="breaking", span=feature.span, message=message
            )


def _types(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    before = _by_name(old)
    for name, feature in _by_name(new).items():
        if name not in before:
            continue
        verdict = compare_types(before[name].type, feature.type)
        if verdict == "same":
            continue
        rule = {"widened": "type_widened", "changed": "type_changed", "nested_changed": "nested_changed"}[verdict]
        change: ChangeKind = "additive" if verdict == "widened" else "breaking"
        yield Reason(
            rule=rule,
            feature=name,
            change=change,
            span=feature.span,
            message=f"{name} was {before[name].type} and is {feature.type}",
        )


def _nullability(old: GroupNode, new: GroupNode, published: Published) -> Iterator[Reason]:
    before = _by_name(old)
    for name, feature in _by_name(new).items():
        if name not in before or before[name].nullable == feature.nullable:
            continue
        if feature.nullable:
            yield Reason(
                rule="nullability_loosened",
                feature=name,
                change="breaking",
                span=feature.span,
                message=f"{name} may be null now; models were trained without nulls",
            )
        elif published.null_counts.get(name) == 0:
            yield Reason(
                rule="nullability_tightened",
                feature=name,
                change="metadata",
                span=feature.span,
                message=f"{name} may not be null any more; it had no nulls",
            )
        else:
            count = published.null_counts.get(name)
            had = f"it has {count} nulls" if count is not None else "nobody counted its nulls"
            yield Reason(
                rule="nullability_tightened",
                feature=name,
                change="breaking",
                span=feature.span,
                message=f"{name} may not be null any more; {had}",
            )


def _keys(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    for role in ("primary_key", "event_time", "partition_by"):
        before, after = getattr(old, role), getattr(new, role)
        if before != after:
            yield Reason(
                rule="key_changed",
                change="breaking",
                span=new.span,
                message=f"{role} was {_listed(before)} and is {_listed(after)}",
            )


def _listed(value: str | tuple[str, ...] | None) -> str:
    return "absent" if not value else value if isinstance(value, str) else ", ".join(value)


def _online(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    if old.online and not new.online:
        yield Reason(
            rule="online_removed", change="breaking", span=new.span, message="the group leaves the online store"
        )


def _meaning(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    """Rule 13: by the expression alone, as seen from the group itself."""
    before = _by_name(old)
    for name, feature in _by_name(new).items():
        if name not in before or before[name].computed == feature.computed:
            continue
        was, now = before[name].expression, feature.expression
        if was == now:  # neither was understood, or what they are made of has changed within the query
            said = f"the SQL of {new.relation} changed, and with it what {name} means"
        else:
            said = f"{name}: {differing(was, now)}"
        reason = Reason(
            rule="meaning_changed", feature=name, change="breaking", span=feature.span, message=said,
            old=was or None, new=now or None, of=before[name].computed,
        )  # fmt: skip
        reason = acknowledged(reason, feature.equivalent)
        if reason.because is None and old.shape.rows != new.shape.rows and _reads_alike(before[name], feature):
            # The same expression over other rows: who says that the rows are the same says it of the feature too.
            reason = acknowledged(reason.model_copy(update={"of": old.shape.rows}), new.equivalent)
        yield reason


def _reads_alike(old: Feature, new: Feature) -> bool:
    """Whether a feature is written as before, of the same columns: what differs is what those are taken from."""
    whole = bool(new.expression) and not new.expression.endswith(CUT)
    return whole and (old.expression, old.uses, old.type) == (new.expression, new.uses, new.type)


def _rows(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    """Rule 14: other rows are a change of every feature."""
    if old.shape.rows == new.shape.rows:
        return
    was, now = old.shape.text, new.shape.text
    said = f"the SQL of {new.relation} gives other rows"
    if was != now:
        said = f"other rows: {differing(was, now)}"
    reason = Reason(
        rule="rows_changed", change="breaking", span=new.span, message=said,
        old=was or None, new=now or None, of=old.shape.rows,
    )  # fmt: skip
    yield acknowledged(reason, new.equivalent)


def _materialized(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    """The same rows, kept in another way: they are put there anew, and nobody notices."""
    if old.materialized != new.materialized:
        message = f"it was a {old.materialized} and is a {new.materialized}"
        yield Reason(rule="materialized_changed", change="stale", span=new.span, message=message)


def _kept_up(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    """How rows are added: those that stand are left, and the next increment is computed in the new way at once."""
    if old.increment is None or new.increment is None:
        return
    before, after = ways(old), ways(new)
    for name in [name for name in before if before[name] != after[name]]:
        said = f"{name} was {before[name] or 'absent'} and is {after[name] or 'absent'}"
        if name == "is_incremental()":
            said = "where is_incremental() is true, its SQL gives other rows"
        yield Reason(rule="increment_changed", change="stale", span=new.span, message=f"{said}; rows that stand stay")


def _metadata(old: GroupNode, new: GroupNode, _published: Published) -> Iterator[Reason]:
    before, after = _by_name(old), _by_name(new)
    whole: list[tuple[str, object, object]] = [
        ("description", old.description, new.description),
        ("owner", old.owner, new.owner),
        ("tags", old.tags, new.tags),
        ("pii", sorted(old.pii), sorted(new.pii)),
        ("tests", [(t.id, *t.terms) for t in old.tests], [(t.id, *t.terms) for t in new.tests]),
        ("created_time", old.created_time, new.created_time),
        ("deprecated_after", old.deprecated_after, new.deprecated_after),
        ("current_version", old.current, new.current),
    ]
    if old.increment is not None and new.increment is not None:
        whole += [(key, getattr(old.increment, key), getattr(new.increment, key)) for key in ("new_features", "batch")]
    changed = [name + (_tests(old, new) if name == "tests" else "") for name, a, b in whole if a != b]
    common = [n for n in before if n in after]
    if [n for n in after if n in before] != common:
        changed.append("feature order")
    if new.online and not old.online:
        changed.append("online")
    for name in common:
        a, b = before[name], after[name]
        if (a.description, a.tags, a.default) != (b.description, b.tags, b.default):
            changed.append(name)
    if changed:
        yield Reason(rule="metadata", change="metadata", span=new.span, message=f"changed: {', '.join(changed)}")


def _tests(old: GroupNode, new: GroupNode) -> str:
    """Which tests are new, gone and changed; nothing where only their order is."""
    before, after = ({t.id.partition(".")[2]: t.terms for t in group.tests} for group in (old, new))
    told = {
        "new": [name for name in after if name not in before],
        "gone": [name for name in before if name not in after],
        "changed": [name for name in after if name in before and before[name] != after[name]],
    }
    listed = "; ".join(f"{what}: {', '.join(names)}" for what, names in told.items() if names)
    return f" ({listed})" if listed else ""


Rule = Callable[[GroupNode, GroupNode, Published], Iterator[Reason]]
RULES: tuple[Rule, ...] = (
    _dropped, _added, _types, _nullability, _keys, _online, _meaning, _rows, _materialized, _kept_up, _metadata,
)  # fmt: skip
