"""Which columns are personal: marked so, and computed from what is, through groups and views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlproj.compiler.manifest import Manifest
from mlproj.diagnostics import ProjectError
from tests.compilation import compile_folder, write_files

COLUMNS = {"id": "BIGINT", "email": "VARCHAR", "age": "BIGINT"}
PEOPLE = "select id, lower(email) as mail, length(email) as long, age from {{ source('people') }}"
SECOND = "select id, mail || '!' as loud, long + 1 as longer, age + 1 as older from {{ ref('people') }}"


def compiled(folder: Path, *features: dict[str, Any], pii: list[str], **view: Any) -> Manifest:
    source = {"name": "people", "path": "people.csv", "columns": COLUMNS, "pii": pii}
    groups = [
        {"name": "people", "version": 1, "primary_key": ["id"], "features": list(features)},
        {"name": "second", "version": 1, "primary_key": ["id"]},
    ]
    views = [{"name": "all", "version": 1, "base": "second@1", "features": ["loud", "older"], **view}]
    text = yaml.safe_dump({"sources": [source], "feature_groups": groups, "feature_views": views})
    root = write_files(folder / "p", {"all.yml": text, "people.v1.sql": PEOPLE, "second.v1.sql": SECOND})
    return compile_folder(root, folder / "cache")


def marked(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    return {n.partition(":")[2]: node.pii for n, node in manifest.nodes.items() if node.pii}


def test_what_is_computed_from_personal_columns_is_personal_down_to_views(tmp_path: Path) -> None:
    found = compiled(tmp_path, pii=["email"])

    assert marked(found) == {
        "people": ("email",), "people@1": ("mail", "long"), "second@1": ("loud", "longer"), "all@1": ("loud",),
    }  # fmt: skip
    assert "W403" not in {w.code for w in found.warnings}


def test_a_feature_is_marked_by_itself(tmp_path: Path) -> None:
    found = compiled(tmp_path, {"name": "age", "pii": True}, pii=[])

    assert marked(found) == {"people@1": ("age",), "second@1": ("older",), "all@1": ("older",)}


def test_pii_false_ends_it_there_with_a_warning(tmp_path: Path) -> None:
    found = compiled(tmp_path, {"name": "long", "pii": False}, {"name": "age", "pii": False}, pii=["email"])

    assert marked(found)["people@1"] == ("mail",)
    assert marked(found)["second@1"] == ("loud",)
    (warning,) = [w for w in found.warnings if w.code == "W403"]
    assert "'long' is computed from source:people.email" in warning.message
    assert warning.span is not None
    assert warning.span.path == "all.yml"


def test_values_that_become_names_of_columns_are_warned_of(tmp_path: Path) -> None:
    chain = {"transformations": {"loud": "one_hot_encoder"}}

    assert [w.node for w in compiled(tmp_path, pii=["email"], **chain).warnings if w.code == "W403"] == [
        "feature_view:all@1"
    ]


def test_a_source_has_the_columns_that_it_marks(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        compiled(tmp_path, pii=["emial"])

    (told,) = caught.value.diagnostics
    assert (told.code, told.message) == ("E412", "pii 'emial' is no column of this source")
    assert "email" in (told.hint or "")


def test_a_mark_is_metadata_of_all_that_follows_from_it(tmp_path: Path) -> None:
    plain, private = (compiled(tmp_path / n, pii=p).nodes for n, p in (("a", []), ("b", ["email"])))

    for name in ("source:people", "feature_group:people@1", "feature_group:second@1", "feature_view:all@1"):
        old, new = plain[name].fingerprints, private[name].fingerprints
        assert (old.local, old.deep) == (new.local, new.deep)
        assert old.metadata != new.metadata
