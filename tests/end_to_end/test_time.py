"""History, reading as of then, and diff, by the installed command: three builds with known edits of the data."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from html.parser import HTMLParser
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

    assert text[0] == "orders@1"
    assert text[1].split() == ["commit", "at", "kind", "rows", "added", "changed", "deleted", "build", "author"]
    assert text[4].split()[4:8] == ["61", "2", "2", "1"]
    assert markdown[0].startswith("| commit | at | kind | rows | added | changed | deleted |")
    for index, line in enumerate(text[3:6]):
        time = " ".join(line.split()[1:3])
        assert keys(past, "orders@1", time) == keys(past, "orders@1", past.commit(index)), "as --as-of takes it"
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


def test_two_commits_differ_by_what_was_edited(past: Past) -> None:
    document = ask(past.folder, "diff", "orders@1", past.commit(0), past.commit(1)).json

    assert (document["artifact"], document["version"], document["key"]) == ("diff", 1, ["order_id"])
    assert document["rows"] == {"added": 2, "changed": 2, "deleted": 1}
    assert [document[side]["rows"] for side in ("old", "new")] == [60, 61]
    columns = {c["name"]: c for c in document["columns"]}
    assert {n: c["changed"] for n, c in columns.items()} == {"order_id": 0, "customer_id": 0, "amount": 1, "paid": 1}
    assert (columns["amount"]["old"]["nulls"], columns["amount"]["new"]["nulls"]) == (0, 1)
    assert columns["amount"]["old"]["max"] == 90.0
    assert columns["amount"]["new"]["max"] == 99.5
    assert columns["amount"]["old"]["p50"] == 45.75
    assert document["sample"] == [
        {"kind": "changed", "key": {"order_id": 5}, "values": {"amount": [7.5, 99.5]}},
        {"kind": "changed", "key": {"order_id": 6}, "values": {"paid": [0, 1]}},
        {"kind": "added", "key": {"order_id": 61}, "values": {}},
        {"kind": "added", "key": {"order_id": 62}, "values": {}},
        {"kind": "deleted", "key": {"order_id": 7}, "values": {}},
    ]


def test_a_diff_names_its_sides_as_it_was_asked(past: Past) -> None:
    times = [str(entry["at"]) for entry in past.history]

    def rows(*words: str) -> tuple[dict[str, int], list[int]]:
        document = ask(past.folder, "diff", *words).json
        return document["rows"], [document[side]["commit"] for side in ("old", "new")]

    first, second, third = (int(past.commit(i)) for i in range(3))
    assert rows("orders@1") == ({"added": 1, "changed": 0, "deleted": 0}, [second, third])
    assert rows("orders@1", times[0]) == ({"added": 3, "changed": 2, "deleted": 1}, [first, third])
    assert rows("orders@1", str(third), times[0]) == ({"added": 1, "changed": 2, "deleted": 3}, [third, first])
    assert rows("orders@1", str(first), str(first)) == ({"added": 0, "changed": 0, "deleted": 0}, [first, first])
    assert rows("large@1", str(first))[0] == {"added": 1, "changed": 0, "deleted": 0}
    assert rows("orders@1/td1", "orders@1/td2")[0] == {"added": 2, "changed": 2, "deleted": 1}


def test_two_groups_are_compared_in_what_they_share(past: Past) -> None:
    document = ask(past.folder, "diff", "orders@1", "large@1").json

    assert document["rows"] == {"added": 0, "changed": 0, "deleted": 60}
    assert [c["name"] for c in document["columns_removed"]] == ["customer_id", "paid"]
    assert document["columns_added"] == []


def test_a_diff_as_text_and_markdown(past: Past) -> None:
    words = ("diff", "orders@1", past.commit(0), past.commit(1), "--limit", "1")
    text, markdown = mlproj(past.folder, *words).out, mlproj(past.folder, "--format", "markdown", *words).out

    assert "rows     2 added, 2 changed, 1 deleted, 57 as they were (by order_id)" in text
    assert "changed (1 of 2)\n  order_id 5: amount 7.5 → 99.5\n" in text
    assert "| column | changed | psi |" in markdown
    assert "- order_id 5: amount 7.5 → 99.5" in markdown


REFUSED = {
    "diff orders@1 1": "E506",
    "diff orders@1 99": "E506",
    "diff orders@1 2 nope": "E506",
    "diff orders@1 2 3 4": "E509",
    "diff nope": "E508",
    "diff orders@1 nope@2": "E508",
    "diff orders@1/td1": "E509",
    "diff orders@1/td1 orders@1/td9": "E508",
    "diff nope@1/td1 orders@1/td1": "E508",
    "diff large@1": "E506",
    "diff source:orders": "E508",
    "diff orders@1 2 --targets dev dev": "E509",
    "diff": "E509",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_compared_is_told(past: Past, words: str) -> None:
    outcome = ask(past.folder, *words.split())

    assert (outcome.code, outcome.codes) == (2, [REFUSED[words]])
    assert outcome.json["diagnostics"][0]["hint"]


class Page(HTMLParser):
    """What a page holds: tags in order, attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}>"

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_page_needs_nothing_else_and_holds_the_histograms(past: Past, tmp_path: Path) -> None:
    file = tmp_path / "out" / "diff.html"
    outcome = ask(past.folder, "diff", "orders@1", past.commit(0), past.commit(1), "--html", file)
    text = file.read_text(encoding="utf-8")
    page = Page(text)

    assert outcome.json["rows"]["changed"] == 2
    assert page.open == [], "every tag is closed"
    assert page.tags.count("svg") == 4
    assert page.tags.count("path") == 8, "old and new of each"
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not {"src", "href", "onload", "onclick"} & set(page.attributes)
    assert "://" not in text
    assert {"99.5", "7.5", "order_id"} <= {word.strip(" :") for word in page.words}


