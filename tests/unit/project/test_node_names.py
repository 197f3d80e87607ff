"""A node is named by its id, a short form of it, or any label that is printed."""

from __future__ import annotations

import pytest

from mlproj.cli.render.results import short_name
from mlproj.planner.columns import label, unlabelled
from mlproj.project.node_names import matching, near

IDS = [
    "source:census",
    "feature_group:income@1",
    "feature_group:income@2",
    "feature_group:income@10",
    "feature_view:income@1",
    "feature_view:in-come@1",
    "model:income_model@1",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("income@1", ["feature_group:income@1", "feature_view:income@1"]),
        ("feature_group:income", ["feature_group:income@1", "feature_group:income@2", "feature_group:income@10"]),
        ("census", ["source:census"]),
        ("income(view)@1", ["feature_view:income@1"]),
        ("income(view)", ["feature_view:income@1"]),
        ("income (view)", ["feature_view:income@1"]),
        ("feature view income@1", ["feature_view:income@1"]),
        ("feature group income@2", ["feature_group:income@2"]),
        ("income(view)@2", []),
        ("", []),
    ],
)
def test_what_a_text_means(text: str, expected: list[str]) -> None:
    assert matching(IDS, text) == expected


@pytest.mark.parametrize("node", IDS)
def test_what_is_printed_is_understood(node: str) -> None:
    kind, _, name = node.partition(":")
    change = f"{kind.replace('_', ' '):<13} {name}"  # as `plan` lists it
    for printed in (label(node), short_name(node), node, change if kind.startswith("feature") else node):
        assert node in matching(IDS, printed), printed


def test_what_follows_a_view_stays() -> None:
    assert unlabelled("income(view)@1.age") == "feature_view:income@1.age"
    assert unlabelled("income(view)@1/td2") == "feature_view:income@1/td2"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("income@9", "there is income@1, income@2, income@10"),
        ("income(view)@9", "there is feature_view:income@1"),
        ("incom", "did you mean 'income'?"),
        ("incom@1", "did you mean 'income@1'?"),
        ("zebra", None),
        ("zebra@1", None),
    ],
)
def test_what_may_have_been_meant(text: str, hint: str | None) -> None:
    assert near(IDS, text) == hint
