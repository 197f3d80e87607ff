"""However a project came to be what it is, a build leaves what a first build of it in an empty folder gives.

Edits, breaking ones among them, new data, and builds of parts follow each other at random.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlproj.diagnostics import ProjectError
from tests.lake_project import LakeProject, people
from tests.unit.planner.small_project import SQL, SmallProject, group, model, view

WARN = {"targets": {"dev": {"on_breaking": "warn"}}}
DATA = (people(), people()[::-1], people(70), [(*row[:3], "z", *row[4:]) for row in people()])
INCOME = (SQL, SQL + " where id > 5", SQL.replace("rich", "rich, 1 as one"), SQL.replace("city", "upper(city) as city"))
ADULTS = (
    "select id, age, pay, rich from {{ ref('income', version=1) }} where age >= 30",
    "select id, age, pay, rich from {{ ref('income', version=1) }} where age >= 40",
    "select id, age, pay * 2 as pay, rich, city from {{ ref('income', version=1) }} where age >= 30",
)
PARTS: tuple[tuple[str, ...], ...] = (
    ("income",), ("adults",), ("feature_group:adults",), ("+feature_view:adults",), ("kind:feature_view",),
    ("kind:model",), ("feature_group:income", "kind:model"), ("feature_group:income+1",),
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """What stands in the files; each number picks a variant."""

    data: int = 0
    income: int = 0
    adults: int = 0
    as_view: bool = False
    seed: int = 42
    more_views: bool = False
    described: bool = False

    def project(self) -> SmallProject:
        above = group("adults", materialized="view" if self.as_view else "table")
        views = [view(split={"seed": self.seed}), view("adults", base="adults@1", features=["pay"])]
        late = view("late", features=["pay"], label=None, filter="city <> 'a'")
        return SmallProject(
            [group(description="described" if self.described else ""), above],
            [*views, *([late] if self.more_views else [])],
            [model(), model("adult_model", feature_view="adults@1")],
            {"income@1": INCOME[self.income], "adults@1": ADULTS[self.adults]},
        )

    def put(self, folder: LakeProject) -> None:
        folder.put(self.project(), WARN)
        folder.data(DATA[self.data])


WORLDS = st.builds(
    World,
    data=st.integers(0, len(DATA) - 1),
    income=st.integers(0, len(INCOME) - 1),
    adults=st.integers(0, len(ADULTS) - 1),
    as_view=st.booleans(),
    seed=st.sampled_from((42, 7)),
    more_views=st.booleans(),
    described=st.booleans(),
)
MOVES = st.lists(st.tuples(WORLDS, st.sampled_from(PARTS)), min_size=1, max_size=2)


def left_by(folder: LakeProject) -> dict[str, Any]:
    """All that a build leaves for others, without the numbers that only say how it came about."""
    state = folder.state()
    groups = {n: folder.rows(f"select * from lake.dev.{n} order by id") for n in ("income_v1", "adults_v1", "adults")}
    datasets = {n: d.digest for n, d in state.training_datasets.items() if n in state.published}
    return {
        "groups": groups,
        "datasets": datasets,
        "trained on": {n: v.manifest.training_digest for n, v in state.model_versions.items()},
        "published": {
            n: (p.node.fingerprints, p.rows, p.digest, p.source_versions) for n, p in state.published.items()
        },
    }


def build_part(folder: LakeProject, part: tuple[str, ...]) -> None:
    """Parts whose parents stand otherwise are refused; what they leave is to be made good by the next build."""
    try:
        folder.build(select=part)
    except ProjectError as error:
        assert {d.code for d in error.diagnostics} <= {"E503"}  # noqa: PT017 - refusals are part of the story
    assert {d.code for d in folder.failures} <= {"E504"}


@settings(
    max_examples=3, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(moves=MOVES)
def test_history_leaves_no_trace(folder: LakeProject, moves: list[tuple[World, tuple[str, ...]]]) -> None:
    parent = Path(tempfile.mkdtemp(dir=folder.root.parent))
    old, fresh = LakeProject(parent / "old"), LakeProject(parent / "fresh")
    World().put(old)
    old.built()
    for world, part in moves:
        world.put(old)
        build_part(old, part)
    old.built()
    moves[-1][0].put(fresh)
    fresh.built()

    assert left_by(old) == left_by(fresh)
    assert old.plan().changes == ()
    shutil.rmtree(parent)
