"""Two long texts side by side: where they differ, in which clause, and what stands around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproj.planner.expressions import differing, differing_parts

LONG = "FROM (FROM people DISTINCT) WHERE " + " AND ".join(f"NOT (c{i} IS NULL)" for i in range(1, 10))


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (LONG + " AND age > 17", 'was "WHERE … NOT (c9 IS NULL)", is "WHERE … NOT (c9 IS NULL) AND age > 17"'),
        (
            LONG.replace("NOT (c5 IS NULL)", "c5 > 0"),
            (
                'was "WHERE … (c4 IS NULL) AND NOT (c5 IS NULL) AND NOT (c6 IS NULL …", '
                'is "WHERE … (c4 IS NULL) AND c5 > 0 AND NOT (c6 IS NULL …"'
            ),
        ),
        (
            LONG.replace("(FROM people DISTINCT)", "people"),
            'was "FROM (FROM people DISTINCT) WHERE NOT (c1 IS NULL …", is "FROM people WHERE NOT (c1 IS NULL …"',
        ),
        (
            LONG.replace("c2", "b2") + " LIMIT 3",
            (
                'was "WHERE … IS NULL) AND NOT (c2 IS NULL) AND NOT ( … NOT (c9 IS NULL)", '
                'is "WHERE … IS NULL) AND NOT (b2 IS NULL) AND NOT ( … NOT (c9 IS NULL) LIMIT 3"'
            ),
        ),
        ("", f'was "{LONG[:199]}…", is something else'),
    ],
)
def test_what_differs_is_shown_with_its_place(new: str, expected: str) -> None:
    assert differing(LONG, new) == expected


def test_short_ones_are_shown_whole() -> None:
    assert differing("age  > 2", "age > 3") == 'was "age > 2", is "age > 3"'


@given(st.lists(st.sampled_from(["a", "(", ")", "WHERE", "AND", "1", ","]), max_size=200), st.data())
def test_both_are_told_apart_whatever_they_are(words: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(words)))
    old, new = " ".join(words), " ".join([*words[:place], "other", *words[place:]])
    before, after = differing_parts(old, new)
    assert before != after
    assert "other" in after
    assert len(after) <= max(len(new), 100)
