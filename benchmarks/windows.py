"""Sums over 30 days as of 1 M events: a view's own SQL, whose plan the data chooses, beside the three plans by hand.

    python benchmarks/windows.py [--events N] [--rounds R] [--threads T] [--several]

Prints for each case the seconds of each, the best of R rounds, the plan that was chosen, and how it compares with the
best by hand. All give the same sums, or the run fails. The queries by hand read a table of events as they came; the
view reads what its group keeps of them. With --several, twelve windows at once, by each plan and as chosen.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import yaml

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.adapters.file_sources import FileSources
from mlproj.compiler import Manifest, Surroundings, compile_project
from mlproj.compiler.windows import stored_sql
from mlproj.compiler.windows.choice import Evaluation
from mlproj.compiler.windows.plans import PLANS, Windows
from mlproj.loader import load
from mlproj.state import Window

W = 30 * 86_400 * 1_000_000
CASES = {
    "20,000 keys, 200,000 observations": (20_000, 200_000),
    "200 keys, 50,000 observations": (200, 50_000),
    "200 keys, 500 observations": (200, 500),
}
JOIN = {"group": "spending@1", "features": ["total"]}
PROJECT = {
    "sources": [
        {"name": "events", "path": "e.csv", "columns": {"k": "BIGINT", "ts": "TIMESTAMP", "cents": "BIGINT"}},
        {"name": "seen", "path": "o.csv", "columns": {"id": "BIGINT", "k": "BIGINT", "ts": "TIMESTAMP"}},
    ],
    "feature_groups": [
        {"name": "spending", "primary_key": ["k"], "event_time": "ts", "aggregate": {
            "from": "events", "by": ["k"],
            "features": [{"name": "total", "function": "sum", "column": "cents", "window": "30 days"}]}},
        {"name": "seen", "primary_key": ["id"], "event_time": "ts"},
    ],
    "feature_views": [{"name": "v", "base": "seen@1", "features": ["k"], "joins": [JOIN]}],
}  # fmt: skip
OBSERVED = "select distinct k, epoch_us(ts) as t from observations"
BY_HAND = {
    "range": f"""
        select k, t, s from (
            select k, t, observed, sum(cents) over (
                partition by k order by t range between {W - 1} preceding and current row) as s
            from (select k, epoch_us(ts) as t, cents, false as observed from events
                  union all select k, t, null, true from ({OBSERVED})) as r) as r
        where observed""",
    "join": f"""
        select o.k, o.t, sum(e.cents) as s from ({OBSERVED}) as o
        left join (select k, epoch_us(ts) as t, cents from events) as e
        on e.k = o.k and e.t <= o.t and e.t > o.t - {W} group by o.k, o.t""",
    "sums": f"""
        with c as materialized (
            select k, t, sum(cents) over until as s, sum(n) over until as n
            from (select k, epoch_us(ts) as t, sum(cents) as cents, count(cents) as n from events group by all) as e
            window until as (partition by k order by t rows unbounded preceding))
        select o.k, o.t, case when e.n > coalesce(b.n, 0) then e.s - coalesce(b.s, 0) end as s
        from (select *, t - {W} as begin from ({OBSERVED}) as o) as o
        asof left join c as e on o.k = e.k and o.t >= e.t
        asof left join c as b on o.k = b.k and o.begin >= b.t""",
}


def compiled() -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "mlproj.yml").write_text("name: windows\n", encoding="utf-8")
        (root / "seen.v1.sql").write_text("select * from {{ source('seen') }}", encoding="utf-8")
        (root / "all.yml").write_text(yaml.safe_dump(PROJECT), encoding="utf-8")
        estimators: Any = None  # there is no model
        surroundings = Surroundings(DuckDBBinder(), FileSources(root, root / "cache"), estimators, {})
        return compile_project(load(root, environment={}), surroundings)


def fill(connection: duckdb.DuckDBPyConnection, events: int, keys: int, observations: int, stored: str) -> None:
    """Events of a year, evenly over keys and time; observations in the same way; and the group as it is stored."""
    times = "timestamp '2025-01-01' + to_microseconds((hash(range * {}) % 31536000000000)::BIGINT)"
    connection.execute(
        f"create or replace table events as select (hash(range) % {keys})::BIGINT as k, {times.format(7)} as ts, "
        f"(hash(range * 3) % 10000)::BIGINT as cents from range({events})"
    )
    connection.execute(
        f"create or replace table observations as select range as id, (hash(range * 5) % {keys})::BIGINT as k, "
        f"{times.format(11)} as ts from range({observations})"
    )
    connection.execute('create or replace view "source:events" as from events')
    connection.execute('create or replace view "seen@1" as from observations')
    start = time.perf_counter()
    connection.execute(f'create or replace table "events:spending@1" as {stored}')
    print(f"  rows of the group, with the events that they keep: {time.perf_counter() - start:.2f} s")


def several(connection: duckdb.DuckDBPyConnection) -> str:
    """Seconds of twelve sums and counts over three to 36 days, by each plan and as chosen."""
    windows = tuple(
        Window(
            name=f"w{days}", function=function, column="cents", length=days * 86_400_000_000, type="BIGINT",
            field="x 1", field_type="BIGINT",
        )
        for days, function in zip(range(3, 39, 3), ("sum", "count") * 6, strict=True)
    )  # fmt: skip
    renamed = 'k as "key 1", epoch_us(ts) as "the time"'
    connection.execute(f'create or replace table e as select {renamed}, cents as "x 1" from events')
    connection.execute(f"create or replace table o as select distinct {renamed} from observations")
    parts = []
    for plan in (None, *PLANS):
        found = Evaluation(Windows(('"key 1"',), windows), "e", "o", "1", plan)
        start = time.perf_counter()
        connection.execute(
            f"create or replace table r as with {', '.join(found.tables())} select * from {found.result}"
        )
        parts.append(f"{plan or 'as chosen'} {time.perf_counter() - start:.2f} s")
    return ", ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--several", action="store_true")
    asked = parser.parse_args()
    manifest = compiled()
    view = manifest.view("feature_view:v@1").sql
    stored = stored_sql(manifest.group("feature_group:spending@1"))
    # The choice is a table of the view's query: asked alone, it says what was taken.
    which = view[view.index("with ") : view.index(',\n"windows 1"')] + '\nselect plan from "plan 1"'
    queries = {"the view": f"select k, epoch_us(ts) as t, total as s from (\n{view}\n) as v", **BY_HAND}
    for name, (keys, observations) in CASES.items():
        print(f"{asked.events:,} events of {name}")
        with duckdb.connect(config={"threads": str(asked.threads)}) as connection:
            fill(connection, asked.events, keys, observations, stored)
            if asked.several:
                print(f"  twelve windows: {several(connection)}")
                continue
            (plan,) = connection.execute(which).fetchall()[0]
            best, sums = dict.fromkeys(queries, float("inf")), {}
            for _round in range(asked.rounds):
                for label, query in queries.items():
                    start = time.perf_counter()
                    connection.execute(f"create or replace table result as {query}")
                    best[label] = min(best[label], time.perf_counter() - start)
                    distinct = "select distinct k, t, s from result"
                    sums[label] = connection.execute(f"select count(*), sum(s) from ({distinct})").fetchall()
        assert len(set(map(str, sums.values()))) == 1, sums
        by_hand = min(best[label] for label in BY_HAND)
        shown = ", ".join(f"{label} {best[label]:.2f} s" for label in BY_HAND)
        print(f"  the view, by {plan}: {best['the view']:.2f} s = {best['the view'] / by_hand:.2f} × the best by hand")
        print(f"  by hand: {shown}")


if __name__ == "__main__":
    main()
