"""Features for a caller's own observations, as of the time of each: `historical(entity_df)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlproj.compiler.point_in_time import Joining, from_clause
from mlproj.compiler.text import identifier
from mlproj.compiler.transformations import apply_sql
from mlproj.compiler.transformations.own_function import on_demand_sql
from mlproj.compiler.types import is_moment, is_numeric
from mlproj.compiler.view_joins import joinings
from mlproj.compiler.view_reads import joins_of
from mlproj.diagnostics import did_you_mean, fail
from mlproj.planner.masking import said
from mlproj.ports import EngineError
from mlproj.project.as_of import AsOf
from mlproj.project.input_files import file_relation, output_format_of
from mlproj.project.preview import hidden_anywhere
from mlproj.state import GroupNode, OnDemand, ViewColumn, ViewNode

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from mlproj.project.handles import FeatureView

Frame = TypeVar("Frame", "pd.DataFrame", "pa.Table")

_GIVEN, _TABLE, _ROW = "mlproj given", "mlproj observations", "mlproj row"


def historical(handle: FeatureView, entities: Frame, as_of: AsOf | None, *, transform: bool) -> Frame:
    """The caller's rows in their order, with features beside them; see `FeatureView.historical`."""
    import pandas as pd
    import pyarrow as pa

    table = _as_arrow(entities)
    history = _History(handle, _types(handle, table), as_of, transform=transform)
    read = _in_microseconds(table.select(history.reads))
    history = replace(history, types=_types(handle, read))
    handle.engine.cursor().register(_GIVEN, read.append_column(_ROW, pa.array(range(len(table)), pa.int64())))
    # Not read from Arrow by the query itself: the engine cannot tell how many rows there are, and plans for one.
    handle.engine.create_table(_TABLE, f"select * from {identifier(_GIVEN)}")
    features = history.run(lambda query: handle.engine.arrow(f"{query} order by {identifier(_ROW)}"))
    features = features.drop_columns([_ROW])
    kept = [name for name in table.column_names if name not in history.replaced]
    if isinstance(entities, pd.DataFrame):
        own = entities[[name for name in entities.columns if str(name) in kept]]
        beside = features.to_pandas().set_axis(own.index)
        both: pd.DataFrame = pd.concat([own, beside], axis=1)
        return both
    found = table.select(kept)
    for name in features.column_names:
        found = found.append_column(features.schema.field(name), features.column(name))
    return found


def historical_file(
    handle: FeatureView, source: Path, target: Path, as_of: AsOf | None, *, transform: bool, memory: str | None
) -> tuple[int, list[str]]:
    """The rows of a file with features beside them, written to another; rows and names of the features.

    Rows that do not fit into `memory` wait on disk; None is the target's, or 4GB.
    """
    engine, relation = handle.engine, file_relation(handle.project, source)
    memory = memory or handle.project.session.target.memory or "4GB"
    try:
        engine.limit_memory(memory)
    except EngineError as error:
        hint = "a number and a unit, as in 4GB or 500MB"
        raise fail("E630", f"'{memory}' is no amount of memory: {error.message}", hint=hint) from error
    types = {c.name: c.type for c in engine.describe(f"select * from {relation}")}
    history = _History(handle, types, as_of, transform=transform)
    kept = [name for name in types if name not in history.replaced]

    def write(query: str) -> int:
        engine.create_table(_TABLE, f"select *, row_number() over () as {identifier(_ROW)} from {relation}")
        columns = "".join(f"o.{identifier(name)}, " for name in kept)
        rows = f"select {columns}f.* exclude ({identifier(_ROW)})\nfrom {identifier(_TABLE)} as o\n"
        rows += f"join (\n{query}\n) as f using ({identifier(_ROW)}) order by o.{identifier(_ROW)}"
        return engine.copy_to(rows, target, output_format_of(target))

    return history.run(write), history.names


