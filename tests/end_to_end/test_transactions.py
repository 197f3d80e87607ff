"""The example of card payments: built with two months, then with the third."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.end_to_end.command import Outcome, ask, mlproj

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "transactions"
MARCH = ("transactions/2026-03.csv", "chargebacks/2026-03.csv")


@dataclass(frozen=True)
class Grown:
    """The example after January and February were built, and after March was."""

    folder: Path
    before: Outcome
    plan: Outcome
    after: Outcome


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    folder = tmp_path_factory.mktemp("card payments") / "transactions"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".mlproj", "target", "2026-03.csv"))
    before = ask(folder, "build")
    for name in MARCH:
        shutil.copy(EXAMPLE / "data" / name, folder / "data" / name)
    return Grown(folder, before, ask(folder, "plan"), ask(folder, "build"))


def rows_of(name: str) -> int:
    with (EXAMPLE / "data" / name).open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.DictReader(file))


def test_the_model_is_as_good_as_asked(grown: Grown) -> None:
    for outcome in (grown.before, grown.after):
        assert outcome.code == 0, outcome.out + outcome.err
    models = ask(grown.folder, "models").json["models"]
    assert [m["status"] for m in models] == ["passed", "passed"]
    assert all(m["metrics"]["test"]["roc_auc"] > 0.7 for m in models)


def test_march_is_added_to_what_stands(grown: Grown) -> None:
    """Its payments, and those of February that were reported in March; nothing is computed anew."""
    steps = {(s["action"], s["node"]) for s in grown.plan.json["steps"]}
    assert ("merge", "feature_group:transactions@1") in steps
    assert "feature_group:customers@1" not in {node for _action, node in steps}

    last = ask(grown.folder, "history", "transactions@1").json["entries"][-1]
    reported = set(_column("chargebacks/2026-03.csv")) - set(_column("transactions/2026-03.csv"))
    assert (last["added"], last["changed"], last["deleted"]) == (rows_of(MARCH[0]), len(reported), 0)


def _column(name: str) -> list[str]:
    with (EXAMPLE / "data" / name).open(encoding="utf-8", newline="") as file:
        return [row["transaction_id"] for row in csv.DictReader(file)]


def test_observations_get_what_was_known_then(grown: Grown, tmp_path: Path) -> None:
    """Of a customer who moved, what stood in the books at each moment."""
    with (EXAMPLE / "data" / "customers.csv").open(encoding="utf-8", newline="") as file:
        known = [row for row in csv.DictReader(file) if row["customer_id"] == "1"]
    old, new = known
    assert new["valid_from"] < new["recorded_at"], "it was written down later"
    moments = [new["valid_from"], new["recorded_at"]]
    lines = [f"{n},1,3,{at}" for n, at in enumerate(moments)]
    observations = tmp_path / "observations.csv"
    observations.write_text("\n".join(["n,customer_id,terminal_id,paid_at", *lines]), encoding="utf-8")

    assert mlproj(grown.folder, "train-data", "fraud@1", "--entities", observations, "--out", tmp_path).code == 0

    found = duckdb.sql(f"select credit_limit from '{tmp_path}/historical.parquet' order by n").fetchall()
    assert found == [(int(old["credit_limit"]),), (int(new["credit_limit"]),)]


def test_a_window_is_that_of_the_moment_and_not_of_the_last_payment(grown: Grown, tmp_path: Path) -> None:
    with (EXAMPLE / "data" / MARCH[0]).open(encoding="utf-8", newline="") as file:
        last = list(csv.DictReader(file))[-1]
    observations = tmp_path / "observations.csv"
    lines = [f"{n},{last['customer_id']},3,{at}" for n, at in enumerate((last["paid_at"], "2026-12-01 00:00:00"))]
    observations.write_text("\n".join(["n,customer_id,terminal_id,paid_at", *lines]), encoding="utf-8")

    assert mlproj(grown.folder, "train-data", "fraud@1", "--entities", observations, "--out", tmp_path).code == 0

    columns = "paid_1d, spent_1d, largest_30d, reported_28d"
    then, later = duckdb.sql(f"select {columns} from '{tmp_path}/historical.parquet' order by n").fetchall()
    assert then[0] >= 1
    assert then[1] >= float(last["amount"])
    assert later == (0, None, None, 0)


def test_its_unit_tests_run_at_plan_where_something_changed(grown: Grown, tmp_path: Path) -> None:
    folder = shutil.copytree(grown.folder, tmp_path / "edited")
    query = folder / "feature_groups" / "transactions.v1.sql"
    text = query.read_text(encoding="utf-8")
    assert "coalesce(c.reported_at, t.paid_at)" in text
    query.write_text(text.replace("coalesce(c.reported_at, t.paid_at)", "t.paid_at"), encoding="utf-8")

    outcome = ask(folder, "plan")

    assert outcome.code == 1
    assert "E625" in [d["code"] for d in outcome.json["diagnostics"]]


def test_people_are_nowhere_to_be_read(grown: Grown) -> None:
    shown = mlproj(grown.folder, "show", "customers@1").out + mlproj(grown.folder, "show", "customers@1", "--stats").out
    with (EXAMPLE / "data" / "customers.csv").open(encoding="utf-8", newline="") as file:
        names = {row["name"] for row in csv.DictReader(file)}
    assert "***" in shown
    assert not [name for name in names if name in shown]


def test_the_committed_files_are_what_the_script_writes(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "generate_transactions.py"
    subprocess.run([sys.executable, script, "--out", tmp_path], check=True)
    written = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.csv")}
    committed = {p.relative_to(EXAMPLE / "data"): p.read_bytes() for p in (EXAMPLE / "data").rglob("*.csv")}
    assert written == committed
