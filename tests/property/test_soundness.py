"""Equal feature and row-set fingerprints, equal results: random pairs of queries, run on random data.

One counter-example is a bug. A failure prints the pair, made small, and the data; how many pairs were equal is part of
the test, since a recipe that finds everything different proves nothing. The long run: docs/benchmarks.md.
"""

from __future__ import annotations

from itertools import islice

import pytest

from tests.property.sql.holes import HOLES
from tests.property.sql.soundness import Judge, shared, single_edits, tally

PAIRS = 2000
EDITS_FOR_HOLES = 20000
SEED = 20261124


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(SEED)


def test_what_is_called_unchanged_comes_out_equal(judge: Judge) -> None:
    found = tally(judge, SEED, PAIRS)

    assert found.counter_examples == []
    assert found.pairs == PAIRS


@pytest.fixture(scope="module")
def found_out(judge: Judge) -> dict[str, int]:
    """Hole → the number of the pair that found it out: both sides are the same text to it, and differ on data."""
    found: dict[str, int] = {}
    for number, (before, after) in enumerate(islice(single_edits(SEED), EDITS_FOR_HOLES)):
        for name in [n for n in HOLES if n not in found]:
            one = HOLES[name](before)
            if (one is not before or HOLES[name](after) is not after) and one == HOLES[name](after):
                a, b = judge.meant(before), judge.meant(after)
                if a and b and judge.differ(a, b, shared(a, b), 12) is not None:
                    found[name] = number
        if len(found) == len(HOLES):
            break
    return found


@pytest.mark.parametrize("hole", HOLES)
def test_a_recipe_that_forgets_something_is_found_out(hole: str, found_out: dict[str, int]) -> None:
    assert found_out.get(hole, EDITS_FOR_HOLES) < EDITS_FOR_HOLES
