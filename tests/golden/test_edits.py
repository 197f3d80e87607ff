"""Edits of SQL with the verdict of a careful reviewer: verdict, rules, and the features that mean something else.

`peers` is what others say of the same edit (benchmarks/edits_by_peers.py asks them). `reviewer: none` stands where we
are more cautious than a reader would be: the queries are the same in truth, and we do not see it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.adapters.file_sources import FileSources
from mlproj.compiler import Surroundings, compile_project
from mlproj.compiler.manifest import Manifest
from mlproj.loader import load
from mlproj.planner import diff
from tests.compilation import FixedEstimators, write_files
from tests.unit.planner.small_project import TODAY, published

FOLDER = Path(__file__).parent / "edits"
SOURCES = {
    "people": {"id": "BIGINT", "age": "BIGINT", "pay": "DOUBLE", "city": "VARCHAR", "seen": "TIMESTAMP",
               "rich": "BOOLEAN"},
    "orders": {"order_id": "BIGINT", "id": "BIGINT", "amount": "DECIMAL(10,2)", "item": "VARCHAR",
               "placed": "TIMESTAMP",
               "tags": "VARCHAR[]"},
}  # fmt: skip
NODE = "feature_group:edited@1"
_READS = re.compile(r"(\bfrom\s+|\bjoin\s+|,\s*)(people|orders)\b(?!\.)", re.IGNORECASE)
_binder, _memo = DuckDBBinder(), dict[str, Any]()


def edits() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{file.stem}: {edit['name']}", edit)
        for file in sorted(FOLDER.glob("*.yml"))
        for edit in yaml.safe_load(file.read_text(encoding="utf-8"))
    ]


EDITS = edits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edits")


def compiled(sql: str, key: list[str], folder: Path) -> Manifest:
    """A project of one group, whose query names the sources by `people` and `orders`."""
    text = _READS.sub(lambda m: f"{m[1]}{{{{ source('{m[2]}') }}}}", sql)
    sources = [{"name": n, "path": f"{n}.csv", "columns": c} for n, c in SOURCES.items()]
    groups = [{"name": "edited", "version": 1, "primary_key": key}]
    documents = {"sources.yml": {"sources": sources}, "groups.yml": {"feature_groups": groups}}
    files = {path: json.dumps(document) for path, document in documents.items()}
    root = write_files(folder, {**files, "edited.v1.sql": text})
    surroundings = Surroundings(_binder, FileSources(root, root / "cache"), FixedEstimators(), _memo)
    return compile_project(load(root, environment={}), surroundings)


def judged(edit: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What plan says: the verdict, the rules, the features that mean something else."""
    key = edit.get("key", ["id"])
    before, after = compiled(edit["before"], key, folder), compiled(edit["after"], key, folder)
    versions = {f"source:{name}": "v1" for name in SOURCES}
    changes = [c for c in diff(after, published(before), versions, as_of_date=TODAY) if c.node == NODE]
    # A source that is read for the first time is new data besides; that is no judgement of the edit.
    reasons = [r for c in changes for r in c.reasons if r.rule != "source_data_changed"]
    return {
        "verdict": changes[0].change if changes else "none",
        "rules": sorted({r.rule for r in reasons}),
        "features": sorted({r.feature for r in reasons if r.rule == "meaning_changed" and r.feature}),
    }


@pytest.mark.parametrize("edit", [e for _n, e in EDITS], ids=[n for n, _e in EDITS])
def test_edit(edit: dict[str, Any], folder: Path) -> None:
    wanted = {
        "verdict": edit["verdict"],
        "rules": sorted(edit.get("rules", [])),
        "features": sorted(edit.get("features", [])),
    }

    assert judged(edit, folder) == wanted


def test_the_corpus_is_what_the_docs_say() -> None:
    names = [name for name, _edit in EDITS]

    assert len(names) == len(set(names)) >= 120
    assert {edit["verdict"] for _name, edit in EDITS} == {"none", "metadata", "additive", "breaking"}
    assert all(edit["why"] and edit["before"] != edit["after"] for _name, edit in EDITS)
