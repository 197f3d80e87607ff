"""What stood when in a DuckLake, from its catalog alone."""

from __future__ import annotations

import json
from datetime import datetime

from mlproj.adapters.ducklake import DuckLake

_RECORDS = (
    "select snapshot_id, commit_extra_info from {catalog}ducklake_snapshot_changes "
    "where commit_extra_info is not null order by snapshot_id"
)
_VIEWS = (
    "select s.schema_name, v.view_name, v.begin_snapshot, v.end_snapshot, v.sql from {catalog}ducklake_view v "
    "join {catalog}ducklake_schema s on s.schema_id = v.schema_id order by v.begin_snapshot"
)
# What stands for the catalog's name in the SQL of a view.
_MARK = "{DUCKLAKE_CATALOG}"


class DuckLakePast:
    """`ports.TimeTravel`."""

    def __init__(self, lake: DuckLake) -> None:
        self._lake = lake

    def commit_at(self, moment: datetime) -> int | None:
        numbers = [number for number, at, *_rest in self._lake.commits() if datetime.fromisoformat(at) <= moment]
        return numbers[-1] if numbers else None

    def newest_commit(self) -> int | None:
        commits = self._lake.commits()
        return commits[-1][0] if commits else None

    def is_there(self, commit: int) -> bool:
        return any(number == commit for number, *_rest in self._lake.commits())

    def publication_of(self, commit: int) -> int:
        build = None
        for number, text in self._lake.catalog_rows(_RECORDS):
            record = _record(text) if number >= commit else {}
            if number == commit:
                build = record.get("build")
            published = record.get("publication")
            if build is not None and isinstance(published, dict) and published.get("build_id") == build:
                return int(number)
        return commit

    def published_by(self, build_id: str) -> int | None:
        for number, text in self._lake.catalog_rows(_RECORDS):
            published = _record(text).get("publication")
            if isinstance(published, dict) and published.get("build_id") == build_id:
                return int(number)
        return None

    def view_at(self, schema: str, name: str, commit: int) -> str | None:
        stood = [
            sql
            for space, view, begin, end, sql in self._lake.catalog_rows(_VIEWS)
            if (space, view) == (schema, name) and begin <= commit and (end is None or commit < end)
        ]
        return str(stood[-1]).replace(_MARK, "lake") if stood else None


def _record(text: str) -> dict[str, object]:
    """The JSON that a commit carries; nothing where it is none of ours."""
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
