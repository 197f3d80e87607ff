"""Views that join as of a time, built: training datasets, what makes them stale, and rows erased."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lake_project import LakeProject, new_folder, without_libraries
from tests.unit.planner.small_project import VIEW, SmallProject, group, model, view

VISITS = group("visits", primary_key=["id"], event_time="seen")
JOIN = {"group": "visits@1", "features": ["pay"], "prefix": "v_", "max_age": "7 days"}
SQL = {
    "income@1": "select id, age, pay, city, timestamptz '2026-01-20 00:00:00+00' as seen, rich"
    " from {{ source('people') }}",
    "visits@1": "select id % 30 as id, seen, pay, age from {{ source('people') }}",
}  # fmt: skip
ROW = "select id, v_pay from {} where id < 30 order by id"


def project(**join: object) -> SmallProject:
    views = [view(joins=[{**JOIN, **join}])]
    return SmallProject([group(event_time="seen"), VISITS], views, [model()], SQL)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeProject]:
    with without_libraries():
        folder = new_folder(tmp_path_factory.mktemp("as-of") / "project")
        folder.put(project())
        folder.built()
        yield folder


def naive(days: int) -> list[tuple[int, float | None]]:
    """Of each of thirty people the newest visit of the last days before the 20th; sixty rows, two visits each."""
    found = []
    for who in range(30):
        seen = {1 + i % 28: round(1.5 * i, 2) for i in (who, who + 30)}
        recent = [day for day in seen if 20 - days <= day <= 20]
        found.append((who, seen[max(recent)] if recent else None))
    return found


def test_the_training_dataset_holds_what_was_known(built: LakeProject) -> None:
    dataset = built.dataset("income@1")

    assert built.rows(ROW.format(f'lake.mlproj_data."{dataset.table}"')) == naive(7)
    assert built.changes() == {}


def test_another_age_is_another_version_of_the_view(built: LakeProject) -> None:
    built.put(project(max_age="3 days"))
    found = {c.node: (c.change, c.needs_bump) for c in built.plan().changes}
    built.put(project())

    assert found[VIEW] == ("breaking", True)
    assert built.changes() == {}
