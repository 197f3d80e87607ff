"""Builds that are killed, interrupted, or not alone: what was published stays, and the next build completes."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.end_to_end.command import ask, mlproj, start
from tests.end_to_end.small_project import edit

NODE = "feature_group:orders@1"
# Of the installed command; test_kills does many, of forked builds.
KILLS = 3


def _rows(folder: Path, rows: int) -> None:
    """New source data, so that a build has something to do."""
    lines = "".join(f"{i},{i % 7},{i * 1.5},{i % 2}\n" for i in range(1, rows + 1))
    (folder / "data" / "orders.csv").write_text("order_id,customer_id,amount,paid\n" + lines, encoding="utf-8")


def _published(folder: Path) -> int:
    document = ask(folder, "show", NODE, "--limit", "100000").json
    rows: int = document["published"]["rows"]
    assert len(document["preview"]["rows"]) == rows, "what is said of the rows, and the rows themselves"
    return rows


def test_a_build_that_is_killed_leaves_all_or_nothing(built_shop: Path) -> None:
    chance = random.Random(7)
    rows = 60
    _rows(built_shop, rows)
    assert mlproj(built_shop, "build").code == 0
    started = time.monotonic()
    _rows(built_shop, rows + 1)
    assert mlproj(built_shop, "build").code == 0
    whole, rows = time.monotonic() - started, rows + 1

    died = 0
    for _ in range(KILLS):
        _rows(built_shop, rows + 10)
        build = start(built_shop, "build")
        time.sleep(whole * chance.uniform(0.2, 0.8))
        build.kill()
        build.communicate()
        died += build.returncode == -signal.SIGKILL
        seen = _published(built_shop)
        assert seen in {rows, rows + 10}
        again = ask(built_shop, "build")
        assert again.code == 0, again.err
        assert again.json["status"] == "ok"
        rows += 10
    assert _published(built_shop) == rows
    assert ask(built_shop, "plan").json["changes"] == []
    assert died, "no build was killed before its end"


def test_a_first_build_that_is_killed_is_made_up_for(shop: Path) -> None:
    build = start(shop, "build")
    deadline = time.monotonic() + 60
    while not (shop / ".mlproj" / "catalog.sqlite").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    build.kill()
    build.communicate()

    assert ask(shop, "plan").code == 0
    assert ask(shop, "build").json["status"] == "ok"
    assert ask(shop, "plan").json["changes"] == []


def _slow(folder: Path, width: int = 18_000) -> None:
    """A build that takes a few seconds, so that another one meets it."""
    (folder / "feature_groups" / "slow.yml").write_text(
        "feature_groups:\n  - {name: slow, version: 1, primary_key: [n]}\n", encoding="utf-8"
    )
    (folder / "feature_groups" / "slow.v1.sql").write_text(
        "select 1::bigint as n, count(*)::bigint as c\n"
        f"from range({width}) a, range({width}) b where (a.range * b.range) % 7 = 3",
        encoding="utf-8",
    )


def _wait_for_lease(folder: Path) -> None:
    path, deadline = folder / ".mlproj" / "catalog.lease.sqlite", time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists():
            with closing(sqlite3.connect(path, timeout=10)) as connection:
                try:
                    if connection.execute("select count(*) from lease").fetchone()[0]:
                        return
                except sqlite3.OperationalError:  # the table is about to be made
                    pass
        time.sleep(0.02)
    raise AssertionError("the build never took the lease")


def test_of_two_builds_one_works_and_the_other_says_who_does(shop: Path) -> None:
    _slow(shop)
    first = start(shop, "build")
    _wait_for_lease(shop)

    refused = ask(shop, "build")
    waited = ask(shop, "build", "--wait", "120")
    out, err = first.communicate()

    assert (refused.code, refused.codes) == (1, ["E604"])
    message = refused.json["diagnostics"][0]["message"]
    assert "ada" in message
    assert str(first.pid) in message
    assert first.returncode == 0, out + err
    assert waited.code == 0
    assert waited.json["results"] == [], "the first build had done everything"


def test_readers_beside_a_build_see_no_error(built_shop: Path) -> None:
    _slow(built_shop)
    _rows(built_shop, 61)
    build = start(built_shop, "build")
    _wait_for_lease(built_shop)

    looked = 0
    while build.poll() is None or not looked:
        shown = ask(built_shop, "show", NODE, "--limit", "100")
        assert shown.code == 0, shown.err
        assert len(shown.json["preview"]["rows"]) == shown.json["published"]["rows"]
        assert shown.json["published"]["rows"] in {60, 61}
        assert ask(built_shop, "plan").code == 0
        looked += 1
    out, err = build.communicate()
    assert build.returncode == 0, out + err
    assert _published(built_shop) == 61


def test_ctrl_c_ends_a_build_quietly(shop: Path) -> None:
    _slow(shop, width=200_000)
    build = start(shop, "build")
    _wait_for_lease(shop)
    time.sleep(1)
    build.send_signal(signal.SIGINT)
    _out, err = build.communicate(timeout=20)  # the query alone would take many minutes

    assert build.returncode in {1, 130}
    assert "Traceback" not in err
    with closing(sqlite3.connect(shop / ".mlproj" / "catalog.lease.sqlite")) as connection:
        assert connection.execute("select count(*) from lease").fetchone() == (0,)
    (shop / "feature_groups" / "slow.yml").unlink()
    (shop / "feature_groups" / "slow.v1.sql").unlink()
    assert ask(shop, "build").json["status"] == "ok"


def test_a_retry_after_a_failed_test_does_the_rest(shop: Path) -> None:
    group = shop / "feature_groups" / "orders.yml"
    edit(group, "between: {min: 0}", "between: {min: 0, max: 80}")
    (shop / "feature_groups" / "customers.yml").write_text(
        "feature_groups:\n  - {name: customers, version: 1, primary_key: [customer_id]}\n", encoding="utf-8"
    )
    (shop / "feature_groups" / "customers.v1.sql").write_text(
        "select customer_id, count(*)::bigint as n from {{ source('orders') }} group by customer_id", encoding="utf-8"
    )
    failed = mlproj(shop, "build")
    assert failed.code == 1
    assert "mlproj retry" in failed.out
    assert ask(shop, "show", NODE).json["published"] is None

    edit(group, "max: 80", "max: 100")
    assert "(computed by build " in mlproj(shop, "plan").out
    results = ask(shop, "retry")

    assert results.code == 0, results.err
    status = {(r["action"], r["node"].partition(":")[2]): r["status"] for r in results.json["results"]}
    assert status["materialize", "orders@1"] == status["materialize", "customers@1"] == "reused"
    assert (status["test", "orders@1"], status["train_data", "orders@1"]) == ("ok", "ok")
    assert _published(shop) == 60
    again = mlproj(shop, "retry")
    assert (again.code, again.out) == (0, "nothing to retry\n")
