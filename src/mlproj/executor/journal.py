"""What a build writes down: its steps before they run, what it is about to write into the lake, and what came of it.

A build that dies between the lake's commit and the next line of its journal has told before which commit that would be:
by the commit's message the next build finds the rows, and does not write them again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from mlproj.executor.workspace import GroupOutcome, Workspace
from mlproj.planner import Plan
from mlproj.planner.reuse import tests_fingerprint
from mlproj.ports import CommitInfo
from mlproj.state import BuildRecord, JournalStep, Made, StepResult, TargetState
from mlproj.state.runs import ROW_ACTIONS, Action

Commits = Iterable[tuple[int, str, str, str]]
Results = Mapping[tuple[str, Action], StepResult]


class Journal:
    """The journal of one build."""

    def __init__(self, plan: Plan, space: Workspace) -> None:
        self._space = space
        self._write = ""
        self._chunked: dict[str, Made] = {}
        self._store, self._build_id = space.adapters.store, space.build_id
        self._steps = {
            (s.node, s.action): JournalStep(node=s.node, action=s.action, status="pending", reason=s.reason)
            for s in plan.steps
        }

    def begin(self) -> None:
        record = BuildRecord(
            id=self._build_id,
            target=self._space.state.target,
            status="running",
            author=self._space.adapters.author,
            started_at=self._space.adapters.now(),
            steps=tuple(self._steps.values()),
        )
        self._store.begin_build(record)

    def end(self, status: str) -> None:
        self._store.end_build(self._build_id, status, self._space.adapters.now())

    def intend(self, node_id: str, made: Made) -> None:
        """One group is about to be written on its own, while others are computed."""
        planned = next(
            step for (node, action), step in self._steps.items() if node == node_id and action in ROW_ACTIONS
        )
        step = planned.model_copy(update={"made": made})
        if made.chunks:
            self._chunked[node_id] = made
        self._store.record_steps(self._build_id, [step])

    def note(self, results: Results, write: str | None = None) -> None:
        """What is known: at the seams, not at each of a thousand steps.

        `write` is the message of the commit that is to hold the rows which are in scratch space only.
        """
        self._write = self._write if write is None else write
        self._store.record_steps(self._build_id, [self._step(result, results) for result in results.values()])

    def close(self, results: Results) -> None:
        """What came of it, once it is published: rows need no mention then."""
        self._store.record_steps(self._build_id, list(results.values()))

    def _step(self, result: StepResult, results: Results) -> JournalStep:
        planned = self._steps.get((result.node, result.action))
        fields = {name: getattr(result, name) for name in StepResult.model_fields}
        # What a backfill has done stays done, also where it fails.
        made = self._made(result, results) if result.status in {"ok", "reused"} else self._chunked.get(result.node)
        made = None if result.action not in (*ROW_ACTIONS, "train_data") else made
        return JournalStep(**fields, reason=planned.reason if planned else "", made=made)

    def _made(self, result: StepResult, results: Results) -> Made | None:
        outcome = self._space.outcomes.get(result.node)
        if result.action in ROW_ACTIONS and outcome:
            test = results.get((result.node, "test"))
            passed = test is not None and test.status in {"ok", "reused"}
            made = journaled(outcome, self._write, tests_fingerprint(outcome.node) if passed else outcome.tested)
            before = self._space.state.published.get(result.node)
            more = {
                "column_digests": self._space.column_digests(result.node),
                "changes": outcome.changes,
                "since": before.commit if before else None,
            }
            return made.model_copy(update=more)
        frozen = self._space.datasets.get(result.node)
        if result.action != "train_data" or frozen is None:
            return None
        dataset = frozen.dataset
        commit = None if frozen.query else dataset.commit
        return Made(
            by=dataset.build_id, fingerprint=dataset.fingerprint, write=self._write if frozen.query else "",
            table=dataset.table, commit=commit, dataset=dataset,
        )  # fmt: skip


def journaled(outcome: GroupOutcome, write: str, tested: str = "") -> Made:
    """Rows of a group as the journal has them."""
    return Made(
        by=outcome.by,
        fingerprint=outcome.node.fingerprints.deep,
        write=write if outcome.table and outcome.commit is None else "",
        table=outcome.table,
        commit=outcome.commit,
        owner=outcome.owner,
        rows=outcome.rows,
        digest=outcome.digest,
        column_digests=outcome.column_digests,
        null_counts=outcome.null_counts,
        source_versions=outcome.source_versions,
        inputs=outcome.inputs,
        tested=tested,
        chunks=outcome.chunks,
        loaded=outcome.loaded,
    )


def commit_info(space: Workspace, what: str) -> CommitInfo:
    """What a lake commit of this build says of itself; with the build's id its message is unique."""
    message = f"{what} (build {space.build_id})"
    return CommitInfo(space.adapters.author, message, f'{{"build": "{space.build_id}"}}')


def settled(state: TargetState, commits: Commits, same_lake: Collection[str]) -> TargetState:
    """Kept rows with the commit that holds them; without those that never reached the lake, or are gone from it.

    So are the rows of other targets, of which only those are left that use the same lake.
    """
    by_message: dict[str, int] = {}
    known: set[int | None] = set()
    for commit, _at, _author, message in commits:
        by_message[message] = commit
        known.add(commit)
    kept: dict[str, Made] = {}
    for node_id, found in state.kept.items():
        made = _as_far_as_it_came(found, by_message)
        commit_of = made.commit if made.commit is not None or not made.write else by_message.get(made.write)
        if made.table is None:
            kept[node_id] = made
        elif commit_of in known:
            dataset = made.dataset and made.dataset.model_copy(update={"commit": commit_of})
            kept[node_id] = made.model_copy(update={"commit": commit_of, "dataset": dataset})
    neighbours = tuple(_in_lake(other, known) for other in state.neighbours if other.target in same_lake)
    return state.model_copy(update={"kept": kept, "neighbours": neighbours})


def _as_far_as_it_came(made: Made, by_message: Mapping[str, int]) -> Made:
    """A backfill with the chunks that reached the lake, where its rows as a whole did not."""
    whole = made.digest and (made.commit is not None or made.write in by_message)
    if not made.chunks or whole:
        return made
    lost = (i for i, chunk in enumerate(made.chunks) if chunk.write and chunk.write not in by_message)
    done = made.chunks[: next(lost, len(made.chunks))]
    commit = max((by_message[chunk.write] for chunk in done if chunk.write), default=None)
    return made.model_copy(update={"chunks": done, "commit": commit, "write": "", "digest": ""})


def _in_lake(other: TargetState, known: Collection[int | None]) -> TargetState:
    published = {n: p for n, p in other.published.items() if p.table is None or p.commit in known}
    datasets = {n: d for n, d in other.training_datasets.items() if d.commit in known}
    return other.model_copy(update={"published": published, "training_datasets": datasets})
