"""Builds: what was to be done, what came of it, and the record that a publication leaves in the lake."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from mlproj.diagnostics import Span
from mlproj.state.noun import Noun
from mlproj.state.published import CommitKind, Made, RowChanges

Action = Literal["materialize", "merge", "append", "test", "train_data", "train", "publish", "drop", "rollback"]
# Those that give a group its rows.
ROW_ACTIONS: tuple[Action, ...] = ("materialize", "merge", "append")
StepStatus = Literal["pending", "ok", "failed", "skipped", "reused"]


class TestRun(Noun):
    """What came of one test: of data, of a model, or of a query on rows that were made up.

    `failures` counts failing rows, None where they cannot be counted; `message` says what was wrong. An `error` is a
    test that could not run.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    id: str
    description: str
    status: Literal["passed", "warned", "failed", "error"]
    failures: int | None = None
    message: str = ""
    span: Span | None = None


class FailedRows(Noun):
    """Some of the rows that a test failed for, of `failures` in all; values that JSON has no word for stand as text."""

    test: str
    description: str
    failures: int
    columns: tuple[str, ...]
    rows: tuple[tuple[JsonValue, ...], ...]


class StepResult(Noun):
    """One row of run_results (spec.md §3); a step that tests says what came of each of its `tests`."""

    node: str
    action: Action
    status: StepStatus
    seconds: float = 0.0
    rows: int | None = None
    commit: int | None = None
    message: str = ""
    model_version: str | None = None
    metrics: dict[str, dict[str, float]] | None = None
    warnings: tuple[str, ...] = ()
    tests: tuple[TestRun, ...] = ()


class JournalStep(StepResult):
    """A step as the journal has it: why it was planned, and the rows that it makes, before they are written."""

    reason: str = ""
    made: Made | None = None


class BuildRecord(Noun):
    """One build of a target.

    `status` is `running` until it ends; a killed build stays so until the next one sees it, and is told from one that
    runs by the lease, which nobody holds.
    """

    id: str
    target: str
    status: Literal["running", "ok", "failed", "killed"]
    author: str
    started_at: str
    ended_at: str | None = None
    steps: tuple[JournalStep, ...] = ()


class ViewMove(Noun):
    """A consumers' view and what it shows from now on; `sql` None drops it."""

    name: str  # within the target's schema: income_v1, income
    sql: str | None


class Event(Noun):
    """One line of the append-only log."""

    at: str
    target: str
    who: str
    what: str
    subject: str
    detail: dict[str, JsonValue] = {}


class Publication(Noun):
    """What one lake commit published: the record stands in the commit's extra info, and decides (versions.md §5).

    `published` and `training_datasets` are what state needs to catch up, as JSON by id; `removed` holds node ids.
    `kind` is what made its data commits, `changes` what these changed, by group id. A rollback also says what is
    current again: `current` maps view ids to numbers of training datasets and model ids to runs (0: none), `aliases`
    what `name@alias` means (None: nothing). `message` says what was done, where it was no build.
    `events` are written into the log with it: what was accepted, and why.
    """

    build_id: str
    target: str
    at: str
    author: str
    published: dict[str, JsonValue] = {}
    training_datasets: dict[str, JsonValue] = {}
    removed: tuple[str, ...] = ()
    kind: CommitKind = "build"
    changes: dict[str, RowChanges] = {}
    message: str = ""
    current: dict[str, int] = {}
    aliases: dict[str, str | None] = {}
    events: tuple[Event, ...] = ()
