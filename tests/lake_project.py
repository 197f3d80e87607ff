"""A small project on disk with a real lake, engine and state, for tests of whole builds in this process."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlproj.adapters.ducklake import DuckLake
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.executor import RunResults
from mlproj.planner import Plan
from mlproj.ports import CommitInfo, TableWrite
from mlproj.project import Project
from mlproj.project.session import Session
from mlproj.state import ModelVersion, TargetState, TrainingDataset
from tests.contracts.fake_training import FrequencyTrainer
from tests.unit.planner.small_project import Estimators, SmallProject

Row = tuple[Any, ...]
_GROUP = "feature_group:"
HEADER = ("id", "age", "pay", "city", "seen", "rich")


def people(count: int = 60) -> list[Row]:
    """`count` people of three cities; every second one is rich."""
    return [
        (i, 20 + i % 50, round(1.5 * i, 2), "abc"[i % 3], f"2026-01-{1 + i % 28:02} 00:00:00", i % 2 == 0)
        for i in range(count)
    ]


@dataclass
class LakeProject:
    """Every call opens the project anew, as a command does. `failures` are the diagnostics of the last build."""

    root: Path
    target: str | None = None
    failures: list[Diagnostic] = field(default_factory=list)

    def put(self, project: SmallProject, settings: Mapping[str, Any] | None = None) -> None:
        project.write(self.root)
        if settings:
            text = json.dumps({"name": "small", **settings})
            (self.root / "mlproj.yml").write_text(text, encoding="utf-8")

    def write(self, files: Mapping[str, str]) -> None:
        """Files as they are, by name."""
        self.root.mkdir(exist_ok=True)
        for name, text in files.items():
            (self.root / name).write_text(text, encoding="utf-8")

    def refused(self) -> list[tuple[str, str]]:
        """Codes and messages of the errors of a plan, which has to be refused."""
        with pytest.raises(ProjectError) as caught:
            self.plan()
        return [(d.code, d.message) for d in caught.value.diagnostics if d.severity == "error"]

    def copy(self, root: Path) -> LakeProject:
        return LakeProject(shutil.copytree(self.root, root), self.target)

    def data(self, rows: Iterable[Row], header: Sequence[str] = HEADER, name: str = "people.csv") -> None:
        with (self.root / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)

    def open(self) -> Project:
        return Project(self.root, target=self.target)

    def plan(self, **options: Any) -> Plan:
        with self.open() as project:
            return project.plan(**options)

    def build(self, plan_file: Path | None = None, **options: Any) -> RunResults:
        """Raises `ProjectError` where the build is refused."""
        self.failures = []
        with self.open() as project:
            return project.build(plan_file, failed=self.failures.extend, **options)

    def built(self, **options: Any) -> dict[str, str]:
        """Build, which has to succeed; the status of each step, as `train_data feature_view:income@1` → `ok`.

        Groups are named without their kind: `materialize income@1`.
        """
        results = self.build(**options)
        assert results.status == "ok", [d.message for d in self.failures]
        return statuses(results)

    def retry(self, **options: Any) -> RunResults:
        self.failures = []
        with self.open() as project:
            return project.retry(failed=self.failures.extend, **options)

    def changes(self, **options: Any) -> dict[str, str]:
        """Node → what happened to it; groups are named without their kind."""
        return {c.node.removeprefix(_GROUP): c.change for c in self.plan(**options).changes}

    def rows(self, sql: str) -> list[Row]:
        """Rows of a query over the lake, as any consumer would run it."""
        with self.open() as project:
            project.session.lake.relation("")
            return project.session.engine.rows(sql)

    def group(self, name: str, version: int | None = None, as_of: int | None = None) -> list[Row]:
        """Rows of a published group by the Python API, sorted."""
        with self.open() as project:
            table = project.feature_group(name, version).arrow(as_of)
        return sorted((tuple(row.values()) for row in table.to_pylist()), key=repr)

    def state(self) -> TargetState:
        with self.open() as project:
            return project.state()

    def visible(self) -> TargetState:
        """The state as consumers see it: without the rows that failed builds have kept."""
        return self.state().model_copy(update={"kept": {}})

    def dataset(self, view: str) -> TrainingDataset:
        return self.state().training_datasets[f"feature_view:{view}"]

    def models(self) -> list[ModelVersion]:
        with self.open() as project:
            return project.models()

    def commits(self) -> list[tuple[int, str]]:
        """Number and message of all commits of the lake, beside those that made its schemas."""
        with self.open() as project:
            return [(number, message) for number, _at, _author, message in project.session.lake.commits() if message]


def statuses(results: RunResults) -> dict[str, str]:
    """The status of each step, as `materialize income@1` → `ok`."""
    return {f"{r.action} {r.node.removeprefix(_GROUP)}": r.status for r in results.results}


@contextmanager
def without_libraries() -> Iterator[None]:
    """Whoever builds meanwhile trains with the fake, which looks at the label only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlproj.adapters.trainers.trainer_for", lambda _path, _root=None: FrequencyTrainer())
        patch.setattr(Session, "estimators", property(lambda _self: Estimators()))
        yield


class Killed(BaseException):
    """What nobody catches, like the end of the process."""


@contextmanager
def failing_write(number: int, error: BaseException) -> Iterator[None]:
    """Of what is written to the lake meanwhile, the one with this number, from 0, fails."""
    whole, count = DuckLake.write, itertools.count()

    def write(lake: DuckLake, tables: Sequence[TableWrite], info: CommitInfo) -> int:
        if next(count) == number:
            raise error
        return whole(lake, tables, info)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckLake, "write", write)
        yield


def built_project(root: Path, project: SmallProject, settings: Mapping[str, Any] | None = None) -> LakeProject:
    """The project, built with sixty people."""
    found = LakeProject(root)
    found.put(project, settings)
    found.data(people())
    found.built()
    return found


def new_folder(root: Path) -> LakeProject:
    """An empty project folder with sixty people in people.csv."""
    found = LakeProject(root)
    root.mkdir()
    found.data(people())
    return found
