"""Changes that somebody lets through: accepted with a reason, called equivalent, or warned of; all of it kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.small_project import edit

GROUPS = "feature_groups/orders.yml"
SQL = "feature_groups/orders.v1.sql"
NODE = "feature_group:orders@1"


def _meaning(folder: Path) -> None:
    edit(folder / SQL, "amount,", "amount * 2 / 2 as amount,")


def _events(folder: Path) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = ask(folder, "history", "orders").json["events"]
    return events


def test_an_accepted_change_is_built_in_place_and_kept_in_history(built_shop: Path) -> None:
    _meaning(built_shop)
    because = "finance asked for it"

    refused = mlproj(built_shop, "plan")
    assert refused.code == 4
    shown = refused.out.splitlines()
    before, after = (line.split() for line in shown if line.split()[:1] in (["was"], ["now"]))
    assert (before, after) == (["was", "amount"], ["now", *["amount", "*", "2", "/", "2"]])
    plan = ask(built_shop, "plan", "--accept-breaking", "orders")
    assert plan.code == 0
    assert (plan.json["changes"][0]["accepted"], plan.json["changes"][0]["needs_bump"]) == (True, False)
    build = ask(built_shop, "build", "--accept-breaking", "orders@1", "--because", because)
    assert build.code == 0

    assert ask(built_shop, "plan", "--exit-code").code == 0
    (event,) = _events(built_shop)
    assert (event["what"], event["who"], event["because"]) == ("breaking_accepted", "ada", because)
    assert (event["rules"], event["features"]) == (["meaning_changed"], ["amount"])
    assert event["build"] == build.json["build"]
    assert because in mlproj(built_shop, "history", "orders").out


def test_what_was_accepted_in_a_saved_plan_is_kept_with_its_reason(built_shop: Path, tmp_path: Path) -> None:
    _meaning(built_shop)
    saved = tmp_path / "plan.json"

    assert mlproj(built_shop, "plan", "--out", saved, "--accept-breaking", "orders").code == 2
    done = mlproj(built_shop, "plan", "--out", saved, "--accept-breaking", "orders", "--because", "reviewed")
    assert done.code == 0
    assert mlproj(built_shop, "build", saved).code == 0

    assert [e["because"] for e in _events(built_shop)] == ["reviewed"]


@pytest.mark.parametrize(("arguments", "said"), [
    (["--accept-breaking", "orders"], "needs --because"),
    (["--because", "no reason"], "--accept-breaking"),
    (["--accept-breaking", "order", "--because", "x"], "did you mean 'orders"),
    (["--accept-breaking", "feature_view:orders@1", "--because", "x"], "breaking is feature_group:orders@1"),
])  # fmt: skip
def test_what_cannot_be_accepted_is_an_error_and_builds_nothing(
    built_shop: Path, arguments: list[str], said: str
) -> None:
    _meaning(built_shop)

    build = mlproj(built_shop, "build", *arguments)

    assert build.code == 2
    assert said in build.err
    assert _events(built_shop) == []
    assert mlproj(built_shop, "plan").code == 4


def test_accepting_one_node_does_not_let_another_through(built_shop: Path) -> None:
    _meaning(built_shop)
    edit(built_shop / "feature_views/orders.yml", "label: paid", "label: paid\n    filter: amount > 3")

    build = mlproj(built_shop, "build", "--accept-breaking", "feature_group:orders@1", "--because", "x")

    assert build.code == 4
    assert "filter_changed" in build.err
    assert "meaning_changed" not in build.err


def test_on_breaking_warn_is_kept_in_history_too(built_shop: Path) -> None:
    (built_shop / "mlproj.yml").write_text("name: shop\ntargets: {dev: {on_breaking: warn}}\n", encoding="utf-8")
    _meaning(built_shop)

    assert mlproj(built_shop, "build").code == 0

    assert [e["because"] for e in _events(built_shop)] == ["on_breaking: warn"]


def _published_fingerprint(folder: Path) -> str:
    reasons = ask(folder, "plan").json["changes"][0]["reasons"]
    return next(str(r["of"]) for r in reasons if r["rule"] == "meaning_changed")


def test_an_equivalent_expression_is_no_breaking_change_and_moves_nothing_below(built_shop: Path) -> None:
    _meaning(built_shop)
    of = _published_fingerprint(built_shop)
    line = f"equivalent: {{of: {of}, because: "
    assert line in mlproj(built_shop, "plan").out

    feature = "{name: amount, type: DOUBLE, tests: [{between: {min: 0}}]"
    edit(built_shop / GROUPS, feature, f'{feature}, {line}"twice half"}}')

    plan = ask(built_shop, "plan")
    assert plan.code == 0
    change = plan.json["changes"][0]
    assert (change["node"], change["change"]) == (NODE, "stale")
    assert [(r["rule"], r["because"]) for r in change["reasons"]] == [("equivalent", "twice half")]
    build = ask(built_shop, "build")
    assert build.code == 0
    results = {(r["node"], r["action"]): r["status"] for r in build.json["results"]}
    assert results["feature_view:orders@1", "train_data"] == "reused"
    (event,) = _events(built_shop)
    assert (event["what"], event["because"], event["features"]) == ("equivalent_acknowledged", "twice half", ["amount"])
    again = ask(built_shop, "plan", "--exit-code")
    assert (again.code, again.json["diagnostics"]) == (0, [])


def test_an_acknowledgement_of_something_else_is_pointed_out(built_shop: Path) -> None:
    _meaning(built_shop)
    right, wrong = _published_fingerprint(built_shop), f"fp1:{'0' * 32}"
    feature = "{name: amount, type: DOUBLE, tests: [{between: {min: 0}}]"
    edit(built_shop / GROUPS, feature, f"{feature}, equivalent: {{of: '{wrong}', because: x}}")

    plan = ask(built_shop, "plan")

    assert plan.code == 4
    (warning,) = plan.json["diagnostics"]
    assert (warning["code"], warning["span"]["path"], warning["span"]["line"]) == ("W501", GROUPS, 8)
    assert right in warning["hint"]
    assert wrong in warning["message"]
