"""What the executor acts with: one of each port, and who and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mlproj.ports import (
    AliasStore, ArtifactStore, Engine, EngineError, Lake, Lease, PublicationLog, SourceReader, StateReader, StateStore,
    TableHistory, Trainer,
)  # fmt: skip
from mlproj.state import FailedRows, SourceNode, Step

# Rows of files beyond this many bytes are written straight into the lake instead of being computed in memory first.
SCRATCH_LIMIT = 1 << 30


@dataclass(frozen=True)
class Adapters:
    """`trainer_for` picks by an estimator's import path; `provide` makes what chains of transformations call in the
    project's own Python callable in SQL; `now` gives UTC as ISO text; `explain_read_error` gives
    (message, hint) for a failure while a source was read, or None where the error is not about it. `keep_failed_rows`
    puts what tests of a node failed for where the user can look at it, in place of what was there before.
    """

    engine: Engine
    lake: Lake
    tables: TableHistory
    lease: Lease
    state: StateReader
    store: StateStore
    aliases: AliasStore
    log: PublicationLog
    sources: SourceReader
    artifacts: ArtifactStore
    trainer_for: Callable[[str], Trainer]
    provide: Callable[[Mapping[str, Sequence[Step]]], None]
    explain_read_error: Callable[[SourceNode, EngineError], tuple[str, str | None]]
    now: Callable[[], str]
    author: str
    environment: Mapping[str, str] = field(repr=False)
    keep_failed_rows: Callable[[str, Sequence[FailedRows]], None] = lambda _node, _rows: None
    scratch_limit: int = SCRATCH_LIMIT
