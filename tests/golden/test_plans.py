"""Every rule of what a change means: a published project, an edit of it, and the exact plan that a person reads.

A case is `plans/<rule's number>_<rule>/`: `base/` with the files of `before/` over it is what is published, with those
of `after/` over that what the files say now; a file that is empty is gone. `case.json` holds what else is known: null
counts, aliases, the day.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from mlproj.cli.context import Context
from mlproj.cli.render.plan import plan_lines
from mlproj.compiler import DoesNotCompile, Manifest
from mlproj.planner import Options, accept, diff, make_plan
from mlproj.planner.equivalents import misdirected
from mlproj.planner.training_data import dataset_parts, view_digests
from mlproj.planner.versions import check_versions
from mlproj.project.left_behind import dangling, with_published
from mlproj.state import TargetState
from tests.compilation import compile_folder
from tests.unit.planner.small_project import published

PLANS = Path(__file__).parent / "plans"
CASES = sorted(path for path in PLANS.iterdir() if path.is_dir() and path.name != "base")
WIDTH = 100


class Page(Context):
    """A terminal of a known width."""

    @property
    def width(self) -> int:
        return WIDTH


def _project(folder: Path, *layers: Path) -> Path:
    for layer in layers:
        if layer.is_dir():
            shutil.copytree(layer, folder, dirs_exist_ok=True)
    for path in folder.rglob("*"):
        if path.is_file() and not path.read_bytes():
            path.unlink()
    return folder


def _state(manifest: Manifest, known: dict[str, Any]) -> TargetState:
    """As a build leaves it; training datasets say what they are made of."""
    state = published(manifest, known.get("null_counts"))
    datasets = {}
    for node_id, dataset in state.training_datasets.items():
        parts = dataset_parts(manifest.view(node_id), view_digests(manifest.view(node_id), state.published))
        made = {"row_fingerprint": parts.rows, "feature_fingerprints": parts.features}
        datasets[node_id] = dataset.model_copy(update=made)
    trained = tuple(t.model_copy(update={"output": "BOOLEAN"}) for t in state.trained)
    known_too = {"training_datasets": datasets, "trained": trained, "aliases": known.get("aliases", {})}
    return state.model_copy(update=known_too)


def _told(case: Path, folder: Path) -> tuple[str, set[str]]:
    """The text of the plan or of the errors, and the rules that it names."""
    known = json.loads((case / "case.json").read_text(encoding="utf-8")) if (case / "case.json").is_file() else {}
    before = compile_folder(_project(folder / "before", PLANS / "base", case / "before"), folder / "cache")
    state = _state(before, known)
    root = _project(folder / "after", PLANS / "base", case / "before", case / "after")
    try:
        after: Manifest | None = compile_folder(root, folder / "cache")
    except DoesNotCompile as error:
        after = with_published(error, state)
        if after is None:
            told = dangling(error, state).diagnostics
            return "".join(f"{d.span}: {d.code} {d.message}\nhint: {d.hint}\n" for d in told), {"dangling"}
    assert after
    day = known.get("as_of_date", "2026-06-01")
    changes = accept(diff(after, state, {"source:people": "v1"}, as_of_date=day), known.get("accepted", {}))
    notes = (*misdirected(after, state), *check_versions(after, state))
    plan = make_plan(changes, after, state, Options(target="dev", as_of_date=day, diagnostics=notes))
    page = Page(folder, None, None, "text", quiet=False, debug=False)
    lines = plan_lines(plan.model_dump(mode="json"), page)
    rules = {reason.rule for change in changes for reason in change.reasons}
    text = "".join(f"{click.unstyle(line)}\n" for line in lines)
    return re.sub(r"fp1:[0-9a-f]{32}", "fp1:0000", text), rules  # their own golden file guards fingerprints


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Path, tmp_path: Path, expect: Callable[[Path, str], None]) -> None:
    text, rules = _told(case, tmp_path)

    expect(case / "expected.txt", text)
    rule = re.sub(r"^\d+[a-z]?_", "", case.name).partition("-")[0]
    assert rule in rules or (rule == "nothing" and not rules)


def test_every_rule_has_a_case() -> None:
    numbers = {int(match[0]) for case in CASES if (match := re.match(r"\d+", case.name))}

    assert numbers == set(range(1, 25))
