"""`lineage NODE.feature`: from source columns to model versions and back, by the installed command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.conftest import Built


def test_a_model_version_is_made_from_source_columns(built: Built) -> None:
    document = ask(built.folder, "lineage", "income_model@1.1", "--upstream").json

    assert document["start"] == ["model_version:income_model@1.1"]
    version = document["columns"][-1]
    assert (version["kind"], version["training_dataset"]) == ("model_version", "income@1/td1")
    children = {parent for parent, _child in document["edges"]}
    ends = {c["id"] for c in document["columns"]} - {child for _parent, child in document["edges"]}
    assert "source:census.education.num" in ends, "a column's own dots belong to its name"
    assert {e.partition(":")[0] for e in ends} == {"source"}
    assert "model_version:income_model@1.1" not in children


def test_a_source_column_goes_into_model_versions(built: Built) -> None:
    document = ask(built.folder, "lineage", "source:census.education.num", "--downstream").json

    ends = {c["id"] for c in document["columns"]} - {parent for parent, _child in document["edges"]}
    assert {"model_version:income_model@1.1", "model_version:income_model@2.1"} <= ends
    assert document["start"] == ["source:census.education.num"]
    text = mlproj(built.folder, "lineage", "source:census.education.num", "--downstream").out
    assert "income_model@2.1 (model version, on income@2/td1)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_source_column_that_decides_on_rows_too_names_the_features_made_of_it(built: Built) -> None:
    text = mlproj(built.folder, "lineage", "source:census.age", "--downstream").out

    for place in ("income@1.age", "income(view)@1.age", "income@1 (rows)", "income_model@1.1 (model version"):
        assert place in text


def test_a_feature_is_followed_both_ways(built: Built) -> None:
    text = mlproj(built.folder, "lineage", "income@1.age").out

    assert text.splitlines()[:2] == ["income@1.age", "  is made from"]
    assert text.index("source:census.age") < text.index("goes into") < text.index("income(view)@1.age")
    assert mlproj(built.folder, "lineage", "income(view)@1.age").out.startswith("income(view)@1.age\n"), (
        "as the path of a plan writes it"
    )


def test_markdown_is_a_graph_that_is_drawn(built: Built) -> None:
    text = mlproj(built.folder, "--format", "markdown", "lineage", "income@1.age", "--downstream").out

    assert text.startswith("```mermaid\ngraph LR\n")
    assert text.endswith("```\n")


def test_it_works_before_anything_was_built(shop: Path) -> None:
    text = mlproj(shop, "lineage", "orders@1.amount", "--downstream").out

    assert text.splitlines()[:3] == ["orders@1.amount", "  goes into", "    └─ orders(view)@1.amount"]
    assert not (shop / ".mlproj").exists()


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("orders@1.amuont", "E508", "did you mean 'amount'?"),
        ("source:orders.custmer_id", "E508", "did you mean 'customer_id'?"),
        ("ordrs@1.amount", "E508", "did you mean 'orders"),
        ("orders@1.", "E508", "order_id"),
        ("orders@1.2", "E508", "no feature '2'"),
    ],
)
def test_what_there_is_not(standing_shop: Path, asked: str, code: str, said: str) -> None:
    refused = mlproj(standing_shop, "lineage", asked)

    assert refused.code == 2
    assert refused.err.startswith(code)
    assert said in refused.err


def test_a_version_that_was_never_trained(built: Built) -> None:
    assert ask(built.folder, "lineage", "income_model@1.7").codes == ["E507"]
