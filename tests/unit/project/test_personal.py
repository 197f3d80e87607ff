"""No value of a column marked `pii: true` is printed, logged or kept to be looked at; what is taken out is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlproj.cli.context import Context
from mlproj.cli.documents import dataset_document, show_document
from mlproj.cli.failures_document import failures_document
from mlproj.diagnostics import ProjectError
from mlproj.project.diff import compare
from mlproj.project.diff.sides import sides_of
from tests.lake_project import LakeProject, people
from tests.unit.planner.small_project import MODEL, SmallProject, feature, group, model, view

SECRET = "hush"  # what every value of `city` holds
CITY = feature("city", pii=True, tests=[{"accepted_values": {"values": ["a"], "severity": "warn"}}])
VIEW = view(features=["age", "city"], transformations={"city": "label_encoder"})


def project(*groups: dict[str, Any], sql: str = "") -> SmallProject:
    return SmallProject([group(features=[CITY]), *groups], views=[VIEW], sql={"second@1": sql})


def secret_people(word: str) -> list[tuple[Any, ...]]:
    return [(*row[:3], f"{word} {row[3]}", *row[4:]) for row in people(30)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> LakeProject:
    found = LakeProject(tmp_path_factory.mktemp("personal") / "project")
    found.put(project())
    for word in ("once", SECRET):
        found.data(secret_people(word))
        found.built()
    return found


def test_previews_and_what_was_learnt_are_masked(built: LakeProject) -> None:
    with built.open() as opened:
        shown = [show_document(opened, n, None, 5) for n in ("feature_group:income", "feature_view:income")]
        card = dataset_document(opened, "income", None, "csv")

    text = json.dumps([*shown, card])
    assert SECRET not in text
    assert shown[0]["preview"]["rows"][0][shown[0]["preview"]["columns"].index("city")] == "***"
    assert card["statistics"]["values"]["city"] == [{"values": "***", "texts": "***"}]


def test_statistics_of_them_are_counts(built: LakeProject) -> None:
    with built.open() as opened:
        shown = [show_document(opened, n, None, 5, stats=True) for n in ("feature_group:income", "feature_view:income")]

    for document in shown:
        (city,) = [c for c in document["column_statistics"] if c["column"] == "city"]
        assert {n: v for n, v in city.items() if n != "type"} == {
            "column": "city", "count": 30, "nulls": 0, "distinct": 3,
        }  # fmt: skip
        assert "preview" not in document
    age = next(c for c in shown[0]["column_statistics"] if c["column"] == "age")
    assert (age["min"], age["max"], age["mean"], age["p50"]) == (20, 49, 34.5, 34.5)


@pytest.mark.parametrize("name", ["income(view)@1/td1", "income@1/td1", "feature_view:income/td1"])
def test_a_training_dataset_shows_what_it_keeps_of_each_split(built: LakeProject, name: str) -> None:
    with built.open() as opened:
        shown = show_document(opened, name, None, 5, stats=True)
        card = show_document(opened, name, None, 5)

    assert SECRET not in json.dumps([shown, card])
    lines = {(line["column"], line["split"]): line for line in shown["column_statistics"]}
    assert [key[1] for key in lines if key[0] == "age"] == [split for split, rows in shown["rows"].items() if rows]
    for split, rows in shown["rows"].items():
        if rows:
            assert set(lines["city", split]) == {"column", "split", "count", "nulls", "distinct"}
            assert lines["city", split]["count"] == rows
            assert lines["age", split]["max"] == shown["split_statistics"][split]["age"]["max"] <= 49
    assert (card["training_dataset"], card["label"]) == ("income@1/td1", "rich")
    assert "column_statistics" not in card


def test_a_training_dataset_that_is_not_there_is_an_error(built: LakeProject) -> None:
    with built.open() as opened:
        for name, as_of, code in (("income@1/td9", None, "E508"), ("incme@1/td1", None, "E508"),
                                  ("income@1/td1", "3", "E506")):  # fmt: skip
            with pytest.raises(ProjectError) as caught:
                show_document(opened, name, as_of, 5)
            assert caught.value.diagnostics[0].code == code


def test_a_source_is_previewed_masked(tmp_path: Path) -> None:
    folder = LakeProject(tmp_path / "p")
    folder.put(project())
    sources = json.loads((folder.root / "sources.yml").read_text(encoding="utf-8"))
    sources["sources"][0]["pii"] = ["city"]
    (folder.root / "sources.yml").write_text(json.dumps(sources), encoding="utf-8")
    folder.data(secret_people(SECRET))
    with folder.open() as opened:
        shown = [show_document(opened, "source:people", None, 5, stats=stats) for stats in (False, True)]

    assert SECRET not in json.dumps(shown)
    assert "***" in json.dumps(shown[0]["preview"])
    assert {"column": "city", "type": "VARCHAR", "count": 30, "nulls": 0, "distinct": 3} in shown[1][
        "column_statistics"
    ]


@pytest.mark.parametrize("stats", [False, True])
def test_a_source_that_cannot_be_read_is_told_so_and_not_quoted(tmp_path: Path, *, stats: bool) -> None:
    folder = LakeProject(tmp_path / "p")
    folder.put(SmallProject())
    sources = json.loads((folder.root / "sources.yml").read_text(encoding="utf-8"))
    sources["sources"][0]["pii"] = ["age"]
    (folder.root / "sources.yml").write_text(json.dumps(sources), encoding="utf-8")
    folder.data([(1, SECRET, 1, "a", "2026-01-01", True)])
    with folder.open() as opened, pytest.raises(ProjectError) as caught:
        show_document(opened, "source:people", None, 5, stats=stats)

    (told,) = caught.value.diagnostics
    assert told.code == "E603"
    assert SECRET not in told.message
    assert "'age'" in told.message


def test_a_diff_counts_changes_and_shows_none_of_the_values(built: LakeProject) -> None:
    with built.open() as opened:
        found = compare(*sides_of(opened, ["income"]), opened.session.engine)

    city = next(c for c in found.columns if c.name == "city")
    assert city.changed == 30
    assert city.new == {"count": 30, "nulls": 0, "distinct": 3}
    assert found.sample[0].values["city"] == ("***", "***")
    assert SECRET not in found.model_dump_json()


def test_rows_that_failed_a_test_are_kept_masked(built: LakeProject) -> None:
    with built.open() as opened:
        document = failures_document(opened, "income@1.city.accepted_values", 5)

    (test,) = document["tests"]
    assert (test["failures"], len(test["rows"])) == (30, 5)
    assert {row[test["columns"].index("city")] for row in test["rows"]} == {"***"}


def test_an_error_of_the_engine_does_not_quote_them(built: LakeProject) -> None:
    built.put(project(group("second"), sql="select id, city::BIGINT as n from {{ ref('income') }}"))

    assert built.build().status == "failed"

    (told,) = built.failures
    assert told.code == "E602"
    assert "a value cannot be converted" in told.message


def test_no_file_beside_the_data_holds_them(built: LakeProject) -> None:
    """Plans, results, failures, caches, and the state with its journal and log."""
    data = (".parquet", ".csv", ".tmp")
    files = [p for p in built.root.rglob("*") if p.is_file() and p.suffix not in data]

    holds = {p.name for p in files if SECRET.encode() in p.read_bytes()}

    # What was learnt of a training dataset, and the catalog's smallest and largest value of each file, are data.
    assert not [name for name in holds if not name.endswith((".db", ".sqlite", ".db-wal", ".sqlite-wal"))]
    assert any(p.name == "run_results.json" for p in files)


def test_the_command_knows_what_is_hidden_while_it_tells_an_error(built: LakeProject) -> None:
    context = Context(built.root, None, None, "text", quiet=False, debug=True)
    assert context.hidden == frozenset()  # before it has read anything
    assert context.project.root == built.root
    assert "city" in context.hidden
    context.close()


def test_a_model_knows_what_is_hidden_of_its_view() -> None:
    manifest = SmallProject([group(features=[CITY])], [VIEW], [model()]).compiled()

    assert manifest.model(MODEL).pii == ("city",)


def test_what_is_taken_out_is_whole(built: LakeProject, tmp_path: Path) -> None:
    assert {row[0] for row in built.group("income")} == {f"{SECRET} {city}" for city in "abc"}
