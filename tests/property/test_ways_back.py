"""Builds and rollbacks in any order read as a list of states that is copied from would: the naive model of history."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlproj.diagnostics import ProjectError
from tests.lake_project import LakeProject, Row, people
from tests.unit.planner.small_project import SmallProject, group

ADULTS = "select id, age from {{ ref('income', version=1) }} where age >= 40"
PROJECT = SmallProject([group(), group("adults")], sql={"adults@1": ADULTS})
DATA = tuple(people(size) for size in (50, 60, 70))
INCOME = "feature_group:income@1"
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("data"), st.integers(0, len(DATA) - 1)),
        st.tuples(st.sampled_from(["build", "resume"]), st.just(0)),
        st.tuples(st.sampled_from(["group", "all"]), st.integers(0, 9)),
    ),
    min_size=6,
    max_size=6,
)


@dataclass(frozen=True)
class Standing:
    """Which data each group's rows were computed from, and whether the first is held."""

    income: int
    adults: int
    held: bool = False


@dataclass
class Model:
    """`past` has what stood after each publication, oldest first."""

    files: int = 0
    now: Standing = field(default_factory=lambda: Standing(0, 0))
    past: list[Standing] = field(default_factory=lambda: [Standing(0, 0)])

    def move(self, then: Standing) -> None:
        self.now = then
        self.past.append(then)


def act(folder: LakeProject, model: Model, what: str, which: int) -> None:
    """One move, of the project and of the model."""
    if what == "data":
        model.files = which
        folder.data(DATA[which])
    elif what in {"build", "resume"}:
        resumes = what == "resume" and model.now.held
        published = bool(folder.build(resume=["income"] if resumes else []).results)
        income = model.now.income if model.now.held and not resumes else model.files
        after = Standing(income, income, model.now.held and not resumes)
        assert published or after == model.now
        if published:
            model.move(after)
    else:
        with folder.open() as project:
            builds = [p.build_id for p in project.session.store.publications("dev")]
            assert len(builds) == len(model.past)
            chosen = which % len(builds)
            try:
                if what == "group":
                    project.rollback("income", to=builds[chosen])
                else:
                    project.rollback(build=builds[chosen])
            except ProjectError as error:  # it is what stands already
                assert [d.code for d in error.diagnostics] == ["E530"]  # noqa: PT017 - a refusal is part of the story
                return
        then = model.past[chosen]
        model.move(then if what == "all" else replace(model.now, income=then.income, held=True))


def rows(index: int) -> list[Row]:
    return sorted((row[0], row[1]) for row in DATA[index])


@settings(
    max_examples=2, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(moves=MOVES)
def test_reading_is_reading_what_stood(folder: LakeProject, moves: list[tuple[str, int]]) -> None:
    root = Path(tempfile.mkdtemp(dir=folder.root.parent)) / "project"
    found, model = LakeProject(root), Model()
    found.put(PROJECT)
    found.data(DATA[0])
    found.built()
    for what, which in moves:
        act(found, model, what, which)
        assert found.rows("select id, age from lake.dev.income_v1 order by id") == rows(model.now.income)
        adults = [row for row in rows(model.now.adults) if row[1] >= 40]
        assert found.rows("select id, age from lake.dev.adults_v1 order by id") == adults
        assert [h.node for h in found.plan().held] == ([INCOME] if model.now.held else [])
    found.built()
    plan = found.plan()
    assert (plan.changes, plan.steps) == ((), ())
    shutil.rmtree(root)
