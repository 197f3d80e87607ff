"""Adding to what stands of an incremental group: in scratch space, the rows to write and those that they replace.

Readers of the group see in this build what it will be: what stands, without what is replaced, and with what came.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlproj.compiler.increments import this_relation
from mlproj.compiler.row_changes import COUNTS, any_null_sql, changed_keys_sql, compared_columns, same_key_sql
from mlproj.compiler.text import identifier, identifiers, literal
from mlproj.executor.groups import explained, measured, refuse_trouble, result_of
from mlproj.executor.journal import commit_info
from mlproj.executor.reuse import standing
from mlproj.executor.row_sums import summed
from mlproj.executor.newest import with_newest
from mlproj.executor.workspace import GroupOutcome, Workspace
from mlproj.planner.increments import Basis, basis, caught_up, kept_up_otherwise
from mlproj.ports import EngineError, Merge
from mlproj.state import GroupNode, Increment, Published, RowChanges, StepResult
from mlproj.state.runs import Action, StepStatus


def add_rows(node: GroupNode, action: Action, space: Workspace) -> StepResult:
    """Compute what came since, or find that nothing did."""
    started = time.perf_counter()
    published = space.state.published[node.id]
    inputs = space.inputs_of(node)
    versions = space.versions_below(node)
    found = None if kept_up_otherwise(node, published) else standing(node, space, inputs, versions)
    if found and found[0].digest:
        space.outcomes[node.id] = found[0]
        return result_of(node, "reused", started, space, found[1], action=action)
    on = basis(node, published)
    assert on is not None
    try:
        outcome = Addition(node, published, on, space).outcome(inputs, versions)
    except EngineError as error:
        raise explained(node, space, error) from error
    space.outcomes[node.id] = outcome
    refuse_trouble(node, outcome.warnings, space)
    status: StepStatus = "ok" if outcome.changed else "reused"
    said = told(outcome.changes) if outcome.changed else "nothing came that was not there"
    return result_of(node, status, started, space, said, outcome.warnings, action=action)


def told(changes: RowChanges) -> str:
    """Counts of rows in words."""
    return f"{changes.added} added, {changes.changed} changed, {changes.deleted} deleted"


def moment(text: str, type_name: str) -> str:
    """A time in UTC as a literal that a column of a type is compared with."""
    if type_name == "TIMESTAMP WITH TIME ZONE":
        return f"{literal(text)}::TIMESTAMP::TIMESTAMPTZ" if "+" not in text else f"{literal(text)}::TIMESTAMPTZ"
    return f"{literal(text)}::{'TIMESTAMP' if type_name == 'DATE' else type_name}"


@dataclass(frozen=True)
class _Names:
    """Relations in scratch space, quoted: what stands, what the query gives, the rows of `this` that this may replace,
    keys that differ, and their rows.
    """

    this: str
    given: str
    stood: str
    keys: str
    came: str
    gone: str

    @classmethod
    def of(cls, relation: str) -> _Names:
        names = (
            this_relation(relation),
            *(f"{part}:{relation}" for part in ("given", "stood", "changes", "came", "gone")),
        )
        return cls(*map(identifier, names))


class Addition:
    """Rows to write and to replace of one group, upon the rows of `published`; `keys` and `came` are relations.

    `looked_at` are the rows that stood when the sources were last looked at, where those of `published` are others.
    """

    def __init__(
        self, node: GroupNode, published: Published, on: Basis, space: Workspace, looked_at: Published | None = None
    ) -> None:
        assert node.increment is not None
        self._node, self._published, self._on, self._space = node, published, on, space
        self._increment: Increment = node.increment
        self._looked_at = looked_at
        self._names = _Names.of(node.relation)
        self._run = space.adapters.engine

    def outcome(self, inputs: dict[str, str], versions: dict[str, str]) -> GroupOutcome:
        for parent in self._node.depends_on:
            self._space.provide(parent)
        self._make("view", self._names.this, self._standing_rows())
        self._given()
        unit = self._unit or self._node.row_key
        changes = self._append() if self._appends else self._merge(self._of(self._names.given, unit))
        self._space.made(self._node.id)
        made = GroupOutcome(
            self._node, 0, "", {}, {}, versions, inputs, self._space.table_name(self._node), None, changed=True,
            changes=changes, by=self._space.build_id, keyed=False,
            loaded=None if self._backfills else caught_up(self._published.loaded),
        )  # fmt: skip
        if self._on != "same":
            return measured(made, self._space)
        if changes == RowChanges(added=0, changed=0, deleted=0):
            return self._unchanged(made)
        return self._written(made)

    @property
    def keys(self) -> str:
        return self._names.keys

    @property
    def came(self) -> str:
        return self._names.came

    def replaced(self, condition: str) -> RowChanges:
        """What the query gives under a condition takes the place of all that stands under it."""
        for parent in self._node.depends_on:
            self._space.provide(parent)
        self._make("view", self._names.this, self._standing_rows())
        query = self._space.fill(self._increment.whole or self._node.sql)
        self._together(f"select * from (\n{query}\n) as q", condition)
        stood = f"select * from {self._names.this} as t where ({condition})"
        if self._increment.strategy != "append":
            stood += f" or {self._among(self._names.given, 't', self._unit or self._node.row_key)}"
        return self._merge(stood)

    @property
    def _appends(self) -> bool:
        # Where features are added, rows that stand are not as the query gives them.
        return self._increment.strategy == "append" and self._on == "same"

    @property
    def _backfills(self) -> bool:
        return self._on == "grown" and self._increment.new_features == "backfill"

    def _make(self, kind: str, name: str, query: str) -> None:
        bare = name[1:-1].replace('""', '"')
        if kind == "view":
            self._run.create_view(bare, query)
        else:
            self._run.create_table(bare, query)

    def _standing_rows(self) -> str:
        """What is published, in the columns of the contract: of what is new, the default."""
        old = self._published.node
        assert isinstance(old, GroupNode)
        types, columns = {f.name: f.type for f in old.features}, []
        for feature in self._node.features:
            name, had = identifier(feature.name), types.get(feature.name)
            value = literal(feature.default) if had is None else name
            columns.append(name if had == feature.type else f"{value}::{feature.type} as {name}")
        place = self._space.adapters.lake.relation(self._published.table or "", self._published.commit)
        return f"select {', '.join(columns)} from {place}"

    def _given(self) -> None:
        """The rows that the query gives of what may have changed."""
        since, node, increment = self._since(), self._node, self._increment
        # Of rows without a time nobody knows how far they have come, neither does `is_incremental()`.
        whole = self._backfills or not self._published.rows or (since is None and increment.watermark is not None)
        query = self._space.fill((increment.whole or node.sql) if whole else increment.sql)
        query = with_newest(query, self._names.this, self._run)
        given = f"select {identifiers(f.name for f in node.features)} from (\n{query}\n) as q"
        self._together(given, since)

    def _together(self, given: str, condition: str | None) -> None:
        """The rows of a query under a condition, and what belongs together with them: a partition, or rows of one key
        that other times tell apart.
        """
        self._make("table", self._names.given, f"{given} where {condition}" if condition else given)
        unit = self._unit
        if condition and unit and self._increment.watermark not in unit:
            units = identifier(f"unit:{self._node.relation}")
            self._make("table", units, f"select distinct {identifiers(unit)} from {self._names.given}")
            among = self._among(units, "q", unit)
            self._make("table", self._names.given, f"{given} where {among}")

    @property
    def _unit(self) -> tuple[str, ...]:
        """The columns by which rows are replaced together."""
        if self._increment.strategy == "partition":
            return self._node.partition_by
        return self._node.row_key if self._increment.strategy == "merge" and self._node.event_time else ()

    def _since(self) -> str | None:
        """The condition on what came since, and within the lookback before; None where nothing limits it."""
        watermark = self._increment.watermark
        if watermark is None or self._backfills:
            return None
        type_name = next(f.type for f in self._node.features if f.name == watermark)
        loaded, column = self._published.loaded, identifier(watermark)
        newest = f"max({column})"
        if loaded and loaded.until:
            newest = f"least({newest}, {moment(loaded.until, type_name)})"
        if self._increment.lookback:
            newest += f" - interval '{self._increment.lookback}'"
        # Of rows in order the engine reads only those that may come first; for a maximum it would read them all.
        first = f"select {column} from {self._stood_when_looked_at} order by {column} desc nulls last limit 1"
        value = self._run.rows(f"select ({newest})::VARCHAR from ({first}) as q")[0][0]
        if value is None:
            return None
        # Without a time a row is never old.
        return f"({column} >= {moment(str(value), type_name)} or {column} is null)"

    @property
    def _stood_when_looked_at(self) -> str:
        if self._looked_at is None:
            return self._names.this
        return self._space.adapters.lake.relation(self._looked_at.table or "", self._looked_at.commit)

    def _append(self) -> RowChanges:
        """Rows that are not there yet, equal ones as often as they come."""
        columns = identifiers(f.name for f in self._node.features)
        since = self._since()
        old = f"select {columns} from {self._names.this}" + (f" where {since}" if since else "")
        self._make("table", self._names.came, f"select {columns} from {self._names.given} except all {old}")
        self._make("view", self._names.gone, f"select * from {self._names.this} where false")
        self._show(self._names.this)
        count = self._run.rows(f"select count(*) from {self._names.came}")[0][0]
        return RowChanges(added=int(count), changed=0, deleted=0)

    def _merge(self, replaced: str) -> RowChanges:
        """Rows that came take the place of those of what stands that a query gives, where they differ."""
        node, names = self._node, self._names
        mark = self._increment.deleted
        alive = f"(select * from {names.given}{f' where {identifier(mark)} is distinct from true' if mark else ''})"
        self._make("table", names.stood, replaced)
        types = {f.name: f.type for f in node.features}
        key, values = (
            compared_columns(types, types, some) for some in (node.row_key, [n for n in types if n not in node.row_key])
        )
        self._make("table", names.keys, changed_keys_sql(names.stood, f"{alive} as a", key, values))
        differ = self._among(names.keys, "t", node.row_key, [f"k{i}" for i in range(len(node.row_key))])
        self._make("table", names.came, f"select * from {alive} as t where {differ}")
        self._make("view", names.gone, f"select * from {names.stood} as t where {differ}")
        self._show(f"(select * from {names.this} as t where not {differ})")
        added, changed, deleted = self._run.rows(f"select {COUNTS} from {names.keys}")[0]
        return RowChanges(added=added, changed=changed, deleted=deleted)

    def _of(self, relation: str, columns: Sequence[str]) -> str:
        """A query of the rows that stand whose values of some columns stand in a relation.

        As a join, and not by EXISTS, the engine looks only into files that may hold them.
        """
        names = identifiers(columns)
        others = f"(select distinct {names} from {relation}) as o"
        return f"select t.* from {self._names.this} as t join {others} on {self._same(relation, 't', columns)}"

    def _among(self, relation: str, alias: str, columns: Sequence[str], other: Sequence[str] = ()) -> str:
        """That a row's values of some columns stand in a relation, where these may have `other` names."""
        return f"exists (select 1 from {relation} as o where {self._same(relation, alias, columns, other)})"

    def _same(self, relation: str, alias: str, columns: Sequence[str], other: Sequence[str] = ()) -> str:
        names = [identifier(name) for name in other or columns]
        nulls = bool(self._run.rows(any_null_sql(relation, names))[0][0])
        pairs = ((f"{alias}.{identifier(a)}", f"o.{b}") for a, b in zip(columns, names, strict=True))
        return same_key_sql(pairs, nulls=nulls)

    def _show(self, kept: str) -> None:
        query = f"select * from {kept} as kept union all by name select * from {self._names.came}"
        self._make("view", identifier(self._node.relation), query)

    def _unchanged(self, made: GroupOutcome) -> GroupOutcome:
        row = self._published
        return replace(
            made, rows=row.rows or 0, digest=row.digest or "", column_digests=row.column_digests,
            null_counts=row.null_counts, table=row.table, commit=row.commit, owner=row.owner, changed=False,
            by=row.build_id, keyed=self._keyed,
        )  # fmt: skip

    @property
    def _keyed(self) -> bool:
        before = self._published.node
        return not self._node.unique_key or (isinstance(before, GroupNode) and before.unique_key)

    def _written(self, made: GroupOutcome) -> GroupOutcome:
        """What is to be written, and what the rows are then; a table of another target is left to it."""
        node, row, names = self._node, self._published, self._names
        beside = names.this if self._appends else None
        found = summed(made, row, names.came, names.gone, beside, self._space)
        if found is None:
            found = measured(made, self._space)
        elif self._keyed:
            found = replace(found, keyed=True)
        if row.owner is not None or row.table != made.table:
            return found
        info = commit_info(self._space, f"put {node.relation} back to what is published")
        since, _done = self._space.adapters.tables.restore(row.table or "", row.commit or 0, info)
        keys = f"select * from {names.keys}" if not self._appends else ""
        merge = Merge(keys, node.row_key if keys else (), since, alone=True)
        return replace(found, merge=merge, query=f"select * from {names.came}")
