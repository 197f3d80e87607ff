"""gc and forget by the installed command: they say first what goes, and ask."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.small_project import FILES


def _files(folder: Path) -> list[Path]:
    return sorted((folder / ".mlproj" / "lake").rglob("*.parquet"))


def test_gc_says_what_goes_and_asks(built_shop: Path) -> None:
    (built_shop / "data" / "orders.csv").write_text(FILES["data/orders.csv"] + "61,1,9.5,1\n", encoding="utf-8")
    assert ask(built_shop, "build").code == 0
    (built_shop / "mlproj.yml").write_text("name: shop\nretention: 0 days\n", encoding="utf-8")
    rows = ask(built_shop, "show", "orders@1", "--limit", "100").json["preview"]
    files = _files(built_shop)

    looked = ask(built_shop, "gc", "--dry-run")
    refused = ask(built_shop, "gc")

    assert looked.json["snapshots"] > 0
    assert looked.json["files"] > 0
    assert looked.json["bytes"] > 0
    assert not looked.json["dropped"]
    assert (refused.code, refused.codes) == (2, ["E526"])
    assert _files(built_shop) == files
    dropped = mlproj(built_shop, "gc", "--yes")
    assert dropped.code == 0
    assert "1 commit of orders@1 in dev" in dropped.out
    # The one row that came stood in a file of its own.
    assert list(looked.json["merged"].values()) == [2]
    assert len(_files(built_shop)) == len(files) - looked.json["files"] - 1
    assert ask(built_shop, "show", "orders@1", "--limit", "100").json["preview"] == rows
    assert "nothing to drop" in mlproj(built_shop, "gc", "--yes").out
    assert ask(built_shop, "plan", "--exit-code").code == 0


def test_forget_erases_for_good(built_shop: Path) -> None:
    keys = built_shop / "keys.csv"
    keys.write_text("order_id\n7\n8\n", encoding="utf-8")
    assert ask(built_shop, "forget", "orders", "--keys", keys).codes == ["E526"]

    done = ask(built_shop, "forget", "orders", "--keys", keys, "--because", "request 4711", "--yes")

    assert done.code == 0
    assert done.json["rows"] == {"orders@1 in dev": 2, "orders@1/td1 in dev": 2}
    assert done.json["sources"] == ["source:orders"]
    for path in _files(built_shop):
        assert duckdb.sql(f"select 1 from read_parquet('{path}') where order_id in (7, 8)").fetchall() == []
    assert "request 4711" in mlproj(built_shop, "history", "orders@1").out
    assert ask(built_shop, "show", "orders@1").json["published"]["rows"] == 58
