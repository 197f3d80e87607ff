"""Breaking changes of what was published, as a user meets them: told in full, refused, and undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.small_project import edit

GROUPS = "feature_groups/orders.yml"
SQL = "feature_groups/orders.v1.sql"


def _remove_lines(path: Path, text: str) -> None:
    """Leave out the first line that holds the text."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines.pop(next(i for i, line in enumerate(lines) if text in line))
    path.write_text("".join(lines), encoding="utf-8")


def _drop_fnlwgt(example: Path) -> None:
    _remove_lines(example / "feature_groups" / "income.yml", "name: fnlwgt")
    _remove_lines(example / "feature_groups" / "income.v1.sql", "    fnlwgt,")


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.parquet")}


def test_dropping_a_feature_is_refused_and_says_whom_it_breaks(built_example: Path) -> None:
    before = {n: (built_example / "feature_groups" / n).read_bytes() for n in ("income.yml", "income.v1.sql")}
    rows, history = _files(built_example), ask(built_example, "history").json
    _drop_fnlwgt(built_example)

    plan = ask(built_example, "plan")
    change = next(c for c in plan.json["changes"] if c["node"] == "feature_group:income@1")
    assert plan.code == 4
    assert (change["change"], change["needs_bump"]) == ("breaking", True)
    reason = next(r for r in change["reasons"] if r["rule"] == "feature_dropped")
    assert reason["feature"] == "fnlwgt"
    assert reason["span"]["path"] == "feature_groups/income.yml"
    affected = {a["node"]: a["features"] for a in change["affected"]}
    assert affected == {"feature_view:income@1": ["fnlwgt"], "model:income_model@1": ["fnlwgt"]}

    text = mlproj(built_example, "plan")
    assert text.code == 4
    for part in ("feature_dropped", "feature_groups/income.yml:2", "income_model@1", "income@3", "fnlwgt"):
        assert part in text.out, part

    build = ask(built_example, "build")
    assert build.code == 4
    assert "E501" in build.codes
    assert _files(built_example) == rows
    assert ask(built_example, "models").json["models"][0]["model_version"] == "income_model@1.1"

    for name, content in before.items():
        (built_example / "feature_groups" / name).write_bytes(content)
    assert ask(built_example, "plan", "--exit-code").code == 0
    assert ask(built_example, "history").json == history


def test_a_dependant_that_reads_nothing_of_it_is_spared(built_shop: Path) -> None:
    """customer_id is no feature of the view."""
    _remove_lines(built_shop / GROUPS, "customer_id")
    edit(built_shop / SQL, "customer_id, ", "")

    plan = ask(built_shop, "plan")
    change = plan.json["changes"][0]
    assert plan.code == 4
    assert change["affected"] == []
    assert change["unaffected"] == [{"node": "feature_view:orders@1", "why": "reads none of customer_id"}]
    text = mlproj(built_shop, "plan").out
    assert "spares" in text
    assert "mlproj bump orders" in text


def _type(folder: Path) -> None:
    edit(folder / GROUPS, "{name: customer_id, type: BIGINT}", "{name: customer_id, type: VARCHAR}")
    edit(folder / SQL, "customer_id,", "customer_id::varchar as customer_id,")


def _meaning(folder: Path) -> None:
    edit(folder / SQL, "amount,", "amount * 100 as amount,")


def _required(folder: Path) -> None:
    edit(
        folder / GROUPS,
        "      - {name: paid,",
        "      - {name: tax, type: DOUBLE, nullable: false}\n      - {name: paid,",
    )
    edit(folder / SQL, "amount,", "amount, amount / 5 as tax,")


def _key(folder: Path) -> None:
    edit(folder / GROUPS, "primary_key: [order_id]", "primary_key: [order_id, customer_id]")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (_type, "type_changed"),
        (_meaning, "meaning_changed"),
        (_required, "feature_added_required"),
        (_key, "key_changed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_breaking_change_names_its_rule_and_builds_nothing(
    built_shop: Path, change: Callable[[Path], None], rule: str
) -> None:
    change(built_shop)

    plan = ask(built_shop, "plan", "--exit-code")
    assert plan.code == 4
    assert rule in {r["rule"] for c in plan.json["changes"] for r in c["reasons"]}
    build = mlproj(built_shop, "build")
    assert build.code == 4
    assert build.out == ""
    assert rule in build.err
    assert "E501" in build.err


