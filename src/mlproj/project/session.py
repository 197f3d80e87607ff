"""Opens adapters when they are first needed, and closes them all."""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.project.inputs import cache_dir

if TYPE_CHECKING:
    from mlproj.adapters.duckdb_engine import DuckDBEngine
    from mlproj.adapters.ducklake import DuckLake
    from mlproj.adapters.ducklake_history import DuckLakeHistory
    from mlproj.adapters.ducklake_past import DuckLakePast
    from mlproj.adapters.estimators import ChildProcessEstimators
    from mlproj.adapters.failed_rows import FailedRowsFolder
    from mlproj.adapters.file_artifacts import FileArtifacts
    from mlproj.adapters.lease import CatalogLease
    from mlproj.adapters.own_functions import EngineFunctions
    from mlproj.adapters.sources import Sources
    from mlproj.adapters.sql_state.reader import SqlReader
    from mlproj.adapters.sql_state.store import SqlState
    from mlproj.executor import Adapters
    from mlproj.specs import Target


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_build_id() -> str:
    """Sorts by time, and is unique: 20260131T120000-1a2b3c."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def author() -> str:
    """Who writes: MLPROJ_AUTHOR, else the login name."""
    try:
        return os.environ.get("MLPROJ_AUTHOR") or getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


class Session:
    """The adapters of one target."""

    def __init__(self, root: Path, target: Target) -> None:
        self.root, self.target = root, target
        self._stack = ExitStack()

    def close(self) -> None:
        self._stack.close()

    @cached_property
    def sources(self) -> Sources:
        from mlproj.adapters.sources import Sources

        return Sources(self.root, cache_dir(self.root), lambda: self.engine)

    @cached_property
    def estimators(self) -> ChildProcessEstimators:
        from mlproj.adapters.estimators import ChildProcessEstimators

        return ChildProcessEstimators(cache_dir(self.root), self.root)

    @cached_property
    def engine(self) -> DuckDBEngine:
        from mlproj.adapters.duckdb_engine import DuckDBEngine

        engine = DuckDBEngine(temp_directory=self.root / "target" / "scratch", memory=self.target.memory)
        self._stack.callback(engine.close)
        return engine

    @cached_property
    def own_functions(self) -> EngineFunctions:
        from mlproj.adapters.own_functions import EngineFunctions

        return EngineFunctions(self.root, self.engine)

    @cached_property
    def lake(self) -> DuckLake:
        from mlproj.adapters.ducklake import DuckLake

        return DuckLake(self.engine, self.target.catalog, self.target.data, self.root)

    @cached_property
    def tables(self) -> DuckLakeHistory:
        from mlproj.adapters.ducklake_history import DuckLakeHistory

        return DuckLakeHistory(self.engine, self.lake)

    @cached_property
    def past(self) -> DuckLakePast:
        from mlproj.adapters.ducklake_past import DuckLakePast

        return DuckLakePast(self.lake)

    @cached_property
    def reader(self) -> SqlReader:
        from mlproj.adapters.sql_state import open_reader

        if "store" in self.__dict__:
            return self.store
        reader = open_reader(self.target.state, self.root)
        self._closing(reader)
        return reader

    @cached_property
    def store(self) -> SqlState:
        from mlproj.adapters.sql_state import open_store

        store = open_store(self.target.state, self.root)
        self._closing(store)
        return store

    def _closing(self, thing: object) -> None:
        close: Callable[[], None] | None = getattr(thing, "close", None)
        if close:
            self._stack.callback(close)

    @cached_property
    def lease(self) -> CatalogLease:
        from mlproj.adapters.lease import CatalogLease

        lease = CatalogLease(self.target.catalog, self.root, author())
        self._stack.callback(lease.release)
        return lease

    @property
    def is_written_to(self) -> bool:
        """Whether somebody writes to the lake now."""
        from mlproj.adapters.lease import is_held

        return is_held(self.target.catalog, self.root)

    @cached_property
    def artifacts(self) -> FileArtifacts:
        from mlproj.adapters.file_artifacts import FileArtifacts

        return FileArtifacts(self.root / self.target.artifacts)

    @cached_property
    def failed_rows(self) -> FailedRowsFolder:
        from mlproj.adapters.failed_rows import FailedRowsFolder

        return FailedRowsFolder(self.root / "target" / "failures")

    def adapters(self) -> Adapters:
        """All of them, for a build."""
        from mlproj.adapters.trainers import trainer_for
        from mlproj.executor import Adapters

        return Adapters(
            engine=self.engine,
            lake=self.lake,
            tables=self.tables,
            lease=self.lease,
            state=self.store,
            store=self.store,
            aliases=self.store,
            log=self.store,
            sources=self.sources,
            artifacts=self.artifacts,
            trainer_for=lambda path: trainer_for(path, self.root),
            provide=self.own_functions.provide,
            explain_read_error=self.sources.explain_read_error,
            now=utc_now,
            author=author(),
            environment=dict(os.environ),
            keep_failed_rows=self.failed_rows.keep,
        )

    def database_files(self) -> list[str]:
        """Paths of the SQLite files that hold state and catalog, relative to the root."""
        return [self.target.state.removeprefix("sqlite:///"), self.target.catalog.removeprefix("sqlite:")]
