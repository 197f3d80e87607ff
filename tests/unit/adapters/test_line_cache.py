"""A cache may be deleted, damaged or of another version at any time; then what it said is found out again."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlproj.adapters.line_cache import LineCache

VERSIONS = {"duckdb": "1.5.5"}


def _kept(path: Path, **entries: object) -> None:
    cache = LineCache(path, VERSIONS)
    for key, value in entries.items():
        cache[key] = value
    cache.save()


def test_what_was_saved_is_there_next_time_beside_what_came_later(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "found.jsonl"
    _kept(path, first={"b": [1, 2.5, None], "a": "ä\t\n"})
    _kept(path, second=True)

    found = LineCache(path, VERSIONS)

    assert dict(found) == {"first": {"b": [1, 2.5, None], "a": "ä\t\n"}, "second": True}
    assert list(found["first"]) == ["b", "a"], "in the order in which it was"
    assert "third" not in found
    assert found.get("third") is None


def test_nothing_is_written_before_it_is_saved_or_where_nothing_is_new(tmp_path: Path) -> None:
    cache = LineCache(tmp_path / "found.jsonl", VERSIONS)
    cache["first"] = 1
    assert not (tmp_path / "found.jsonl").exists()
    cache.save()
    before = (tmp_path / "found.jsonl").read_bytes()
    LineCache(tmp_path / "found.jsonl", VERSIONS).save()
    assert (tmp_path / "found.jsonl").read_bytes() == before


def test_another_version_knows_nothing_and_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    _kept(path, first=1)
    newer = LineCache(path, {"duckdb": "1.6"})
    assert dict(newer) == {}
    newer["second"] = 2
    newer.save()
    assert dict(LineCache(path, {"duckdb": "1.6"})) == {"second": 2}
    assert dict(LineCache(path, VERSIONS)) == {}


@pytest.mark.parametrize("cut", [1, 5, 20, 30])
def test_a_line_that_was_cut_short_is_absent_and_damages_no_other(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "found.jsonl"
    _kept(path, first=1)
    _kept(path, second="two")
    path.write_bytes(path.read_bytes()[:-cut])
    assert "second" not in LineCache(path, VERSIONS)

    _kept(path, third=3)
    assert dict(LineCache(path, VERSIONS)) == {"first": 1, "third": 3}


def test_a_value_that_somebody_changed_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    _kept(path, first=[1], second=[2])
    path.write_bytes(path.read_bytes().replace(b"[1]", b"[3]"))
    assert dict(LineCache(path, VERSIONS)) == {"second": [2]}


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"{}", b"\n\n\n"])
def test_a_file_that_is_no_cache_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "found.jsonl"
    path.write_bytes(content)
    _kept(path, first=1)
    assert dict(LineCache(path, VERSIONS)) == {"first": 1}


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    cache = LineCache(tmp_path / "file" / "found.jsonl", VERSIONS)
    cache["first"] = 1
    cache.save()
    assert cache["first"] == 1
