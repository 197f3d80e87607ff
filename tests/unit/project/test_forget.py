"""`forget` on a real lake: afterwards no file of it holds the rows, and everything that is left reads right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mlproj.cli.render.upkeep import forget_lines
from mlproj.diagnostics import ProjectError
from mlproj.project.forget import forget
from mlproj.state import FailedRows
from tests.lake_project import LakeProject, new_folder, people, without_libraries
from tests.unit.planner.small_project import SmallProject, group, model, view

KEYS = (3, 4, 59)
PLAIN = "select id, age, pay, rich from {{ source('people') }}"
PROJECT = SmallProject(
    groups=[group(), group("after")],
    views=[view()],
    models=[model()],
    sql={"income@1": PLAIN, "after@1": "select id, age * 2 as twice from {{ ref('income', version=1) }}"},
)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeProject]:
    with without_libraries():
        found = new_folder(tmp_path / "project")
        (found.root / "keys.csv").write_text("id,why\n" + "".join(f"{k},x\n" for k in KEYS), encoding="utf-8")
        yield found


def _forget(lake: LakeProject, node: str = "income@1", agreed: bool = True) -> dict[str, Any]:
    with lake.open() as project:
        return forget(project, node, lake.root / "keys.csv", "they asked for it", lambda _document: agreed)


def _holding(lake: LakeProject) -> set[str]:
    """Tables of which a Parquet file, wherever it lies, holds rows of the keys."""
    found = set()
    for path in (lake.root / ".mlproj" / "lake").rglob("*.parquet"):
        relation = f"read_parquet('{path}')"
        columns = {row[0] for row in duckdb.sql(f"describe from {relation}").fetchall()}
        if "id" in columns and duckdb.sql(f"select 1 from {relation} where id in {KEYS}").fetchall():
            found.add(path.parent.name.partition("__")[0])
    return found


def _left(count: int) -> list[int]:
    return [i for i in range(count) if i not in KEYS]


def test_no_file_holds_the_rows(lake: LakeProject) -> None:
    lake.put(PROJECT)
    lake.build()
    lake.data(people(70))
    lake.build()
    assert _holding(lake) == {"income", "after", "td"}
    refused = _forget(lake, agreed=False)
    assert not refused["erased"]
    assert _holding(lake) == {"income", "after", "td"}

    done = _forget(lake)

    assert done["erased"]
    assert done["keys"] == 3
    assert done["rows"] == {"income@1 in dev": 3, "income@1/td1 in dev": 3, "income@1/td2 in dev": 3}
    assert done["models"] == ["income_model@1.1", "income_model@1.2"]
    assert done["derived"] == ["feature_group:after@1"]
    assert list(done["elsewhere"]) == [lake.state().published["feature_group:after@1"].table]
    assert _holding(lake) == {"after"}
    assert sorted(row[0] for row in lake.group("income")) == _left(70)
    assert sorted(row[0] for row in lake.rows("from lake.dev.income_v1")) == _left(70)
    assert sum(lake.dataset("income@1").rows.values()) == 67
    _forget(lake, "after@1")
    assert _holding(lake) == set()
    assert len(lake.group("after")) == 67


def test_what_stands_beside_the_lake(lake: LakeProject) -> None:
    """Examples of models and records of publications hold rows too; the log says what was done."""
    lake.put(PROJECT)
    lake.build()
    assert all(m.manifest.golden and m.manifest.input_example for m in lake.models())
    failed = FailedRows(test="income@1.x", description="x", failures=1, columns=("id",), rows=((1,),))
    with lake.open() as project:
        project.session.failed_rows.keep("feature_group:income@1", [failed])
        assert project.session.failed_rows.all() == [failed]

    _forget(lake)

    assert not any(m.manifest.golden or m.manifest.input_example for m in lake.models())
    assert lake.dataset("income@1").example == ()
    with lake.open() as project:
        assert project.session.failed_rows.all() == []
        reader = project.session.reader
        history = reader.history("feature_group:income@1", "dev")
        event = next(e for e in reader.events("dev") if e.what == "forget")
        [record] = project.session.store.publications("dev")
    assert record.kind == "forget"
    assert "feature_group:after@1" in record.published, "what stood beside it is in the only record that is left"
    assert record.training_datasets == {"feature_view:income@1": lake.dataset("income@1").model_dump(mode="json")}
    assert [(c.expired, c.kind) for c in history] == [(True, "build"), (False, "forget")]
    assert history[-1].deleted == 3
    assert event.detail["because"] == "they asked for it"
    assert event.detail["unprovable"] == ["income_model@1.1"]
    with pytest.raises(ProjectError) as error:
        lake.group("income", 1, history[0].commit)
    assert [d.code for d in error.value.diagnostics] == ["E506"]
    changes = lake.changes()
    assert changes["model:income_model@1"] == "stale"
    assert lake.build().status == "ok"
    assert lake.changes() == {}
    assert "income" not in _holding(lake)


@pytest.mark.parametrize("step", ["lake.publish", "states.forget", "lake.sweep"])
def test_killed_half_way_it_is_completed(lake: LakeProject, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    place = {
        "lake.publish": "mlproj.adapters.ducklake.DuckLake.publish",
        "states.forget": "mlproj.adapters.sql_state.upkeep.SqlUpkeep.forget",
        "lake.sweep": "mlproj.adapters.ducklake_upkeep.DuckLakeUpkeep.sweep",
    }[step]
    lake.put(SmallProject(groups=[group()], views=[view()], sql={"income@1": PLAIN}))
    lake.build()
    with monkeypatch.context() as patch:
        patch.setattr(place, _killed)
        with pytest.raises(KeyboardInterrupt):
            _forget(lake)
    assert len(lake.group("income")) in {57, 60}

    _forget(lake)

    assert _holding(lake) == set()
    assert sorted(row[0] for row in lake.group("income")) == _left(60)
    assert sum(lake.dataset("income@1").rows.values()) == 57


def _killed(*_arguments: object) -> int:
    raise KeyboardInterrupt


def test_rows_of_a_joined_group(lake: LakeProject) -> None:
    """The base has other keys: its rows are found by what they are joined with."""
    orders = "select id + 1000 as order_id, id as buyer, pay, rich from {{ source('people') }}"
    joined = view(
        base="orders@1", features=["pay"], joins=[{"group": "income@1", "on": {"buyer": "id"}, "features": ["age"]}]
    )
    lake.put(
        SmallProject(
            groups=[group(), group("orders", primary_key=["order_id"])],
            views=[joined],
            sql={"income@1": "select id, age from {{ source('people') }}", "orders@1": orders},
        )
    )
    lake.build()

    done = _forget(lake, "income")

    assert done["rows"] == {"income@1 in dev": 3, "income@1/td1 in dev": 3}
    with lake.open() as project:
        frame = project.feature_view("income").read()
    assert sorted(frame["order_id"]) == [1000 + i for i in _left(60)]
    assert len(lake.group("orders")) == 60


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [("name\n1\n", "income", "E527"), ("id\nx\n", "income", "E527"), ("id\n1\n", "incom", "E508")],
)
def test_bad_keys(lake: LakeProject, text: str, name: str, code: str) -> None:
    lake.put(SmallProject(groups=[group()], sql={"income@1": PLAIN}))
    lake.build()
    (lake.root / "keys.csv").write_text(text, encoding="utf-8")

    with pytest.raises(ProjectError) as error:
        _forget(lake, name)

    assert [d.code for d in error.value.diagnostics] == [code]
    assert len(lake.group("income")) == 60


def test_keys_that_nobody_has_cost_no_commit(lake: LakeProject) -> None:
    """A file that is empty or mistaken erases nothing, and takes away no way back either."""
    lake.put(PROJECT)
    lake.build()
    lake.data(people(70))
    lake.build()
    before = lake.rows("from lake.snapshots()")
    (lake.root / "keys.csv").write_text("id\n4711\n", encoding="utf-8")

    done = _forget(lake)

    assert (done["found"], done["erased"], done["keys"]) == (False, False, 1)
    assert "nothing to erase: no row of income@1, at any commit, has these keys (1 read)" in forget_lines(done)
    assert lake.rows("from lake.snapshots()") == before
    with lake.open() as project:
        assert [c.expired for c in project.session.reader.history("feature_group:income@1", "dev")] == [False, False]


def test_each_target_keeps_the_rows_that_it_shows(lake: LakeProject) -> None:
    """Targets pin one table at their own commits, and one needs a dataset that is old for the other."""
    lake.put(
        SmallProject(groups=[group()], views=[view()], sql={"income@1": PLAIN}), {"targets": {"dev": {}, "prod": {}}}
    )
    prod = LakeProject(lake.root, "prod")
    lake.build()
    prod.build()
    lake.data(people(70))
    lake.build()

    done = _forget(lake)

    assert done["rows"] == dict.fromkeys(
        ["income@1 in dev", "income@1 in prod", "income@1/td2 in dev", "income@1/td1 in prod"], 3
    )
    assert _holding(lake) == set()
    for folder, rows in ((lake, 70), (prod, 60)):
        assert sorted(row[0] for row in folder.group("income")) == _left(rows)
        with folder.open() as project:
            assert sorted(project.feature_view("income").read()["id"]) == _left(rows)


def test_versions_with_other_keys_are_erased_one_at_a_time(lake: LakeProject) -> None:
    other = group(version=2, primary_key=["who"])
    lake.put(SmallProject(groups=[group(), other], sql={"income@1": PLAIN, "income@2": f"from ({PLAIN}) as t(who)"}))
    lake.build()

    with pytest.raises(ProjectError) as error:
        _forget(lake, "income")

    assert [d.code for d in error.value.diagnostics] == ["E527"]
    assert _forget(lake, "income@1")["rows"] == {"income@1 in dev": 3}


def test_what_a_failed_build_kept_goes_too(lake: LakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry would have published the rows that it had computed."""
    lake.put(SmallProject(groups=[group()], views=[view()], sql={"income@1": PLAIN}))
    lake.build()
    other = PLAIN.replace("age,", "age + 1 as age,")
    lake.put(SmallProject(groups=[group()], sql={"income@1": other}), {"targets": {"dev": {"on_breaking": "warn"}}})
    with monkeypatch.context() as patch:
        patch.setattr("mlproj.executor.build.publish", _killed)
        with pytest.raises(KeyboardInterrupt):
            lake.build()
    assert lake.state().kept

    _forget(lake)

    assert not lake.state().kept
    assert _holding(lake) == set()
    assert len(lake.group("income")) == 57


def test_a_group_of_any_name(lake: LakeProject) -> None:
    """The lake names a folder after its table only where that has nothing but Latin letters in it."""
    names = ("einkünfte", "später")
    sql = {"einkünfte@1": PLAIN, "später@1": "select id, age * 2 as twice from {{ ref('einkünfte', version=1) }}"}
    lake.put(SmallProject(groups=[group(name) for name in names], views=[], models=[], sql=sql))
    lake.build()

    tried = _forget(lake, "einkünfte@1", agreed=False)

    assert tried["files"] == 1
    (other,) = tried["elsewhere"]
    assert other.startswith("später__v1__")
    assert tried["elsewhere"][other] == len(KEYS)
    done = _forget(lake, "einkünfte@1")
    assert done["elsewhere"] == tried["elsewhere"]
    assert sorted(row[0] for row in lake.group("einkünfte")) == _left(60)
