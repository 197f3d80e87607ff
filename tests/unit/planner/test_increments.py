"""What an incremental group is built upon: the rows that stand, as long as they are what its definition says."""

from __future__ import annotations

from typing import Any

import pytest

from mlproj.planner.increments import basis, row_action
from mlproj.state import Published
from tests.unit.planner.small_project import GROUP, SQL, SmallProject, group

KEPT_UP: dict[str, Any] = {"materialized": "incremental", "watermark": "seen"}
MORE = SQL.replace("age", "age, age + 1 as older")


def compiled(sql: str = SQL, **more: Any) -> Any:
    return SmallProject([group(**{**KEPT_UP, **more})], sql={"income@1": sql}).compiled().group(GROUP)


def stands(**more: Any) -> Published:
    place = {"table": "income__v1__a", "commit": 3}
    return Published(node=compiled(**more), build_id="b1", published_at="2026-01-01T00:00:00Z", **place)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, "same"),
        ({}, {"strategy": "append", "lookback": "1 day"}, "same"),
        ({}, {"sql": MORE}, "grown"),
        ({"sql": MORE}, {}, "grown"),
        ({}, {"sql": SQL.replace("age", "age + 1 as age")}, None),
        ({}, {"sql": f"{SQL} where age > 3"}, None),
        ({}, {"deleted": "rich"}, None),
        ({}, {"event_time": "seen"}, None),
        ({}, {"partition_by": ["city"]}, None),
        ({"materialized": "table", "watermark": None}, {}, None),
        ({}, {"materialized": "table", "watermark": None}, None),
    ],
)  # fmt: skip
def test_basis(before: dict[str, Any], after: dict[str, Any], found: str | None) -> None:
    assert basis(compiled(**after), stands(**before)) == found


def test_nothing_is_built_upon_what_is_not_there() -> None:
    assert basis(compiled(), None) is None
    assert basis(compiled(), stands().model_copy(update={"table": None})) is None


@pytest.mark.parametrize(
    ("before", "after", "full_refresh", "found"),
    [
        ({}, {}, False, "merge"),
        ({}, {"strategy": "append"}, False, "append"),
        ({"strategy": "append"}, {"strategy": "append", "sql": MORE}, False, "merge"),
        ({}, {}, True, "materialize"),
        ({}, {"sql": f"{SQL} where age > 3"}, False, "materialize"),
    ],
)
def test_action(before: dict[str, Any], after: dict[str, Any], full_refresh: bool, found: str) -> None:
    assert row_action(compiled(**after), stands(**before), full_refresh=full_refresh) == found
