"""The outside world as the passes see it: small protocols, implemented in `adapters`, faked in tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from mlproj.state import (
        BuildRecord, Column, Commit, EstimatorInfo, Evaluation, Event, Location, ModelManifest, ModelNode, ModelVersion,
        Publication, SourceNode, StepResult, TargetState, TrainingDataset, ViewMove,
    )  # fmt: skip
    from mlproj.state.garbage import Expired, Forgotten, Holdings, Inventory
    from mlproj.state.published import KnownNodes


class BindError(Exception):
    """SQL that does not bind.

    `position` counts characters from 0 in the text given, None where the engine knows none.
    """

    def __init__(
        self, message: str, position: int | None = None, candidates: Sequence[str] = (), *, syntax: bool = False
    ) -> None:
        super().__init__(message)
        self.message, self.position, self.candidates, self.syntax = message, position, tuple(candidates), syntax


class Binder(Protocol):
    """The type checker: empty typed tables, and what a query over them would give."""

    def declare(self, name: str, columns: Sequence[Column]) -> None:
        """Make the relation `name` known. Raises `BindError` where a type is unknown."""

    def describe(self, sql: str) -> tuple[Column, ...]:
        """The columns of a query. Raises `BindError`."""

    def normalise_type(self, type_name: str) -> str:
        """The engine's own spelling of a type (`int8` → `BIGINT`). Raises `BindError` where it is unknown."""

    def functions(self, kind: str) -> frozenset[str]:
        """Lower-case names of the engine's functions of `kind`: `scalar`, `aggregate`, `table`, `macro`."""


class SourceError(Exception):
    """A source that cannot be read. `code` is the diagnostic's."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class SourceReader(Protocol):
    """Files, whose paths are relative to the project's folder, and tables. Values of the environment are filled in."""

    def columns(self, source: SourceSpec) -> tuple[Column, ...]:
        """Columns as declared, or else those that are there; of files cached by content. Raises `SourceError`."""

    def version(self, source: SourceNode) -> str:
        """Of the content of files ("missing" for none), or what a table's query says; `UNKNOWN` where nothing tells."""

    def size(self, source: SourceNode) -> int:
        """Bytes, as far as that is known without reading."""

    def relation(self, source: SourceNode) -> str:
        """SQL of a table expression that reads the source with exactly its compiled columns. Raises `EngineError`."""


@dataclass(frozen=True)
class SourceSpec:
    """What a reader needs to know of a source before it is compiled; `columns` None where nothing is declared."""

    name: str
    path: str
    format: str
    options: Mapping[str, Any]
    columns: tuple[Column, ...] | None
    location: Location | None = None


