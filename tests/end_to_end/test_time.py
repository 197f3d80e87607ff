"""History, reading as of then, and diff, by the installed command: three builds with known edits of the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.small_project import FILES, write

HEADER, *ROWS = FILES["data/orders.csv"].splitlines()


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
    folder = write(tmp_path_factory.mktemp("past") / "shop")
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
