"""Formatting, comments, capitals of keywords, order of keys and of files, folders: never a change of a definition."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproj.compiler import Manifest
from mlproj.state import GroupNode
from tests.compilation import compile_folder, write_files

PROJECT = Path(__file__).parents[1] / "golden" / "manifests" / "small" / "project"
FILES = {p.relative_to(PROJECT).as_posix(): p.read_text(encoding="utf-8") for p in PROJECT.rglob("*") if p.is_file()}
GROUP_SQL = "feature_groups/spending.v1.sql"
KEYWORDS = {"select", "from", "join", "on", "as", "sum", "group", "by", "where", "and", "case", "when", "then", "end"}


class Yaml(yaml.SafeLoader):
    """Of the newer YAML, as mlproj's: `on` is a word."""


Yaml.yaml_implicit_resolvers = {k: [r for r in v if k not in "oO"] for k, v in Yaml.yaml_implicit_resolvers.items()}


def fingerprints(files: Mapping[str, str], name: str = "project") -> dict[str, Any]:
    """All fingerprints of all nodes and features."""
    with tempfile.TemporaryDirectory() as folder:
        root = write_files(Path(folder) / name, files)
        manifest = compile_folder(root, Path(folder) / "cache")
    return {node_id: found for node_id in manifest.nodes for found in [_of(manifest, node_id)]}


def _of(manifest: Manifest, node_id: str) -> Any:
    node = manifest.nodes[node_id]
    features = {f.name: (f.fingerprint, f.deep) for f in node.features} if isinstance(node, GroupNode) else {}
    return node.fingerprints.model_dump(), features


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    return fingerprints(FILES)


SPACE = st.sampled_from([" ", "\n", "\t", "  \n ", " /* sum(x) */ ", " -- from here\n", "\r\n"])


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_spaces_comments_and_capitals_of_sql(before: dict[str, Any], data: st.DataObject) -> None:
    words = re.findall(r"\{\{.*?\}\}|\S+", FILES[GROUP_SQL])
    written = []
    for word in words:
        kept = re.sub(r"[a-z]+", lambda m: _cased(m[0], data), word) if "{" not in word else word
        written += [data.draw(SPACE), kept]

    end = data.draw(st.sampled_from(["", ";", "\n;\n", "; -- done", "; /* done */\n"]))
    assert fingerprints({**FILES, GROUP_SQL: "".join(written) + end}) == before


def _cased(word: str, data: st.DataObject) -> str:
    return data.draw(st.sampled_from([word, word.upper(), word.title()])) if word in KEYWORDS else word


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_order_of_keys_and_style_of_yaml(before: dict[str, Any], data: st.DataObject) -> None:
    flow = data.draw(st.booleans())
    changed = {
        path: "# a comment\n" + yaml.safe_dump(_shuffled(yaml.load(text, Yaml), data), sort_keys=False,
                                               default_flow_style=flow, allow_unicode=True)
        if path.endswith(".yml") else text
        for path, text in FILES.items()
    }  # fmt: skip
    assert fingerprints(changed) == before


def _shuffled(value: Any, data: st.DataObject) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(value[key], data) for key in data.draw(st.permutations(list(value)))}
    return [_shuffled(item, data) for item in value] if isinstance(value, list) else value


def test_files_and_folders_of_any_name(before: dict[str, Any]) -> None:
    resources: dict[str, list[Any]] = {}
    for path, text in FILES.items():
        if path.endswith(".yml") and path != "mlproj.yml":
            for kind, items in yaml.load(text, Yaml).items():
                resources.setdefault(kind, []).extend(items)
    one = {kind: items[::-1] for kind, items in reversed(resources.items())}
    moved = {p.replace("feature_groups/", "deep/er/"): t for p, t in FILES.items() if p.endswith(".sql")}

    together = {**moved, "mlproj.yml": FILES["mlproj.yml"], "deep/er/all.yml": yaml.safe_dump(one, allow_unicode=True)}
    assert fingerprints(together, "another name, with ü") == before


def test_line_ends_and_byte_order_marks(before: dict[str, Any]) -> None:
    assert fingerprints({path: text.replace("\n", "\r\n") for path, text in FILES.items()}) == before
    assert fingerprints({path: "\ufeff" + text for path, text in FILES.items()}) == before


def test_line_ends_within_a_text_mean_nothing_either() -> None:
    sql = "select 1 as id, 'two\nlines' as note, {{ 1 }} as one"
    groups = "feature_groups:\n  - {name: notes, primary_key: [id]}\n"
    files = {"a.yml": groups, "notes.v1.sql": sql}

    assert fingerprints(files) == fingerprints({**files, "notes.v1.sql": sql.replace("\n", "\r\n")})


def test_other_spellings_of_types_and_macros(before: dict[str, Any]) -> None:
    respelled = FILES["feature_groups/income.yml"].replace("type: BIGINT", "type: long").replace("int8", "bigint")
    inline = FILES["feature_groups/income.v1.sql"].replace(
        "{{ clean('wage') }}", "(case when wage >= 0 then (wage) end)"
    )
    changed = {**FILES, "feature_groups/income.yml": respelled, "feature_groups/income.v1.sql": inline}

    assert respelled != FILES["feature_groups/income.yml"]
    assert fingerprints(changed) == before


@pytest.mark.parametrize(
    ("path", "old", "new", "node"),
    [
        (GROUP_SQL, "sum(p.amount)", "max(p.amount)", "feature_group:spending@1"),
        ("feature_groups/income.v1.sql", "'größer'", "'Größer'", "feature_group:income@1"),
        ("mlproj.yml", "17", "18", "feature_group:income@1"),
        ("macros/clean.sql", ">= 0", "> 0", "feature_group:income@1"),
        ("sources.yml", "wage: DOUBLE", "wage: FLOAT", "source:people"),
        ("sources.yml", '"?"', '"-"', "source:people"),
        ("feature_views/income.yml", "    split:", "    description: x\n    split:", "feature_view:income@1"),
        ("feature_views/income.yml", "age < 90", "age < 91", "feature_view:income@1"),
        ("models/income.yml", "500", "501", "model:income_model@1"),
    ],
)
def test_what_is_a_change_is_seen(before: dict[str, Any], path: str, old: str, new: str, node: str) -> None:
    assert old in FILES[path]
    assert fingerprints({**FILES, path: FILES[path].replace(old, new)})[node] != before[node]
