"""What a change of a feature view means: versions.md rules 18 to 21."""

from __future__ import annotations

from collections.abc import Iterator

from mlproj.planner.plan import Reason
from mlproj.state import ViewNode


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
        elif after[name].source != column.source:
            moved = after[name].source.rpartition(".")[0] != column.source.rpartition(".")[0]
            rule = "join_version_changed" if moved else "source_changed"
            yield _breaking(new, rule, f"{name} comes from {after[name].source}, not {column.source}", name)
        elif after[name].type != column.type:
            # The group was edited, not the view: what the change means is said of the group.
            message = f"{name} was {column.type} in {column.source.rpartition('.')[0]} and is {after[name].type}"
            yield Reason(rule="type_changed", feature=name, change="stale", span=new.span, message=message)
        elif old.transformations.get(name) != new.transformations.get(name):
            yield _breaking(new, "transformation_changed", f"{name} is transformed otherwise", name)
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


def _joins(old: ViewNode, new: ViewNode) -> Iterator[Reason]:
    """A group may be joined several times, by different keys and under different prefixes."""
    before, after = ({(str(j["group"]), str(j["prefix"])): (j["on"], j["type"]) for j in v.joins} for v in (old, new))
    for join in sorted(before.keys() | after.keys()):
        group = join[0].partition(":")[2]
        if join in before and before[join] != after.get(join):
            yield _breaking(new, "join_changed", f"the join with {group} changed")
        # An inner join drops rows; a left join on a primary key only adds columns.
        elif join not in before and after[join][1] == "inner":
            yield _breaking(new, "join_changed", f"an inner join with {group} is new, and leaves rows out")


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
        names = [n for n in ("description", "owner", "tags", "deprecated_after") if getattr(old, n) != getattr(new, n)]
        yield Reason(rule="metadata", change="metadata", span=new.span, message=f"changed: {', '.join(names)}")
