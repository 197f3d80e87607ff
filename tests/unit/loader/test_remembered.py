"""A file that was read before gives the same again, without being parsed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlproj.diagnostics import ProjectError
from mlproj.loader import LoadedProject, load, project

Write = Callable[[Mapping[str, str]], Path]
GROUP = """
feature_groups:
  - name: income   # people
    primary_key: [id]
    features:
      - {name: age, default: 1.0, tests: [not_null, {accepted_values: [1, two]}]}
      - name: job
        description: "two\\nlines"
"""
SOURCE = "sources:\n  - {name: census, path: data/*.csv, options: {sep: ';', skip: 2}}\n"
FILES = {"a.yml": SOURCE, "b/c.yml": GROUP, "b/income.v1.sql": "select 1"}


def _twice(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[LoadedProject, LoadedProject, list[str]]:
    """The project loaded twice with one memory, and the resource files that were parsed the second time."""
    memory: dict[str, Any] = {}
    first = load(root, environment={}, memory=memory)
    parsed, compose = [], project.compose

    def counting(path: str, *rest: Any) -> Any:
        parsed.append(path)
        return compose(path, *rest)

    monkeypatch.setattr(project, "compose", counting)
    return first, load(root, environment={}, memory=json.loads(json.dumps(memory))), parsed


def test_what_is_remembered_is_what_was_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, parsed = _twice(write(FILES), monkeypatch)

    assert parsed == []
    assert second == first
    for place in ((), ("name",), ("features", 0, "tests", 1), ("features", 1, "description")):
        assert second.feature_groups[0].locate(place) == first.feature_groups[0].locate(place)


def test_a_file_that_changed_is_read_and_the_others_are_not(write: Write) -> None:
    memory: dict[str, Any] = {}
    load(write(FILES), environment={}, memory=memory)
    known = len(memory)
    changed = load(write({"a.yml": SOURCE.replace("census", "people")}), environment={}, memory=memory)

    assert [s.spec.name for s in changed.sources] == ["people"]
    assert [g.spec.name for g in changed.feature_groups] == ["income"]
    assert len(memory) == known + 1


def test_what_a_variable_decides_is_rendered_each_time(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "a.yml": SOURCE.replace("data/*.csv", "\"{{ env_var('DIR', 'x') }}\""),
        "b/c.yml": GROUP,
        "b/income.v1.sql": "",
    }
    first, second, parsed = _twice(write(files), monkeypatch)
    assert parsed == ["a.yml"]
    assert second == first


@pytest.mark.parametrize(
    "files",
    [
        {"d.yml": SOURCE},  # E303: a second census
        {"d.yml": SOURCE.replace("census", "Census")},  # E303, in capitals
        {"b/d.yml": GROUP.replace("income", "jobs")},  # E105: no SQL
        {"d.yml": SOURCE.replace("path", "paht")},  # E201 and E203
        {"d.yml": "sources: [1]\n"},  # E107
    ],
)
def test_errors_are_told_again_at_their_places(write: Write, files: Mapping[str, str]) -> None:
    root = write({**FILES, **files})
    memory: dict[str, Any] = {}
    told = []
    for _run in range(2):
        with pytest.raises(ProjectError) as caught:
            load(root, environment={}, memory=memory)
        told.append(caught.value.diagnostics)
    assert told[1] == told[0]
    assert told[0]
