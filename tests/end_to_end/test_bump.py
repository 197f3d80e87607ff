"""A breaking edit, `mlproj bump`, and what git, plan and build say afterwards: by the installed command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlproj.project import Project
from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.small_project import MODEL, edit, write


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "core.autocrlf=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _commit(folder: Path) -> None:
    (folder / ".gitignore").write_text(".mlproj/\ntarget/\n", encoding="utf-8")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "as released"]):
        _git(folder, *arguments)


def _touched(folder: Path) -> list[str]:
    return sorted(line[3:] for line in _git(folder, "status", "--short").splitlines())


def _lines(folder: Path, sign: str) -> list[str]:
    """Added or removed lines of tracked files."""
    diff = _git(folder, "diff", "-U0").splitlines()
    return [line[1:] for line in diff if line.startswith(sign) and not line.startswith(sign * 3)]


def test_what_was_said_of_a_released_definition_since_stays(built_shop: Path) -> None:
    """A comment is no change, so that no build ever saw it; git did. A draft that was committed is not put back."""
    sql, yml = (built_shop / "feature_groups" / name for name in ("orders.v1.sql", "orders.yml"))
    sql.write_text("-- one row for each\n" + sql.read_text(encoding="utf-8"), encoding="utf-8")
    edit(yml, "- name: orders", "- name: orders  # from the shop")
    _commit(built_shop)
    kept, draft = sql.read_text(encoding="utf-8"), "select order_id, customer_id, amount * 2 as amount, paid"
    edit(sql, "select order_id, customer_id, amount, paid", draft)
    with Project(built_shop) as project:
        project.bump("orders@1")

    assert sql.read_text(encoding="utf-8") == kept
    assert _lines(built_shop, "-") == []
    assert draft in (built_shop / "feature_groups" / "orders.v2.sql").read_text(encoding="utf-8")

    edit(sql, "select order_id, customer_id, amount, paid", draft)
    _git(built_shop, "commit", "-qam", "a draft in place")
    with Project(built_shop) as project:
        project.bump("orders@1")
    assert draft not in sql.read_text(encoding="utf-8")


def test_the_example(built_example: Path) -> None:
    """One expression is edited; version 1 comes back whole, and version 3 is built beside it."""
    _commit(built_example)
    sql = built_example / "feature_groups" / "income.v1.sql"
    before = ask(built_example, "show", "income@1").json
    edit(sql, "    age,\n    fnlwgt", "    age + 1 as age,\n    fnlwgt")
    changed = sql.read_bytes()
    assert ask(built_example, "plan").code == 4
    assert "mlproj bump income" in mlproj(built_example, "build").err

    shown = ask(built_example, "bump", "income", "--dry-run")
    assert shown.json["diff"].count("\n+++ ") == 3
    assert _touched(built_example) == ["feature_groups/income.v1.sql"]
    done = ask(built_example, "bump", "income")

    assert done.code == 0
    assert [(b["node"], b["to"]) for b in done.json["bumped"]] == [("feature_group:income@1", "feature_group:income@3")]
    assert _touched(built_example) == ["feature_groups/income.v3.sql", "feature_groups/income.yml"]
    assert (built_example / "feature_groups" / "income.v3.sql").read_bytes() == changed
    assert _lines(built_example, "-") == []
    added = _lines(built_example, "+")
    assert added[:4] == ["", "  - name: income", "    version: 3", "    derived_from: 1"]
    assert sum(line.startswith("      - {name: ") for line in added) == 8
    plan = ask(built_example, "plan", "--exit-code")
    assert plan.code == 3
    assert [(c["node"], c["change"]) for c in plan.json["changes"]] == [("feature_group:income@3", "new")]
    assert ask(built_example, "build").code == 0
    assert ask(built_example, "plan", "--exit-code").code == 0
    assert ask(built_example, "show", "income@1").json == before
    assert mlproj(built_example, "show", "income@3").code == 0


def test_dependants_go_with_it(tmp_path: Path) -> None:
    shop = write(tmp_path / "shop", {"models/payer.yml": MODEL})
    assert ask(shop, "build").code == 0
    _commit(shop)
    edit(shop / "feature_groups" / "orders.v1.sql", "amount,", "amount * 2 as amount,")

    done = mlproj(shop, "bump", "orders", "--with-dependants")

    assert done.code == 0
    assert "orders@1 (view) → orders@2 (view)" in done.out
    assert _lines(shop, "-") == []
    added = [line.strip() for line in _lines(shop, "+")]
    assert added.count("version: 2") == 3
    assert {"base: orders@2", "feature_view: orders@2"} <= set(added)
    plan = ask(shop, "plan", "--exit-code")
    assert plan.code == 3
    assert {c["node"]: c["change"] for c in plan.json["changes"]} == {
        "feature_group:orders@2": "new", "feature_view:orders@2": "new", "model:payer@2": "new",
    }  # fmt: skip
    assert ask(shop, "build").code == 0
    assert [v["model_version"] for v in ask(shop, "models").json["models"]] == ["payer@1.1", "payer@2.1"]


@pytest.mark.parametrize("name", ["orders", "feature_group:orders", "orders@1"])
def test_nothing_to_bump(built_shop: Path, name: str) -> None:
    _commit(built_shop)

    outcome = ask(built_shop, "bump", name)

    assert outcome.code == 2
    assert outcome.codes == ["E520"]
    assert _touched(built_shop) == []


def test_a_change_that_breaks_nobody_is_bumped_by_its_version(built_shop: Path) -> None:
    edit(built_shop / "feature_groups" / "orders.v1.sql", "amount,", "amount, 1 as one,")

    refused = mlproj(built_shop, "bump", "orders")

    assert refused.code == 2
    assert "mlproj bump feature_group:orders@1" in refused.err
    assert mlproj(built_shop, "bump", "feature_group:orders@1", "--dry-run").code == 0


def test_a_project_that_was_never_built(shop: Path) -> None:
    outcome = ask(shop, "bump", "orders")

    assert outcome.code == 2
    assert outcome.codes == ["E520"]
