"""Fifty builds killed at random moments, and some at chosen ones: what is published reads right after each.

The next build or retry completes, with one commit of rows and one publication for each generation of the data.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Two projects of 25 kills each, so that two workers share them.
KILLS = 25
SEEDS = (20_260_131, 20_260_201)
FORKER = Path(__file__).with_name("forker.py")
FILES = {
    "mlproj.yml": "name: kills\n",
    "sources.yml": "sources:\n  - name: lines\n    path: lines.csv\n    format: csv\n"
    "    columns: {id: BIGINT, gen: BIGINT, amount: DOUBLE, paid: BIGINT}\n",
    "groups.yml": """\
feature_groups:
  - {name: lines, version: 1, primary_key: [id], tests: [{unique: {columns: [id]}}]}
  - {name: even, version: 1, primary_key: [id]}
  - {name: totals, version: 1, primary_key: [gen]}
feature_views:
  - {name: lines, version: 1, base: lines@1, features: [amount], label: paid, split: {test: 0.3, seed: 1}}
""",
    "lines.v1.sql": "select id, gen, amount, paid from {{ source('lines') }}\n",
    "even.v1.sql": "select id, gen from {{ ref('lines', version=1) }} where id % 2 = 0\n",
    "totals.v1.sql": "select gen, count(*)::bigint as n from {{ ref('lines', version=1) }} group by gen\n",
}
LAKE, STATE = ("mlproj.adapters.ducklake", "DuckLake"), ("mlproj.adapters.sql_state.store", "SqlState")
MOMENTS = [
    (*STATE, "begin_build", "after"),
    (*LAKE, "write", "before"),
    (*LAKE, "write", "after"),
    (*LAKE, "publish", "before"),
    (*LAKE, "publish", "after"),
    (*STATE, "apply_publication", "after"),
    (*STATE, "end_build", "before"),
]


@dataclass
class Shop:
    """A project of four nodes whose source says in every row which generation it is of; `gen` is the one last built."""

    root: Path
    forker: subprocess.Popen[str]
    gen: int = 0

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self.forker.stdin
        assert self.forker.stdout
        self.forker.stdin.write(json.dumps(command) + "\n")
        self.forker.stdin.flush()
        answer: dict[str, Any] = json.loads(self.forker.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer

    def renew(self) -> None:
        self.gen += 1
        rows = "".join(f"{i},{self.gen},{i * 1.5 + self.gen},{i % 2}\n" for i in range(50 + self.gen))
        (self.root / "lines.csv").write_text("id,gen,amount,paid\n" + rows, encoding="utf-8")

    def shown(self) -> int:
        """The generation of what is published, all of it."""
        return self.checked(self.ask(do="look")["answer"])

    def checked(self, found: dict[str, Any]) -> int:
        gen: int = found["shown"]["a"][1]
        rows = 50 + gen
        even = (rows + 1) // 2
        assert found["shown"] == {"a": [rows, gen, gen], "b": [even, gen, gen], "c": [1, gen, gen]}
        assert found["total"] == rows
        assert found["said"] == {"lines@1": rows, "even@1": even, "totals@1": 1}
        return gen

    def complete(self, do: str) -> None:
        """The next build or retry brings the newest generation, and has written and published it once."""
        done = self.ask(do=do)["answer"]
        if do == "retry" and not done["steps"] and self.checked(done) < self.gen:
            # It was killed before it had written down what it would do.
            done = self.ask(do="build")["answer"]
        assert done["status"] == "ok"
        assert self.checked(done) == self.gen
        assert done["commits"].count("write") == done["commits"].count("publish") == self.gen
        assert done["dataset"] == self.gen


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "MLPROJ_AUTHOR": "ada"}
    with subprocess.Popen(
        [sys.executable, FORKER, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    ) as forker:
        found = Shop(tmp_path, forker)
        found.renew()
        found.complete("build")
        yield found
        assert forker.stdin
        forker.stdin.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment_nothing_is_half_published_lost_or_written_twice(shop: Shop, seed: int) -> None:
    chance, died = random.Random(seed), 0
    shop.renew()
    whole = shop.ask(do="build")["seconds"]
    for number in range(KILLS):
        shop.renew()
        killed = shop.ask(do="build", kill_after=whole * chance.uniform(0.1, 1.0))
        died += killed["killed"]
        assert shop.shown() in {shop.gen - 1, shop.gen}
        shop.complete("retry" if number % 2 else "build")
    assert shop.ask(do="plan")["answer"] == []
    assert died > KILLS / 2, "most builds had ended before they were to be killed"


def test_killed_on_either_side_of_every_seam(shop: Shop) -> None:
    for number, moment in enumerate(MOMENTS):
        shop.renew()
        assert shop.ask(do="build", die=moment)["killed"], moment
        published = moment[2] in {"apply_publication", "end_build"} or moment[2:] == ("publish", "after")
        assert shop.shown() == (shop.gen if published else shop.gen - 1), moment
        shop.complete("retry" if number % 2 else "build")


def test_two_kills_of_one_generation(shop: Shop) -> None:
    shop.renew()
    for moment in ((*LAKE, "write", "after"), (*LAKE, "publish", "before")):
        assert shop.ask(do="retry" if moment[2] == "publish" else "build", die=moment)["killed"]
        assert shop.shown() == shop.gen - 1
    shop.complete("retry")
