"""`plan --against git:REF`: a review without a state, a lake or a build."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.repository import commit, git
from tests.end_to_end.small_project import MODEL, edit, write

SQL = "feature_groups/orders.v1.sql"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The small project in a folder of a repository, committed on main."""
    top = tmp_path / "repository"
    write(top / "ml" / "shop", {"models/payer.yml": MODEL, ".gitignore": "target/\n.mlproj/\n"})
    commit(top, "first")
    return top


def test_what_differs_from_a_branch_is_told_without_a_state(repository: Path) -> None:
    shop = repository / "ml" / "shop"
    edit(shop / SQL, "amount,", "amount * 100 as amount,")

    plan = ask(shop, "plan", "--against", "git:main")

    assert plan.code == 4
    document = plan.json
    assert (document["against"], document["steps"]) == ("git:main", [])
    change = next(c for c in document["changes"] if c["node"] == "feature_group:orders@1")
    assert (change["change"], change["needs_bump"]) == ("breaking", True)
    assert {a["node"] for a in change["affected"]} == {"feature_view:orders@1", "model:payer@1"}
    assert not (shop / ".mlproj").exists(), "neither state nor lake was made"
    assert git(repository, "status", "--porcelain").split() == ["M", f"ml/shop/{SQL}"]
    assert git(repository, "worktree", "list").count("\n") == 1


def test_it_is_compared_with_the_revision_and_not_with_what_was_built(standing_shop: Path, tmp_path: Path) -> None:
    shop = shutil.copytree(standing_shop, tmp_path / "shop")
    (shop / ".gitignore").write_text("target/\n.mlproj/\n", encoding="utf-8")
    edit(shop / SQL, "amount,", "amount * 100 as amount,")
    commit(shop)

    assert ask(shop, "plan").code == 4
    assert ask(shop, "plan", "--exit-code", "--against", "git:HEAD").json["changes"] == []
    assert mlproj(shop, "plan", "--exit-code", "--against", "git:HEAD").code == 0


def test_exit_codes_are_those_of_plan(repository: Path) -> None:
    shop = repository / "ml" / "shop"
    edit(shop / "feature_groups/orders.yml", "    version: 1", "    version: 1\n    description: What was bought")

    pending = ask(shop, "plan", "--exit-code", "--against", "git:main")

    assert (pending.code, [c["change"] for c in pending.json["changes"]]) == (3, ["metadata"])
    assert ask(shop, "plan", "--against", "git:main").code == 0


def test_a_view_that_no_longer_compiles_is_what_the_change_breaks(repository: Path) -> None:
    shop = repository / "ml" / "shop"
    edit(shop / SQL, "amount, ", "")
    text = (shop / "feature_groups/orders.yml").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = "".join(line for line in text if "name: amount" not in line)
    (shop / "feature_groups/orders.yml").write_text(kept, encoding="utf-8")

    plan = ask(shop, "plan", "--against", "git:main")

    assert plan.code == 4
    assert [r["rule"] for r in plan.json["changes"][0]["reasons"] if r["feature"] == "amount"] == ["feature_dropped"]


def test_sources_that_are_not_in_git_are_read_where_they_are(tmp_path: Path) -> None:
    """Without declared columns, types come from the file; the revision has none."""
    shop = write(tmp_path / "shop", {".gitignore": "target/\n.mlproj/\ndata/\n"})
    lines = (shop / "sources.yml").read_text(encoding="utf-8").splitlines(keepends=True)
    (shop / "sources.yml").write_text("".join(line for line in lines if "columns:" not in line), encoding="utf-8")
    commit(shop)
    edit(shop / SQL, "amount,", "amount * 100 as amount,")

    plan = ask(shop, "plan", "--against", "git:HEAD")

    assert plan.code == 4, plan.out
    assert plan.json["changes"][0]["node"] == "feature_group:orders@1"


def test_vars_and_target_are_those_of_the_command(repository: Path) -> None:
    shop = repository / "ml" / "shop"
    (shop / "mlproj.yml").write_text("name: shop\ntargets: {dev: {}, prod: {on_breaking: warn}}\n", encoding="utf-8")
    edit(shop / SQL, "amount,", "amount * {{ var('times', 1) }} as amount,")

    refused = ask(shop, "--vars", "times: 100", "plan", "--against", "git:main")
    accepted = ask(shop, "--target", "prod", "--vars", "times: 100", "plan", "--against", "git:main")

    assert (refused.code, refused.json["target"]) == (4, "dev")
    assert (accepted.code, accepted.json["target"]) == (0, "prod"), "the revision knows no target prod, nor needs it"
    assert accepted.json["changes"][0]["accepted"]


@pytest.mark.parametrize(
    ("against", "code", "said"),
    [
        ("git:nowhere", "E505", "there is no git revision 'nowhere' here"),
        ("git:--help", "E505", "no git revision"),
        ("git:", "E505", "no git revision"),
        ("main", "E505", "--against git:REF"),
        ("git:empty", "E510", "there is no mlproj.yml in this folder"),
        ("git:broken", "E510", "E402"),
    ],
)
def test_nothing_to_compare_with(repository: Path, against: str, code: str, said: str) -> None:
    shop = repository / "ml" / "shop"
    git(repository, "tag", "first")
    edit(shop / SQL, "amount,", "amuont,")
    commit(repository)
    git(repository, "tag", "broken")
    shutil.rmtree(shop)
    (repository / "README.md").write_text("nothing yet\n", encoding="utf-8")
    commit(repository)
    git(repository, "tag", "empty")
    git(repository, "checkout", "--quiet", "first")

    refused = mlproj(shop, "plan", "--against", against)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(code)
    assert said in refused.err


def test_outside_of_a_repository_it_says_so(shop: Path, tmp_path: Path) -> None:
    refused = ask(shop, "plan", "--against", "git:main", env={"GIT_CEILING_DIRECTORIES": str(tmp_path)})

    assert (refused.code, refused.codes) == (2, ["E505"])


def test_without_git_it_says_so(repository: Path, tmp_path: Path) -> None:
    refused = ask(repository / "ml" / "shop", "plan", "--against", "git:main", env={"PATH": str(tmp_path)})

    assert (refused.code, refused.codes) == (2, ["E505"])


def test_a_comparison_has_nothing_to_save(repository: Path) -> None:
    refused = mlproj(repository / "ml" / "shop", "plan", "--against", "git:main", "--out", "p.json")

    assert refused.code == 2
    assert "leave out --out" in refused.err
