"""Reads what a target holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from mlproj.adapters.sql_state.database import Database
from mlproj.adapters.sql_state.migrations import HEAD
from mlproj.adapters.sql_state.revisions import first_value, stored_revision
from mlproj.adapters.sql_state.snapshot import Snapshot
from mlproj.state import BuildRecord, Commit, Event, ModelVersion, Publication, TargetState, TrainingDataset
from mlproj.state.published import KnownNodes


class SqlReader:
    """Implements `ports.StateReader` and `ports.PublicationLog`.

    Every method reads one snapshot, and nothing at all where there is no file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, target: str, known: KnownNodes | None = None) -> TargetState:
        with self._snapshot() as snapshot:
            return snapshot.load(target, known) if snapshot else TargetState(target=target)

    def history(self, node: str, target: str) -> list[Commit]:
        with self._snapshot() as snapshot:
            return snapshot.history(node, target) if snapshot else []

    def model_versions(self, target: str, name: str | None = None) -> list[ModelVersion]:
        with self._snapshot() as snapshot:
            return snapshot.model_versions(target, name) if snapshot else []

    def training_datasets(self, target: str, view: str) -> list[TrainingDataset]:
        with self._snapshot() as snapshot:
            return snapshot.training_datasets(target, view) if snapshot else []

    def builds(self, target: str, limit: int = 20) -> list[BuildRecord]:
        with self._snapshot() as snapshot:
            return snapshot.builds(target, limit) if snapshot else []

    def events(self, target: str) -> list[Event]:
        with self._snapshot() as snapshot:
            return snapshot.events(target) if snapshot else []

    def publications(self, target: str) -> list[Publication]:
        with self._snapshot() as snapshot:
            return snapshot.publications(target) if snapshot else []

    def all_commits(self, target: str) -> list[Commit]:
        """Of every group there ever was, oldest first."""
        with self._snapshot() as snapshot:
            return snapshot.all_commits(target) if snapshot else []

    def all_datasets(self, target: str) -> list[TrainingDataset]:
        """Of every view there ever was."""
        with self._snapshot() as snapshot:
            return snapshot.all_datasets(target) if snapshot else []

    @contextmanager
    def _snapshot(self) -> Iterator[Snapshot | None]:
        """What the tables hold at one moment; None where nothing was ever written."""
        if not self._database.exists:
            yield None
            return
        with self._database.reading() as connection:
            revision = stored_revision(self._database, first_value(connection.execute))
            if revision not in {None, HEAD}:  # reading never writes, so that it cannot be brought up to date here
                raise self._database.outdated(f"revision {revision}, this one reads {HEAD}")
            try:
                yield Snapshot(connection) if revision else None
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                place = ".".join(str(part) for part in first["loc"])
                reason = f"its {error.title} has a part that mlproj did not write ({place}: {first['msg']})"
                raise self._database.unreadable(reason) from error
