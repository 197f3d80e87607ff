"""Groups of windows, built and read: what is stored of them, who reads it, and what an edit means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.compiler.windows.choice import Evaluation
from mlproj.compiler.windows.plans import TIME, Windows
from mlproj.executor.unit_tests import run_unit_test
from mlproj.project.historical import historical_file
from mlproj.state import Window
from tests.compilation import compile_folder, write_files
from tests.lake_project import LakeProject

COLUMNS = {"customer": "BIGINT", "at": "TIMESTAMP", "amount": "BIGINT", "kind": "VARCHAR"}
HEADER = tuple(COLUMNS)
PAYMENTS = [
    (1, "2026-01-01 10:00:00", 5, "food"), (1, "2026-01-01 10:00:00", 1, "fuel"), (1, "2026-01-20 10:00:00", 2, "food"),
    (2, "2026-01-03 00:00:00", 9, "food"), ("", "2026-01-03 00:00:00", 9, "food"), (2, "", 9, "food"),
]  # fmt: skip
TOTAL: dict[str, Any] = {"name": "total", "function": "sum", "column": "amount", "window": "30 days"}
# Called as what the SQL of windows, or of their digests, might have called something of its own.
ODD = [{"name": name, "function": "count", "window": "1 day"} for name in ("e", "t", "o", "r", "events", "the_time")]
FOOD: dict[str, Any] = {"name": "food", "function": "count", "window": "7 days", "where": "kind = 'food'"}
SPENDING: dict[str, Any] = {
    "name": "spending", "primary_key": ["customer"], "event_time": "at",
    "aggregate": {"from": "payments", "by": ["customer"], "features": [TOTAL, FOOD]},
}  # fmt: skip
VIEW = {
    "name": "risk", "base": "people@1", "features": ["id"], "label": "late", "split": {"test": 0},
    "joins": [{"group": "spending@1", "on": {"id": "customer"}, "features": ["total", "food"]}],
}  # fmt: skip
PEOPLE = [
    (10, 1, "2026-01-01 10:00:00", True), (11, 1, "2026-01-31 09:59:59", False), (12, 1, "2026-02-10 00:00:00", True),
    (13, 2, "2026-01-02 23:59:59", False), (14, 3, "2026-01-02 00:00:00", True), (15, 1, "2026-06-01 00:00:00", False),
]  # fmt: skip


def project(root: Path, spending: Any = SPENDING, **more: Any) -> LakeProject:
    """Payments, spending over them, and a view of people as of when they were seen."""
    found = LakeProject(root)
    view = {**VIEW, "features": []}
    text = {
        "sources": [
            {"name": "payments", "path": "payments.csv", "columns": COLUMNS},
            {"name": "people", "path": "people.csv"},
        ],
        "feature_groups": [
            spending,
            {"name": "people", "primary_key": ["row"], "event_time": "seen"},
            # Reads the columns of the contract, and no other.
            {"name": "twice", "primary_key": ["customer"], "event_time": "at"},
        ],
        "feature_views": [view],
        **more,
    }  # fmt: skip
    write_files(root, {
        "all.yml": yaml.safe_dump(text),
        "people.v1.sql": "select * from {{ source('people') }}",
        "twice.v1.sql": "select * from {{ ref('spending', version=1) }} union all "
        "select customer, \"at\", 0, 0 from {{ ref('spending', version=1) }} where false",
    })  # fmt: skip
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> LakeProject:
    root = tmp_path_factory.mktemp("windows") / "p"
    found = project(root)
    found.data(PAYMENTS, HEADER, "payments.csv")
    found.data(PEOPLE, ("row", "id", "seen", "late"), "people.csv")
    found.built()
    return found


def test_a_row_at_each_event(built: LakeProject) -> None:
    rows = [(c, str(at), total, food) for c, at, total, food in built.group("spending")]

    assert rows == [
        (1, "2026-01-01 10:00:00", 6, 1), (1, "2026-01-20 10:00:00", 8, 1), (2, "2026-01-03 00:00:00", 9, 1),
    ]  # fmt: skip
    assert built.changes() == {}


def test_consumers_and_groups_read_the_contract_alone(built: LakeProject) -> None:
    assert built.group("twice") == built.group("spending")
    assert [len(row) for row in built.rows("select * from lake.dev.spending_v1")] == [4, 4, 4]
    commit = built.state().published["feature_group:spending@1"].commit
    assert built.group("spending", as_of=commit) == built.group("spending")


def test_a_view_sees_the_window_that_ends_at_its_own_time(built: LakeProject) -> None:
    with built.open() as opened:
        rows = opened.feature_view("risk", 1).read().sort_values("row")

    assert rows["total"].fillna(-1).tolist() == [6, 8, 2, -1, -1, -1]
    assert rows["food"].tolist() == [1, 0, 0, 0, 0, 0]


def test_observations_of_the_callers_own(built: LakeProject, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "id": [1, 2, None],
            "seen": pd.to_datetime(["2026-01-31 09:59:59", "2026-01-03 00:00:00", "2026-01-03 00:00:00"]),
        }
    )
    with built.open() as opened:
        view = opened.feature_view("risk", 1)
        found = view.historical(frame)
        frame.to_parquet(tmp_path / "in.parquet")
        files = (tmp_path / "in.parquet", tmp_path / "out.parquet")
        historical_file(opened.feature_view("risk", 1), *files, None, transform=False, memory="1GB")

    assert found["total"].fillna(-1).tolist() == [8, 9, -1]
    assert found["food"].fillna(-1).tolist() == [0, 1, -1]
    assert pd.read_parquet(tmp_path / "out.parquet")["total"].fillna(-1).tolist() == [8, 9, -1]


RENAMED = {"features": [{"name": "sum", "renamed_from": "total"}]}


def edited(**aggregate: Any) -> dict[str, Any]:
    return {**SPENDING, "aggregate": {**SPENDING["aggregate"], **aggregate}}


@pytest.mark.parametrize(
    ("spending", "rules"),
    [
        (edited(features=[{**TOTAL, "window": "4 weeks 2 days"}, {**FOOD, "where": "('food') =  kind"}]), set()),
        (edited(features=[FOOD, TOTAL]), {("metadata", None)}),
        (edited(features=[{**TOTAL, "window": "20 days"}, FOOD]), {("meaning_changed", "total"), ("metadata", None)}),
        (edited(features=[TOTAL, {**FOOD, "where": "kind = 'fuel'"}]), {("meaning_changed", "food")}),
        (edited(features=[{**TOTAL, "function": "max"}, FOOD]), {("meaning_changed", "total"), ("metadata", None)}),
        (edited(features=[TOTAL, FOOD, {**TOTAL, "name": "week", "window": "7 days"}]), {("feature_added", "week")}),
        (edited(every="1 day"), {("meaning_changed", "at"), ("rows_changed", None)}),
        (
            edited(by=["kind"]) | {"primary_key": ["kind"]},
            {("feature_dropped", "customer"), ("feature_added_required", "kind"), ("key_changed", None),
             ("rows_changed", None)},
        ),
        (
            edited(features=[{**TOTAL, "name": "sum"}, FOOD]) | RENAMED,
            {("feature_renamed", "total")},
        ),
    ],
)  # fmt: skip
def test_what_an_edit_means(built: LakeProject, spending: dict[str, Any], rules: set[tuple[str, str | None]]) -> None:
    try:
        project(built.root, spending, feature_groups=[spending], feature_views=[])
        plan = built.plan()
        change = next((c for c in plan.changes if c.node == "feature_group:spending@1"), None)
        assert {(r.rule, r.feature) for r in (change.reasons if change else ())} == rules
    finally:
        project(built.root)


def test_a_unit_test_of_a_view_gives_what_is_aggregated(tmp_path: Path) -> None:
    tests = [{
        "name": "silent", "node": "risk",
        "given": [
            {"source": "payments", "rows": [{"customer": 1, "at": "2026-01-01 00:00:00", "amount": 3, "kind": "food"}]},
            {"ref": "people", "rows": [
                {"row": 1, "id": 1, "seen": "2026-01-31 00:00:00"}, {"row": 2, "id": 1, "seen": "2026-01-07 23:59:59"},
            ]},
        ],
        "expect": {"rows": [{"row": 1, "total": None, "food": 0}, {"row": 2, "total": 3, "food": 1}]},
    }]  # fmt: skip
    found = project(tmp_path / "p", unit_tests=tests)
    found.data(PEOPLE, ("row", "id", "seen", "late"), "people.csv")
    (test,) = compile_folder(found.root, tmp_path / "cache").unit_tests

    assert run_unit_test(test, DuckDBEngine(threads=1), lambda text: text).status == "passed"


def test_events_that_no_row_shows_make_other_training_data(tmp_path: Path) -> None:
    peak = {"name": "total", "function": "max", "column": "amount", "window": "10 hours"}
    found = project(tmp_path / "p", edited(features=[peak, FOOD]))
    found.data(
        [(20, 1, "2026-01-01 12:00:00", True), (21, 9, "2026-01-01 12:00:00", False)],
        ("row", "id", "seen", "late"),
        "people.csv",
    )
    for amount in (3, 4):  # the greatest at both events is 5; at noon only the second is left
        found.data(
            [(1, "2026-01-01 00:00:00", 5, "x"), (1, "2026-01-01 05:00:00", amount, "x")], HEADER, "payments.csv"
        )
        found.built()
        with found.open() as opened:
            assert opened.feature_view("risk", 1).read()["total"].dropna().tolist() == [amount]
    assert found.dataset("risk@1").number == 2


def test_a_unit_test_gives_what_windows_of_windows_begin_with(tmp_path: Path) -> None:
    peak = {**TOTAL, "name": "peak", "function": "max", "column": "total"}
    peaks = {
        "name": "peaks", "primary_key": ["customer"], "event_time": "at",
        "aggregate": {"from": "spending@1", "by": ["customer"], "features": [peak]},
    }  # fmt: skip
    joins = [
        {"group": f"{g}@1", "on": {"id": "customer"}, "features": [f]}
        for g, f in (("peaks", "peak"), ("spending", "total"))
    ]
    payments = [{"customer": 1, "at": f"2026-01-{day} 00:00:00", "amount": n} for day, n in (("01", 3), ("25", -1))]
    person = {"id": 1, "seen": "2026-02-05 00:00:00"}
    tests = [{
        "name": "both", "node": "risk",
        "given": [{"source": "payments", "rows": payments}, {"ref": "people", "rows": [person]}],
        "expect": {"rows": [{"peak": 2, "total": -1}]},
    }]  # fmt: skip
    groups = [SPENDING, peaks, {"name": "people", "primary_key": ["row"], "event_time": "seen"}]
    found = project(
        tmp_path / "p",
        feature_groups=groups,
        feature_views=[{**VIEW, "features": [], "joins": joins}],
        unit_tests=tests,
    )
    found.data(PEOPLE, ("row", "id", "seen", "late"), "people.csv")
    (test,) = compile_folder(found.root, tmp_path / "cache").unit_tests

    assert run_unit_test(test, DuckDBEngine(threads=1), lambda text: text).status == "passed"


def test_names_and_types_of_any_kind(tmp_path: Path) -> None:
    nested = {"name": "zwei", "function": "list_last", "n": 2, "column": "pair", "window": "1 day"}
    features = [*ODD, {**nested, "name": "zwei"}, {**nested, "function": "first", "name": "erste", "n": None}]
    features = [{k: v for k, v in f.items() if v is not None} for f in features]
    group = {
        "name": "größe", "primary_key": ["schlüssel"], "event_time": "wann",
        "aggregate": {"from": "ereignisse", "by": ["schlüssel"], "features": features},
    }  # fmt: skip
    columns = {"schlüssel": "VARCHAR", "wann": "TIMESTAMP WITH TIME ZONE", "pair": "STRUCT(a INTEGER)"}
    join = {"group": "größe@1", "features": [f["name"] for f in features]}
    found = LakeProject(tmp_path / "p")
    write_files(found.root, {
        "all.yml": yaml.safe_dump({
            "sources": [{"name": "ereignisse", "path": "e.parquet", "columns": columns}],
            "feature_groups": [group, {"name": "fragen", "primary_key": ["schlüssel"], "event_time": "wann"}],
            "feature_views": [{"name": "v", "base": "fragen@1", "joins": [join], "split": {"test": 0}}],
        }),
        "fragen.v1.sql": "select \"schlüssel\", wann from {{ source('ereignisse') }} where \"schlüssel\" <> 'x'",
    })  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select unnest(['ä', 'ä', 'x', null]) as schlüssel, unnest([timestamptz '2026-03-29 00:30:00+00', "
            "'2026-03-29 01:30:00+00', 'infinity', '2026-03-29 01:30:00+00']) as wann, "
            f"unnest([{{'a': 1}}, {{'a': 2}}, {{'a': 3}}, {{'a': 4}}]) as pair) to '{found.root / 'e.parquet'}'"
        )

    found.built()

    with found.open() as opened:
        rows = opened.feature_view("v", 1).read().sort_values("wann")
    assert rows["e"].tolist() == [1, 2]
    assert [[pair["a"] for pair in pairs] for pairs in rows["zwei"]] == [[1], [1, 2]]
    assert found.changes() == {}


@pytest.mark.parametrize(
    ("keys", "observed", "windows", "plan"),
    [(4, 3, [TOTAL], "join"), (4, 5000, [TOTAL], "range"), (4, 500, [TOTAL, FOOD] * 6, "sums")],
)  # fmt: skip
def test_the_data_choose_the_plan(keys: int, observed: int, windows: list[dict[str, Any]], plan: str) -> None:
    asked = tuple(
        Window(name=f"w{n}", function=w["function"], length=n + 1, type="BIGINT", field="x", field_type="BIGINT")
        for n, w in enumerate(windows)
    )
    tables = Evaluation(Windows(('"k"',), asked), "events", "observed", "1").tables()
    with duckdb.connect() as connection:
        connection.execute(
            f"create table events as select range % {keys} as k, range as {TIME}, 1 as x from range(20000)"
        )
        connection.execute(
            f"create table observed as select range % {keys} as k, range as {TIME} from range({observed})"
        )
        found = connection.execute(f'with {tables[0]} select plan from "plan 1"').fetchall()

    assert found == [(plan,)]
