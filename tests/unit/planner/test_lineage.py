"""Columns from sources to model versions: what of a target's versions follows, and what is known by name only."""

from __future__ import annotations

from mlproj.planner.lineage import ColumnGraph, ColumnLineage, Direction
from mlproj.state import TargetState
from tests.unit.planner.small_project import SQL, SmallProject, group, model, published, view

REF = "{{ ref('income', version=1) }}"
PROJECT = SmallProject(
    [group(), group("doubled")],
    [view("above", base="doubled@1", features=["twice", "pay"], label="rich", filter="city is not null")],
    [model(feature_view="above@1")],
    {"income@1": SQL, "doubled@1": f"select id, age * 2 as twice, pay, city, rich from {REF} where seen is not null"},
)
MANIFEST = PROJECT.compiled()
BUILT = published(MANIFEST)
NEWER = BUILT.trained[0].model_copy(update={"id": "income_model@1.2", "inputs": ("pay",)})
STATE = BUILT.model_copy(
    update={"trained": (*BUILT.trained, NEWER), "aliases": {"income_model@champion": "income_model@1.2"}}
)


def lineage(start: str, direction: Direction, state: TargetState = STATE) -> ColumnLineage:
    return ColumnGraph(MANIFEST.nodes, MANIFEST.order, state).lineage(start.partition(".")[0], [start], direction)


def ids(found: ColumnLineage, *kinds: str) -> list[str]:
    return [c.id for c in found.columns if c.kind in kinds]


def test_only_versions_that_read_the_column_follow_it() -> None:
    twice = lineage("source:people.age", "downstream")
    pay = lineage("source:people.pay", "downstream")

    assert ids(twice, "column") == [
        "source:people.age", "feature_group:income@1.age", "feature_group:doubled@1.twice",
        "feature_view:above@1.twice",
    ]  # fmt: skip
    assert ids(twice, "model", "model_version") == ["model:income_model@1", "model_version:income_model@1.1"]
    assert ids(pay, "model_version") == ["model_version:income_model@1.1", "model_version:income_model@1.2"]


def test_a_condition_leads_into_the_rows_and_so_into_everything() -> None:
    found = lineage("source:people.seen", "downstream")

    assert ids(found, "rows") == ["feature_group:doubled@1.*", "feature_view:above@1.*"]
    assert len(ids(found, "model_version")) == 2


def test_a_version_goes_back_to_source_columns_and_tells_what_it_was_trained_on() -> None:
    found = lineage("model_version:income_model@1.2", "upstream")

    (version,) = [c for c in found.columns if c.kind == "model_version"]
    assert (version.training_dataset, version.aliases) == (NEWER.training_dataset, ("champion",))
    sources = {c.column for c in found.columns if c.node == "source:people" and c.kind == "column"}
    assert sources == {"pay", "rich", "id", "city", "seen"}, "features, label, key, filter and condition, and no age"
    assert {a for _parent, a in found.edges} >= {"model:income_model@1", "model_version:income_model@1.2"}


def test_what_is_read_stands_before_what_is_made_of_it() -> None:
    found = lineage("feature_group:income@1.age", "both")

    place = {c.id: i for i, c in enumerate(found.columns)}
    assert all(place[parent] < place[child] for parent, child in found.edges)
    assert found.nodes == ("source:people", *(n for n in found.nodes if n != "source:people"))


def test_without_a_state_it_ends_at_the_model() -> None:
    found = lineage("source:people.age", "downstream", TargetState(target="dev"))

    assert ids(found, "model", "model_version", "training_dataset") == ["model:income_model@1"]


def test_a_version_of_a_model_that_is_no_longer_declared_hangs_on_its_view() -> None:
    nodes = {n: node for n, node in MANIFEST.nodes.items() if not n.startswith("model:")}
    order = [n for n in MANIFEST.order if n in nodes]

    found = ColumnGraph(nodes, order, STATE).lineage("x", ["feature_view:above@1.pay"], "downstream")

    assert ("feature_view:above@1.pay", "model_version:income_model@1.1") in found.edges
