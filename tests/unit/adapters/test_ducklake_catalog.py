from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlproj.adapters.ducklake_catalog import FORMAT, iso_commits, newest_publication, read_catalog, resolve_catalog
from mlproj.diagnostics import ProjectError


def test_a_catalog_is_relative_to_the_project_or_absolute(tmp_path: Path) -> None:
    assert resolve_catalog("sqlite:a/c.sqlite", tmp_path) == tmp_path / "a" / "c.sqlite"
    assert resolve_catalog(f"sqlite:{tmp_path}/x.sqlite", Path("elsewhere")) == tmp_path / "x.sqlite"


def test_times_become_iso_in_utc() -> None:
    rows = [(1, "2026-11-23 13:44:19.039457+00", "me", "hi"), (2, "2026-11-23 15:44:19+02", None or "", "")]
    assert iso_commits(rows) == [
        (1, "2026-11-23T13:44:19.039457+00:00", "me", "hi"), (2, "2026-11-23T13:44:19+00:00", "", ""),
    ]  # fmt: skip


def test_the_newest_publication_is_the_first_that_is_one() -> None:
    record = json.dumps({"format": FORMAT, "publication": {"build_id": "b"}})
    rows = [(9, "no json"), (8, '"publication"'), (7, '{"note": "publication"}'), (6, record), (5, record)]
    assert newest_publication(rows, "c") == (6, record)
    assert newest_publication([], "c") is None


def test_a_newer_format_is_told_apart_from_a_damaged_one() -> None:
    newer = json.dumps({"format": FORMAT + 1, "publication": {}})
    with pytest.raises(ProjectError) as caught:
        newest_publication([(1, newer)], "c.sqlite")
    assert caught.value.diagnostics[0].code == "E611"
    assert "c.sqlite" in caught.value.diagnostics[0].message


@pytest.mark.parametrize(("damaged", "hint"), [(True, "restore the catalog"), (False, "can be written")])
def test_only_a_damaged_catalog_is_to_be_moved_away(tmp_path: Path, damaged: bool, hint: str) -> None:
    path = tmp_path / "catalog.sqlite"
    if damaged:
        path.write_bytes(b"no database" * 500)
    else:
        path.mkdir()

    with pytest.raises(ProjectError) as caught:
        read_catalog(path, "select 1")

    [found] = caught.value.diagnostics
    assert found.code == "E612"
    assert hint in str(found.hint)
