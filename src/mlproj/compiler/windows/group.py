"""A group of windows on its way to a node: what its SQL says of other groups, its declaration says of this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.meaning import QueryMeaning
from mlproj.compiler.notes import warn
from mlproj.compiler.render import Rendered, SqlRenderer
from mlproj.compiler.windows.declared import compile_aggregate, said_of
from mlproj.compiler.windows.meaning import aggregate_meaning
from mlproj.compiler.windows.rows import rows_sql
from mlproj.diagnostics import Collector, Span
from mlproj.loader import Loaded
from mlproj.ports import BindError
from mlproj.specs import FeatureGroup
from mlproj.state import Aggregation, Column, Feature, GroupNode, SourceNode


@dataclass(frozen=True)
class WindowedGroup:
    """`rendered` stands for a rendered SQL file; `place` is that of a feature in the YAML."""

    rendered: Rendered
    columns: tuple[Column, ...]
    aggregation: Aggregation
    meaning: QueryMeaning
    said: Mapping[str, str]
    place: Callable[[str], Span]

    def completed(self, node: GroupNode) -> GroupNode:
        """The node, with what is no text of SQL that the user wrote."""
        texts = {"yaml": node.source_text["yaml"]}
        return node.model_copy(update={"aggregate": self.aggregation, "source_text": texts})

    def described(self, features: Sequence[Feature]) -> tuple[Feature, ...]:
        """Features with their places, and in words where the user wrote none."""
        return tuple(
            f.model_copy(
                update={
                    "description": f.description or self.said.get(f.name, ""),
                    "span": f.span if f.declared else self.place(f.name),
                }
            )
            for f in features
        )


def windowed_group(
    group: Loaded[FeatureGroup],
    node: str,
    rendered: Rendered,
    read: SourceNode | GroupNode,
    checker: TypeChecker,
    renderer: SqlRenderer,
    collector: Collector,
) -> WindowedGroup | None:
    """The group over what it aggregates, or None with diagnostics."""
    assert group.spec.aggregate is not None
    aggregation = compile_aggregate(group, node, read, checker, renderer, collector)
    if aggregation is None:
        return None
    columns = read.columns if isinstance(read, SourceNode) else read.features
    meaning, notes = aggregate_meaning(aggregation, {c.name: c.type for c in columns}, checker)
    declared = {f.name: (index, f) for index, f in enumerate(group.spec.aggregate.features)}

    def place(name: str) -> Span:
        at = ("features", declared[name][0]) if name in declared else ("by",)
        return group.locate(("aggregate", *at))

    for name, note in notes:
        warn(note, group.locate(("aggregate", "features", declared[name][0], "where")), node, collector)
    sql = rows_sql(aggregation)
    rendered = replace(rendered, sql=sql, private_sql=renderer.private(sql))
    try:
        described = checker.describe(rendered.private_sql, rendered.parents)
    except BindError as error:
        hint = "cast the column in the SQL of a group, and aggregate that"
        message = renderer.hide(error.message, sql)
        collector.error("E453", message, group.locate(("aggregate", "features")), hint, node)
        return None
    said = {w.name: declared[w.name][1].description or said_of(w) for w in aggregation.windows}
    return WindowedGroup(rendered, described, aggregation, meaning, said, place)
