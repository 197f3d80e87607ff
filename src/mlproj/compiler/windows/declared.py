"""What a group declares under `aggregate:`, checked against the columns of what it aggregates."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.conditions import RELATION, Conditions
from mlproj.compiler.expression import expression_meaning, row_of
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.render import SqlRenderer
from mlproj.compiler.resolve import Names, split_reference
from mlproj.compiler.types import is_moment, is_numeric, why_not_storable
from mlproj.compiler.windows.functions import OF_NUMBERS, result_type
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader import Loaded
from mlproj.specs import Aggregate, FeatureGroup, WindowFeature
from mlproj.specs.duration import microseconds, written_duration
from mlproj.state import Column, GroupNode, SourceNode
from mlproj.state.windows import Aggregation, Window


def aggregated_node(group: Loaded[FeatureGroup], names: Names, node: str, collector: Collector) -> str | None:
    """Node id of what a group aggregates, a source or a group; E301 or E450 where there is none, or two."""
    assert group.spec.aggregate is not None
    said, place = group.spec.aggregate.of, group.locate(("aggregate", "from"))
    name, version = split_reference(said.removeprefix("source:"))
    is_source, is_group = name in names.sources, name in names.versions["feature_group"]
    if is_source and is_group and version is None and not said.startswith("source:"):
        message = f"'{name}' may be the source or the feature group of that name"
        hint = f"write source:{name}, or {name}@{names.versions['feature_group'][name][-1]} for the group"
        collector.error("E450", message, place, hint, node)
        return None
    if is_source and version is None:
        return f"source:{name}"
    found, (message, hint_of_group) = names.find("feature_group", name, version)
    if found is None or said.startswith("source:"):
        known = [*names.sources, *names.versions["feature_group"]]
        if not is_group or said.startswith("source:"):
            message = f"there is no source{'' if said.startswith('source:') else ' and no feature group'} '{name}'"
            hint_of_group = did_you_mean(name, known) or f"there is {', '.join(sorted(known))}"
        collector.error("E301", message, place, hint_of_group, node)
        return None
    if version is None:
        pinned = found.partition(":")[2]
        message = f"'{name}' without a version means the highest, {pinned} today"
        collector.warn("W301", message, place, f"write {pinned}", node)
    return found


def compile_aggregate(
    group: Loaded[FeatureGroup],
    node: str,
    read: SourceNode | GroupNode,
    checker: TypeChecker,
    renderer: SqlRenderer,
    collector: Collector,
) -> Aggregation | None:
    """What is computed of the events of `read`, or None with diagnostics."""
    assert group.spec.aggregate is not None
    check = _Check(group, group.spec.aggregate, node, read, checker, renderer, collector)
    check.group_keys()
    check.events()
    windows = check.windows()
    time = group.spec.event_time
    if node in collector.poisoned or time is None:
        return None
    every = group.spec.aggregate.every
    return Aggregation(
        relation=read.id if isinstance(read, SourceNode) else read.relation,
        by=tuple(group.spec.aggregate.by),
        time=time,
        time_type=check.types[time],
        every=None if every == "event" else microseconds(every),
        windows=windows,
    )


def said_of(feature: Window) -> str:
    """A window in words: `sum of amount over 30 days`. A condition is not quoted: other words mean the same."""
    what = {"count_distinct": "distinct values", "list_last": f"last {feature.argument}"}.get(feature.function)
    what = what or feature.function.replace("approx_quantile", f"quantile {feature.argument}")
    counted = feature.column is None
    said = "number of events" if counted else f"{what} of {feature.column}"
    if feature.function == "count" and not counted:
        said = f"number of values of {feature.column}"
    where = ", where its condition holds" if feature.where else ""
    return f"{said} over {written_duration(feature.length, weeks=False)}{where}"


@dataclass(frozen=True)
class _Check:
    group: Loaded[FeatureGroup]
    spec: Aggregate
    node: str
    read: SourceNode | GroupNode
    checker: TypeChecker
    renderer: SqlRenderer
    collector: Collector
    types: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = self.read.columns if isinstance(self.read, SourceNode) else self.read.features
        self.types.update({c.name: c.type for c in columns})

    @property
    def _name(self) -> str:
        return self.read.id.replace(":", " ") if isinstance(self.read, SourceNode) else self.read.relation

    def group_keys(self) -> None:
        """E451: what of the group itself does not go with windows."""
        spec, locate = self.group.spec, self.group.locate
        key = [name for name in spec.primary_key if name != spec.event_time]
        if spec.event_time is None:
            hint = f"write `event_time:` with the time of the events of {self._name}"
            self._refuse("E451", "windows are of time, and this group has no event_time", locate(("name",)), hint)
        if sorted(key) != sorted(set(self.spec.by)):
            message = f"the rows are told apart by {', '.join(self.spec.by)}, and the primary_key is {', '.join(key)}"
            hint = f"primary_key: [{', '.join(dict.fromkeys(self.spec.by))}], or another `by:`"
            self._refuse("E451", message, locate(("primary_key",)), hint)
        if spec.materialized != "table":
            hint = "leave `materialized:` out: windows are kept as a table, which holds the events too"
            message = f"windows cannot be kept as {spec.materialized}"
            self._refuse("E451", message, locate(("materialized",)), hint)
        if spec.created_time is not None:
            message = "a window has no created_time: its events were recorded at many times"
            hint = f"leave it out; what was recorded too late is left out by a `where:`, or in the SQL of {self._name}"
            self._refuse("E451", message, locate(("created_time",)), hint)

    def events(self) -> None:
        """E452: what is aggregated has no events to speak of, or not these columns."""
        time, place = self.group.spec.event_time, self.group.locate(("aggregate", "from"))
        if isinstance(self.read, GroupNode):
            grid = self.read.aggregate
            if self.read.event_time is None:
                hint = f"give {self._name} an `event_time:`"
                self._refuse("E452", f"{self._name} has no event_time, and so no events", place, hint)
            elif grid is not None and grid.every is not None:
                message = f"{self._name} has a row at every tick of a grid, which is no event"
                self._refuse("E452", message, place, f"aggregate what it aggregates: from: {_written(grid.relation)}")
            elif time is not None and time != self.read.event_time:
                message = f"the events of {self._name} are at its event_time, '{self.read.event_time}', not '{time}'"
                hint = f"event_time: {self.read.event_time}"
                self._refuse("E452", message, self.group.locate(("event_time",)), hint)
        elif time is not None and time in self.types and not is_moment(self.types[time]):
            message = f"event_time '{time}' has type {self.types[time]}"
            hint = f"declare it in the source: columns: {{{time}: TIMESTAMP}}, or cast it in the SQL of a group"
            self._refuse("E419", message, self.group.locate(("event_time",)), hint)
        if isinstance(self.read, SourceNode) and time is not None:
            self._known(time, self.group.locate(("event_time",)), "event_time")
        for index, name in enumerate(self.spec.by):
            place = self.group.locate(("aggregate", "by", index))
            if name in self.spec.by[:index] or name == time:
                what = "the time of the events" if name == time else "named twice"
                self._refuse("E453", f"'{name}' of `by` is {what}", place, "name each key once, without the time")
            self._known(name, place, "key")

    def windows(self) -> tuple[Window, ...]:
        """E453, and E401 and E402 for conditions; every window that has no mistake."""
        found: list[Window] = []
        taken = {name.casefold(): "a key" for name in self.spec.by}
        if self.group.spec.event_time:
            taken[self.group.spec.event_time.casefold()] = "the event_time"
        for index, feature in enumerate(self.spec.features):
            place = ("aggregate", "features", index)
            if feature.name.casefold() in taken:
                message = f"the name '{feature.name}' is taken: it is that of {taken[feature.name.casefold()]}"
                self._refuse("E453", message, self.group.locate((*place, "name")), "give the feature another name")
            taken.setdefault(feature.name.casefold(), "another feature")
            if self._holds(feature, place):
                kind = "BOOLEAN" if feature.column is None else self.types[feature.column]
                found.append(_window(feature, self._field(feature), kind))
        return tuple(found)

    def _holds(self, feature: WindowFeature, place: tuple[str | int, ...]) -> bool:
        said, column = len(self.collector), feature.column
        if column is not None:
            at = self.group.locate((*place, "column"))
            self._known(column, at, "column")
            kind = self.types.get(column)
            problem = why_not_storable(kind) if kind else None
            if kind and feature.function in OF_NUMBERS and not is_numeric(kind):
                hint = "count or count_distinct takes any column; `where:` picks events"
                message = f"{feature.function} takes numbers, and '{column}' is {kind}"
                self._refuse("E453", message, at, hint)
            elif problem:
                message = f"'{column}' has type {kind}, which {problem[0]}"
                self._refuse("E453", message, at, f"{problem[1]}, in the SQL of a group")
        if feature.where is not None:
            rows = row_of(Column(name=name, type=kind) for name, kind in self.types.items())
            checks = Conditions(rows, (), self.node, self.checker, self.renderer, self.collector)
            hint = f"a condition on the columns of {self._name}"
            at = self.group.locate((*place, "where"))
            if other := RELATION.search(feature.where):
                self._refuse("E402", f"where: it reads its own event alone, and not {other[0]}", at, hint)
            else:
                checks.check("where", feature.where, at, hint)
        return len(self.collector) == said

    def _field(self, feature: WindowFeature) -> str:
        """What is kept for a feature is called by what it means: rows that stand are read under other words too."""
        relation = self.read.id if isinstance(self.read, SourceNode) else self.read.relation
        names = {n: Column(name=f"{relation}.{n}", type=kind) for n, kind in self.types.items()}
        condition = expression_meaning(feature.where, names, self.checker).fingerprint if feature.where else None
        return f"x {fingerprint('kept', feature.column, condition).partition(':')[2][:12]}"

    def _known(self, name: str, place: Span, what: str) -> None:
        if name not in self.types:
            hint = did_you_mean(name, self.types) or f"its columns are {', '.join(self.types)}"
            self._refuse("E453", f"{what} '{name}' is no column of {self._name}", place, hint)

    def _refuse(self, code: str, message: str, place: Span, hint: str) -> None:
        self.collector.error(code, message, place, hint, self.node)


def _window(feature: WindowFeature, name: str, kind: str) -> Window:
    return Window(
        name=feature.name,
        function=feature.function,
        column=feature.column,
        where=feature.where,
        length=microseconds(feature.window),
        argument=feature.n if feature.n is not None else feature.quantile,
        type=result_type(feature.function, kind),
        field=name,
        field_type=kind,
    )


def _written(relation: str) -> str:
    return relation.removeprefix("source:")