def test_two_targets_are_compared_also_where_they_have_lakes_of_their_own(tmp_path: Path) -> None:
    own = "{catalog: 'sqlite:p/c.sqlite', data: p/lake, state: 'sqlite:///p/state.sqlite', artifacts: p/artifacts}"
    settings = f"name: shop\ntargets: {{dev: {{}}, beside: {{}}, prod: {own}}}\n"
    folder = write(tmp_path / "shop", {"mlproj.yml": settings, "feature_views/orders.yml": None})
    unbuilt = mlproj(folder, "diff", "orders@1", "--targets", "dev", "prod")
    assert "mlproj --target dev build" in unbuilt.err
    for target, rows in (("dev", {}), ("beside", {1: None}), ("prod", {5: "5,5,99.5,1", 61: "61,1,1.0,0"})):
        put(folder, rows)
        assert ask(folder, "--target", target, "build").code == 0

    beside = ask(folder, "diff", "orders@1", "--targets", "dev", "beside").json
    prod = ask(folder, "--target", "prod", "diff", "orders@1", "--targets", "dev", "prod").json
    assert beside["rows"] == {"added": 0, "changed": 0, "deleted": 1}
    assert prod["rows"] == {"added": 1, "changed": 1, "deleted": 0}
    assert (prod["old"]["target"], prod["new"]["target"]) == ("dev", "prod")
    unknown = ask(folder, "diff", "orders@1", "--targets", "dev", "nope")
    assert unknown.code == 2


def test_after_a_rollback_of_a_build_its_commit_is_what_is_read_again(past: Past, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(past.folder, tmp_path / "shop"))
    again = Past(folder, past.history)
    assert ask(folder, "rollback", "--build", past.history[1]["build"]).code == 0
    entries = ask(folder, "history", "orders@1").json["entries"]

    assert [e["commit"] for e in entries] == [int(past.commit(i)) for i in (0, 1, 2, 1)]
    second, third = ({*range(1, 63)} - {7}, {*range(1, 64)} - {7})
    assert keys(again, "orders@1", past.commit(2)) == third
    assert keys(again, "orders@1", entries[-1]["at"]) == keys(again, "orders@1", "2999-01-01") == second
    assert keys(again, "orders@1", str(int(past.commit(2)) + 2)) == second, "the commit that moved the views back"
    back = ask(folder, "diff", "orders@1").json
    assert (back["old"]["commit"], back["new"]["commit"]) == (int(past.commit(2)), int(past.commit(1)))
    assert back["rows"] == {"added": 0, "changed": 0, "deleted": 1}
