"""Lineage as a person reads it: trees and graphs of small documents."""

from __future__ import annotations

from typing import Any

from mlproj.cli.render.lineage import lineage_lines


def column(node: str, name: str) -> dict[str, Any]:
    return {"id": f"{node}.{name}", "kind": "column", "node": node, "column": name}


def rows(node: str) -> dict[str, Any]:
    return {"id": f"{node}.*", "kind": "rows", "node": node, "column": None}


G, H, S, V, M = "feature_group:g@1", "feature_group:h@1", "source:s", "feature_view:v@1", "model:m@1"
MODEL = {"id": M, "kind": "model", "node": M, "column": None}
DATASET = {"id": "training_dataset:v@1/td1", "kind": "training_dataset", "node": V, "column": None}
VERSION = {
    "id": "model_version:m@1.1", "kind": "model_version", "node": M, "column": None, "training_dataset": "v@1/td1",
    "aliases": ["champion"],
}  # fmt: skip


def document(start: str, direction: str, places: list[dict[str, Any]], edges: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "node": start.rpartition(".")[0], "start": [start], "direction": direction, "columns": places,
        "edges": [list(edge) for edge in edges],
    }  # fmt: skip


DOWN = document(
    f"{S}.a.b", "downstream",
    [column(S, "a.b"), column(G, "x"), column(V, "x"), DATASET, MODEL, VERSION],
    [
        (f"{S}.a.b", f"{G}.x"), (f"{G}.x", f"{V}.x"), (f"{V}.x", DATASET["id"]), (f"{V}.x", M), (M, VERSION["id"]),
    ],
)  # fmt: skip


def test_a_column_goes_down_to_model_versions() -> None:
    assert lineage_lines(DOWN, mermaid=False) == [
        "source:s.a.b",
        "  goes into",
        "    └─ g@1.x",
        "       └─ v(view)@1.x",
        "          └─ m@1 (model)",
        "             └─ m@1.1 (model version, on v@1/td1, champion)",
    ]


def test_a_training_dataset_that_nothing_was_trained_on_is_told_too() -> None:
    edges = [tuple(edge) for edge in DOWN["edges"][:3]]
    alone = document(f"{S}.a.b", "downstream", DOWN["columns"][:4], edges)

    assert lineage_lines(alone, mermaid=False)[-1].strip() == "└─ v@1/td1 (training dataset)"


def test_where_all_rows_follow_columns_are_not_told_one_by_one() -> None:
    places = [column(S, "a"), rows(G), column(G, "x"), column(G, "y"), column(H, "z")]
    edges = [(f"{S}.a", f"{G}.*"), (f"{G}.*", f"{G}.x"), (f"{G}.*", f"{G}.y"), (f"{G}.x", f"{H}.z")]

    assert lineage_lines(document(f"{S}.a", "downstream", places, edges), mermaid=False) == [
        "source:s.a", "  goes into", "    └─ g@1 (rows)", "       └─ h@1.z",
    ]  # fmt: skip


def test_a_column_that_is_computed_from_the_start_is_named_where_the_rows_follow_too() -> None:
    places = [column(S, "a"), rows(G), column(G, "x"), column(G, "y"), rows(V), column(V, "x"), column(V, "y"), MODEL]
    edges = [
        (f"{S}.a", f"{G}.*"), (f"{S}.a", f"{G}.x"), (f"{G}.*", f"{G}.x"), (f"{G}.*", f"{G}.y"), (f"{G}.*", f"{V}.*"),
        (f"{G}.x", f"{V}.x"), (f"{G}.y", f"{V}.y"), (f"{V}.*", f"{V}.x"), (f"{V}.x", M), (f"{V}.y", M), (f"{V}.*", M),
    ]  # fmt: skip
    down = document(f"{S}.a", "downstream", places, edges)

    assert lineage_lines(down, mermaid=False) == [
        "source:s.a",
        "  goes into",
        "    ├─ g@1.x",
        "    │  └─ v(view)@1.x",
        "    │     └─ m@1 (model)",
        "    └─ g@1 (rows)",
        "       └─ v(view)@1 (rows)",
    ]
    drawn = "\n".join(lineage_lines(down, mermaid=True))
    assert '["x"]' in drawn
    assert '["y"]' not in drawn


def test_upstream_tells_columns_first_and_the_rows_that_they_follow_once() -> None:
    places = [column(S, "a"), column(S, "b"), rows(G), column(G, "x"), rows(H), column(H, "z")]
    edges = [
        (f"{G}.*", f"{G}.x"), (f"{S}.a", f"{G}.x"), (f"{S}.b", f"{G}.*"), (f"{H}.*", f"{H}.z"), (f"{G}.x", f"{H}.z"),
        (f"{G}.*", f"{H}.*"),
    ]  # fmt: skip

    assert lineage_lines(document(f"{H}.z", "upstream", places, edges), mermaid=False) == [
        "h@1.z",
        "  is made from",
        "    └─ g@1.x",
        "       └─ source:s.a",
        "  and its rows from",
        "    └─ h@1 (rows)",
        "       └─ g@1 (rows)",
        "          └─ source:s.b",
    ]


def test_what_nothing_is_made_of_says_so() -> None:
    alone = document(f"{G}.x", "downstream", [column(G, "x")], [])

    assert lineage_lines(alone, mermaid=False) == ["g@1.x", "  goes into nothing"]


def test_mermaid_draws_a_box_for_each_node_and_escapes_what_ends_a_text() -> None:
    quoted = document(f'{S}.a"#', "downstream", [column(S, 'a"#'), column(G, "x")], [(f'{S}.a"#', f"{G}.x")])

    assert lineage_lines(quoted, mermaid=True) == [
        "graph LR",
        '  subgraph s0["source:s"]',
        '    n0["a#quot;#35;"]',
        "  end",
        '  subgraph s1["g@1"]',
        '    n1["x"]',
        "  end",
        "  n0 --> n1",
    ]
    assert lineage_lines(quoted, mermaid=True, fenced=True)[0] == "```mermaid"
