"""What `ports.StateReader` and `ports.StateStore` promise, asked of the fake and of the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from mlproj.adapters.sql_state import open_store
from mlproj.ports import AliasStore, PublicationLog, StateReader, StateStore
from mlproj.specs.model import MetricBounds
from mlproj.state import Event, JournalStep, Made, Node, Publication, RowChanges, TargetState
from tests.contracts.fakes import MemoryState
from tests.contracts.nouns import (
    AT,
    build,
    evaluation,
    group,
    manifest,
    model,
    publication,
    published,
    training_dataset,
)

GROUP = "feature_group:income@1"
VIEW = "feature_view:income@1"


class State(StateReader, StateStore, PublicationLog, AliasStore, Protocol):
    """All ports of it, as every implementation of the store offers them."""


@pytest.fixture(params=["memory", "sql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    if request.param == "memory":
        yield MemoryState()
    else:
        with open_store("sqlite:///.mlproj/state.sqlite", tmp_path) as store:
            yield store


def test_nothing_is_there_at_first(state: State) -> None:
    assert state.load("dev") == TargetState(target="dev")
    assert state.history(GROUP, "dev") == []
    assert state.model_versions("dev") == []
    assert state.training_datasets("dev", VIEW) == []
    assert state.builds("dev") == []
    assert state.events("dev") == []


def test_what_was_published_is_loaded_as_it_was(state: State) -> None:
    entries = {name: published(group(name)) for name in ("income", "spending")}
    state.apply_publication(publication(*entries.values()), 5)
    loaded = state.load("dev")
    assert loaded.target == "dev"
    assert loaded.published == {entry.node.id: entry for entry in entries.values()}
    assert loaded.published[GROUP].node.shape.uses == ("source:census.z", "source:census.a")  # type: ignore[union-attr]


def test_known_nodes_are_taken_as_they_are_where_just_they_were_published(state: State) -> None:
    entries = [published(group(name)) for name in ("income", "spending")]
    state.apply_publication(publication(*entries), 5)
    known: dict[str, Node] = {node.id: node for node in (group("income"), group("spending", features=3))}
    loaded = state.load("dev", lambda node_id: (known[node_id], known[node_id].model_dump_json().encode()))
    assert loaded == state.load("dev")
    assert loaded.published["feature_group:spending@1"].node == entries[1].node != known["feature_group:spending@1"]


def test_a_publication_replaces_its_nodes_and_leaves_the_others(state: State) -> None:
    state.apply_publication(publication(published(group("income")), published(group("spending"))), 5)
    newer = published(group("income", features=3), commit=8, table="income__v1__def")
    state.apply_publication(publication(newer, build_id="b2"), 9)
    loaded = state.load("dev").published
    assert loaded[GROUP] == newer
    assert loaded["feature_group:spending@1"].commit == 3


def test_removed_nodes_are_gone(state: State) -> None:
    state.apply_publication(publication(published(group("income")), published(group("spending"))), 5)
    state.apply_publication(publication(build_id="b2", removed=(GROUP, "feature_group:never@1")), 9)
    assert list(state.load("dev").published) == ["feature_group:spending@1"]
    assert [c.commit for c in state.history(GROUP, "dev")] == [3]


def test_applying_a_publication_again_changes_nothing(state: State) -> None:
    first = publication(published(group()), datasets=(training_dataset(),))
    later = publication(published(group(), commit=8), build_id="b2", removed=("feature_group:old@1",))
    state.apply_publication(first, 5)
    state.apply_publication(later, 9)
    before = (state.load("dev"), state.history(GROUP, "dev"), state.training_datasets("dev", VIEW), state.events("dev"))
    state.apply_publication(later, 9)
    state.apply_publication(first, 5)
    after = (state.load("dev"), state.history(GROUP, "dev"), state.training_datasets("dev", VIEW), state.events("dev"))
    assert after == before
    assert len(state.events("dev")) == 2


def test_the_last_publication_of_each_target_is_known(state: State) -> None:
    for target, build_id in [("dev", "b9"), ("dev", "b10"), ("prod", "b11"), ("dev", "b9")]:
        state.apply_publication(publication(build_id=build_id, target=target), 5)
    assert [state.load(target).last_publication for target in ("dev", "prod", "new")] == ["b10", "b11", None]


def test_history_has_a_row_for_each_commit_oldest_first(state: State) -> None:
    state.apply_publication(publication(published(group(), commit=3)), 5)
    state.apply_publication(publication(published(group(), commit=3), build_id="b2"), 6)
    state.apply_publication(publication(published(group(), commit=7), build_id="b3"), 8)
    state.apply_publication(publication(published(group(), commit=None, table=None), build_id="b4"), 9)
    history = state.history(GROUP, "dev")
    assert [(c.commit, c.build_id) for c in history] == [(3, "b1"), (7, "b3")]
    only = history[1]
    assert (only.node, only.table, only.rows, only.author, only.at) == (GROUP, "income__v1__abc", 10, "ada", AT)
    assert "b3" in only.message
    assert state.history(GROUP, "prod") == []
    assert state.history("feature_group:spending@1", "dev") == []


def test_history_says_what_made_a_commit_and_what_it_changed(state: State) -> None:
    counted = publication(published(group())).model_copy(update={"changes": {GROUP: RowChanges(added=10, changed=0)}})
    state.apply_publication(counted, 5)
    back = publication(published(group(), commit=7), build_id="b2").model_copy(update={"kind": "rollback"})
    state.apply_publication(back, 8)
    first, second = state.history(GROUP, "dev")
    assert (first.added, first.changed, first.deleted, first.kind, first.expired) == (10, 0, None, "build", False)
    assert (second.added, second.changed, second.deleted, second.kind) == (None, None, None, "rollback")


def test_training_datasets_are_kept_and_the_newest_is_loaded(state: State) -> None:
    first, second = training_dataset(1, "fp1:a"), training_dataset(2, "fp1:b")
    other = training_dataset(1, view="feature_view:spending@1")
    state.apply_publication(publication(datasets=(first, other)), 5)
    state.apply_publication(publication(build_id="b2", datasets=(second,)), 6)
    assert state.training_datasets("dev", VIEW) == [first, second]
    assert state.load("dev").training_datasets == {VIEW: second, other.view: other}


def test_a_training_dataset_published_again_stays_as_it_was(state: State) -> None:
    state.apply_publication(publication(datasets=(training_dataset(1),)), 5)
    state.apply_publication(publication(build_id="b2", datasets=(training_dataset(1, "fp1:other"),)), 6)
    assert state.training_datasets("dev", VIEW) == [training_dataset(1)]


def test_targets_share_nothing_but_the_names_of_their_tables(state: State) -> None:
    state.apply_publication(publication(published(group()), datasets=(training_dataset(),)), 5)
    state.apply_publication(publication(published(group("view"), table=None, commit=None), build_id="b2"), 6)
    state.register_model("dev", manifest(model()), "h1", evaluation(), AT)
    seen = state.load("prod")
    assert seen.model_copy(update={"neighbours": ()}) == TargetState(
        target="prod", foreign_tables=("income__v1__abc", "td_1")
    )
    assert state.load("dev").foreign_tables == ()
    assert state.training_datasets("prod", VIEW) == []
    assert state.model_versions("prod") == []
    assert state.events("prod") == []


def test_a_target_sees_what_its_neighbours_hold_and_it_does_not(state: State) -> None:
    state.apply_publication(publication(published(group()), datasets=(training_dataset(),)), 5)
    version = state.register_model("dev", manifest(model()), "h1", evaluation(), AT)
    [seen] = state.load("prod").neighbours
    assert (seen.target, seen.published[GROUP]) == ("dev", published(group()))
    assert seen.training_datasets == {VIEW: training_dataset()}
    assert seen.model_versions == {"model:income_model@1": version}
    assert state.load("dev").neighbours == ()

    shared = published(group()).model_copy(update={"owner": "dev"})
    state.apply_publication(publication(shared, target="prod", datasets=(training_dataset(),)), 6)
    [seen] = state.load("prod").neighbours
    assert (list(seen.published), seen.training_datasets) == (["model:income_model@1"], {})
    assert state.load("prod").foreign_tables == ("income__v1__abc", "td_1")
    assert state.load("dev").foreign_tables == ("td_1",), "a table that prod only shows is dev's"
    newer = published(group(), commit=7)
    state.apply_publication(publication(newer, build_id="b2"), 8)
    assert state.load("prod").neighbours[0].published[GROUP] == newer


def test_a_version_of_another_target_that_is_evaluated_becomes_the_current_one(state: State) -> None:
    version = state.register_model("dev", manifest(model()), "h1", evaluation(), AT)
    own = state.register_model("prod", manifest(model()), "h2", evaluation(), AT)
    state.begin_build(build("b7", target="prod"))
    for _ in range(2):
        state.add_evaluation("prod", version, model(), evaluation("passed", "b7"))
    assert [v.id for v in state.model_versions("prod")] == [version.id, own.id]
    assert state.load("prod").model_versions["model:income_model@1"].run == version.run
    assert state.load("prod").neighbours[0].model_versions == {}
    assert [t.id for t in state.load("prod").trained] == [version.id, own.id]
    assert [v.id for v in state.model_versions("dev")] == [version.id]
    assert [(e.what, e.who, e.subject) for e in state.events("prod")][1:] == [
        ("model_adopted", "ada", version.id),
        ("model_evaluated", "ada", version.id),
    ]
    newest = state.register_model("prod", manifest(model()), "h3", evaluation(), AT)
    assert state.load("prod").model_versions["model:income_model@1"].id == newest.id


def test_the_same_build_id_may_publish_to_two_targets(state: State) -> None:
    state.apply_publication(publication(published(group())), 5)
    state.apply_publication(publication(published(group()), target="prod"), 6)
    assert list(state.load("prod").published) == [GROUP]


def test_runs_count_up_for_each_declared_version_across_targets(state: State) -> None:
    ids = [
        state.register_model(target, manifest(model(name, version)), "h1", evaluation(), AT).id
        for target, name, version in [
            ("dev", "b", 1), ("dev", "b", 1), ("prod", "b", 1), ("dev", "b", 2), ("dev", "a", 1), ("dev", "b", 1)
        ]
    ]  # fmt: skip
    assert ids == ["b@1.1", "b@1.2", "b@1.3", "b@2.1", "a@1.1", "b@1.4"]
    assert [v.id for v in state.model_versions("dev")] == ["a@1.1", "b@1.1", "b@1.2", "b@1.4", "b@2.1"]
    assert [v.id for v in state.model_versions("dev", "b")] == ["b@1.1", "b@1.2", "b@1.4", "b@2.1"]
    assert {k: v.id for k, v in state.load("prod").model_versions.items()} == {"model:b@1": "b@1.3"}


def test_runs_above_nine_are_ordered_as_numbers(state: State) -> None:
    for _ in range(11):
        state.register_model("dev", manifest(model()), "h1", evaluation(), AT)
    assert [v.run for v in state.model_versions("dev")] == list(range(1, 12))
    assert state.load("dev").model_versions["model:income_model@1"].run == 11


def test_a_registered_version_is_read_as_it_was_returned(state: State) -> None:
    version = state.register_model("dev", manifest(model()), "h1", evaluation("failed"), AT)
    assert (version.id, version.target, version.status) == ("income_model@1.1", "dev", "failed")
    assert (version.manifest_hash, version.build_id, version.created_at) == ("h1", "b1", AT)
    assert state.model_versions("dev") == [version]
    assert state.load("dev").model_versions == {"model:income_model@1": version}


def test_registering_publishes_the_definition(state: State) -> None:
    state.register_model("dev", manifest(model()), "h1", evaluation(), AT)
    entry = state.load("dev").published["model:income_model@1"]
    assert (entry.node, entry.build_id, entry.published_at, entry.rows) == (model(), "b1", AT, None)


def test_the_newest_evaluation_decides_and_moves_no_run(state: State) -> None:
    first = state.register_model("dev", manifest(model()), "h1", evaluation("passed"), AT)
    second = state.register_model("dev", manifest(model()), "h2", evaluation("passed"), AT)
    edited = model(tests=(MetricBounds(name="accuracy", min=0.9),))
    state.add_evaluation("dev", first, edited, evaluation("failed", "b2", "2026-02-01T00:00:00Z"))
    assert [(v.run, v.status) for v in state.model_versions("dev")] == [(1, "failed"), (2, "passed")]
    state.add_evaluation("dev", second, edited, evaluation("failed", "b3", AT))
    state.add_evaluation("dev", second, edited, evaluation("passed", "b4", AT))
    newest = state.load("dev").model_versions["model:income_model@1"]
    assert (newest.run, newest.status, newest.evaluation.build_id) == (2, "passed", "b4")
    assert newest.manifest == manifest(model())
    entry = state.load("dev").published["model:income_model@1"]
    assert (entry.node, entry.build_id, entry.published_at) == (edited, "b4", AT)


def test_steps_are_updated_in_their_place(state: State) -> None:
    planned = tuple(
        JournalStep(node=GROUP, action=action, status="pending") for action in ("materialize", "test", "publish")
    )
    state.begin_build(build(steps=planned))
    done = JournalStep(
        node=GROUP, action="test", status="failed", seconds=0.5, rows=3, message="3 rows", warnings=("duplicate key",)
    )
    extra = JournalStep(node="model:income_model@1", action="train", status="ok", metrics={"test": {"accuracy": 0.5}})
    state.record_steps("b1", [done, extra])
    state.record_steps("b1", [])
    assert state.builds("dev") == [build(steps=(planned[0], done, planned[2], extra))]


def made(by: str, **rest: str) -> JournalStep:
    rows = Made(by=by, fingerprint="fp1:a", table="income__v1__a", **rest)
    return JournalStep(node=GROUP, action="materialize", status="ok", made=rows)


def test_rows_of_builds_that_failed_are_kept_until_the_node_is_published(state: State) -> None:
    state.begin_build(build("a", steps=(made("a"),)))
    assert state.load("dev").kept == {GROUP: made("a").made}, "it may have been killed already"
    state.end_build("a", "failed", AT)
    state.begin_build(build("b", steps=(JournalStep(node=GROUP, action="materialize", status="pending"),)))
    state.end_build("b", "failed", AT)
    assert state.load("dev").kept == {GROUP: made("a").made}, "the later build made nothing"
    state.begin_build(build("c"))
    state.record_steps("c", [made("c", write="write income (build c)")])
    assert state.load("dev").kept == {GROUP: made("c", write="write income (build c)").made}
    assert state.load("prod").kept == {}
    state.begin_build(build("d"))
    state.apply_publication(
        publication(published(group("income")).model_copy(update={"build_id": "d"}), build_id="d"), 7
    )
    assert state.load("dev").kept == {}
    state.begin_build(build("e", steps=(made("e"),)))
    assert state.load("dev").kept == {GROUP: made("e").made}
    state.end_build("e", "ok", AT)
    assert state.load("dev").kept == {}


def test_an_ended_build_says_how_and_when(state: State) -> None:
    state.begin_build(build())
    state.end_build("b1", "failed", "2026-01-31T12:05:00Z")
    [ended] = state.builds("dev")
    assert (ended.status, ended.ended_at, ended.started_at) == ("failed", "2026-01-31T12:05:00Z", AT)


def test_builds_left_running_are_seen_as_killed_by_the_next_of_their_target(state: State) -> None:
    state.begin_build(build("a"))
    state.begin_build(build("other", target="prod"))
    state.begin_build(build("b"))
    state.end_build("b", "ok", AT)
    state.begin_build(build("c"))
    assert [(b.id, b.status) for b in state.builds("dev")] == [("c", "running"), ("b", "ok"), ("a", "killed")]
    assert [(b.id, b.status) for b in state.builds("prod")] == [("other", "running")]


def test_builds_are_limited_to_the_newest(state: State) -> None:
    for number in range(25):
        state.begin_build(build(f"b{number:02}"))
    assert len(state.builds("dev")) == 20
    assert [b.id for b in state.builds("dev", limit=2)] == ["b24", "b23"]


def test_the_log_tells_what_happened_in_order(state: State) -> None:
    state.begin_build(build())
    version = state.register_model("dev", manifest(model()), "h1", evaluation(), AT)
    state.apply_publication(publication(published(group()), removed=("feature_group:old@1",)), 5)
    state.add_evaluation("dev", version, model(), evaluation("failed", at="2026-02-01T00:00:00Z"))
    registered, moved, evaluated = state.events("dev")
    assert (registered.what, registered.subject, registered.who) == ("model_registered", "income_model@1.1", "ada")
    assert (moved.what, moved.subject, moved.who, moved.at) == ("published", "build b1", "ada", AT)
    assert (moved.detail["commit"], moved.detail["published"], moved.detail["removed"]) == (
        5, [GROUP], ["feature_group:old@1"],
    )  # fmt: skip
    assert (evaluated.what, evaluated.detail["status"], evaluated.at) == (
        "model_evaluated", "failed", "2026-02-01T00:00:00Z",
    )  # fmt: skip


def rollback(build_id: str, **content: object) -> Publication:
    return publication(build_id=build_id).model_copy(update={"kind": "rollback", "message": "back to b1", **content})


def test_a_commit_that_is_published_again_stands_in_history_again(state: State) -> None:
    for build_id, commit in (("b1", 3), ("b2", 7), ("b3", 3), ("b4", 3)):
        entry = published(group(), commit=commit)
        state.apply_publication(publication(entry, build_id=build_id), commit + 1)
    assert [(c.commit, c.build_id) for c in state.history(GROUP, "dev")] == [(3, "b1"), (7, "b2"), (3, "b3")]


def test_publications_are_read_as_they_were_applied(state: State) -> None:
    first, second = publication(published(group())), rollback("b2", current={VIEW: 1})
    state.apply_publication(first, 5)
    state.apply_publication(second, 6)
    state.apply_publication(first, 5)
    assert state.publications("dev") == [first, second]
    assert state.publications("prod") == []


def test_a_rollback_makes_old_things_current_until_newer_ones_come(state: State) -> None:
    first, second, third = (training_dataset(n, f"fp1:{n}") for n in (1, 2, 3))
    state.apply_publication(publication(datasets=(first, second)), 5)
    versions = [state.register_model("dev", manifest(model()), "h1", evaluation(), AT) for _ in range(2)]
    node = "model:income_model@1"

    state.apply_publication(rollback("b2", current={VIEW: 1, node: 1}), 6)
    loaded = state.load("dev")
    assert (loaded.training_datasets, loaded.model_versions) == ({VIEW: first}, {node: versions[0]})
    assert (len(state.training_datasets("dev", VIEW)), len(state.model_versions("dev"))) == (2, 2)

    state.apply_publication(rollback("b3", current={VIEW: 0, node: 0}), 7)
    assert (state.load("dev").training_datasets, state.load("dev").model_versions) == ({}, {})

    state.apply_publication(publication(build_id="b4", datasets=(third,)), 8)
    newest = state.register_model("dev", manifest(model()), "h1", evaluation(), AT)
    assert newest.run == 3
    assert state.load("dev").training_datasets == {VIEW: third}
    assert state.load("dev").model_versions == {node: newest}


def moved(to: str | None, target: str = "dev") -> Event:
    detail = {"to": to, "because": "better", "how": "promote"}
    return Event(at=AT, target=target, who="ada", what="alias_moved", subject="income_model@champion", detail=detail)


def test_every_move_of_an_alias_is_kept(state: State) -> None:
    for _ in range(2):
        state.register_model("dev", manifest(model()), "h1", evaluation(), AT)
    alias = "income_model@champion"
    for to in ("income_model@1.1", "income_model@1.2", None):
        state.move_alias(alias, moved(to))
        assert state.load("dev").aliases == ({alias: to} if to else {})
    events = [e for e in state.events("dev") if e.what == "alias_moved"]
    assert [(e.detail["from"], e.detail["to"]) for e in events] == [
        (None, "income_model@1.1"), ("income_model@1.1", "income_model@1.2"), ("income_model@1.2", None),
    ]  # fmt: skip
    assert {(e.who, e.subject, e.detail["because"]) for e in events} == {("ada", alias, "better")}
    assert state.load("prod").aliases == {}


def test_a_rollback_moves_aliases_once(state: State) -> None:
    state.register_model("dev", manifest(model()), "h1", evaluation(), AT)
    alias = "income_model@champion"
    for _ in range(2):
        state.apply_publication(rollback("b2", aliases={alias: "income_model@1.1"}), 6)
    assert state.load("dev").aliases == {alias: "income_model@1.1"}
    [event] = [e for e in state.events("dev") if e.what == "alias_moved"]
    assert (event.detail["from"], event.detail["to"], event.detail["how"]) == (None, "income_model@1.1", "rollback")
    state.apply_publication(rollback("b3", aliases={alias: None}), 7)
    assert state.load("dev").aliases == {}
