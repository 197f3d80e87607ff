"""Any change of meaning reaches all descendants that use the feature, and no others (versions.md §6)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.planner.small_project import SmallProject, changes, group, model, view

FEATURES = ("a", "b", "c")
ROWS = "*"
Column = tuple[str, str]  # of a group, or of the source, which is called ""


@dataclass(frozen=True)
class Group:
    """A group of three features: what each adds up, of the groups that it reads, and what its WHERE looks at."""

    name: str
    parents: tuple[str, ...]
    uses: dict[str, tuple[Column, ...]]
    where: tuple[Column, ...]

    def sql(self, edited: str | None = None) -> str:
        alias = {parent: f"t{i}" for i, parent in enumerate(self.parents)}

        def written(column: Column) -> str:
            return f"{alias[column[0]]}.{column[1]}"

        def made(name: str) -> str:
            sum_ = " + ".join(map(written, self.uses[name]))
            return f"({sum_}) * 2 as {name}" if name == edited else f"{sum_} as {name}"

        first, *rest = self.parents
        source = [f"from {_relation(first)} as t0"]
        source += [f"join {_relation(p)} as {alias[p]} on t0.id = {alias[p]}.id" for p in rest]
        condition = [f"where {' > 0 and '.join(map(written, self.where))} > 0"] if self.where else []
        return " ".join([f"select t0.id, {', '.join(map(made, FEATURES))}", *source, *condition])


def _relation(parent: str) -> str:
    return f"{{{{ ref('{parent}', version=1) }}}}" if parent else "{{ source('people') }}"


@dataclass(frozen=True)
class Dag:
    """Groups in order, each reading earlier ones; views as (group, features, label)."""

    groups: tuple[Group, ...]
    views: tuple[tuple[str, tuple[str, ...], str], ...]
    edited: tuple[str, str]
    columns: dict[str, str] = field(default_factory=lambda: dict.fromkeys(("id", *FEATURES), "BIGINT"))

    def project(self) -> SmallProject:
        # Features may be computed from the label here: that is not what this is about.
        leaky = {"leakage": "allowed", "because": "they are drawn at random"}
        views = [
            view(f"v{i}", base=f"{g}@1", features=list(f), label=y, **leaky) for i, (g, f, y) in enumerate(self.views)
        ]
        models = [model(f"m{i}", feature_view=f"v{i}@1") for i in range(len(self.views))]
        sql = {f"{g.name}@1": g.sql() for g in self.groups}
        return SmallProject([group(g.name) for g in self.groups], views, models, sql, self.columns)

    def edit(self, project: SmallProject) -> SmallProject:
        name, feature = self.edited
        changed = next(g for g in self.groups if g.name == name)
        return replace(project, sql={**project.sql, f"{name}@1": changed.sql(feature)})

    def touched(self) -> dict[str, set[str]]:
        """Columns of each node that the edit reaches, as one reads it off the drawing."""
        found: set[Column] = {self.edited}
        for g in self.groups:
            if g.name == self.edited[0]:
                continue
            joined = [(p, "id") for p in g.parents] if len(g.parents) > 1 else []
            if any(c in found for c in (*g.where, *joined, *((p, ROWS) for p in g.parents))):
                found |= {(g.name, c) for c in (ROWS, "id", *FEATURES)}
            found |= {(g.name, c) for c in FEATURES if any(u in found for u in g.uses[c])}
        nodes = {f"feature_group:{g.name}@1": {c for n, c in found if n == g.name} for g in self.groups}
        for i, (base, features, label) in enumerate(self.views):
            read = {c for c in (*features, label, "id") if (base, c) in found}
            nodes[f"feature_view:v{i}@1"] = read
            nodes[f"model:m{i}@1"] = read - {"id"}
        return nodes


@st.composite
def dags(draw: Any) -> Dag:
    groups: list[Group] = []
    for i in range(draw(st.integers(2, 5))):
        known = ["", *(g.name for g in groups)]
        parents = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True)))
        columns = st.sampled_from([(p, c) for p in parents for c in FEATURES])
        uses = {c: tuple(draw(st.lists(columns, min_size=1, max_size=2, unique=True))) for c in FEATURES}
        where = tuple(draw(st.lists(columns, max_size=1)))
        groups.append(Group(f"g{i}", parents, uses, where))
    names = st.sampled_from([g.name for g in groups])
    label = st.sampled_from(FEATURES)
    views = []
    for _ in range(draw(st.integers(1, 3))):
        y = draw(label)
        rest = [c for c in FEATURES if c != y]
        views.append((draw(names), tuple(draw(st.lists(st.sampled_from(rest), min_size=1, unique=True))), y))
    return Dag(tuple(groups), tuple(views), (draw(names), draw(label)))


@settings(max_examples=30, deadline=None)
@given(dags())
def test_a_change_of_meaning_reaches_all_who_use_the_feature_and_no_others(dag: Dag) -> None:
    before = dag.project()
    expected = {n: columns for n, columns in dag.touched().items() if columns}
    start = f"feature_group:{dag.edited[0]}@1"
    below = _below(dag, start)

    found = changes(before, dag.edit(before))

    assert {(r.rule, r.feature, r.change) for r in found[start].reasons} == {
        ("meaning_changed", dag.edited[1], "breaking")
    }
    affected = {a.node: {*a.columns} for a in found[start].affected}
    assert affected == {n: columns - {ROWS} for n, columns in expected.items() if n != start}
    assert all(a.features == (dag.edited[1],) for a in found[start].affected)
    assert {u.node for u in found[start].unaffected} == below - affected.keys()
    assert set(found) == set(expected), "what is redone is what is reached"
    for dependant in found[start].affected:
        assert dependant.path[0] == f"{dag.edited[0]}@1.{dag.edited[1]}"
        assert dependant.node.partition("@")[0].partition(":")[2] in dependant.path[-1]


def _below(dag: Dag, start: str) -> set[str]:
    """Everything that hangs on a node, by whatever column."""
    parents = {f"feature_group:{g.name}@1": [f"feature_group:{p}@1" for p in g.parents if p] for g in dag.groups}
    for i, (base, _features, _label) in enumerate(dag.views):
        parents |= {f"feature_view:v{i}@1": [f"feature_group:{base}@1"], f"model:m{i}@1": [f"feature_view:v{i}@1"]}
    found = {start}
    for node, above in parents.items():
        if found & set(above):
            found.add(node)
    return found - {start}
