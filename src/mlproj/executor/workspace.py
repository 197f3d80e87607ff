"""What the data phase of one build knows: relations made so far, and how each group came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

from mlproj.compiler.connections import filled
from mlproj.compiler.manifest import Manifest
from mlproj.compiler.text import identifier, identifiers
from mlproj.compiler.windows import stored_relation, stored_sql
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor.adapters import Adapters
from mlproj.executor.digests import digest_sql
from mlproj.loader.environment import fill_environment
from mlproj.planner.inputs import columns_read, reads_key
from mlproj.planner.masking import hidden_columns, said
from mlproj.planner.plan import Scope
from mlproj.ports import EngineError, Merge
from mlproj.state import (
    GroupNode,
    Loaded,
    Made,
    Node,
    Published,
    RowChanges,
    SourceNode,
    StepResult,
    TargetState,
    TrainingDataset,
    ViewNode,
)
from mlproj.state.published import Chunk


@dataclass(frozen=True)
class GroupOutcome:
    """Rows of a group as this build leaves them; `commit` None while they are in scratch space only.

    `changes` is what they change against those published before, `merge` how only that is written; `query` gives what
    is to be written, where that is not all there is. `by` is the build that computed them, `owner` the target whose
    table it is where it is another's. `tested` is a fingerprint of the tests that they had passed before this build,
    `keyed` false where nobody has looked yet whether the key is one.
    """

    node: GroupNode
    rows: int
    digest: str
    column_digests: dict[str, str]
    null_counts: dict[str, int]
    source_versions: dict[str, str]
    inputs: dict[str, str]
    table: str | None
    commit: int | None
    changed: bool
    warnings: tuple[str, ...] = ()
    changes: RowChanges = field(default_factory=RowChanges)
    merge: Merge | None = None
    query: str = ""
    by: str = ""
    owner: str | None = None
    tested: str = ""
    keyed: bool = True
    chunks: tuple[Chunk, ...] = ()
    loaded: Loaded | None = None


@dataclass(frozen=True)
class DatasetOutcome:
    """A training dataset as this build leaves it; `query` its rows in scratch space while they are not written yet."""

    dataset: TrainingDataset
    query: str | None


@dataclass
class Workspace:
    """Outcomes by group id, training datasets by view id. `digests` are those of columns that no build had taken
    before, by group id and column, and `keyed` the groups as published whose key turned out to be one.

    `intend` is told of rows that are about to be written into the lake while the build computes, `tell` how far a long
    step has come. `backfills` says of which groups a part is computed anew.
    """

    manifest: Manifest
    state: TargetState
    adapters: Adapters
    source_versions: Mapping[str, str]
    build_id: str
    full_refresh: bool = False
    outcomes: dict[str, GroupOutcome] = field(default_factory=dict)
    datasets: dict[str, DatasetOutcome] = field(default_factory=dict)
    digests: dict[str, dict[str, str]] = field(default_factory=dict)
    keyed: set[str] = field(default_factory=set)
    intend: Callable[[str, Made], None] = lambda _node, _made: None
    tell: Callable[[StepResult], None] = lambda _result: None
    backfills: Mapping[str, Scope] = field(default_factory=dict)
    _made: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def said(self, error: EngineError, node_id: str | None = None) -> str:
        """The engine's words about a node, or about any of them, without values that are marked pii."""
        concerned = set(self.manifest.nodes) if node_id is None else self.manifest.below(node_id)
        return said(error, hidden_columns(*(self.manifest.nodes[n] for n in concerned)))

    def provide(self, node_id: str) -> None:
        """Make a source or group readable by its relation's name: scratch, or where its rows stand."""
        with self._lock:
            self._provide(node_id)

    def _provide(self, node_id: str) -> None:
        if node_id in self._made:
            return
        node = self.manifest.nodes[node_id]
        if isinstance(node, SourceNode):
            self.adapters.engine.create_view(
                node.id, f"select * from {self.adapters.sources.relation(self.filled(node))}"
            )
        elif isinstance(node, GroupNode):
            self._provide_group(node)
        self._made.add(node_id)

    def _provide_group(self, node: GroupNode) -> None:
        outcome, published = self.outcomes.get(node.id), self.state.published.get(node.id)
        row = outcome or published
        if row is None:
            raise _not_built(node, "has not been built yet")
        if row.table is not None:
            query = f"select * from {self.adapters.lake.relation(row.table, row.commit)}"
        elif outcome:
            for parent in node.depends_on:
                self._provide(parent)
            query = self.fill(stored_sql(node))
        else:
            # Its parents may have moved since: what was published of a view is the view itself, which pins them.
            self.adapters.lake.relation("")
            query = f"select * from lake.{identifier(self.state.target)}.{identifier(f'{node.name}_v{node.version}')}"
        self.adapters.engine.create_view(stored_relation(node), query)
        if node.aggregate is not None:
            self.adapters.engine.create_view(node.relation, contract_sql(node))

    def refuse_outdated(self, reader: GroupNode | ViewNode, node_id: str) -> None:
        """Raises E504 where a group is read as published, and what is read of it is defined otherwise by now.

        Rows that were computed so would pass for those of the definition.
        """
        published, node = self.state.published.get(node_id), self.manifest.nodes[node_id]
        if node_id in self.outcomes or published is None or not isinstance(node, GroupNode):
            return
        old, new = _deep_features(published.node), _deep_features(node)
        if isinstance(reader, ViewNode):
            # The SQL of a view names every column of its base, for the filter's sake.
            read = [s.rpartition(".")[2] for s in reader.reads if s.rpartition(".")[0] == node.relation]
            moved = not new.keys() <= old.keys()
        else:
            # A `*` in a group's SQL would bring along what is gone.
            read = list(columns_read(reader, node_id))
            moved = not old.keys() <= new.keys() or _deep_rows(published.node) != _deep_rows(node)
        if moved or any(old.get(name) != new.get(name) for name in read):
            raise _not_built(node, "has not been built since its definition changed")

    def fill(self, text: str) -> str:
        """A text with the environment's values in it, for the engine's eyes only."""
        return fill_environment(text, self.adapters.environment, self.manifest.env_defaults)

    def filled(self, source: SourceNode) -> SourceNode:
        """A source as `fill` leaves a text."""
        return filled(source, self.adapters.environment, self.manifest.env_defaults)

    def table_name(self, node: GroupNode) -> str:
        return table_name(f"{node.name}__v{node.version}", node.fingerprints.deep, self.state)

    def versions_below(self, node: GroupNode) -> dict[str, str]:
        """The content versions of the sources that its rows come from: those of now where it reads them itself,
        those that its parents were computed from where it reads these.
        """
        found: dict[str, str] = {}
        for parent in node.depends_on:
            row: GroupOutcome | Published | None = self.outcomes.get(parent) or self.state.published.get(parent)
            if row is not None:
                found |= row.source_versions
        direct = {p: self.source_versions[p] for p in node.depends_on if p.startswith("source:")}
        return dict(sorted((found | direct).items()))

    def inputs_of(self, node: GroupNode) -> dict[str, str]:
        """The groups that a group reads, each with the digest of what is read; E504 where one is out of date."""
        groups = [parent for parent in node.depends_on if not parent.startswith("source:")]
        for parent in groups:
            self.refuse_outdated(node, parent)
        return {parent: self.read_digest(node, parent) for parent in groups}

    def read_digest(self, node: GroupNode, parent: str) -> str:
        """The digest of what a group reads of another one, as this build leaves it; taken now where nobody took it."""
        key = reads_key(node, parent)
        if key not in self.column_digests(parent):
            self.provide(parent)
            relation = identifier(parent.partition(":")[2])
            query = f"select count(*), {digest_sql(columns_read(node, parent))} from {relation}"
            rows, digest = self.adapters.engine.rows(query)[0]
            self.digests.setdefault(parent, {})[key] = f"{rows}:{digest}"
        return self.column_digests(parent)[key]

    def readers(self, node_id: str) -> list[Node]:
        """The nodes that read a node directly."""
        return [self.manifest.nodes[child] for child in self._children[node_id]]

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        return self.manifest.children()

    def column_digests(self, node_id: str) -> dict[str, str]:
        """Digests of a group's columns that are known, as this build leaves them."""
        row: GroupOutcome | Published | None = self.outcomes.get(node_id) or self.state.published.get(node_id)
        return {**(row.column_digests if row else {}), **self.digests.get(node_id, {})}

    def commits_of(self, node_id: str) -> dict[str, int]:
        """Group ids and commits that hold a group's rows: its own, or for a view those of what it reads."""
        row: GroupOutcome | Published = self.outcomes.get(node_id) or self.state.published[node_id]
        if row.commit is not None:
            return {node_id: row.commit}
        return {n: c for parent in row.node.depends_on for n, c in self.commits_of(parent).items()}

    def made(self, node_id: str) -> None:
        with self._lock:
            self._made.add(node_id)


def contract_sql(node: GroupNode) -> str:
    """The columns of the contract, of what is stored of a group."""
    return f"select {identifiers(f.name for f in node.features)} from {identifier(stored_relation(node))}"


def table_name(stem: str, fingerprint: str, state: TargetState) -> str:
    """`income__v1__<fingerprint>`; a table of another target is left to it, and this target takes its own."""
    name = f"{stem}__{fingerprint.partition(':')[2][:16]}"
    return f"{name}__{state.target}" if name in state.foreign_tables else name


def _deep_features(node: object) -> dict[str, str]:
    return {f.name: f.deep for f in node.features} if isinstance(node, GroupNode) else {}


def _deep_rows(node: object) -> str | None:
    return node.shape.deep if isinstance(node, GroupNode) else None


def _not_built(node: GroupNode, what: str) -> ProjectError:
    hint = f"build it too: --select +{node.name}"
    return ProjectError([Diagnostic("E504", f"{node.relation} {what}", node.span, hint, node=node.id)], exit_code=1)
