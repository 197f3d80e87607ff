"""A plan as a comment on a pull request: a table whatever stands in it, and short enough to be posted."""

from __future__ import annotations

from typing import Any

from mlproj.cli.render.plan_markdown import markdown_lines
from mlproj.diagnostics import Span
from mlproj.planner import Affected, Change, Plan, Reason, Unaffected

GITHUB = 65_536


def meaning(feature: str, old: str, new: str) -> Reason:
    span = Span("groups.yml", 3)
    return Reason(
        rule="meaning_changed", message="m", change="breaking", feature=feature, old=old, new=new, span=span
    )  # fmt: skip


def breaking(*reasons: Reason, node: str = "feature_group:income@1", **rest: Any) -> Change:
    return Change(node=node, change="breaking", reasons=reasons, needs_bump=True, bump_to=2, **rest)


def comment(*changes: Change, **rest: Any) -> list[str]:
    kinds = ("new", "breaking", "additive", "metadata", "removed", "stale")
    counts = {kind: sum(c.change == kind for c in changes) for kind in kinds}
    plan = Plan(project="census", target="dev", changes=changes, summary=counts | {"steps": 0}, **rest)
    return markdown_lines(plan.model_dump(mode="json"))


def cells(row: str) -> list[str]:
    """The cells of a row as GitHub splits it: at every bar that is not escaped, within code too."""
    return [
        c.strip().replace("\\|", "|") for c in row.replace("\\|", "\0").strip("|").replace("\0", "\\|").split(" | ")
    ]


def test_a_reviewer_reads_what_breaks_whom_it_touches_and_what_to_do() -> None:
    touched = Affected(
        node="model:m@1", features=("age",), path=("income@1.age", "v(view)@1.age", "m@1"),
        model_versions=("m@1.1", "m@1.2"), aliases=("m@champion",),
    )  # fmt: skip
    spared = Unaffected(node="feature_view:other@1", why="reads none of age")
    change = breaking(meaning("age", "age", "age + 1"), affected=(touched,), unaffected=(spared,))

    lines = comment(change, against="git:main")

    assert lines == [
        "### mlproj plan: census against git:main",
        "",
        "**1 breaking change needs another version**, before anything is built (1 breaking)",
        "",
        "| change | node | why | touches |",
        "|---|---|---|---|",
        (
            "| **breaking** | `feature_group:income@1` | `age` means something else: `age` → `age + 1` (groups.yml:3) "
            "| `income@1.age → v(view)@1.age → m@1` (model versions m@1.1, m@1.2, alias champion) |"
        ),
        "",
        "<details><summary>Not touched: 1</summary>",
        "",
        "- `other(view)@1`: reads none of age",
        "",
        "</details>",
        "",
        "**What to do**",
        "",
        lines[-1],
    ]
    assert lines[-1].endswith("`mlproj bump income`")


def test_bars_backticks_lines_and_markup_of_an_expression_stay_within_their_cell() -> None:
    nasty = "a || b\n\t`c` ``d`` <b> *e* | \\f"
    row = next(line for line in comment(breaking(meaning("x", nasty, "1"))) if line.startswith("| **"))

    assert len(cells(row)) == 4
    assert "```" in cells(row)[2], "more backticks than the expression has"
    assert "a || b `c` ``d`` <b> *e* | \\f" in cells(row)[2]
    said = Reason(rule="r", message="<img> *b* | `c` [x](y)", change="breaking")
    row = next(line for line in comment(breaking(said)) if line.startswith("| **"))
    assert "\\*b\\*" in row
    assert "&lt;img>" in row
    assert len(cells(row)) == 4


def test_of_long_texts_what_differs_is_shown() -> None:
    common = " and ".join(f"column_{i} is not null" for i in range(40))
    rows = Reason(rule="rows_changed", message="m", change="breaking", old=common, new=f"{common} and age > 18")

    row = next(line for line in comment(breaking(rows)) if line.startswith("| **"))

    assert "and age > 18`" in row
    assert len(row) < 300


def test_nothing_to_say_is_said() -> None:
    assert comment(against="git:main")[2] == "**Nothing differs** from git:main"
    assert comment()[2] == "**Nothing differs** from what is published"
    stale = Change(node="model:m@1", change="stale", reasons=(Reason(rule="r", message="m", change="stale"),))
    assert comment(stale)[2] == "**Nothing breaks**: 1 stale"


def test_a_thousand_nodes_fit_into_a_comment_and_what_is_cut_is_counted() -> None:
    expression = "case when a_long_column_name > 3 then another_long_column_name else 0 end " * 20
    spared = tuple(Unaffected(node=f"feature_view:v{i}@1", why="reads none of age") for i in range(5))
    path = tuple(f"feature_group_with_a_long_name_{i}@1.age" for i in range(30))
    affected = tuple(Affected(node=f"model:m{i}@1", path=path, model_versions=(f"m{i}@1.1",)) for i in range(20))
    changes = [
        breaking(
            *(meaning(f"f{j}", expression, f"{expression} + 1") for j in range(10)),
            node=f"feature_group:g{i}@1", affected=affected, unaffected=spared,
        )
        for i in range(1000)
    ]  # fmt: skip

    text = "\n".join(comment(*changes))

    assert len(text) < GITHUB
    assert len(text.encode()) < GITHUB
    rows = [line for line in text.splitlines() if line.startswith("| **")]
    left = next(line for line in text.splitlines() if line.startswith("| …"))
    assert f"{1000 - len(rows)} more changes" in left
    assert len(rows) > 10
    assert "and 990 more" in text


def test_what_breaks_comes_first() -> None:
    stale = Change(node="model:m@1", change="stale", reasons=(Reason(rule="r", message="m", change="stale"),))

    rows = [line for line in comment(stale, breaking(meaning("a", "1", "2"))) if "@1" in line]

    assert rows[0].startswith("| **breaking**")


def test_what_is_compared_as_text_says_so_and_each_node_is_named_beside_what_helps_it() -> None:
    gone = Reason(rule="removed", message="both@2 was published and is gone", change="breaking")

    lines = comment(breaking(meaning("age", "age", "")), breaking(gone, node="feature_group:both@2"))

    [row] = [line for line in lines if "feature_group:income@1" in line]
    assert "`age` means something else: `age` → as the whole query says, compared as text (groups.yml:3)" in row
    assert "- `both@2`: restore it, or publish it with `deprecated_after:` first" in lines
