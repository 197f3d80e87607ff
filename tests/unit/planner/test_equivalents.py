"""`equivalent:`: a change of meaning or of rows that the user says is none, where it is said of what is published."""

from __future__ import annotations

from typing import Any

import pytest

from mlproj.planner.equivalents import misdirected
from mlproj.project.planning import told_once
from mlproj.state import GroupNode
from tests.unit.planner.small_project import GROUP, SQL, SmallProject, changes, feature, group, published

BEFORE = SmallProject([group(features=[feature("age")])])
OTHER_AGE, OTHER_ROWS = SQL.replace("age,", "age * 1 as age,"), SQL + " where id >= 0"
NOWHERE = f"fp1:{'0' * 32}"


def node() -> GroupNode:
    return BEFORE.compiled().group(GROUP)


def of_age() -> str:
    return next(f.computed for f in node().features if f.name == "age")


def after(sql: str, *, of_rows: str | None = None, of: str | None = None) -> SmallProject:
    spec: dict[str, Any] = {"equivalent": {"of": of_rows, "because": "no id is negative"}} if of_rows else {}
    said = {"equivalent": {"of": of, "because": "times one"}} if of else {}
    spec["features"] = [feature("age", **said)]
    return SmallProject([group(**spec)], sql={"income@1": sql})


def test_what_is_acknowledged_is_stale_and_keeps_the_reason() -> None:
    (reason,) = changes(BEFORE, after(OTHER_AGE, of=of_age()))[GROUP].reasons

    assert (reason.rule, reason.feature, reason.change, reason.because) == ("equivalent", "age", "stale", "times one")
    assert (reason.old, reason.new) == ("age", "age * 1")


def test_rows_are_acknowledged_on_the_group() -> None:
    (reason,) = changes(BEFORE, after(OTHER_ROWS, of_rows=node().shape.rows))[GROUP].reasons

    assert (reason.rule, reason.feature, reason.change) == ("equivalent", None, "stale")


def test_one_acknowledgement_covers_one_change() -> None:
    both = OTHER_AGE + " where id >= 0"

    found = changes(BEFORE, after(both, of=of_age()))[GROUP]

    assert {(r.rule, r.change) for r in found.reasons} == {("equivalent", "stale"), ("rows_changed", "breaking")}
    assert found.needs_bump


@pytest.mark.parametrize("what", ["of", "of_rows"])
def test_an_acknowledgement_of_something_else_has_no_effect_and_is_a_warning(what: str) -> None:
    project = after(OTHER_AGE if what == "of" else OTHER_ROWS, **{what: NOWHERE})

    assert changes(BEFORE, project)[GROUP].needs_bump
    (warning,) = misdirected(project.compiled(), published(BEFORE.compiled()))
    right = of_age() if what == "of" else node().shape.rows
    assert (warning.code, warning.node) == ("W501", GROUP)
    assert right in (warning.hint or "")
    assert warning.span is not None
    assert warning.span.path == "groups.yml"


def test_one_that_is_no_longer_needed_is_silent() -> None:
    done = after(OTHER_AGE, of=of_age())

    assert changes(done, done) == {}
    assert list(misdirected(done.compiled(), published(done.compiled()))) == []
    assert changes(done, after(OTHER_AGE)) == {}


WITHIN = (
    "with kept as (select distinct id, age, pay from {{ source('people') }}) "
    "select id, age, pay from kept where id >= 0"
)


def within(sql: str, **group_spec: Any) -> SmallProject:
    return SmallProject([group(features=[feature("id"), feature("age"), feature("pay", "DOUBLE")], **group_spec)],
                        sql={"income@1": sql})  # fmt: skip


def test_features_that_differ_through_the_rows_alone_are_acknowledged_with_them() -> None:
    before, all_rows = within(WITHIN), WITHIN.replace("distinct ", "")
    rows = before.compiled().group(GROUP).shape.rows

    told = changes(before, within(all_rows))[GROUP]
    assert told.needs_bump
    assert {r.of for r in told.reasons} == {rows}, "one line to write"

    spec = {"equivalent": {"of": rows, "because": "no row comes twice"}}
    said = changes(before, within(all_rows, **spec))[GROUP]
    assert {(r.rule, r.feature, r.because) for r in said.reasons} == {
        ("equivalent", name, "no row comes twice") for name in ("id", "age", "pay", None)
    }
    assert [message for _rule, message, _span in told_once(said.reasons)] == [said.reasons[-1].message]

    edited = all_rows.replace("age, pay from kept", "age + 1 as age, pay from kept")
    other = changes(before, within(edited, **spec))[GROUP]
    assert [(r.rule, r.feature) for r in other.reasons if r.change == "breaking"] == [("meaning_changed", "age")]
