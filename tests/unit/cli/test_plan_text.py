"""A plan on a terminal: what breaks first, old above new, whom it touches and whom not, within 80 columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from mlproj.cli.context import Context
from mlproj.cli.render.plan import plan_lines
from mlproj.diagnostics import Span
from mlproj.planner import Affected, Change, Plan, PlanStep, Reason, Unaffected

OLD, NEW = '"source:census".age', '"source:census".age + 1'
TOUCHED = (
    Affected(
        node="feature_view:income@1", path=("income@1.age", "income(view)@1.age"), training_datasets=("income@1/td1",)
    ),
    Affected(
        node="model:income_model@1", path=("income@1.age", "income(view)@1.age", "income_model@1"),
        model_versions=("income_model@1.1", "income_model@1.3"), aliases=("income_model@champion",),
    ),
)  # fmt: skip
BREAKING = Change(
    node="feature_group:income@1", change="breaking", needs_bump=True, bump_to=3, affected=TOUCHED,
    unaffected=(Unaffected(node="feature_view:money@1", why="reads none of age"),),
    reasons=(
        Reason(
            rule="meaning_changed", message=f"age: was {OLD}, is {NEW}", change="breaking", feature="age", old=OLD,
            new=NEW, span=Span("feature_groups/income.yml", 9),
        ),
    ),
)  # fmt: skip
STALE = Change(node="model:m@1", change="stale", reasons=(Reason(rule="r", message="new data", change="stale"),))


class Terminal(Context):
    columns: int = 80

    @property
    def width(self) -> int:
        return self.columns


def drawn(*changes: Change, columns: int = 80, **rest: Any) -> list[str]:
    kinds = ("new", "breaking", "additive", "metadata", "removed", "stale")
    counts = {kind: sum(c.change == kind for c in changes) for kind in kinds}
    plan = Plan(project="census", target="dev", changes=changes, summary=counts | {"steps": 0}, **rest)
    context = Terminal(Path(), None, None, "text", quiet=False, debug=False)
    context.columns = columns
    return [click.unstyle(line) for line in plan_lines(plan.model_dump(mode="json"), context)]


def test_what_breaks_comes_first_and_in_full() -> None:
    lines = drawn(STALE, BREAKING)

    assert lines[0] == "census → dev: 1 breaking, 1 stale"
    assert [line.strip() for line in lines[2:17]] == [
        "✗ feature group income@1  breaking",
        "meaning_changed: age  feature_groups/income.yml:9",
        f"was  {OLD}",
        f"now  {NEW}",
        "touches",
        "income@1.age → income(view)@1.age",
        "training dataset income@1/td1",
        "income@1.age → income(view)@1.age → income_model@1",
        "model versions income_model@1.1, income_model@1.3, alias champion",
        "spares",
        "money(view)@1: reads none of age",
        "→ make it income@3, beside income@1 as it was published: mlproj bump",
        "income",
        "↻ model         m@1  stale: new data",
        "",
    ]
    assert lines[-3:-1] == [
        "1 breaking, 1 stale",
        "nothing will be built before the breaking changes get a version of their own, or",
    ]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_it_fits_the_terminal(columns: int) -> None:
    long = BREAKING.model_copy(
        update={"reasons": (BREAKING.reasons[0].model_copy(update={"new": f"coalesce({NEW}, 0) * 2 + 1 " * 6}),)}
    )

    lines = drawn(long, STALE, columns=columns)

    assert max(map(len, lines)) <= columns
    assert " ".join(" ".join(lines).split()).count(NEW) == 6, "an expression is broken between words, and not cut"


def test_a_comparison_says_with_what() -> None:
    assert drawn(STALE, against="git:main")[0] == "census against git:main: 1 stale"
    assert drawn(against="git:main") == ["census against git:main: nothing differs from git:main"]
    assert drawn() == ["census → dev: nothing to do, everything is as published"]


def test_many_dependants_are_counted() -> None:
    many = BREAKING.model_copy(update={"affected": TOUCHED[:1] * 30, "unaffected": BREAKING.unaffected * 27})

    assert "        … touches 5 and spares 2 more: --format json" in drawn(many)


def test_many_stale_ones_are_counted_and_what_breaks_never_is() -> None:
    steps = (PlanStep(action="train", node="model:m@1", reason="r"),)

    lines = drawn(*[STALE] * 30, *[BREAKING] * 30, steps=steps)

    assert sum("✗" in line for line in lines) == 30
    assert "  … and 5 more stale" in lines
    assert "1 step" in lines
