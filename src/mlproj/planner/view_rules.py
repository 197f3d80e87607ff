"""What a change of a feature view means: versions.md rules 18 to 21."""

from __future__ import annotations

from collections.abc import Iterator

from mlproj.planner.plan import Reason
from mlproj.specs.duration import written_duration
from mlproj.state import Step, ViewColumn, ViewJoin, ViewNode


def compare_views(old: ViewNode, new: ViewNode) -> list[Reason]:
    """Every rule that applies; a split is no change of the view (rule 21)."""
    if old.fingerprints.local == new.fingerprints.local:
        return list(_metadata(old, new))
    return [*_view_breaks(old, new), *_view_grows(old, new), *_metadata(old, new)]


def _breaking(new: ViewNode, rule: str, message: str, feature: str | None = None) -> Reason:
    return Reason(rule=rule, feature=feature, change="breaking", span=new.span, message=message)


def _view_breaks(old: ViewNode, new: ViewNode) -> Iterator[Reason]:
    before, after = {c.name: c for c in old.columns}, {c.name: c for c in new.columns}
    for name, column in before.items():
        if name not in after or after[name].role != column.role:
            if column.role == "feature":
                yield _breaking(new, "feature_dropped", f"{name} is gone from the view", name)
        elif _on_demand(after[name]) != _on_demand(column):
            yield _breaking(
                new, "on_demand_changed", f"{name} is computed otherwise from what comes with a request", name
            )
        elif after[name].source != column.source:
            moved = after[name].source.rpartition(".")[0] != column.source.rpartition(".")[0]
            rule = "join_version_changed" if moved else "source_changed"
            yield _breaking(new, rule, f"{name} comes from {after[name].source}, not {column.source}", name)
        elif after[name].type != column.type:
            # The group was edited, not the view: what the change means is said of the group.
            message = f"{name} was {column.type} in {column.source.rpartition('.')[0]} and is {after[name].type}"
            yield Reason(rule="type_changed", feature=name, change="stale", span=new.span, message=message)
        elif _meaning(old, name) != _meaning(new, name):
            yield _breaking(new, "transformation_changed", _transformed(old, new, name), name)
    if old.label != new.label:
        yield _breaking(new, "label_changed", f"the label was {old.label} and is {new.label}")
    if old.base != new.base:
        yield _breaking(
            new, "base_changed", f"the base was {old.base.partition(':')[2]} and is {new.base.partition(':')[2]}"
        )
    if old.filter_fingerprint != new.filter_fingerprint:
        yield _breaking(
            new, "filter_changed", f"the filter was {old.filter or 'absent'} and is {new.filter or 'absent'}"
        )
    yield from _joins(old, new)


def _on_demand(column: ViewColumn) -> str | None:
    return column.on_demand.fingerprint if column.on_demand else None


def _meaning(view: ViewNode, name: str) -> list[Step | str]:
    return [step.meaning for step in view.transformations.get(name, ())]


def _transformed(old: ViewNode, new: ViewNode, name: str) -> str:
    """What is otherwise: where the chain says the same, a function of the project's own was edited."""
    before, after = old.transformations.get(name, ()), new.transformations.get(name, ())
    edited = [b.name for a, b in zip(before, after, strict=False) if (a.name, a.args) == (b.name, b.args) and b.own]
    if [(s.name, s.args) for s in before] != [(s.name, s.args) for s in after] or not edited:
        return f"{name} is transformed otherwise"
    changed = [b.name for a, b in zip(before, after, strict=True) if a.meaning != b.meaning]
    what = ", ".join(changed)
    return f"{name} is transformed otherwise: {what} means something else now; what is new needs another name"


def _joins(old: ViewNode, new: ViewNode) -> Iterator[Reason]:
    """A group may be joined several times, by different keys and under different prefixes."""
    before, after = ({(j.group, j.prefix): j for j in view.joins} for view in (old, new))
    for key in sorted(before.keys() | after.keys()):
        group, was, now = key[0].partition(":")[2], before.get(key), after.get(key)
        if was is None:
            # An inner join drops rows; a left join only adds columns.
            if now and now.type == "inner":
                yield _breaking(new, "join_changed", f"an inner join with {group} is new, and leaves rows out")
        elif now is None or (was.on, was.type, was.through) != (now.on, now.type, now.through):
            yield _breaking(new, "join_changed", f"the join with {group} changed")
        elif was.max_age != now.max_age or (was.way, now.way) in {("as_of", "known_at"), ("known_at", "as_of")}:
            said = [_how(join) for join in (was, now)]
            yield _breaking(new, "join_changed", f"{group} was joined {said[0]} and is joined {said[1]}")
        elif _found_otherwise(was, now):
            # The group or the base was edited, not the view: what that means is said of them.
            message = f"which row of {group} is meant is told by other columns now"
            yield Reason(rule="ties_changed", change="stale", span=new.span, message=message)


def _how(join: ViewJoin) -> str:
    """A point-in-time join in words."""
    age = "whatever its age" if join.max_age is None else f"up to {written_duration(join.max_age)} old"
    return f"{age}, as known at {join.created_time}" if join.way == "known_at" else age


def _found_otherwise(was: ViewJoin, now: ViewJoin) -> bool:
    """More ties are for more columns, and change none that was there."""
    shared = min(len(was.ties), len(now.ties))
    if was.ties[:shared] != now.ties[:shared]:
        return True
    told = [(j.way, j.base_time, j.event_time, *([j.created_time] if shared else [])) for j in (was, now)]
    return told[0] != told[1]


def _view_grows(old: ViewNode, new: ViewNode) -> Iterator[Reason]:
    before = [c.name for c in old.columns if c.role == "feature"]
    after = [c.name for c in new.columns if c.role == "feature"]
    for index, name in enumerate(after):
        if name in before:
            continue
        if set(before) & set(after[index:]):
            yield _breaking(
                new,
                "feature_inserted",
                f"{name} is new and stands before others: the order of a model's inputs would change",
                name,
            )
        else:
            yield Reason(
                rule="feature_added",
                feature=name,
                change="additive",
                span=new.span,
                message=f"{name} is new at the end",
            )
    if [n for n in after if n in before] != [n for n in before if n in after]:
        yield _breaking(new, "features_reordered", "the order of the features changed, and with it a model's inputs")
    passengers = {c.name for c in old.columns if c.role == "passenger"} ^ {
        c.name for c in new.columns if c.role == "passenger"
    }
    if passengers:
        yield Reason(
            rule="passenger_changed",
            change="additive",
            span=new.span,
            message=f"passenger columns changed: {', '.join(sorted(passengers))}",
        )


def _metadata(old: ViewNode, new: ViewNode) -> Iterator[Reason]:
    if old.fingerprints.metadata != new.fingerprints.metadata:
        names = [
            n
            for n in ("description", "owner", "tags", "pii", "leakage", "deprecated_after")
            if getattr(old, n) != getattr(new, n)
        ]
        yield Reason(rule="metadata", change="metadata", span=new.span, message=f"changed: {', '.join(names)}")
