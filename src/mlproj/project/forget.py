"""`mlproj forget`: rows of given keys are erased from a lake, for every target that uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from mlproj.compiler.text import identifier, literal
from mlproj.diagnostics import did_you_mean, fail
from mlproj.executor.forget import KEYS, Eraser, Erasure, moved
from mlproj.executor.publication import view_moves
from mlproj.executor.recovery import publication_record
from mlproj.planner.masking import hidden_columns, said
from mlproj.ports import CommitInfo, EngineError
from mlproj.project.node_names import matching
from mlproj.project.session import new_build_id
from mlproj.project.upkeep import Upkeep
from mlproj.state import Event, GroupNode, Publication, Published, RowChanges
from mlproj.state.garbage import Forgotten, Holdings

if TYPE_CHECKING:
    from mlproj.project.project import Project

Document = dict[str, Any]


def forget(project: Project, name: str, keys: Path, because: str, agreed: Callable[[Document], bool]) -> Document:
    """What is erased, and whether it was: `agreed` is asked first. Raises E508, E525 and E527, and E641 where a file of
    the lake still holds such rows afterwards.
    """
    project.state()  # completes what a killed build left
    session = project.session
    session.lease.acquire(0)
    try:
        found = _Forgetting(project, name, keys, because)
        document = found.document(erased=False)
        if found.needed and agreed(document):
            found.erase()
            document = found.document(erased=True)
    finally:
        session.lease.release()
    project.close()  # what was read of the catalog is out of date
    return document


class _Forgetting:
    def __init__(self, project: Project, name: str, keys: Path, because: str) -> None:
        self._project, self._because = project, because
        self._upkeep = Upkeep(project)
        self._inventory = self._upkeep.lake.inventory()
        self._folders = {t.folder: t.name for t in self._inventory.tables}
        self._upkeep.refuse_strangers(self._inventory)
        self._holdings = [state.holdings(target) for target, state in self._upkeep.states.items()]
        nodes = self._nodes(name)
        self._key = self._one_key(nodes)
        session = project.session
        self._eraser = Eraser(session.engine, session.lake, self._holdings)
        count = self._read_keys(keys, self._node(nodes[-1]))
        self._erasure: Erasure = self._eraser.find(nodes, count, self._key, self._live())
        self._before = self._eraser.found_in(self._files(), self._key)
        self._left: dict[Path, int] = {}

    def document(self, *, erased: bool) -> Document:
        """What `--format json` prints."""
        e = self._erasure
        return {
            "artifact": "forget",
            "version": 1,
            "nodes": list(e.nodes),
            "keys": e.keys,
            "because": self._because,
            "found": self.needed,
            "erased": erased,
            "rows": e.rows,
            "tables_dropped": sorted(e.dropped),
            "files": len([p for p in self._before if self._table_of(p) in e.tables]),
            "models": sorted({m for models in e.models.values() for m in models}),
            "derived": list(e.derived),
            "sources": list(e.sources),
            "elsewhere": self._elsewhere(self._left if erased else self._before),
        }

    @property
    def needed(self) -> bool:
        """Whether there is anything to erase: keys that nothing holds are no reason to expire commits.

        Tables that are gone from sight and not from every commit are left by one that was killed.
        """
        e = self._erasure
        return (
            any(e.rows.values())
            or e.blind
            or any(self._table_of(path) in e.tables for path in self._before)
            or any(t.name in e.tables and t.end is not None and t.begin < t.end for t in self._inventory.tables)
        )

    def _elsewhere(self, files: Mapping[Path, int]) -> dict[str, int]:
        """Rows with such keys in tables of other groups, by table."""
        found: dict[str, int] = {}
        for path, rows in files.items():
            table = self._table_of(path)
            if table not in self._erasure.tables:
                found[table] = found.get(table, 0) + rows
        return found

    def _table_of(self, path: Path) -> str:
        """A table's files lie in its folder; those of a partition below it, in folders `column=value`."""
        folder = next(p.name for p in path.parents if "=" not in p.name)
        return self._folders.get(folder, folder)

    def _nodes(self, name: str) -> list[str]:
        """Groups of that name: all versions where none is named, by version. Raises E508."""
        known = {n for h in self._holdings for n, r in h.published.items() if isinstance(r.node, GroupNode) and r.table}
        found = [n for n in matching(known, name) if n.startswith("feature_group:")]
        if not found:
            names = [n.partition(":")[2] for n in known]
            hint = did_you_mean(name, names) or "it is for feature groups with rows in the lake: `mlproj ls`"
            raise fail("E508", f"no published feature group '{name}'", hint=hint)
        return sorted(found, key=lambda n: (n.rpartition("@")[0], int(n.rpartition("@")[2])))

    def _node(self, node_id: str) -> GroupNode:
        node = next(h.published[node_id].node for h in self._holdings if node_id in h.published)
        assert isinstance(node, GroupNode)
        return node

    def _one_key(self, nodes: list[str]) -> tuple[str, ...]:
        """The primary key that all of the nodes have, in every target. Raises E527."""
        there = ((h.target, h.published[n].node) for n in nodes for h in self._holdings if n in h.published)
        keys = {f"{n.relation} in {target}": n.primary_key for target, n in there if isinstance(n, GroupNode)}
        if len({*keys.values()}) > 1:
            told = "; ".join(f"{place}: {', '.join(key)}" for place, key in keys.items())
            hint = f"name one version, such as {nodes[0].partition(':')[2]}, with keys of its own"
            raise fail("E527", f"no keys fit all that is meant ({told})", hint=hint)
        return next(iter(keys.values()))

    def _read_keys(self, path: Path, node: GroupNode) -> int:
        """The keys as scratch table. Raises E527."""
        engine = self._project.session.engine
        kind = path.suffix.lower().removeprefix(".")
        reader = {"csv": "read_csv({}, all_varchar => true)", "parquet": "read_parquet({})"}.get(kind)
        hint = f"a csv or parquet file with the columns {', '.join(node.primary_key)}"
        if reader is None or not path.is_file():
            raise fail("E527", f"no keys can be read from '{path}'", hint=hint)
        relation = reader.format(literal(str(path.resolve())))
        types = {f.name: f.type for f in node.features}
        try:
            there = {c.name for c in engine.describe(f"select * from {relation}")}
            missing = [k for k in node.primary_key if k not in there]
            if missing:
                raise fail("E527", f"'{path.name}' has no column {', '.join(missing)}", hint=hint)
            casts = ", ".join(f"{identifier(k)}::{types[k]} as {identifier(k)}" for k in node.primary_key)
            return engine.create_table(KEYS, f"select distinct {casts} from {relation}")
        except EngineError as error:
            words = said(error, hidden_columns(node))
            raise fail("E527", f"keys in '{path.name}' cannot be read: {words}", hint=hint) from error

    def erase(self) -> None:
        """Lake first, then what was published, then the states, then the old files. Raises E641."""
        lake, erasure = self._upkeep.lake, self._erasure
        build = new_build_id()
        info = CommitInfo(self._upkeep.adapters.author, self._message(), f'{{"build": "{build}"}}')
        commit = lake.rewrite(list(erasure.writes.values()), info) if erasure.writes else 0
        if erasure.dropped.intersection(self._live()):
            lake.drop(sorted(erasure.dropped.intersection(self._live())), info)
        concerned = [h for h in self._holdings if self._concerns(h)]
        commits = {h.target: self._publish(h, commit, build) for h in concerned}
        for holdings in concerned:
            self._tell(holdings, commit, commits[holdings.target], build)
        inventory = lake.inventory()
        self._folders |= {t.folder: t.name for t in inventory.tables}
        for each in inventory.commits:  # records of older publications show rows of training datasets
            if each.record and each.publishes in commits and each.id < commits[each.publishes]:
                self._upkeep.artifacts(each.publishes).remove(each.record)
        old = {t.id for t in inventory.tables if t.name in erasure.tables and t.end is not None}
        lake.expire([], dict.fromkeys(old))
        lake.sweep()
        self._project.session.failed_rows.clear()  # there may be such rows among them
        self._left = self._eraser.found_in(self._files(), self._key)
        left = [p for p in self._left if self._table_of(p) in erasure.checked]
        if left:
            message = f"{len(left)} files of the lake still hold such rows: {left[0].name}"
            raise fail("E641", message, hint="run it again, and report it if that does not help", exit_code=1)

    def _concerns(self, holdings: Holdings) -> bool:
        return any(c.node in self._erasure.nodes for c in holdings.commits)

    def _live(self) -> list[str]:
        return sorted({t.name for t in self._upkeep.lake.inventory().tables if t.end is None})

    def _message(self) -> str:
        names = ", ".join(n.partition(":")[2] for n in self._erasure.nodes)
        because = f": {self._because}" if self._because else ""
        keys = f"{self._erasure.keys} key{'' if self._erasure.keys == 1 else 's'}"
        return f"forget {keys} of {names}{because}"

    def _publish(self, holdings: Holdings, commit: int, build: str) -> int:
        """Let a target's views show the new tables; returns the commit."""
        erasure, at = self._erasure, self._upkeep.adapters.now
        rows: dict[str, Published] = {}
        changes: dict[str, RowChanges] = {}
        for node in erasure.nodes:
            row = holdings.published.get(node)
            write = erasure.writes.get((row.table, row.commit)) if row and row.table and row.commit else None
            if row and write:
                rows[node] = self._eraser.republished(row, holdings.published.values(), write.table, commit, build, at)
                changes[node] = RowChanges(added=0, changed=0, deleted=(row.rows or 0) - (rows[node].rows or 0))
        after = {**holdings.published, **rows}
        publication = Publication(
            build_id=f"{build}-{holdings.target}",
            target=holdings.target,
            at=at,
            author=self._upkeep.adapters.author,
            published={n: r.model_dump(mode="json") for n, r in rows.items()},
            kind="forget",
            changes=changes,
            message=self._message(),
        )
        session = self._project.session
        record = publication_record(publication, self._upkeep.artifacts(holdings.target))
        info = CommitInfo(publication.author, self._message(), record)
        shown = {n: after[n] for n in moved(holdings.published, erasure.writes, erasure.nodes)}
        made = session.lake.publish(holdings.target, list(view_moves(after, shown, ())), info)
        self._upkeep.states[holdings.target].apply_publication(publication, made)
        return made

    def _tell(self, holdings: Holdings, commit: int, published: int, build: str) -> None:
        erasure, target = self._erasure, holdings.target
        made = [
            self._eraser.remade(dataset, erasure.writes[dataset.table, dataset.commit].table, commit)
            for dataset in erasure.datasets.get(target, ())
        ]
        forgotten = Forgotten(
            target=target,
            nodes=erasure.nodes,
            commit=commit or published,
            build=f"{build}-{target}",
            datasets=tuple(made),
            gone=tuple(erasure.gone.get(target, ())),
            models=tuple(erasure.models.get(target, ())),
            views=self._eraser.views(erasure.nodes),
        )
        detail: dict[str, JsonValue] = {
            "nodes": list(erasure.nodes),
            "keys": erasure.keys,
            "because": self._because,
            "rows": dict(erasure.rows),
            "unprovable": list(forgotten.models),
        }
        event = Event(
            at=self._upkeep.adapters.now,
            target=target,
            who=self._upkeep.adapters.author,
            what="forget",
            subject=erasure.nodes[0],
            detail=detail,
        )
        self._upkeep.states[target].forget(forgotten, event)

    def _files(self) -> list[Path]:
        folder = (self._project.root / self._project.session.target.data).resolve()
        return sorted(p for p in folder.rglob("*.parquet") if not p.name.endswith("-delete.parquet"))
