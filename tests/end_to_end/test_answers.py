"""What stdout holds: with `--format json` one document and nothing else, whatever a library prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import Outcome, ask, mlproj
from tests.end_to_end.conftest import Built
from tests.end_to_end.small_project import MODEL, write

SHAPES: dict[str, tuple[str, set[str]]] = {
    "show census": ("show", {"node", "columns", "preview"}),
    "show income@1": ("show", {"node", "features", "primary_key", "published", "preview"}),
    "show feature_view:income@1": ("show", {"node", "columns", "training_dataset", "preview"}),
    "show income_model@1": ("show", {"node", "estimator", "params", "versions"}),
    "compile": ("compile", {"nodes", "sql"}),
    "history": ("history", {"node", "entries"}),
    "train-data income@1": ("training_dataset", {"training_dataset", "rows", "features", "label", "keys", "commits"}),
    "show nobody": ("diagnostics", {"diagnostics"}),
}


@pytest.mark.parametrize("words", SHAPES)
def test_every_command_answers_with_one_named_and_numbered_document(built: Built, words: str) -> None:
    artifact, keys = SHAPES[words]
    outcome = ask(built.folder, *words.split())

    document = outcome.json
    assert (document["artifact"], document["version"]) == (artifact, 1)
    assert keys <= set(document)
    assert outcome.err == ""


def test_a_diagnostic_is_data(tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", {"mlproj.yml": "name: shop\nvras: {}\n"})

    (found,) = ask(folder, "plan").json["diagnostics"]

    assert found["code"] == "E203"
    assert found["span"] == {"path": "mlproj.yml", "line": 2, "column": 1, "length": 4}
    assert found["hint"] == "did you mean 'vars'?"
    assert found["severity"] == "error"


def test_the_plan_has_the_shape_that_was_promised(built: Built) -> None:
    plan = built.first_plan.json

    assert set(plan["summary"]) == {"new", "breaking", "additive", "metadata", "removed", "stale", "steps"}
    for change in plan["changes"]:
        assert {"node", "change", "reasons", "needs_bump", "affected", "unaffected"} <= set(change)
        for reason in change["reasons"]:
            assert {"rule", "feature", "message", "span"} <= set(reason)
            assert {"path", "line"} <= set(reason["span"])
    assert json.loads((built.folder / "target" / "run_results.json").read_text(encoding="utf-8")) == built.build.json


NOISY = """\
  - name: noisy
    version: 1
    feature_view: orders@1
    estimator: sklearn.ensemble.GradientBoostingClassifier
    params: {verbose: 1, n_estimators: 3}
    metrics: [accuracy]
  - name: noisy_too
    version: 1
    feature_view: orders@1
    estimator: xgboost.XGBClassifier
    params: {verbosity: 3, n_estimators: 3}
    metrics: [accuracy]
"""


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A project whose models print while they learn, and its build."""
    folder = write(tmp_path_factory.mktemp("noisy") / "shop", {"models.yml": MODEL + NOISY})
    return folder, ask(folder, "build")


def test_a_library_that_prints_does_not_spoil_the_document(noisy: tuple[Path, Outcome]) -> None:
    _folder, build = noisy

    document: Any = build.json
    assert build.code == 0
    assert document["summary"]["ok"] == len(document["results"]) == 8
    assert "Train Loss" in build.err, "what the library printed goes to stderr"


def test_progress_and_answer_go_separate_ways(shop: Path) -> None:
    first = mlproj(shop, "plan")
    build = mlproj(shop, "build")
    quiet = mlproj(shop, "--quiet", "build", "--full-refresh")

    assert first.err == ""
    assert "materialize" in build.err
    assert build.out.startswith("ok: 5 ok")
    assert "\x1b" not in build.out + build.err + first.out, "no colours in a pipe"
    assert (quiet.code, quiet.err) == (0, "")


def test_markdown_for_a_pull_request(built: Built, shop: Path) -> None:
    plan = mlproj(shop, "--format", "markdown", "plan").out
    models = mlproj(built.folder, "--format", "markdown", "models").out.splitlines()

    assert "| change | node | why | touches |" in plan
    assert "| new | `feature_group:orders@1` |" in plan
    assert models[0].startswith("| version | status |")
    assert len(models) == 4
