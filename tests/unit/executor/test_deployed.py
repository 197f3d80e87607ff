"""Rules 5 and 23: a wider type is additive for a group, and breaks the model that is deployed on the old one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlproj.diagnostics import ProjectError
from tests.lake_project import LakeProject, built_project
from tests.unit.planner.small_project import SQL, SmallProject, group, model, view

MODEL = "model:income_model@1"
NARROW, WIDE = (SQL.replace("age,", f"age::{kind} as age,") for kind in ("SMALLINT", "INTEGER"))
PROJECT = SmallProject([group()], [view()], [model()], {"income@1": NARROW})


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, no_training: None) -> LakeProject:
    return built_project(tmp_path_factory.mktemp("deployed") / "project", PROJECT)


@pytest.fixture
def built(original: LakeProject, tmp_path: Path) -> LakeProject:
    folder = original.copy(tmp_path / "project")
    folder.put(replace(PROJECT, sql={"income@1": WIDE}))
    return folder


def test_a_model_that_is_not_deployed_is_trained_again(built: LakeProject) -> None:
    assert built.changes()[MODEL] == "stale"
    built.built()

    assert [f.type for f in built.models()[-1].manifest.inputs] == ["INTEGER", "DOUBLE"]
    assert built.changes() == {}


def test_a_deployed_model_breaks_until_somebody_accepts_it_and_that_is_kept(built: LakeProject) -> None:
    with built.open() as project:
        project.model("income_model@1.1").promote("champion")

    change = next(c for c in built.plan().changes if c.node == MODEL)
    (reason,) = [r for r in change.reasons if r.change == "breaking"]
    assert (reason.rule, reason.feature) == ("type_widened", "age")
    assert "income_model@champion" in reason.message
    assert built.changes()["income@1"] == "additive"
    with pytest.raises(ProjectError) as caught:
        built.build()
    assert [d.node for d in caught.value.diagnostics] == [MODEL]

    built.built(accept_breaking={"income_model": "callers send integers"})

    with built.open() as project:
        events = project.session.reader.events("dev")
    (event,) = [e for e in events if e.what == "breaking_accepted"]
    assert (event.subject, event.detail["because"]) == (MODEL, "callers send integers")
    assert [v.id for v in built.models()] == ["income_model@1.1", "income_model@1.2"]