def _as_arrow(entities: Any) -> pa.Table:
    import pandas as pd
    import pyarrow as pa

    if isinstance(entities, pa.Table):
        return entities
    if not isinstance(entities, pd.DataFrame):
        hint = "give it a pandas DataFrame or a pyarrow Table"
        raise fail("E630", f"observations cannot be read from a {type(entities).__name__}", hint=hint)
    try:
        return pa.Table.from_pandas(entities, preserve_index=False)
    except (pa.ArrowException, ValueError) as error:
        said = str(error.args[0] if error.args else error)
        hint = "each column has a name of its own and values of one type"
        raise fail("E630", f"the observations cannot be read: {said}", hint=hint) from error


def _in_microseconds(table: pa.Table) -> pa.Table:
    """Times that pandas holds in nanoseconds, and that need them not, compare faster so."""
    import pyarrow as pa

    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            try:
                coarse = table.column(index).cast(pa.timestamp("us", field.type.tz))
            except pa.ArrowInvalid:
                continue
            table = table.set_column(index, field.name, coarse)
    return table


def _types(handle: FeatureView, table: pa.Table) -> dict[str, str]:
    """The engine's types of the columns; raises E630 for names that SQL does not tell apart."""
    seen: dict[str, str] = {}
    for name in table.column_names:
        if name.casefold() in seen:
            message = f"two columns of the observations are called '{name}'"
            raise fail("E630", message, hint="names of columns differ by more than capitals")
        seen[name.casefold()] = name
    handle.engine.cursor().register(_GIVEN, table.slice(0, 0))
    return {c.name: c.type for c in handle.engine.describe(f"select * from {identifier(_GIVEN)}")}


