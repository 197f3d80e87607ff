"""Whatever stands in a file, loading ends in a project or in diagnostics with a place."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.diagnostics import ProjectError
from mlproj.loader import load

GOOD = """\
sources:
  - &s {name: a, path: "{{ var('x') }}", format: csv, options: {skip: 1}, columns: {age: BIGINT}}
  - {<<: *s, name: b}
feature_groups:
  - name: g
    version: 1
    primary_key: [id]
    sql: g.sql
    features:
      - {name: id, type: BIGINT, tests: [not_null, {between: {min: 0}}, {accepted_values: [1, 2]}]}
feature_views:
  - name: v
    base: g@1
    joins: [{group: h@1, on: [id], features: ["*"], prefix: h_}]
    transformations: {id: [{impute_constant: {value: 0}}, standard_scaler]}
    split: {test: 0.2}
models:
  - {name: m, feature_view: v@1, estimator: a.B, params: {c: 1.5}, tests: [{metric: {name: f1, min: 0.5}}]}
"""
PROJECT = """\
name: p
mlproj_version: '>=0.1'
vars: {x: y, z: "{{ var('x') }}"}
targets:
  dev: {data: a}
  q: {state: 'sqlite:///x'}
"""
PIECES = [
    "- ", ": ", "[", "]", "{", "}", "*s", "&s ", "<<: ", "!x ", "? ", "|\n", "\n", "\t", "  ", '"', "'", "#", "---\n",
    "{{ ", " }}", "{% if %}", "{{ var('y') }}", "{{ env_var('Z') }}", "{{ [].x }}", "no", "1_0", "~", "1e9",
    "\x00", "é", "%",
    "name: ", "tests: ", "on: ", "2024-01-01", "!!set ", "*a", "-1", "null",
]  # fmt: skip


def _ends_well(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"mlproj.yml": "name: p\nvars: {x: y}\n", "g.sql": "select 1 as id", **files}.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", newline="")
        try:
            project = load(Path(folder), environment={})
        except ProjectError as error:
            found = error.diagnostics
        else:
            found = []
            assert all(source.locate(("name",)).path == "all.yml" for source in project.sources)
    assert all(d.span and d.span.line >= 1 and d.span.column >= 1 for d in found)
    assert all(d.code.startswith(("E1", "E2", "E30")) for d in found)


def _changed(text: str, changes: list[tuple[int, int, str]]) -> str:
    for place, gone, piece in changes:
        at = place % (len(text) + 1)
        text = text[:at] + piece + text[at + gone :]
    return text


CHANGES = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_resources(changes: list[tuple[int, int, str]]) -> None:
    _ends_well({"all.yml": _changed(GOOD, changes)})


@settings(max_examples=100, deadline=None)
@given(CHANGES)
def test_project_file(changes: list[tuple[int, int, str]]) -> None:
    _ends_well({"mlproj.yml": _changed(PROJECT, changes)})
