"""Erases rows by key from a group's tables, at every commit, and from the training datasets that read them.

Tables are put in place of the old ones, which are then gone from every commit with all their files. Killed at any
moment, the same command completes it: what was erased is not found again, and what is left of the old tables goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlproj.compiler.row_changes import same_key_sql
from mlproj.compiler.text import identifier, literal
from mlproj.executor.digests import digest_sql, digests_wanted, whole_digest_sql
from mlproj.ports import Engine, Lake, TableWrite
from mlproj.state import GroupNode, Published, TrainingDataset, ViewNode
from mlproj.state.garbage import Holdings, Pin

KEYS = "forget_keys"


@dataclass
class Erasure:
    """What is to be erased, with the rows that were found; `writes` maps old pins to what takes their place.

    `dropped` are tables that only old commits had, `datasets` those that are rewritten, by target; `tables` are all
    that ever had such rows, `checked` those of them whose own key is that of the group. `blind`: one of `dropped` does
    not show by the group's key whether it has such rows.
    """

    nodes: tuple[str, ...]
    keys: int
    rows: dict[str, int] = field(default_factory=dict)
    writes: dict[Pin, TableWrite] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    datasets: dict[str, list[TrainingDataset]] = field(default_factory=dict)
    gone: dict[str, list[str]] = field(default_factory=dict)
    models: dict[str, list[str]] = field(default_factory=dict)
    derived: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    tables: set[str] = field(default_factory=set)
    checked: set[str] = field(default_factory=set)
    blind: bool = False


class Eraser:
    """Finds rows of the keys in scratch table `forget_keys`."""

    def __init__(self, engine: Engine, lake: Lake, holdings: Sequence[Holdings]) -> None:
        self._engine, self._lake, self._holdings = engine, lake, holdings

    def find(self, nodes: Sequence[str], keys: int, key: Sequence[str], live: Sequence[str]) -> Erasure:
        """`live` are the names of all tables. Raises `EngineError`."""
        erasure = Erasure(tuple(nodes), keys, derived=self._derived(nodes), sources=self._sources(nodes))
        for holdings in self._holdings:
            self._groups(holdings, erasure, key)
        for holdings in self._holdings:
            self._datasets(holdings, erasure, key, live)
        pinned = {table for table, _ in erasure.writes}
        old = {c.table for h in self._holdings for c in h.commits if c.node in nodes}
        stems = [f"{n.partition(':')[2].replace('@', '__v')}__" for n in nodes]
        stems += [f"td__{v.partition(':')[2].replace('@', '__v')}__" for v in self.views(nodes)]
        # Tables that builds left which failed or were killed: nobody knows them.
        known = {t for h in self._holdings for t in (*(d.table for d in h.datasets), *(c.table for c in h.commits))}
        old |= {t for t in live if t.startswith(tuple(stems)) and t not in known}
        # One target may need what is old for another.
        stay = pinned | {w.table for w in erasure.writes.values()} | self._needed_datasets()
        erasure.blind |= any(not set(key) <= self._columns(t) for t in (old - stay).intersection(live))
        erasure.dropped = (erasure.dropped | old) - stay
        erasure.checked |= old | {w.table for w in erasure.writes.values() if w.table in old}
        erasure.tables |= old | pinned | erasure.dropped | {w.table for w in erasure.writes.values()}
        return erasure

    def views(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Views that read the groups, or did so once."""
        now = {n for h in self._holdings for n, r in h.published.items() if set(r.node.depends_on) & set(nodes)}
        once = {d.view for h in self._holdings for d in h.datasets if set(d.inputs) & set(nodes)}
        return tuple(sorted({n for n in now if n.startswith("feature_view:")} | once))

    def _groups(self, holdings: Holdings, erasure: Erasure, key: Sequence[str]) -> None:
        for node in erasure.nodes:
            row = holdings.published.get(node)
            if row is None or row.table is None or row.commit is None or not isinstance(row.node, GroupNode):
                continue
            relation = self._lake.relation(row.table, row.commit)
            erasure.rows[f"{row.node.relation} in {holdings.target}"] = self._count(relation, _match(key, key))
            self._write(erasure, holdings.target, (row.table, row.commit), _match(key, key), row.node.partition_by)

    def _needed_datasets(self) -> set[str]:
        """Tables of the training datasets that are newest, or that models were trained on, in some target."""
        return {d.table for h in self._holdings for d in h.datasets if d.name in {*h.current, *h.trained.values()}}

    def _columns(self, table: str) -> set[str]:
        return {c.name for c in self._engine.describe(f"from {self._lake.relation(table)}")}

    def _datasets(self, holdings: Holdings, erasure: Erasure, key: Sequence[str], live: Sequence[str]) -> None:
        needed = {*holdings.current, *holdings.trained.values()}
        for dataset in holdings.datasets:
            if not set(dataset.inputs) & set(erasure.nodes):
                continue
            erasure.tables.add(dataset.table)
            match = self._match_dataset(dataset, holdings, erasure.nodes, key)
            if dataset.name not in needed:
                erasure.dropped.add(dataset.table)
                erasure.gone.setdefault(holdings.target, []).append(dataset.name)
                erasure.blind |= dataset.table in live and match != _match(key, key)
                continue
            if match == _match(key, key):
                erasure.checked.add(dataset.table)
            found = self._count(self._lake.relation(dataset.table, dataset.commit), match)
            if found:
                erasure.rows[f"{dataset.name} in {holdings.target}"] = found
                self._write(erasure, holdings.target, (dataset.table, dataset.commit), match, ())
                erasure.datasets.setdefault(holdings.target, []).append(dataset)
                models = [m for m, name in holdings.trained.items() if name == dataset.name]
                erasure.models.setdefault(holdings.target, []).extend(models)

    def _match_dataset(
        self, dataset: TrainingDataset, holdings: Holdings, nodes: Sequence[str], key: Sequence[str]
    ) -> str:
        """Which rows of a training dataset show the keys: by its own key, or by what its base is joined with."""
        columns = {c.name for c in dataset.columns}
        row = holdings.published.get(dataset.view)
        view = row.node if row and isinstance(row.node, ViewNode) else None
        if view is None or view.base in nodes:
            # Of a view that is declared no more its key is all that is known.
            return _match(key, key) if set(key) <= columns else "true"
        matches = []
        for join in view.joins:
            if join.group not in nodes:
                continue
            pairs = {theirs: ours for ours, theirs in join.on.items() if ours not in join.through}
            if not set(key) <= pairs.keys():
                return "true"
            ours = [pairs[k] for k in key]
            matches.append(
                _match(ours, key) if set(ours) <= columns else self._by_base(dataset, view, holdings, ours, key)
            )
        return " or ".join(f"({m})" for m in matches) or "true"

    def _by_base(
        self, dataset: TrainingDataset, view: ViewNode, holdings: Holdings, ours: Sequence[str], key: Sequence[str]
    ) -> str:
        """By the rows of the base that it was made from, which have the columns of the join."""
        commit = dataset.inputs.get(view.base)
        table = next((c.table for c in holdings.commits if c.node == view.base and c.commit == commit), None)
        if table is None:
            return "true"
        base = self._lake.relation(table, commit)
        same = same_key_sql((f"t.{identifier(k)}", f"b.{identifier(k)}") for k in dataset.keys)
        return f"exists (select 1 from (from {base}) as b where {same} and {_match(ours, key, 'b')})"

    def _write(self, erasure: Erasure, target: str, pin: Pin, match: str, partition_by: Sequence[str]) -> None:
        if pin in erasure.writes:
            return
        table, commit = pin
        # Two targets may show different commits of one table: each gets its own.
        name = table if table not in {w.table for w in erasure.writes.values()} else f"{table}__{target}"
        query = f"select * from (from {self._lake.relation(table, commit)}) as t where not ({match})"
        erasure.writes[pin] = TableWrite(name, query, tuple(partition_by))

    def _count(self, relation: str, match: str) -> int:
        return int(self._engine.rows(f"select count(*) from (from {relation}) as t where {match}")[0][0])

    def _derived(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Groups with rows of their own that were computed from these."""
        found: list[str] = []
        for holdings in self._holdings:
            rows = {n: r for n, r in holdings.published.items() if isinstance(r.node, GroupNode)}
            reached, before = set(nodes), set[str]()
            while reached != before:
                before = set(reached)
                reached |= {n for n, r in rows.items() if set(r.node.depends_on) & reached}
            found += [n for n in sorted(reached - set(nodes)) if n in rows and rows[n].table]
        return tuple(dict.fromkeys(found))

    def _sources(self, nodes: Sequence[str]) -> tuple[str, ...]:
        rows = [r for h in self._holdings for n, r in h.published.items() if n in nodes]
        return tuple(sorted({s for r in rows for s in r.source_versions}))

    def republished(
        self, row: Published, readers: Iterable[Published], table: str, commit: int, build: str, at: str
    ) -> Published:
        """The published row of a group as it stands in its new table."""
        node = row.node
        assert isinstance(node, GroupNode)
        names = [f.name for f in node.features]
        read = digests_wanted(node, (r.node for r in readers if node.id in r.node.depends_on))
        columns = ["count(*)", whole_digest_sql(node), *read.values()]
        columns += [f"count(*) - count({identifier(n)})" for n in names]
        found = self._engine.rows(f"select {', '.join(columns)} from {self._lake.relation(table, commit)}")[0]
        rows, digest, rest = int(found[0]), found[1], found[2:]
        return row.model_copy(
            update={
                "table": table,
                "commit": commit,
                "rows": rows,
                "digest": f"{rows}:{digest}",
                "column_digests": {n: f"{rows}:{d}" for n, d in zip(read, rest[: len(read)], strict=True)},
                "null_counts": dict(zip(names, (int(n) for n in rest[len(read) :]), strict=True)),
                "build_id": build,
                "published_at": at,
            }
        )

    def remade(self, dataset: TrainingDataset, table: str, commit: int) -> TrainingDataset:
        """A training dataset without the rows; that its digest is another says that models were trained on more."""
        relation = self._lake.relation(table, commit)
        names = [c.name for c in dataset.columns]
        rows, digest = self._engine.rows(f"select count(*), {digest_sql(names)} from {relation}")[0]
        splits = dict(self._engine.rows(f"select split, count(*) from {relation} group by split"))
        return dataset.model_copy(
            update={
                "table": table,
                "commit": commit,
                "rows": {split: int(splits.get(split, 0)) for split in dataset.rows},
                "digest": f"forgotten:{rows}:{digest}",
                "example": (),
                # Extremes and frequent values are values of rows.
                "column_statistics": {},
            }
        )

    def found_in(self, files: Sequence[Path], key: Sequence[str]) -> dict[Path, int]:
        """Parquet files that hold rows of these keys, and how many; files without the columns are left out."""
        return dict(self._found_in(files, key))

    def _found_in(self, files: Sequence[Path], key: Sequence[str]) -> Iterator[tuple[Path, int]]:
        for path in files:
            relation = f"read_parquet({literal(str(path))})"
            columns = {c.name for c in self._engine.describe(f"select * from {relation}")}
            if set(key) <= columns:
                count = self._count(relation, _match(key, key))
                if count:
                    yield path, count


def _match(columns: Sequence[str], key: Sequence[str], alias: str = "t") -> str:
    same = same_key_sql((f"{alias}.{identifier(c)}", f"k.{identifier(k)}") for c, k in zip(columns, key, strict=True))
    return f"exists (select 1 from {identifier(KEYS)} as k where {same})"


def moved(published: Mapping[str, Published], writes: Mapping[Pin, TableWrite], nodes: Sequence[str]) -> Iterator[str]:
    """Node ids whose consumers' views have to be made anew: the groups, and views over them that hold no rows."""
    reached = {n for n in nodes if (r := published.get(n)) and r.table and r.commit and (r.table, r.commit) in writes}
    before: set[str] = set()
    while reached != before:
        before = set(reached)
        for node, row in published.items():
            if isinstance(row.node, GroupNode) and row.table is None and set(row.node.depends_on) & reached:
                reached.add(node)
    yield from sorted(reached)