@dataclass(frozen=True)
class _History:
    """What a view adds to observations whose columns have these types. Raises E630 where they do not fit it."""

    handle: FeatureView
    types: Mapping[str, str]
    as_of: AsOf | None
    transform: bool

    @property
    def _view(self) -> ViewNode:
        return self.handle.node

    @cached_property
    def features(self) -> dict[str, str]:
        """Feature → SQL of it: those that are joined; to be transformed also those that the observations have."""
        found = {c.name: sql for c in self._view.of_role("feature") if (sql := self._joined(c))}
        if not found and not self.transform:
            hint = "its features are the base's own: read the training dataset, or give the view `joins:`"
            raise fail("E630", f"{self._view.relation} joins no group, so that nothing can be added", hint=hint)
        if self.transform:
            asked = self._on_demand
            found |= {name: on_demand_sql(f, {i: f"b.{identifier(i)}" for i in f.inputs}) for name, f in asked.items()}
            own = [c for c in self._view.of_role("feature") if c.name not in found]
            self._require([c.name for c in own], "features of the base, which are transformed too")
            casts = {c.name: f"b.{identifier(c.name)}::{c.type}" for c in own}
            found = {c.name: {**casts, **found}[c.name] for c in self._view.of_role("feature")}
        taken = {name.casefold(): name for name in self.types if not self.transform or name not in found}
        clash = next((taken[name.casefold()] for name in found if name.casefold() in taken), None)
        if clash:
            message = f"the observations have a column '{clash}', and so has what {self._view.relation} joins"
            raise fail("E630", message, hint="rename the column, or leave it out")
        return found

    @property
    def _on_demand(self) -> dict[str, OnDemand]:
        """The features that are computed from other columns of the observations, to be transformed."""
        declared = {c.name: c.on_demand for c in self._view.of_role("feature") if c.on_demand and self.transform}
        return {n: f for n, f in declared.items() if n not in self.types and all(i in self.types for i in f.inputs)}

    @cached_property
    def replaced(self) -> set[str]:
        """Columns of the observations that stand transformed among the features."""
        return set(self.features) & set(self.types)

    @cached_property
    def reads(self) -> list[str]:
        """The columns of the observations that are needed."""
        keys = [left for join in self._view.joins for left in join.on if left not in join.through]
        times = [join.base_time for join in self._view.joins if join.base_time]
        self._require(dict.fromkeys(keys), "the keys of its joins")
        self._require(dict.fromkeys(times), "the time of each observation, called as the base's")
        inputs = [name for feature in self._on_demand.values() for name in feature.inputs]
        return list(dict.fromkeys([*keys, *times, *inputs, *self.replaced]))

    @cached_property
    def names(self) -> list[str]:
        """The features as they come out."""
        described = self.handle.engine.describe(self._query())
        return [c.name for c in described if c.name != _ROW]

    def run(self, read: Any) -> Any:
        """The answer of `read` to the query of the features, one row per observation, with its number."""
        try:
            return read(self._query())
        except EngineError as error:
            words = said(error, hidden_anywhere(self.handle.project))
            raise fail("E630", f"the observations do not fit {self._view.relation}: {words}") from error

    def _query(self) -> str:
        _ = self.reads
        raw = ", ".join(f"{sql} as {identifier(name)}" for name, sql in self.features.items())
        shared, rows = from_clause(_TABLE, list(self._joinings()))
        query = f"{shared}select b.{identifier(_ROW)}, {raw}\n{rows}"
        if not self.transform:
            return query
        self.handle.project.session.own_functions.provide(self.handle.dataset.statistics.chains)
        columns = [(c.name, c.type) for c in self._view.of_role("feature")]
        return apply_sql(columns, self.handle.dataset.statistics, f"(\n{query}\n) as t", [_ROW])

    def _joined(self, column: ViewColumn) -> str | None:
        joins = joins_of(self._view.joins, column)
        name = column.source.rpartition(".")[2]
        return f"j{self._view.joins.index(joins[0]) + 1}.{identifier(name)}" if joins else None

    def _require(self, names: Any, what: str) -> None:
        missing = [name for name in names if name not in self.types]
        if missing:
            message = f"the observations have no column {', '.join(repr(m) for m in missing)}"
            hint = did_you_mean(missing[0], self.types) or f"{self._view.relation} needs {what}: {', '.join(names)}"
            raise fail("E630", message, hint=hint)

    def _joinings(self) -> Iterator[Joining]:
        """The view's joins over published groups, each left: no observation goes."""
        groups: dict[str, GroupNode] = {}
        for join in self._view.joins:
            group = self.handle.joined(join.relation)
            groups[join.group] = group.node
            self.handle.engine.create_view(f"published {join.relation}", group.stored(self.as_of))
            read = {w.name for w in group.node.aggregate.windows} if group.node.aggregate else set()
            if join.way == "window" and not read >= {*join.features, *join.carries}:
                message = f"{join.relation} is published otherwise than {self._view.relation} reads it"
                raise fail("E504", message, hint="publish both: mlproj build", exit_code=1)
        for join in self._view.joins:
            if join.base_time and not is_moment(self.types[join.base_time]):
                message = f"'{join.base_time}' of the observations is {self.types[join.base_time]}, and no time"
                raise fail("E630", message, hint="make it a timestamp; one without a zone is UTC")
        for join, joining in zip(self._view.joins, joinings(self._view.joins, groups, self.types), strict=True):
            wanted = {f.name: f.type for f in groups[join.group].features}
            sides = zip(join.on, joining.keys, strict=True)
            keys = tuple(
                (sql if left in join.through else self._key(left, sql, wanted[right]), right)
                for left, (sql, right) in sides
            )
            yield replace(joining, relation=f"published {join.relation}", kind="left", keys=keys)

    def _key(self, name: str, sql: str, wanted: str) -> str:
        """A key in the group's own type; a number that is no value of that type matches nothing."""
        own = self.types[name]
        if own == wanted:
            return sql
        if is_numeric(own) and is_numeric(wanted):
            cast = f"try_cast({sql} as {wanted})"
            return f"if({cast} = {sql}, {cast}, null)"
        if wanted == "VARCHAR" and own.startswith("ENUM("):
            return f"{sql}::VARCHAR"
        if own == "VARCHAR" and wanted == "UUID":
            return f"try_cast({sql} as UUID)"
        message = f"'{name}' of the observations is {own}, and the key that it is joined with {wanted}"
        raise fail("E630", message, hint=f"cast it to {wanted}")