def test_on_breaking_warn_lets_it_through(built_shop: Path) -> None:
    (built_shop / "mlproj.yml").write_text("name: shop\ntargets: {dev: {on_breaking: warn}}\n", encoding="utf-8")
    _meaning(built_shop)

    plan = ask(built_shop, "plan")
    assert plan.code == 0
    assert plan.json["changes"][0]["accepted"]
    assert ask(built_shop, "build").json["status"] == "ok"
    assert ask(built_shop, "plan").json["changes"] == []


def _rules(plan: Any) -> dict[str, str]:
    return {r["rule"]: c["change"] for c in plan["changes"] for r in c["reasons"]}


def test_a_new_column_is_additive(built_shop: Path) -> None:
    edit(built_shop / GROUPS, "      - {name: paid,", "      - {name: tax, type: DOUBLE}\n      - {name: paid,")
    edit(built_shop / SQL, "amount,", "amount, amount / 5 as tax,")

    plan = ask(built_shop, "plan", "--exit-code")
    assert plan.code == 3
    assert _rules(plan.json) == {"feature_added": "additive"}
    assert ask(built_shop, "build").json["status"] == "ok"
    rows = ask(built_shop, "show", "feature_group:orders@1", "--limit", "1").json["preview"]
    assert "tax" in rows["columns"]


def test_comments_and_layout_are_no_change(built_shop: Path) -> None:
    path = built_shop / SQL
    path.write_text(
        "-- who paid\n" + path.read_text(encoding="utf-8").replace("select", "SELECT\n  "), encoding="utf-8"
    )

    plan = ask(built_shop, "plan", "--exit-code")
    assert plan.code == 0
    assert plan.json["changes"] == []


def test_new_source_data_is_stale_and_never_breaking(built_shop: Path) -> None:
    source = built_shop / "data" / "orders.csv"
    source.write_text(source.read_text(encoding="utf-8") + "61,1,5.0,1\n", encoding="utf-8")

    plan = ask(built_shop, "plan", "--exit-code")
    assert plan.code == 3
    assert {c["change"] for c in plan.json["changes"]} == {"stale"}
    assert plan.json["changes"][0]["reasons"][0]["rule"] == "source_data_changed"
    assert ask(built_shop, "build").code == 0
    assert ask(built_shop, "show", "feature_group:orders@1").json["published"]["rows"] == 61
    assert ask(built_shop, "plan").json["changes"] == []


def test_the_same_rows_in_another_file_make_no_commit(built_shop: Path) -> None:
    before = ask(built_shop, "history", "feature_group:orders@1").json
    source = built_shop / "data" / "orders.csv"
    head, *rows = source.read_text(encoding="utf-8").splitlines(keepends=True)
    source.write_text("".join([head, *reversed(rows)]), encoding="utf-8")

    build = ask(built_shop, "build")
    assert build.code == 0
    assert ask(built_shop, "history", "feature_group:orders@1").json == before
    assert ask(built_shop, "plan").json["changes"] == []


def test_a_change_behind_a_new_version_breaks_nobody(built_shop: Path) -> None:
    group = (built_shop / GROUPS).read_text(encoding="utf-8")
    second = group.replace("version: 1", "version: 2").removeprefix("feature_groups:\n").replace(
        "      - {name: customer_id, type: BIGINT}\n", ""
    )  # fmt: skip
    (built_shop / GROUPS).write_text(group + second, encoding="utf-8")
    (built_shop / "feature_groups" / "orders.v2.sql").write_text(
        "select order_id, amount, paid from {{ source('orders') }}\n", encoding="utf-8"
    )

    plan = ask(built_shop, "plan", "--exit-code")
    assert plan.code == 3
    assert [(c["node"], c["change"]) for c in plan.json["changes"]] == [("feature_group:orders@2", "new")]
    assert ask(built_shop, "build").code == 0
    assert ask(built_shop, "plan").json["changes"] == []