class EngineError(Exception):
    """A statement that failed while running; `message` without the engine's prefixes, `detail` all that it said."""

    def __init__(self, message: str, kind: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message, self.kind, self.detail = message, kind, detail or message


class Engine(Protocol):
    """Computes in scratch space. Safe to call from several threads. Every method raises `EngineError`."""

    def create_table(self, name: str, sql: str) -> int:
        """Materialise a query as scratch table `name`, replacing it; returns the rows."""

    def create_view(self, name: str, sql: str) -> None:
        """Make `name` stand for a query."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    def arrow(self, sql: str) -> pa.Table:
        """All rows of a query as an Arrow table."""

    def describe(self, sql: str) -> tuple[Column, ...]:
        """Names and types of a query's columns."""

    def copy_to(self, sql: str, path: Path, file_format: str) -> int:
        """Write a query's rows to one file, `csv`, `parquet` or `arrow`, whole or not at all; returns the rows."""


@dataclass(frozen=True)
class CommitInfo:
    """What every lake commit carries; `extra` is JSON text."""

    author: str
    message: str
    extra: str


@dataclass(frozen=True)
class Merge:
    """Rows of these keys are all that differ between a table at commit `since` and what is written.

    `keys` is a query whose columns `k0`, `k1` … hold values of the columns `on`, in order; nulls are keys as others.
    With `alone` the query of the write gives these rows and no others: they go nowhere but on what stood at `since`.
    Without columns `on` nothing is replaced, and the rows are added.
    """

    keys: str
    on: tuple[str, ...]
    since: int
    alone: bool = False


@dataclass(frozen=True)
class TableWrite:
    """Rows of `query` replace those of `table`. With `partition_by`, the table is laid out by these columns.

    With `merge` the commit holds what changed, and the change feed says so, where the table stands as it was then.
    """

    table: str
    query: str
    partition_by: tuple[str, ...] = ()
    merge: Merge | None = None


class Lake(Protocol):
    """Versioned tables. One writer at a time; reading is free."""

    def write(self, tables: Sequence[TableWrite], info: CommitInfo) -> int:
        """Replace the rows of all `tables` in one transaction; returns the commit. Reads see old or new."""

    def publish(self, schema: str, moves: Sequence[ViewMove], info: CommitInfo) -> int:
        """Move all views of `schema` in one transaction; returns the commit."""

    def relation(self, table: str, commit: int | None = None) -> str:
        """SQL text of `table`, pinned at `commit`."""

    def last_publication(self, target: str | None = None, before: int | None = None) -> tuple[int, str] | None:
        """Commit and extra info of the newest publication, of any target or of one, without attaching the lake.

        With `before`, of those that came before that commit.
        """

    def commits(self) -> list[tuple[int, str, str, str]]:
        """All commits as (commit, time in UTC as ISO text, author, message), oldest first."""


@dataclass(frozen=True)
class RowsBack:
    """What separates a table from an old commit: rows to delete and rows to put back."""

    deleted: int
    inserted: int


class TableHistory(Protocol):
    """Old commits of tables, and the way back to them. Raises `EngineError`."""

    def holds(self, table: str, commit: int) -> bool:
        """Whether the commit is still there, and the table was then."""

    def difference(self, table: str, commit: int) -> RowsBack:
        """What `restore` would do."""

    def restore(self, table: str, commit: int, info: CommitInfo) -> tuple[int, RowsBack]:
        """Make the newest rows of `table` equal to those at `commit`, writing only what differs; returns the commit.

        Where nothing differs, nothing is written, and the commit is the newest there is.
        """


class TimeTravel(Protocol):
    """What stood when in a lake; answered without attaching it."""

    def commit_at(self, moment: datetime) -> int | None:
        """The newest commit at a moment (with its zone), None where there was none yet."""

    def newest_commit(self) -> int | None:
        """None where there is no lake yet."""

    def is_there(self, commit: int) -> bool:
        """Whether a commit can still be read: old ones are removed for good."""

    def publication_of(self, commit: int) -> int:
        """The commit that published what the build of `commit` wrote; `commit` itself where there is none."""

    def published_by(self, build_id: str) -> int | None:
        """The commit in which a build published; None where it did not, or where that is gone."""

    def view_at(self, schema: str, name: str, commit: int) -> str | None:
        """The SQL of a consumers' view as it stood at a commit, None where there was none."""


class LakeUpkeep(Protocol):
    """What a lake holds, and the removal of it. For the holder of the lease only. Raises `EngineError`."""

    def inventory(self) -> Inventory: ...

    def drop(self, tables: Sequence[str], info: CommitInfo) -> int:
        """Drop tables in one commit, which is returned."""

    def rewrite(self, tables: Sequence[TableWrite], info: CommitInfo) -> int:
        """Put new tables in place of those of their names, in one commit, which is returned."""

    def merge(self, table: str) -> int:
        """Make one file of a table's small ones; every commit reads as before. Returns the newest commit."""

    def expire(self, commits: Iterable[int], floors: Mapping[int, int | None]) -> None:
        """Forget commits but the newest, and tables (by id) below the commits in `floors`, at all of them for None."""

    def sweep(self) -> None:
        """Remove files that no commit sees, those of writes that were cut off too; done twice it does nothing."""


class StateUpkeep(Protocol):
    def holdings(self, target: str) -> Holdings: ...

    def expire(self, expired: Expired, event: Event) -> None:
        """Mark commits as gone for good, forget publications that cannot be gone back to, and log it."""

    def apply_publication(self, publication: Publication, commit: int) -> None:
        """As `StateStore` does."""

    def forget(self, forgotten: Forgotten, event: Event) -> None:
        """Take erased rows out of what is kept beside the lake, mark commits as gone, and log it."""


class ArtifactUpkeep(Protocol):
    def stored(self) -> dict[str, int]:
        """sha256 → bytes of everything that is stored."""

    def remove(self, sha256: str) -> None: ...


class Lease(Protocol):
    """At most one writer per lake, across processes."""

    def acquire(self, wait_seconds: float) -> None:
        """Take the lease, waiting up to `wait_seconds`. Raises `ProjectError` E604 naming the holder."""

    def release(self) -> None:
        """Give it back; without effect where it is not held."""


class StateReader(Protocol):
    """What a target holds. Reading never writes, and an absent state reads as empty. `known` changes no result."""

    def load(self, target: str, known: KnownNodes | None = None) -> TargetState: ...

    def history(self, node: str, target: str) -> list[Commit]:
        """Commits of a group, oldest first."""

    def model_versions(self, target: str, name: str | None = None) -> list[ModelVersion]:
        """All registered versions, ordered by name, version, run."""

    def training_datasets(self, target: str, view: str) -> list[TrainingDataset]:
        """All of a view, oldest first."""

    def builds(self, target: str, limit: int = 20) -> list[BuildRecord]:
        """Newest first."""

    def events(self, target: str) -> list[Event]:
        """Oldest first."""


class PublicationLog(Protocol):
    def publications(self, target: str) -> list[Publication]:
        """Everything that was ever published, oldest first."""


class AliasStore(Protocol):
    def move_alias(self, alias: str, event: Event) -> None:
        """Let `name@alias` mean the version in the event's detail `to` (None: nothing), and log the event.

        `from` is added to the detail. Without effect on anything but the alias and the log.
        """


class StateStore(Protocol):
    """Writes of a build, each in a transaction of its own."""

    def begin_build(self, build: BuildRecord) -> None:
        """Write down the build and its pending steps; builds of the target still `running` become `killed`."""

    def record_steps(self, build_id: str, results: Sequence[StepResult]) -> None:
        """Update the steps of a build by (node, action)."""

    def end_build(self, build_id: str, status: str, at: str) -> None: ...

    def apply_publication(self, publication: Publication, commit: int) -> None:
        """Bring state up to a publication; idempotent: applying it twice changes nothing."""

    def register_model(
        self, target: str, manifest: ModelManifest, manifest_hash: str, evaluation: Evaluation, at: str
    ) -> ModelVersion:
        """The next run of the manifest's model; also publishes the model's definition. Unique whoever races."""

    def add_evaluation(self, target: str, version: ModelVersion, node: ModelNode, evaluation: Evaluation) -> None:
        """Append evidence, and publish the model's definition with its new metrics and tests.

        A version of another target is taken over: it is one of this target's, and current, from then on.
        """


@dataclass(frozen=True)
class Predictions:
    """`labels` per row, in the label's own values; `probabilities` (rows × classes) for classifiers that have them.

    `scores` are the decision values (rows, or rows × classes) of classifiers that have those instead.
    """

    labels: np.ndarray[Any, Any]
    probabilities: np.ndarray[Any, Any] | None = None
    classes: tuple[Any, ...] | None = None
    scores: np.ndarray[Any, Any] | None = None


@dataclass(frozen=True)
class Fitted:
    """A trained estimator in memory; `classes` in the label's own values, `warnings` what its library said of it.

    Values of `hidden` columns are quoted by no message.
    """

    estimator: Any
    path: str
    task: str
    classes: tuple[Any, ...] | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


class Trainer(Protocol):
    """One machine-learning library."""

    def fit(
        self,
        model: ModelNode,
        info: EstimatorInfo,
        features: pd.DataFrame,
        label: pd.Series[Any],
        weights: pd.Series[float] | None = None,
    ) -> Fitted:
        """Train, on rows that weigh so much. Raises `ProjectError` E605 with the library's own words."""

    def predict(self, fitted: Fitted, features: pd.DataFrame) -> Predictions: ...

    def save(self, fitted: Fitted) -> dict[str, bytes]:
        """File name → content; no pickle."""

    def load(self, model: ModelNode, files: Mapping[str, bytes], classes: tuple[Any, ...] | None) -> Fitted:
        """The inverse of `save`; types outside our own list are refused with E609."""


class EstimatorCatalog(Protocol):
    def describe(self, path: str) -> EstimatorInfo:
        """Raises `LookupError` with a message where there is no such class."""

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that estimators come from, by distribution name; part of every cache key."""


class ArtifactStore(Protocol):
    def put(self, name: str, content: bytes) -> str:
        """Store under its sha256, whole or not at all; returns the sha256."""

    def get(self, name: str, sha256: str) -> bytes:
        """Raises `ProjectError` E609 where it is absent or its content does not have this hash."""
