"""Views that join as of a time, built: training datasets, what makes them stale, and rows erased."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner

from mlproj.cli import main
from mlproj.cli.documents import historical_document
from mlproj.diagnostics import ProjectError
from tests.lake_project import LakeProject, new_folder, without_libraries
from tests.unit.planner.small_project import VIEW, SmallProject, group, model, view

VISITS = group("visits", primary_key=["id"], event_time="seen")
JOIN = {"group": "visits@1", "features": ["pay"], "prefix": "v_", "max_age": "7 days"}
SQL = {
    "income@1": "select id, age, pay, city, timestamptz '2026-01-20 00:00:00+00' as seen, rich"
    " from {{ source('people') }}",
    "visits@1": "select id % 30 as id, seen, pay, age from {{ source('people') }}",
}  # fmt: skip
ROW = "select id, v_pay from {} where id < 30 order by id"


def project(**join: object) -> SmallProject:
    views = [view(joins=[{**JOIN, **join}], transformations={"age": "min_max_scaler"})]
    return SmallProject([group(event_time="seen"), VISITS], views, [model()], SQL)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeProject]:
    with without_libraries():
        folder = new_folder(tmp_path_factory.mktemp("as-of") / "project")
        folder.put(project())
        folder.built()
        yield folder


def naive(days: int) -> list[tuple[int, float | None]]:
    """Of each of thirty people the newest visit of the last days before the 20th; sixty rows, two visits each."""
    found = []
    for who in range(30):
        seen = {1 + i % 28: round(1.5 * i, 2) for i in (who, who + 30)}
        recent = [day for day in seen if 20 - days <= day <= 20]
        found.append((who, seen[max(recent)] if recent else None))
    return found


def test_the_training_dataset_holds_what_was_known(built: LakeProject) -> None:
    dataset = built.dataset("income@1")

    assert built.rows(ROW.format(f'lake.mlproj_data."{dataset.table}"')) == naive(7)
    assert built.changes() == {}


def observations() -> pd.DataFrame:
    days = ["2026-01-20", None, "2026-01-02", "2026-01-20"]
    seen = pd.to_datetime(pd.Series(days)).astype("datetime64[ns]")
    return pd.DataFrame({"note": list("abcd"), "id": [3, 3, 1, 3], "seen": seen}).set_axis([9, 7, 5, 9])


def test_your_own_observations_keep_their_rows_order_and_columns(built: LakeProject) -> None:
    mine = observations()
    with built.open() as opened:
        found = opened.feature_view("income", 1).historical(mine)

    pd.testing.assert_frame_equal(found[["note", "id", "seen"]], mine)
    assert list(found.columns) == ["note", "id", "seen", "v_pay"]
    visits = {1: {2: 1.5, 4: 46.5}, 3: {4: 4.5, 6: 49.5}}
    assert found["v_pay"].isna().tolist() == [True, True, False, True]  # the 6th is older than seven days
    assert found["v_pay"].iloc[2] == visits[1][2]


def test_observations_may_be_an_arrow_table_with_a_zone_and_other_whole_numbers(built: LakeProject) -> None:
    zone = pa.timestamp("ms", "America/New_York")
    table = pa.table({
        "seen": pa.array([datetime(2026, 1, 1, 23, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)], zone),
        "id": pa.array([1.0, 1.0]),
    })  # fmt: skip
    with built.open() as opened:
        found = opened.feature_view("income", 1).historical(table)

    assert found.drop_columns(["v_pay"]).equals(table)
    assert found["v_pay"].to_pylist() == [None, 1.5]


def test_transformed_they_come_out_as_the_training_dataset_has_them(built: LakeProject) -> None:
    mine = observations().assign(age=[30, 31, 32, 33], pay=[1.0, 2.0, 3.0, 4.0])
    with built.open() as opened:
        handle = opened.feature_view("income", 1)
        found = handle.historical(mine, transform=True)
        lowest = handle.dataset.statistics.values["age"][0]["min"]
        highest = handle.dataset.statistics.values["age"][0]["max"]

    assert list(found.columns) == ["note", "id", "seen", "age", "pay", "v_pay"]
    assert found["age"].tolist() == pytest.approx([(a - lowest) / (highest - lowest) for a in (30, 31, 32, 33)])
    assert found["pay"].tolist() == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(("change", "said"), [
    ({"drop": ["id"]}, "the observations have no column 'id'"),
    ({"drop": ["seen"]}, "the observations have no column 'seen'"),
    ({"v_pay": 1}, "the observations have a column 'v_pay', and so has what income@1 joins"),
    ({"V_PAY": 1}, "the observations have a column 'V_PAY', and so has what income@1 joins"),
    ({"ID": 1}, "two columns of the observations are called 'ID'"),
    ({"id": "1"}, "'id' of the observations is VARCHAR, and the key that it is joined with BIGINT"),
    ({"seen": "2026-01-20"}, "'seen' of the observations is VARCHAR, and no time"),
])  # fmt: skip
def test_observations_that_do_not_fit_are_told_so(built: LakeProject, change: dict[str, Any], said: str) -> None:
    mine = observations().drop(columns=change.get("drop", []))
    mine = mine.assign(**{name: value for name, value in change.items() if name != "drop"})
    with built.open() as opened, pytest.raises(ProjectError) as caught:
        opened.feature_view("income", 1).historical(mine)

    assert [(d.code, d.message) for d in caught.value.diagnostics] == [("E630", said)]
    assert caught.value.diagnostics[0].hint


def test_features_of_the_base_are_needed_to_transform_them(built: LakeProject) -> None:
    with built.open() as opened, pytest.raises(ProjectError, match="'age', 'pay'"):
        opened.feature_view("income", 1).historical(observations(), transform=True)


@pytest.mark.parametrize("thing", [[1, 2], {"id": [1]}, pd.DataFrame({"id": [1, "a"]})])
def test_what_is_no_frame_is_refused(built: LakeProject, thing: Any) -> None:
    with built.open() as opened, pytest.raises(ProjectError, match="E630"):
        opened.feature_view("income", 1).historical(thing)


@pytest.mark.parametrize(("source", "result"), [("csv", "parquet"), ("parquet", "csv")])
def test_observations_of_a_file_are_written_to_another(
    built: LakeProject, tmp_path: Path, source: str, result: str
) -> None:
    path, mine = tmp_path / f"mine.{source}", observations().reset_index(drop=True)
    mine.to_csv(path, index=False) if source == "csv" else mine.to_parquet(path)
    with built.open() as opened:
        files = (path, tmp_path, result)
        document = historical_document(opened, "income@1", files, None, "500MB", transform=False)

    assert (document["rows"], document["features"]) == (4, ["v_pay"])
    written = Path(document["out"])
    read = pd.read_csv(written) if result == "csv" else pd.read_parquet(written)
    assert list(read.columns) == ["note", "id", "seen", "v_pay"]
    assert read["note"].tolist() == list("abcd")
    assert read["v_pay"].fillna(0).tolist() == [0, 0, 1.5, 0]


def test_they_are_read_as_groups_stood_then(built: LakeProject) -> None:
    with built.open() as opened:
        handle = opened.feature_view("income", 1)
        commit = handle.joined("visits@1").history()[0].commit
        then = handle.historical(observations(), as_of=commit)
        with pytest.raises(ProjectError, match="E506"):
            handle.historical(observations(), as_of=0)

    assert then["v_pay"].fillna(0).tolist() == [0, 0, 1.5, 0]


def test_an_amount_of_memory_is_one(built: LakeProject, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    observations().to_csv(path, index=False)
    with built.open() as opened, pytest.raises(ProjectError, match="'lots' is no amount of memory"):
        historical_document(opened, "income@1", (path, tmp_path, "csv"), None, "lots", transform=False)


@pytest.mark.parametrize(("options", "said"), [
    (["--entities", "mine.csv"], "--entities needs --out DIR"), (["--transform"], "--transform is for --entities"),
])  # fmt: skip
def test_options_that_go_together(built: LakeProject, options: list[str], said: str) -> None:
    done = CliRunner().invoke(main, ["--project-dir", str(built.root), "train-data", "income@1", *options])

    assert (done.exit_code, said in done.output) == (2, True)


def test_another_age_is_another_version_of_the_view(built: LakeProject) -> None:
    built.put(project(max_age="3 days"))
    found = {c.node: (c.change, c.needs_bump) for c in built.plan().changes}
    built.put(project())

    assert found[VIEW] == ("breaking", True)
    assert built.changes() == {}
