"""Features as of the time of each observation: mlproj, bare DuckDB, polars, pandas and Feast in one run.

.venv/bin/python benchmarks/point_in_time.py --observations 100000 --rows 1000000
.venv/bin/python benchmarks/point_in_time.py --data FOLDER --peer-python PYTHON   # one that has polars and feast

Each contender runs in a process of its own, reads the same Parquet files (mlproj its lake, built from them), and gives
every observation the features of three groups, none older than ten days. All values are compared, bit by bit.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

GROUPS, FEATURES, DAYS = 3, 10, 10
START = "2024-01-01 00:00:00+00"


def features(group: int) -> list[str]:
    return [f"fv{group}_f{number}" for number in range(FEATURES)]


def make_data(folder: Path, observations: int, rows: int) -> None:
    """A hundred rows per entity in each group, over a hundred days, in the order of time; files as Feast expects."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'; set memory_limit = '8GB'; select setseed(0.42)")
    entities = max(rows // 100, 1)
    key = f"cast(floor(random() * {entities}) as bigint) as driver_id"
    for group in range(GROUPS):
        columns = ", ".join(f"random() as {name}" for name in features(group))
        step = f"to_microseconds(cast(i * (100 * 86400e6 / {rows}) as bigint))"
        query = f"select {key}, timestamptz '{START}' + {step} as event_timestamp, {columns} from range({rows}) t(i)"
        connection.execute(f"copy ({query}) to '{folder}/fv{group}.parquet' (format parquet, compression zstd)")
    moment = f"timestamptz '{START}' + to_microseconds(cast(random() * 100 * 86400e6 as bigint))"
    query = (
        f"select i as row_id, {key}, date_trunc('second', {moment}) as event_timestamp from range({observations}) t(i)"
    )
    connection.execute(f"copy ({query}) to '{folder}/entity.parquet' (format parquet)")


def write_project(folder: Path) -> Path:
    """A project over the files."""
    root = folder / "mlproj"
    root.mkdir(exist_ok=True)
    names = [*(f"fv{group}" for group in range(GROUPS)), "entity"]
    sources = [{"name": name, "path": str(folder / f"{name}.parquet"), "format": "parquet"} for name in names]
    keys = {"primary_key": ["driver_id"], "event_time": "event_timestamp"}
    groups: list[dict[str, Any]] = [{"name": name, **keys} for name in names]
    groups[-1]["primary_key"] = ["row_id"]
    joins = [
        {"group": f"fv{group}@1", "features": features(group), "max_age": f"{DAYS} days"} for group in range(GROUPS)
    ]
    view = {"name": "drivers", "base": "entity@1", "joins": joins}
    document = {"sources": sources, "feature_groups": groups, "feature_views": [view]}
    (root / "mlproj.yml").write_text("name: benchmark\n", encoding="utf-8")
    (root / "all.yml").write_text(json.dumps(document), encoding="utf-8")
    for name in names:
        (root / f"{name}.v1.sql").write_text(f"select * from {{{{ source('{name}') }}}}", encoding="utf-8")
    return root


def build(root: Path) -> float:
    """Seconds that the build took."""
    from mlproj.project import Project

    started = time.perf_counter()
    with Project(root) as opened:
        assert opened.build().status == "ok"
    return time.perf_counter() - started


def by_mlproj(folder: Path) -> Any:
    import pyarrow.parquet as pq

    from mlproj.project import Project

    with Project(folder / "mlproj") as opened:
        return opened.feature_view("drivers", 1).historical(pq.read_table(folder / "entity.parquet"))


def by_mlproj_file(folder: Path) -> Any:
    """Observations from a file into another, in 4 GB of memory."""
    import pyarrow.parquet as pq

    from mlproj.project import Project
    from mlproj.project.historical import historical_file

    target = folder / "historical.parquet"
    with Project(folder / "mlproj") as opened:
        view = opened.feature_view("drivers", 1)
        historical_file(view, folder / "entity.parquet", target, None, transform=False, memory="4GB")
    return pq.read_table(target)


def by_compiled_sql(folder: Path) -> Any:
    """The view's own SQL over the files, into a file, in 4 GB of memory: what a build runs, without the build."""
    import pyarrow.parquet as pq

    from mlproj.adapters.duckdb_engine import DuckDBEngine
    from mlproj.project import Project

    engine, target = DuckDBEngine(temp_directory=folder / "scratch"), folder / "compiled.parquet"
    engine.limit_memory("4GB")
    with Project(folder / "mlproj") as opened:
        view = opened.manifest.view("feature_view:drivers@1")
    for name in view.depends_on:
        relation = name.partition(":")[2]
        engine.create_view(relation, f"select * from '{folder / relation.partition('@')[0]}.parquet'")
    engine.copy_to(f"{view.sql} order by row_id", target, "parquet")
    engine.close()
    return pq.read_table(target)


def by_duckdb(folder: Path) -> Any:
    """What one would write by hand; among rows of one key and time it takes any."""
    import duckdb

    shown, joins = [], []
    for group in range(GROUPS):
        fresh = f"j{group}.event_timestamp >= b.event_timestamp - interval {DAYS} days"
        shown += [f"case when {fresh} then j{group}.{name} end as {name}" for name in features(group)]
        joins.append(
            f"asof left join '{folder}/fv{group}.parquet' as j{group} "
            f"on b.driver_id = j{group}.driver_id and b.event_timestamp >= j{group}.event_timestamp"
        )
    query = f"select b.*, {', '.join(shown)} from '{folder}/entity.parquet' as b {' '.join(joins)}"
    return duckdb.connect(config={"threads": "2"}).execute(f"{query} order by row_id").to_arrow_table()


def by_polars(folder: Path) -> Any:
    import polars as pl

    found = pl.scan_parquet(folder / "entity.parquet").sort("event_timestamp")
    for group in range(GROUPS):
        other = pl.scan_parquet(folder / f"fv{group}.parquet").set_sorted("event_timestamp")
        found = found.join_asof(other, on="event_timestamp", by="driver_id", tolerance=f"{DAYS}d")
    return found.sort("row_id").collect().to_arrow()


def by_pandas(folder: Path) -> Any:
    import pandas as pd

    found = pd.read_parquet(folder / "entity.parquet").sort_values("event_timestamp")
    for group in range(GROUPS):
        other = pd.read_parquet(folder / f"fv{group}.parquet")
        age = pd.Timedelta(days=DAYS)
        found = pd.merge_asof(found, other, on="event_timestamp", by="driver_id", tolerance=age)
    return found.sort_values("row_id")


def by_feast(folder: Path) -> Any:
    from datetime import timedelta

    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
    from feast.types import Float64

    config = RepoConfig(
        project="benchmark",
        provider="local",
        registry=str(folder / "feast.registry"),
        offline_store={"type": "duckdb"},
        online_store={"type": "sqlite", "path": str(folder / "feast.online")},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    driver = Entity(name="driver", join_keys=["driver_id"])
    views = [
        FeatureView(
            name=f"fv{group}",
            entities=[driver],
            ttl=timedelta(days=DAYS),
            schema=[Field(name=name, dtype=Float64) for name in features(group)],
            source=FileSource(path=str(folder / f"fv{group}.parquet"), timestamp_field="event_timestamp"),
        )
        for group in range(GROUPS)
    ]
    store.apply([driver, *views])
    entities = pd.read_parquet(folder / "entity.parquet")
    wanted = [f"fv{group}:{name}" for group in range(GROUPS) for name in features(group)]
    return store.get_historical_features(entity_df=entities, features=wanted).to_df().sort_values("row_id")


CONTENDERS: dict[str, Callable[[Path], Any]] = {
    "mlproj": by_mlproj, "mlproj, file to file": by_mlproj_file, "mlproj, compiled SQL": by_compiled_sql,
    "duckdb": by_duckdb, "polars": by_polars, "pandas": by_pandas, "feast": by_feast,
}  # fmt: skip


def digest(found: Any) -> str:
    """Of all features in the order of row_id, bit by bit; nulls are nulls."""
    import numpy as np

    total = blake2b(digest_size=8)
    for group in range(GROUPS):
        for name in features(group):
            column = found[name]
            values = column.to_numpy(zero_copy_only=False) if hasattr(column, "combine_chunks") else column.to_numpy()
            values = values.astype("float64")
            values = np.where(np.isnan(values), np.inf, values)
            total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def measure(name: str, folder: Path, runs: int) -> None:
    """One line of JSON: seconds of each run, those of the processor, MB at the most, a digest of the values."""
    seconds, processor = [], []
    for _ in range(runs):
        started, before = time.perf_counter(), time.process_time()
        found = CONTENDERS[name](folder)
        seconds.append(time.perf_counter() - started)
        processor.append(time.process_time() - before)
    # Not ru_maxrss, which starts at what the process held that started this one.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    size = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    print(
        json.dumps(
            {"seconds": seconds, "processor": processor, "megabytes": size, "digest": digest(found), "rows": len(found)}
        )
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, help="fv0, fv1, fv2 and entity.parquet; made where they are not given")
    options.add_argument("--observations", type=int, default=100_000)
    options.add_argument("--rows", type=int, default=1_000_000, help="of each group")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--only", action="append", choices=list(CONTENDERS), help="these contenders alone")
    options.add_argument("--peer-python", default=sys.executable, help="runs polars and feast")
    options.add_argument("--measure", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.measure:
        measure(asked.measure, asked.data, asked.runs)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.data.resolve() if asked.data else Path(temporary)
        if not asked.data:
            make_data(folder, asked.observations, asked.rows)
        root, chosen = write_project(folder), asked.only or list(CONTENDERS)
        if {"mlproj", "mlproj, file to file"} & set(chosen):
            print(f"built in {build(root):.1f} s\n")
        print("| | s | processor s | MB | values |\n|---|---|---|---|---|")
        for name in chosen:
            print(f"| {name} | {shown(name, folder, asked.runs, asked.peer_python)} |", flush=True)


def shown(name: str, folder: Path, runs: int, peer: str) -> str:
    """The figures of one contender, or why there are none."""
    python = peer if name in {"polars", "feast"} else sys.executable
    command = [python, __file__, "--measure", name, "--data", str(folder), "--runs", str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"– | – | – | {done.stderr.strip().splitlines()[-1][:120]}"
    found = json.loads(done.stdout.strip().splitlines()[-1])
    best, processor, values = min(found["seconds"]), min(found["processor"]), f"{found['digest']} of {found['rows']}"
    return f"{best:.2f} | {processor:.2f} | {found['megabytes']:.0f} | {values}"


if __name__ == "__main__":
    main()
