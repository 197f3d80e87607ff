"""History, reading as of then, and diff, by the installed command: three builds with known edits of the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.small_project import FILES, write

HEADER, *ROWS = FILES["data/orders.csv"].splitlines()

LARGE = {
    "feature_groups/large.yml": """\
feature_groups:
  - name: large
    version: 1
    primary_key: [order_id]
    materialized: view
    features: [{name: order_id, type: BIGINT}, {name: amount, type: DOUBLE}]
""",
    "feature_groups/large.v1.sql": "select order_id, amount from {{ ref('orders', version=1) }} where amount > 89",
}


def put(folder: Path, rows: dict[int, str | None]) -> None:
    """The data with some rows other than at first, by order_id; None leaves one out."""
    lines = {int(line.split(",")[0]): line for line in ROWS} | rows
    text = "\n".join([HEADER, *(line for line in lines.values() if line)]) + "\n"
    (folder / "data/orders.csv").write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Past:
    """A shop with three commits; `history` are its entries, as JSON."""

    folder: Path
    history: list[dict[str, Any]]

    def commit(self, number: int) -> str:
        return str(self.history[number]["commit"])


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """The second build changes orders 5 and 6, drops 7 and adds 61 and 62; the third adds 63."""
    folder = write(tmp_path_factory.mktemp("past") / "shop", LARGE)
    second: dict[int, str | None] = {5: "5,5,99.5,1", 6: "6,6,9.0,1", 7: None, 61: "61,1,1.0,0", 62: "62,1,,1"}
    for rows in ({}, second, {**second, 63: "63,2,2.0,1"}):
        put(folder, rows)
        outcome = ask(folder, "build")
        assert outcome.code == 0, outcome.err
    return Past(folder, ask(folder, "history", "orders@1").json["entries"])


def test_history_counts_what_each_commit_changed(past: Past) -> None:
    counts = [[e[name] for name in ("rows", "added", "changed", "deleted")] for e in past.history]

    assert counts == [[60, 60, 0, 0], [61, 2, 2, 1], [62, 1, 0, 0]]
    assert {(e["kind"], e["author"], e["expired"]) for e in past.history} == {("build", "ada", False)}
    assert [e["commit"] for e in past.history] == sorted(e["commit"] for e in past.history)


def test_history_as_text_and_markdown(past: Past) -> None:
    text = mlproj(past.folder, "history", "orders@1").out.splitlines()
    markdown = mlproj(past.folder, "--format", "markdown", "history", "orders@1").out.splitlines()

    assert text[0].split() == ["commit", "at", "kind", "rows", "added", "changed", "deleted", "author", "build"]
    assert text[3].split()[4:8] == ["61", "2", "2", "1"]
    assert markdown[0].startswith("| commit | at | kind | rows | added | changed | deleted |")
    assert len(mlproj(past.folder, "history").out.splitlines()) == 5, "without a node, the builds"


def keys(past: Past, node: str, as_of: str) -> set[int]:
    """The order_ids of a group as of then."""
    preview = ask(past.folder, "show", node, "--as-of", as_of, "--limit", "100").json["preview"]
    return {row[preview["columns"].index("order_id")] for row in preview["rows"]}


def test_a_group_is_read_as_of_a_commit_or_any_number_between(past: Past) -> None:
    first, second, third = (int(past.commit(i)) for i in range(3))
    assert second - first > 1, "a commit that moved the views lies between"

    assert keys(past, "orders@1", str(first)) == keys(past, "orders@1", str(second - 1)) == {*range(1, 61)}
    assert keys(past, "orders@1", str(second)) == {*range(1, 63)} - {7}
    assert keys(past, "orders@1", str(third)) == {*range(1, 64)} - {7}


def test_a_group_is_read_as_of_a_time(past: Past) -> None:
    times = [str(entry["at"]) for entry in past.history]

    assert keys(past, "orders@1", times[0]) == {*range(1, 61)}
    assert keys(past, "orders@1", times[1].replace("T", " ").removesuffix("Z")) == {*range(1, 63)} - {7}, "UTC"
    assert keys(past, "orders@1", times[1].removesuffix("Z") + "+00:00") == {*range(1, 63)} - {7}
    assert keys(past, "orders@1", "2999-01-01") == {*range(1, 64)} - {7}


def test_a_view_is_read_over_its_parents_of_then(past: Past) -> None:
    first, second, _third = (past.commit(i) for i in range(3))

    assert keys(past, "large@1", first) == {60}
    assert keys(past, "large@1", str(int(second) - 1)) == {60}
    assert keys(past, "large@1", second) == {5, 60}
    assert keys(past, "large@1", "2999-01-01") == {5, 60}


def test_training_data_is_that_of_then(past: Past, tmp_path: Path) -> None:
    def dataset(*words: str | Path) -> dict[str, Any]:
        return dict(ask(past.folder, "train-data", "orders@1", *words).json)

    assert dataset()["training_dataset"] == "orders@1/td3"
    assert dataset("--as-of", past.commit(1))["training_dataset"] == "orders@1/td2"
    assert dataset("--as-of", past.history[0]["at"])["training_dataset"] == "orders@1/td1"
    files = dataset("--as-of", past.commit(0), "--out", tmp_path / "out")["files"]
    assert sum(files.values()) == 60
    shown = ask(past.folder, "show", "feature_view:orders@1", "--as-of", past.commit(0)).json
    assert (shown["training_dataset"], shown["as_of"]) == ("orders@1/td1", f"commit {past.commit(0)}")


@pytest.mark.parametrize("node", ["show orders@1", "show large@1", "train-data orders@1", "show feature_view:orders@1"])
def test_before_the_first_commit_the_answer_names_it(past: Past, node: str) -> None:
    for then in ("1", "2020-01-31 12:00"):
        outcome = ask(past.folder, *node.split(), "--as-of", then)
        assert (outcome.code, outcome.codes) == (2, ["E506"])
        assert f"commit {past.commit(0)}" in outcome.json["diagnostics"][0]["hint"]


@pytest.mark.parametrize("then", ["99", "tomorrow", "-3", "2026-13-01", "12.5", ""])
@pytest.mark.parametrize("node", ["show orders@1", "show large@1", "train-data orders@1"])
def test_what_is_no_time_is_refused(past: Past, node: str, then: str) -> None:
    outcome = ask(past.folder, *node.split(), "--as-of", then)
    assert (outcome.code, outcome.codes) == (2, ["E506"])
