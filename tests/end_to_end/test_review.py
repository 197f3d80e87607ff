"""The workflow in docs/how-to/review-changes.md: its YAML is a workflow, and its commands do what the page says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.command import ENVIRONMENT, EXECUTABLE, mlproj
from tests.end_to_end.conftest import ROOT
from tests.end_to_end.repository import commit, git
from tests.end_to_end.small_project import edit, write

PAGE = (ROOT / "docs" / "how-to" / "review-changes.md").read_text(encoding="utf-8")
SQL = "feature_groups/orders.v1.sql"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def pull_request(tmp_path: Path) -> Path:
    """A clone with a branch of its own, as the checkout of a pull request makes it."""
    upstream = write(tmp_path / "upstream", {".gitignore": "target/\n.mlproj/\nplan.md\n"})
    commit(upstream, "first")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(upstream), str(clone))
    git(clone, "checkout", "--quiet", "-b", "change")
    return clone


def run_plan(workflow: dict[str, Any], folder: Path) -> tuple[str, str]:
    """What the step `Plan` leaves, run as the runner does: its output `code`, and the comment."""
    step = next(s for s in workflow["jobs"]["plan"]["steps"] if s.get("id") == "plan")
    script = step["run"].replace("${{ github.base_ref }}", "main")
    output = folder / "target" / "output.txt"
    output.parent.mkdir(exist_ok=True)
    environment = ENVIRONMENT | {
        "PATH": f"{EXECUTABLE.parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(folder / "target" / "summary.md"),
    }
    subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=environment, check=True, capture_output=True)
    return output.read_text(encoding="utf-8").strip(), (folder / "plan.md").read_text(encoding="utf-8")


def test_the_workflow_comments_on_pull_requests_and_fails_where_something_breaks(workflow: dict[str, Any]) -> None:
    steps = workflow["jobs"]["plan"]["steps"]

    assert workflow[True] == "pull_request", "YAML 1.1 reads the key `on` as true"
    assert workflow["permissions"]["pull-requests"] == "write"
    assert next(s for s in steps if "checkout" in s.get("uses", ""))["with"]["fetch-depth"] == 0
    assert "--body-file plan.md" in next(s for s in steps if s.get("name") == "Comment")["run"]
    assert steps[-1]["run"] == "exit ${{ steps.plan.outputs.code }}"


def test_a_breaking_change_becomes_a_comment_and_a_failure(workflow: dict[str, Any], pull_request: Path) -> None:
    edit(pull_request / SQL, "amount,", "amount * 100 as amount,")
    commit(pull_request)

    code, comment = run_plan(workflow, pull_request)

    assert code == "code=4"
    assert comment.startswith("### mlproj plan: shop against git:origin/main\n")
    assert "| **breaking** | `feature_group:orders@1` |" in comment
    assert "`orders@1.amount → orders(view)@1.amount`" in comment
    assert "mlproj bump orders" in comment
    assert (pull_request / "target" / "summary.md").read_text(encoding="utf-8") == comment


def test_a_change_of_layout_is_none(workflow: dict[str, Any], pull_request: Path) -> None:
    edit(pull_request / SQL, "select order_id", "SELECT\n  order_id")
    commit(pull_request)

    code, comment = run_plan(workflow, pull_request)

    assert code == "code=0"
    assert "**Nothing differs** from git:origin/main" in comment


def test_the_other_commands_of_the_page_are_there(standing_shop: Path) -> None:
    commands = re.findall(r"^    mlproj (\w+) .*?(--\w+)", PAGE, re.MULTILINE)

    assert {command for command, _option in commands} == {"plan", "lineage"}
    for command in ("plan", "lineage"):
        help_text = mlproj(standing_shop, command, "--help").out
        assert all(option in help_text for named, option in commands if named == command)
