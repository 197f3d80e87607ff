"""Training datasets of every kind of split, in whole builds: which rows are frozen, and what makes them anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproj.cli.documents import card_document, dataset_document
from mlproj.cli.render.data_card import data_card

from tests.lake_project import LakeProject, Row, new_folder, people
from tests.unit.planner.small_project import SQL, SmallProject, group, view

GROUPS = [group(event_time="seen"), group("plain")]
TIMED = view(split={"by": "time", "test_from": "2026-01-22", "gap": "3 days"})
GROUPED = view("grouped", base="plain@1", passenger=["city"], split={"test": 0.4, "group_by": "city", "folds": 2})
STRATIFIED = view("stratified", base="plain@1", split={"test": 0.25, "validation": 0.25, "stratify": "label"})
PLAIN = {"plain@1": f"select *, age as fold from ({SQL})"}
PROJECT = SmallProject(GROUPS, [TIMED, GROUPED, STRATIFIED], sql=PLAIN)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> LakeProject:
    found = new_folder(tmp_path_factory.mktemp("splits") / "project")
    found.data([*people()[:-1], (59, 30, 1.0, "a", None, True)])
    found.put(PROJECT)
    found.built()
    return found


def frozen(folder: LakeProject, name: str, columns: str) -> list[Row]:
    dataset = folder.dataset(name)
    table = f'lake.mlproj_data."{dataset.table}" at (version => {dataset.commit})'
    return folder.rows(f"select {columns} from {table} order by all")


def test_a_split_by_time_leaves_out_the_gap_and_rows_without_a_time(built: LakeProject) -> None:
    dataset = built.dataset("income@1")
    days = {name: {i % 28 + 1 for i, s in frozen(built, "income@1", "id, split") if s == name} for name in dataset.rows}

    assert days["training"] == set(range(1, 19))
    assert days["test"] == set(range(22, 29))
    assert dataset.left_out == {"in the gap": 6, "without a time": 1}
    assert sum(dataset.rows.values()) + sum(dataset.left_out.values()) == 60


def test_a_group_is_on_one_side_and_in_one_fold(built: LakeProject) -> None:
    sides = set(frozen(built, "grouped@1", "city, split, fold"))

    assert len(sides) == 3
    assert all((fold is None) == (split != "training") for _city, split, fold in sides)
    with built.open() as project:
        assert "fold" in project.feature_view("grouped", 1).read().columns


def test_stratified_shares_are_exact(built: LakeProject) -> None:
    found = frozen(built, "stratified@1", "rich, split, count(*) over (partition by rich, split)")

    # 29 are not rich, 31 are: a quarter, and half of each to the nearest whole number.
    assert set(found) == {
        (False, "test", 7), (False, "validation", 8), (False, "training", 14),
        (True, "test", 8), (True, "validation", 8), (True, "training", 15),
    }  # fmt: skip


def test_statistics_of_every_column_and_split_stand_with_the_dataset(built: LakeProject) -> None:
    dataset = built.dataset("stratified@1")

    assert {s: c["age"]["count"] for s, c in dataset.column_statistics.items()} == dataset.rows
    assert dataset.column_statistics["test"]["rich"]["top"] == [["true", 8], ["false", 7]]
    assert set(dataset.column_statistics["training"]) == {"age", "pay", "rich"}


def test_a_data_card_says_what_the_rows_are(built: LakeProject, tmp_path: Path) -> None:
    with built.open() as project:
        document = dataset_document(project, "stratified@1", tmp_path, "arrow", card=True)
        card = card_document(project, "income@1")["card"]
    written = (tmp_path / "card.md").read_text(encoding="utf-8")

    assert [Path(path).name for path in document["files"]] == ["training.arrow", "validation.arrow", "test.arrow"]
    assert written.startswith("# Data card: stratified@1/td1\n")
    for line in (
        "| plain@1 | ",
        "| training | 29 | 48.3% |",
        "| true | 51.7% | 50.0% | 53.3% |",
        "| `pay` | feature |",
    ):
        assert line in written
    assert "Left out: 6 in the gap, 1 without a time." in card


def test_a_data_card_shows_no_value_of_personal_data(built: LakeProject) -> None:
    with built.open() as project:
        handle = project.feature_view("grouped", 1)
        shown, hidden = data_card(handle.node, handle.dataset), data_card(handle.node, handle.dataset, ("city", "rich"))

    assert "| `city` | passenger | VARCHAR | plain@1.city | 0.0% |" in shown
    assert "personal data" in hidden
    assert "## Label" in shown
    assert "## Label" not in hidden
    (line,) = [line for line in hidden.splitlines() if line.startswith("| `city`")]
    assert line.endswith("|  |  |  |  | personal data |")


@pytest.mark.parametrize("split", [
    {"by": "time", "test_from": "2026-01-22"},
    {"by": "time", "test": 0.2},
    {"group_by": ["id"], "seed": 7},
    {"stratify": "label"},
    {"folds": 3},
], ids=["gap", "shares", "seed", "stratify", "folds"])  # fmt: skip
def test_every_change_of_the_split_makes_a_new_dataset_and_no_other_view(
    built: LakeProject, split: dict[str, Any]
) -> None:
    built.put(replace(PROJECT, views=[{**TIMED, "split": split}, GROUPED, STRATIFIED]))
    plan = built.plan()

    assert [(c.node, [(r.rule, r.message) for r in c.reasons]) for c in plan.changes] == [
        ("feature_view:income@1", [("split_changed", "the split changed")])
    ]
    assert [s.node for s in plan.steps if s.action == "train_data"] == ["feature_view:income@1"]


def test_the_groups_decide_the_rows_though_they_are_no_feature(built: LakeProject) -> None:
    built.put(PROJECT)
    before = built.dataset("grouped@1")
    built.data([(*row[:3], "d" if row[3] == "a" else row[3], *row[4:]) for row in people()])
    built.built()

    assert built.dataset("grouped@1").row_fingerprint != before.row_fingerprint
    assert {city for (city,) in frozen(built, "grouped@1", "city")} == {"b", "c", "d"}


def test_a_column_called_fold_is_refused_where_there_are_folds(built: LakeProject) -> None:
    clash = view("clash", base="plain@1", features=["fold"], split={"folds": 2})
    built.put(replace(PROJECT, views=[*PROJECT.views, clash]))
    results = built.build()

    assert results.status == "failed"
    assert [d.code for d in built.failures] == ["E617"]
