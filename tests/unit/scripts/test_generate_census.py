"""The example's data can be made again, byte for byte."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = ROOT / "example_project" / "data" / "census.csv"


def generate(out: Path, *options: str) -> bytes:
    script = ROOT / "scripts" / "generate_census.py"
    subprocess.run([sys.executable, str(script), "--out", str(out), *options], check=True)
    return out.read_bytes()


def test_the_committed_file_is_what_the_script_writes(tmp_path: Path) -> None:
    assert generate(tmp_path / "census.csv") == COMMITTED.read_bytes()


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    assert generate(tmp_path / "census.csv", "--seed", "7") != COMMITTED.read_bytes()


def test_the_file_has_the_dirt_that_the_example_cleans() -> None:
    with COMMITTED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6000
    assert {column for row in rows for column, value in row.items() if value == "?"} == {
        "workclass",
        "occupation",
        "native.country",
    }
    repeated = sum(count - 1 for count in Counter(tuple(row.values()) for row in rows).values())
    assert 0 < repeated < 100
    assert {row["income"] for row in rows} == {"<=50K", ">50K"}
    assert {"education.num", "capital.gain", "hours.per.week"} <= set(rows[0])
