"""`gc` on a real lake: what is needed stays readable to the last row, the rest goes, and a second time nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlproj.cli.time_documents import history_document
from mlproj.diagnostics import ProjectError
from mlproj.ports import CommitInfo, TableWrite
from mlproj.project.build_rollback import back_to_build
from mlproj.project.session import utc_now
from mlproj.project.upkeep import gc
from mlproj.specs import Retention
from mlproj.state.garbage import Garbage
from tests.lake_project import LakeProject, new_folder, people, without_libraries
from tests.unit.planner.small_project import SmallProject, group, model, view

TWO = {"income@1": "select id, age, pay, rich from {{ source('people') }}", "other@1": "select 1 as id, 2 as two"}
PROJECT = SmallProject(groups=[group(), group("other")], views=[view()], models=[model()], sql=TWO)
NOW = Retention(days=0)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeProject]:
    with without_libraries():
        found = new_folder(tmp_path / "project")
        found.put(PROJECT)
        yield found


def _collect(lake: LakeProject, older_than: Retention | None = NOW) -> Garbage:
    with lake.open() as project:
        return gc(project, older_than, lambda _garbage: True)[0]


def _files(lake: LakeProject) -> list[Path]:
    return list((lake.root / ".mlproj" / "lake").rglob("*.parquet"))


def _everything(lake: LakeProject) -> dict[str, object]:
    """All that was published, trained on and committed, read to the last row."""
    state = lake.state()
    found: dict[str, object] = {}
    with lake.open() as project:
        reader = project.session.reader
        for node, published in state.published.items():
            if published.table:
                name, _, version = node.partition(":")[2].partition("@")
                found[node] = lake.group(name, int(version))
                found[f"{node} by its view"] = sorted(lake.rows(f"from lake.dev.{name}_v{version}"), key=repr)
                for commit in reader.history(node, "dev"):
                    if not commit.expired:
                        found[f"{node} {commit.commit}"] = lake.group(name, int(version), commit.commit)
        used = {v.manifest.training_dataset for v in project.models()}
        for view_id in state.training_datasets:
            for dataset in reader.training_datasets("dev", view_id):
                if dataset.name in used or dataset == state.training_datasets[view_id]:
                    table = f'lake.mlproj_data."{dataset.table}" at (version => {dataset.commit})'
                    found[dataset.name] = sorted(lake.rows(f"from {table}"), key=repr)
    return found


def _grow(lake: LakeProject, to: int, since: int = 0) -> None:
    """Builds with more people each."""
    for count in range(since, to):
        lake.data(people(60 + count * 10))
        assert lake.build().status == "ok"


def test_what_is_needed_stays(lake: LakeProject) -> None:
    """A model was trained on the first two training datasets, the last is current, and nobody needs the third."""
    _grow(lake, 2)
    lake.put(SmallProject(groups=PROJECT.groups, views=PROJECT.views, sql=TWO))
    _grow(lake, 4, since=2)
    before, files = _everything(lake), len(_files(lake))
    assert _collect(lake, None).files == 0, "all is younger than thirty days"
    assert _everything(lake) == before

    garbage = _collect(lake)

    after = _everything(lake)
    gone = [f"feature_group:income@1 {commit}" for _node, commit in garbage.expired[0].commits]
    assert len(gone) == 1
    assert len(_files(lake)) == files - garbage.files < files
    assert after == {name: rows for name, rows in before.items() if name not in gone}
    assert {n for n in after if "/td" in n} == {f"income@1/td{i}" for i in (1, 2, 4)}
    assert [t.partition("__")[0] for t in garbage.tables] == ["td"]
    assert lake.changes() == {}
    assert _collect(lake).empty
    assert _everything(lake) == after


def test_groups_without_models_keep_what_retention_says(lake: LakeProject) -> None:
    rule = {"retention": {"commits": 2}}
    lake.put(SmallProject(groups=[group(**rule)], sql=TWO), {"retention": {"days": 0}})
    _grow(lake, 3)
    before = _everything(lake)

    garbage = _collect(lake, None)

    assert len(garbage.expired[0].commits) == 1
    assert len(garbage.expired[0].builds) == 2
    kept = [f"feature_group:income@1 {c}" for c in _commits(lake)]
    assert len(kept) == 2
    assert {k: before[k] for k in kept} == {k: v for k, v in _everything(lake).items() if k in kept}
    assert lake.built() == {}
    assert _collect(lake, None).empty


def _commits(lake: LakeProject) -> list[int]:
    with lake.open() as project:
        return [c.commit for c in project.session.reader.history("feature_group:income@1", "dev") if not c.expired]


def test_expired_commits_are_marked_and_not_readable(lake: LakeProject) -> None:
    lake.put(SmallProject(groups=[group()], sql=TWO))
    _grow(lake, 2)
    first = _commits(lake)[0]

    _collect(lake)

    assert len(_commits(lake)) == 1
    with lake.open() as project:
        assert not project.session.tables.holds(lake.state().published["feature_group:income@1"].table or "", first)
    with pytest.raises(ProjectError) as error:
        lake.group("income", 1, first)
    assert [d.code for d in error.value.diagnostics] == ["E506"]
    with lake.open() as project:
        assert [e["expired"] for e in history_document(project, None)["entries"]] == [False, True], "newest first"
        with pytest.raises(ProjectError) as error:
            project.rollback("income", to=str(first))
        [found] = error.value.diagnostics
        assert (found.code, f"({_commits(lake)[0]})" in (found.hint or "")) == ("E530", True), "those that are left"
    lake.data(people(10))
    assert lake.built()["materialize income@1"] == "ok"
    assert len(lake.group("income")) == 10


def test_a_build_that_expired_does_not_come_back_as_its_model_alone(lake: LakeProject) -> None:
    _grow(lake, 2)
    with lake.open() as project:
        first = project.session.store.publications("dev")[0].build_id
    _collect(lake)
    before = lake.state()

    with lake.open() as project, pytest.raises(ProjectError) as error:
        back_to_build(project, first, because=None, dry_run=False)

    assert [d.code for d in error.value.diagnostics] == ["E532"]
    assert lake.state() == before


def test_what_was_published_by_builds_that_are_gone_stands_after_the_oldest_that_is_left(lake: LakeProject) -> None:
    """The kept build published one group alone: the others, their views and datasets stood beside it."""
    old = group("old", materialized="view")
    groups, models = [group(), group("other"), old], PROJECT.models
    sql = {**TWO, "old@1": "select id, age from {{ ref('income') }}"}

    def describe(text: str) -> None:
        described = [groups[0], group("other", description=text), old]
        lake.put(SmallProject(groups=described, views=PROJECT.views, models=models, sql=sql))
        assert lake.build().status == "ok"

    lake.put(SmallProject(groups=groups, views=PROJECT.views, models=models, sql=sql))
    _grow(lake, 2)
    describe("of two")
    with lake.open() as project:
        [*_, last] = project.session.store.publications("dev")
    assert set(last.published) == {"feature_group:other@1"}
    stood, shown = lake.state(), _everything(lake)
    _collect(lake)
    describe("of two and no more")

    assert _collect(lake, Retention(days=0, commits=2)).expired[0].builds == ()
    with lake.open() as project:
        told = back_to_build(project, last.build_id, because=None, dry_run=True)
        assert {m.node for m in told.moves} == {"feature_group:other@1"}
        back_to_build(project, last.build_id, because=None, dry_run=False)

    assert lake.state().published == stood.published
    assert lake.state().training_datasets == stood.training_datasets
    assert _everything(lake).items() <= shown.items()


def test_a_group_that_is_a_view_is_not_shown_as_of_a_publication_that_is_gone(lake: LakeProject) -> None:
    """The commit stays, because a model was trained on it; the view that stood at it is the one of the build before."""
    old = group("old", materialized="view")
    sql = {**TWO, "old@1": "select id, age from {{ ref('income') }}"}
    lake.put(SmallProject(groups=[group(), old], views=PROJECT.views, models=PROJECT.models, sql=sql))
    _grow(lake, 3)
    second = _commits(lake)[1]
    assert len(lake.group("old", 1, second)) == len(lake.group("income", 1, second)) == 70

    _collect(lake)

    assert len(lake.group("income", 1, second)) == 70
    assert len(lake.group("old", 1, _commits(lake)[-1])) == 80
    with pytest.raises(ProjectError) as error:
        lake.group("old", 1, second)
    assert [d.code for d in error.value.diagnostics] == ["E506"]


def test_training_data_of_a_time_whose_rollback_is_gone_is_not_guessed(lake: LakeProject) -> None:
    _grow(lake, 2)
    with lake.open() as project:
        back_to_build(project, project.session.reader.publications("dev")[0].build_id, because=None, dry_run=False)
    taken_back = utc_now()
    _grow(lake, 3, 2)
    _collect(lake)

    with lake.open() as project:
        assert project.feature_view("income", as_of=utc_now()).dataset.number == 3
        with pytest.raises(ProjectError, match="can no longer be told") as error:
            project.feature_view("income", as_of=taken_back)
    assert [d.code for d in error.value.diagnostics] == ["E506"]


def test_tables_that_nobody_names_go(lake: LakeProject) -> None:
    """What a redefinition left, what a killed build wrote, and files of a write that was cut off."""
    lake.put(SmallProject(groups=[group(), group("other")], sql=TWO))
    _grow(lake, 1)
    lake.put(SmallProject(groups=[group()], sql=TWO), {"targets": {"dev": {"on_breaking": "warn"}}})
    lake.build()
    with lake.open() as project:
        info = CommitInfo("ada", "write", '{"build": "killed"}')
        project.session.lake.write([TableWrite("income__v9__killed", "select 1 as id")], info)
    folder = lake.root / ".mlproj" / "lake"
    (folder / "mlproj_data" / "income__v9__killed" / "ducklake-cut-off.parquet").write_bytes(b"half")
    (folder / "mine.parquet").write_bytes(b"a user's own")

    garbage = _collect(lake)

    assert {t.partition("__")[0] for t in garbage.tables} == {"other", "income"}
    assert sorted(p.parent.name.partition("__")[0] for p in _files(lake)) == ["income", "lake"]
    assert (folder / "mine.parquet").read_bytes() == b"a user's own"
    assert _collect(lake).empty
    assert len(lake.group("income")) == 60


def test_what_a_failed_build_wrote_is_kept_for_retry(lake: LakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.put(SmallProject(groups=[group()], sql=TWO))
    _grow(lake, 1)
    lake.data(people(90))
    with monkeypatch.context() as patch:
        patch.setattr("mlproj.executor.build.publish", _killed)
        with pytest.raises(KeyboardInterrupt):
            lake.build()
    before = _files(lake)

    assert _collect(lake).tables == ()
    assert len(_files(lake)) == len(before)
    assert lake.build().status == "ok"
    assert len(lake.group("income")) == 90


def _killed(*_arguments: object) -> int:
    raise KeyboardInterrupt


def test_a_target_that_is_not_declared_is_not_robbed(lake: LakeProject) -> None:
    settings = {"targets": {"dev": {}, "prod": {"state": "sqlite:///.mlproj/prod.sqlite"}}}
    lake.put(SmallProject(groups=[group()], sql=TWO), settings)
    _grow(lake, 1)
    prod = LakeProject(lake.root, "prod")
    prod.build()
    lake.data(people(80))
    lake.build()
    rows = prod.group("income")

    assert not _collect(lake).empty
    assert prod.group("income") == rows
    lake.put(SmallProject(groups=[group()], sql=TWO), {"targets": {"dev": {}}})
    with pytest.raises(ProjectError) as error:
        _collect(lake)
    assert [d.code for d in error.value.diagnostics] == ["E525"]


def test_a_killed_gc_is_completed(lake: LakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.put(SmallProject(groups=[group()], views=[view()], sql=TWO))
    _grow(lake, 2)
    before = _everything(lake)
    for step in ("drop", "expire", "sweep"):
        with monkeypatch.context() as patch:
            patch.setattr(f"mlproj.adapters.ducklake_upkeep.DuckLakeUpkeep.{step}", _killed)
            with pytest.raises(KeyboardInterrupt):
                _collect(lake)
        assert _everything(lake).items() <= before.items()

    assert _collect(lake).files
    assert _collect(lake).empty
    assert _everything(lake).items() <= before.items()
    assert len(_files(lake)) == 2


def test_artifacts_that_nothing_names_go(lake: LakeProject) -> None:
    _grow(lake, 2)
    with lake.open() as project:
        project.session.artifacts.put("model.skops", b"of a training that was killed")
        stored = set(project.session.artifacts.stored())

    garbage = _collect(lake)

    with lake.open() as project:
        assert set(project.session.artifacts.stored()) == stored - set(garbage.artifacts)
        for version in project.models():
            for name, sha256 in version.manifest.files.items():
                assert project.session.artifacts.get(name, sha256)
    # The record of the first publication, and what was killed.
    assert len(garbage.artifacts) == 2
