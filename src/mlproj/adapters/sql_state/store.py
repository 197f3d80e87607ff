"""Writes of builds: each method is one transaction. SQLAlchemy is imported by the first that has something to write."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from mlproj.adapters.sql_state.reader import SqlReader
from mlproj.diagnostics import fail
from mlproj.state import (
    BuildRecord,
    Evaluation,
    Event,
    ModelManifest,
    ModelNode,
    ModelVersion,
    Publication,
    Published,
    StepResult,
    TrainingDataset,
)
from mlproj.state.garbage import Expired, Forgotten

_ATTEMPTS = 100


class SqlState(SqlReader):
    """Implements `ports.StateStore` and `ports.StateReader`. A context manager that closes itself."""

    def begin_build(self, build: BuildRecord) -> None:
        from mlproj.adapters.sql_state import writes

        with self._database.writing() as connection:
            writes.begin_build(connection, build)

    def record_steps(self, build_id: str, results: Sequence[StepResult]) -> None:
        from mlproj.adapters.sql_state import writes

        with self._database.writing() as connection:
            writes.put_steps(connection, build_id, results)

    def end_build(self, build_id: str, status: str, at: str) -> None:
        from mlproj.adapters.sql_state import writes

        with self._database.writing() as connection:
            writes.end_build(connection, build_id, status, at)

    def apply_publication(self, publication: Publication, commit: int) -> None:
        """Raises `ProjectError` E612 for a record that is not what this mlproj writes; nothing is applied then.

        One that was applied before costs a look, so that every command may ask for the newest.
        """
        with self._snapshot() as snapshot:
            if snapshot and snapshot.applied(publication.target, publication.build_id):
                return
        from mlproj.adapters.sql_state import writes

        published, datasets = _payload(publication)
        with self._database.writing() as connection:
            writes.apply_publication(connection, publication, commit, published, datasets)

    def register_model(
        self, target: str, manifest: ModelManifest, manifest_hash: str, evaluation: Evaluation, at: str
    ) -> ModelVersion:
        from sqlalchemy.exc import IntegrityError

        from mlproj.adapters.sql_state import writes

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._database.writing() as connection:
                    return writes.register_model(connection, target, manifest, manifest_hash, evaluation, at)
            except IntegrityError:  # another writer took the number; where writers wait for each other none does
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def add_evaluation(self, target: str, version: ModelVersion, node: ModelNode, evaluation: Evaluation) -> None:
        from mlproj.adapters.sql_state import writes

        with self._database.writing() as connection:
            writes.add_evaluation(connection, target, version, node, evaluation)

    def move_alias(self, alias: str, event: Event) -> None:
        """`ports.AliasStore`."""
        from mlproj.adapters.sql_state import writes

        with self._database.writing() as connection:
            writes.move_alias(connection, alias, event)

    def expire(self, expired: Expired, event: Event) -> None:
        """Mark commits as gone, forget publications that nobody can go back to, and log why."""
        from mlproj.adapters.sql_state import upkeep_writes

        with self._database.writing() as connection:
            upkeep_writes.expire(connection, expired, event)

    def forget(self, forgotten: Forgotten, event: Event) -> None:
        """Take what was erased out of training datasets, examples of models and publications, and log it."""
        from mlproj.adapters.sql_state import upkeep_writes

        with self._database.writing() as connection:
            upkeep_writes.forget(connection, forgotten, event)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _payload(publication: Publication) -> tuple[dict[str, Published], list[TrainingDataset]]:
    try:
        published = {id_: Published.model_validate(row) for id_, row in publication.published.items()}
        return published, [TrainingDataset.model_validate(row) for row in publication.training_datasets.values()]
    except ValidationError as error:
        message = f"the lake's record of build {publication.build_id} cannot be read: {error.error_count()} errors"
        raise fail("E612", message, hint="upgrade mlproj", exit_code=1) from error
