"""A lake in memory that knows what stood when, and holds no rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mlproj.ports import CommitInfo, TableWrite
from mlproj.state import ViewMove


@dataclass
class MemoryLake:
    """`ports.Lake` and `ports.TimeTravel`; commits come a second apart."""

    _commits: list[CommitInfo] = field(default_factory=list)
    _views: list[tuple[int, str, ViewMove]] = field(default_factory=list)

    def write(self, tables: Sequence[TableWrite], info: CommitInfo) -> int:
        assert tables
        self._commits.append(info)
        return len(self._commits)

    def publish(self, schema: str, moves: Sequence[ViewMove], info: CommitInfo) -> int:
        self._commits.append(info)
        self._views += [(len(self._commits), schema, move) for move in moves]
        return len(self._commits)

    def relation(self, table: str, commit: int | None = None) -> str:
        return f'lake.mlproj_data."{table}"' + ("" if commit is None else f" at (version => {commit})")

    def last_publication(self, target: str | None = None, before: int | None = None) -> tuple[int, str] | None:
        commits = enumerate(self._commits[: None if before is None else before - 1], 1)
        found = [(n, c.extra) for n, c in commits if "publication" in c.extra]
        found = [(n, text) for n, text in found if target in {None, json.loads(text)["publication"].get("target")}]
        return found[-1] if found else None

    def commits(self) -> list[tuple[int, str, str, str]]:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return [
            (n, (start + timedelta(seconds=n)).isoformat(), info.author, info.message)
            for n, info in enumerate(self._commits, 1)
        ]

    def commit_at(self, moment: datetime) -> int | None:
        return max((n for n, at, *_rest in self.commits() if datetime.fromisoformat(at) <= moment), default=None)

    def newest_commit(self) -> int | None:
        return len(self._commits) or None

    def is_there(self, commit: int) -> bool:
        return 0 < commit <= len(self._commits)

    def publication_of(self, commit: int) -> int:
        records = {n: json.loads(info.extra) for n, info in enumerate(self._commits, 1)}
        build = records.get(commit, {}).get("build")
        later = [n for n, r in records.items() if n > commit and r.get("publication", {}).get("build_id") == build]
        return later[0] if build is not None and later else commit

    def published_by(self, build_id: str) -> int | None:
        records = {n: json.loads(info.extra) for n, info in enumerate(self._commits, 1)}
        return next((n for n, r in records.items() if r.get("publication", {}).get("build_id") == build_id), None)

    def view_at(self, schema: str, name: str, commit: int) -> str | None:
        moves = [move for n, space, move in self._views if (space, move.name) == (schema, name) and n <= commit]
        return moves[-1].sql if moves else None
