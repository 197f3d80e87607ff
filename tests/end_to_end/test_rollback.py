"""Going back with the installed command: a group, an alias, and all that a build left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.small_project import MODEL, write

GROUP = "feature_group:orders@1"
INPUT = "amount\n1.5\n30.0\n"


def orders(folder: Path, rows: int) -> None:
    lines = "".join(f"{i},{i % 7},{i * 1.5},{i % 2}\n" for i in range(1, rows + 1))
    (folder / "data" / "orders.csv").write_text("order_id,customer_id,amount,paid\n" + lines, encoding="utf-8")


def rows(folder: Path, as_of: str | None = None) -> list[Any]:
    options = ["--as-of", as_of] if as_of else []
    document = ask(folder, "show", GROUP, "--limit", "1000", *options).json
    return sorted(document["preview"]["rows"])


def seen_by_duckdb(folder: Path) -> list[tuple[Any, ...]]:
    """What somebody reads who has nothing but DuckDB and the lake."""
    from mlproj.adapters.ducklake_extension import load_extensions

    with duckdb.connect() as connection:
        load_extensions(connection)
        catalog, data = folder / ".mlproj" / "catalog.sqlite", folder / ".mlproj" / "lake"
        connection.execute(
            f"attach 'ducklake:sqlite:{catalog}' as lake (read_only, data_path '{data}/', override_data_path true)"
        )
        return connection.execute("select * from lake.dev.orders_v1 order by all").fetchall()


def commits(folder: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = ask(folder, "history", GROUP).json["entries"]
    return entries


def test_a_group_goes_back_is_held_and_resumed(built_shop: Path) -> None:
    orders(built_shop, 70)
    assert mlproj(built_shop, "build").code == 0
    first, second = (str(e["commit"]) for e in commits(built_shop))
    old = rows(built_shop, first)

    tried = ask(built_shop, "rollback", "orders@1", "--to", first, "--dry-run").json
    assert (tried["artifact"], tried["version"], tried["dry_run"]) == ("rollback", 1, True)
    assert tried["rows"] == {"deleted": 10, "inserted": 0}
    assert len(rows(built_shop)) == 70

    done = mlproj(built_shop, "rollback", "orders@1", "--to", first, "--because", "wrong prices")
    assert done.code == 0, done.err
    assert "mlproj build --resume orders@1" in done.out
    assert rows(built_shop) == old
    assert [list(row) for row in seen_by_duckdb(built_shop)] == old
    last = commits(built_shop)[-1]
    assert (last["kind"], last["added"], last["changed"], last["deleted"], last["author"]) == (
        "rollback",
        0,
        0,
        10,
        "ada",
    )
    assert len(commits(built_shop)) == 3

    plan = ask(built_shop, "plan").json
    assert [(h["node"], h["reason"]) for h in plan["held"]] == [(GROUP, f"rolled back to commit {first}: wrong prices")]
    assert [c["node"] for c in plan["changes"]] == ["feature_view:orders@1"]
    assert "held orders@1: rolled back" in mlproj(built_shop, "plan").out
    assert ask(built_shop, "build").json["status"] == "ok"
    assert rows(built_shop) == old
    assert ask(built_shop, "rollback", "orders@1", "--to", second + "9").codes == ["E530"]

    assert ask(built_shop, "build", "--resume", "orders@1").json["status"] == "ok"
    assert len(rows(built_shop)) == 70
    plan = ask(built_shop, "plan").json
    assert (plan["changes"], plan["held"]) == ([], [])
    assert ask(built_shop, "build", "--resume", "orders@1").codes == ["E533"]


def test_a_build_comes_back_with_its_model_and_another_goes_on(tmp_path: Path) -> None:
    shop = write(tmp_path / "shop", {"models.yml": MODEL})
    (shop / "input.csv").write_text(INPUT, encoding="utf-8")
    builds, card = [], []
    for size, run in ((60, 1), (90, 2)):
        orders(shop, size)
        builds.append(ask(shop, "build").json["build"])
        assert (
            ask(shop, "promote", f"payer@1.{run}", "champion", "--because", "better").json["after"] == f"payer@1.{run}"
        )
        if run == 1:
            card = [
                ask(shop, "train-data", "orders").json,
                ask(shop, "predict", "payer", "--input", shop / "input.csv").json,
            ]
    old = seen_by_duckdb(shop)

    assert ask(shop, "rollback", "payer", "--dry-run").json["moves"] == [
        {"node": "payer@champion", "what": "alias", "before": "payer@1.2", "after": "payer@1.1"}
    ]
    tried = ask(shop, "rollback", "--build", builds[0], "--dry-run").json
    done = ask(shop, "rollback", "--build", builds[0]).json
    assert tried["moves"] == done["moves"]
    assert {(m["node"], m["what"]) for m in done["moves"]} >= {
        (GROUP, "commit"), ("feature_view:orders@1", "training_dataset"), ("model:payer@1", "model_version"),
        ("payer@champion", "alias"),
    }  # fmt: skip
    assert len(seen_by_duckdb(shop)) == 60
    assert [
        ask(shop, "train-data", "orders").json,
        ask(shop, "predict", "payer", "--input", shop / "input.csv").json,
    ] == card
    listed = {m["model_version"]: (m["taken_back"], m["aliases"]) for m in ask(shop, "models").json["models"]}
    assert listed == {"payer@1.1": (False, ["champion"]), "payer@1.2": (True, [])}
    assert [e["kind"] for e in ask(shop, "history").json["entries"]] == ["rollback", "build", "build"]
    moves = ask(shop, "history", "payer").json["events"]
    assert [(e["alias"], e["from"], e["to"], e["how"]) for e in moves] == [
        ("champion", None, "payer@1.1", "promote"),
        ("champion", "payer@1.1", "payer@1.2", "promote"),
        ("champion", "payer@1.2", "payer@1.1", "rollback"),
    ]
    assert [e["because"] for e in moves[:2]] == ["better", "better"]
    told = mlproj(shop, "history", "payer").out
    assert "champion" in told
    assert "better" in told

    assert {c["node"]: c["change"] for c in ask(shop, "plan").json["changes"]} == dict.fromkeys(
        [GROUP, "feature_view:orders@1", "model:payer@1"], "stale"
    )
    assert ask(shop, "build").json["status"] == "ok"
    assert seen_by_duckdb(shop) == old
    assert ask(shop, "plan").json["changes"] == []
    assert ask(shop, "train-data", "orders").json["training_dataset"] == "orders@1/td3"
    assert [m["model_version"] for m in ask(shop, "models").json["models"]] == ["payer@1.1", "payer@1.2", "payer@1.3"]


def test_wrong_use_is_told(built_shop: Path) -> None:
    for arguments in ([], ["orders@1", "--build", "x"], ["--build", "x", "--to", "1"]):
        assert ask(built_shop, "rollback", *arguments).codes == ["E509"]
    assert ask(built_shop, "rollback", "--build", "x").codes == ["E537"]
    assert ask(built_shop, "rollback", "orders@1").codes == ["E530"]
    assert ask(built_shop, "promote", "payer", "champion").codes == ["E507"]
    assert ask(built_shop, "promote", "payer", "champion", "--force").codes == ["E509"]


def test_a_saved_plan_is_built_once_and_refused_afterwards(built_shop: Path) -> None:
    orders(built_shop, 70)
    saved = built_shop / "p.json"
    plan = ask(built_shop, "plan", "--out", saved).json
    results = ask(built_shop, "build", saved).json
    assert [(r["action"], r["node"]) for r in results["results"]] == [(s["action"], s["node"]) for s in plan["steps"]]
    again = ask(built_shop, "build", saved)
    assert (again.code, again.codes) == (2, ["E502"])
    assert mlproj(built_shop, "build", saved, "--select", "orders").code == 2
