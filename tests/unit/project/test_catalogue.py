"""What a search finds, and in which order."""

from __future__ import annotations

from pathlib import Path

from mlproj.cli.context import Context
from mlproj.cli.render.tables import search_lines
from mlproj.project.catalogue import search
from tests.unit.planner.small_project import SmallProject, feature, group, model, view

PROJECT = SmallProject(
    [
        group(
            owner="Ann Income",
            tags=["money"],
            features=[feature("pay", tags=["income-tax"]), feature("age", description="At the time of the income")],
        ),
        group("people", description="All of them, whatever their pay"),
    ],
    views=[view()],
    models=[model()],
)
NODES = PROJECT.compiled().nodes


def found(text: str) -> list[str]:
    return [
        m.entry.node.id.partition(":")[2] + (f".{m.entry.feature}" if m.entry.feature else "")
        for m in search(NODES, text)
    ]


def test_names_come_before_tags_and_descriptions() -> None:
    assert found("income") == ["income@1", "income@1", "income_model@1", "income@1.pay", "income@1.age"]


def test_capitals_count_for_nothing_and_every_word_has_to_be_found() -> None:
    assert found("PAY whatever") == ["people@1"]
    assert found("pay nowhere") == []
    assert found(" ") == []


def test_a_word_of_the_node_helps_to_find_its_features() -> None:
    assert found("income age") == ["income@1.age"]
    assert found("people seen") == ["people@1.seen", "people.seen"]


def test_what_was_found_is_told() -> None:
    first = next(m for m in search(NODES, "inc") if m.entry.node.id == "feature_group:income@1" and not m.entry.feature)
    assert first.found == {"name": ("income",), "owner": ("Ann Income",)}
    (tagged,) = search(NODES, "tax")
    assert (tagged.entry.feature, tagged.found) == ("pay", {"tags": ("income-tax",)})


def test_nothing_found_is_said() -> None:
    assert search_lines(
        {"search": "x", "matches": []}, Context(Path(), None, None, "text", quiet=False, debug=False)
    ) == ["nothing is called 'x', described or tagged so, or owned by one called so"]
