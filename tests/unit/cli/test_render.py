"""Texts that fit a terminal: tables, wrapped lines, and the excerpt with its caret."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
import pytest

from mlproj.cli.context import Context
from mlproj.cli.render.diagnostics import draw
from mlproj.cli.render.history import history_lines
from mlproj.cli.render.results import result_lines
from mlproj.cli.render.tables import table
from mlproj.cli.render.wrapping import wrapped
from mlproj.diagnostics import Diagnostic, Span
from mlproj.executor.results import run_results
from mlproj.state import StepResult


class Terminal(Context):
    """A context whose stdout is a terminal of so many columns."""

    columns: int = 80

    @property
    def width(self) -> int:
        return self.columns


@pytest.fixture
def terminal() -> Terminal:
    return Terminal(Path(), None, None, "text", quiet=False, debug=False)


HEADERS = ["version", "status", "accuracy", "description"]
ROWS = [
    ["income_model@1.1", "passed", 0.7942, "Logistic regression on numerical features between 0 and 1"],
    ["income_model@2.1", "failed", 0.85265, "Gradient-boosted trees"],
]


def test_a_table_that_fits_is_left_alone(terminal: Terminal) -> None:
    terminal.columns = 200

    lines = table(HEADERS, ROWS, terminal)

    assert lines[0] == "version           status  accuracy  description"
    assert lines[2].endswith("between 0 and 1")
    assert lines[3] == "income_model@2.1  failed   0.85265  Gradient-boosted trees", "numbers stand on the right"


def test_texts_give_way_before_names_and_numbers(terminal: Terminal) -> None:
    terminal.columns = 50

    lines = table(HEADERS, ROWS, terminal)

    assert max(len(line) for line in lines) <= 50
    assert lines[2] == "income_model@1.1  passed    0.7942  Logistic regr…"


def test_columns_that_do_not_fit_are_left_out_and_said_to_be(terminal: Terminal) -> None:
    terminal.columns = 40

    lines = table(HEADERS, ROWS, terminal)

    assert max(len(line) for line in lines) <= 40
    assert lines[0] == "version           status  accuracy  …"
    assert lines[2] == "income_model@1.1  passed    0.7942  …"


def test_an_indented_table_fits_too(terminal: Terminal) -> None:
    terminal.columns = 52

    assert max(len(line) for line in table(HEADERS, ROWS, terminal, indent=4)) <= 48


def test_wide_characters_count_twice(terminal: Terminal) -> None:
    terminal.columns = 200

    lines = table(["name", "n"], [["数据", 1], ["ab", 2]], terminal)

    assert lines[2:] == ["数据  1", "ab    2"]


@pytest.mark.parametrize("width", [20, 33, 60])
def test_wrapped_lines_fit_and_lose_no_word(width: int) -> None:
    line = "    → leave it as it was published, and write the change into a version of its own"

    lines = list(wrapped([line], width))

    assert max(len(part) for part in lines) <= width
    assert " ".join(" ".join(lines).split()) == line.strip()
    assert lines[0].startswith("    →")
    assert all(part.startswith("      ") for part in lines[1:])


def test_styles_take_no_room() -> None:
    styled = f"{click.style('feature_groups/income.yml:6:7', bold=True)} {click.style('E203', fg='red')} unknown key"

    assert list(wrapped([styled], 46)) == [styled]
    assert len(list(wrapped([styled], 45))) == 2


def test_the_caret_stands_under_the_place(tmp_path: Path) -> None:
    line = "      - {name: age, description: 数据 of a person, tests: [not_null, {betwen: {min: 0}}]}"
    (tmp_path / "a.yml").write_text(f"\n{line}\n", encoding="utf-8")
    column = line.index("betwen") + 1
    diagnostic = Diagnostic("E203", "unknown key", Span("a.yml", 2, column, 6), "did you mean 'between'?")

    whole = list(draw([diagnostic], tmp_path, color=False, width=200))
    narrow = list(draw([diagnostic], tmp_path, color=False, width=60))

    assert whole[0] == f"a.yml:2:{column}: E203 unknown key"
    assert whole[1] == f"  2 | {line}"
    assert whole[2].index("^") == whole[1].index("betwen") + 2, "two characters before it take two columns each"
    assert whole[2].count("^") == 6
    assert whole[3] == "  hint: did you mean 'between'?"
    shown = narrow[1].index("betwen") + sum(narrow[1][: narrow[1].index("betwen")].count(c) for c in "数据")
    assert narrow[2].index("^") == shown
    assert len(narrow[1]) <= 60


def test_errors_are_counted_and_warnings_are_not(tmp_path: Path) -> None:
    found = [Diagnostic("E203", "a"), Diagnostic("E204", "b"), Diagnostic("W301", "c", severity="warning")]

    assert list(draw(found, tmp_path, color=False, width=80)) == ["E203 a", "E204 b", "W301 warning: c", "2 errors"]


def test_a_history_keeps_its_times_whole(terminal: Terminal) -> None:
    commit = {
        "commit": 12,
        "at": "2026-01-31T12:34:56.789Z",
        "kind": "build",
        "rows": 1_000_000,
        "added": 3,
        "changed": None,
    }
    said = {
        "author": "somebody with a name",
        "build": "20260131T123456-1a2b3c",
        "message": "build other",
        "expired": True,
    }

    lines = history_lines({"node": "feature_group:person@1", "entries": [commit | said]}, terminal)

    assert max(len(line) for line in lines) <= 80
    assert click.unstyle(lines[0]) == "person@1"
    assert "2026-01-31 12:34:56.789  build, expired  1000000      3" in lines[3]


def test_a_history_leaves_out_what_only_repeats(terminal: Terminal) -> None:
    entry = {"commit": 12, "build": "b", "message": "build b", "expired": False}
    assert history_lines({"node": None, "entries": [entry]}, terminal)[0].split() == ["commit", "build"]
    assert history_lines({"node": None, "entries": []}, terminal) == ["nothing yet"]


@pytest.mark.parametrize(
    ("of_other", "last"),
    [
        ("ok", "what succeeded is kept: mend what failed, and `mlproj retry` does the rest"),
        ("reused", "what succeeded is kept: mend what failed, and `mlproj retry` does the rest"),
        ("skipped", "mend what failed, and `mlproj retry` does it all"),
    ],
)
def test_a_build_that_failed_says_what_is_kept_where_something_is(
    of_other: Literal["ok", "reused", "skipped"], last: str
) -> None:
    results = [
        StepResult(node="feature_group:a@1", action="materialize", status="ok"),
        StepResult(node="feature_group:a@1", action="test", status="failed"),
        StepResult(node="feature_group:b@1", action="materialize", status=of_other),
        StepResult(node="feature_group:a@1", action="publish", status="skipped"),
    ]

    assert result_lines(run_results("b1", results))[-1] == last
