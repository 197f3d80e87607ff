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


def test_a_recipe_that_forgets_something_is_found_out(judge: Judge) -> None:
    """Hole: both sides of a pair are the same text to it, and differ on data. All are looked for in one run."""
    open_holes = set(HOLES)
    for before, after in islice(single_edits(SEED), EDITS_FOR_HOLES):
        for name in sorted(open_holes):
            one = HOLES[name](before)
            if (one is not before or HOLES[name](after) is not after) and one == HOLES[name](after):
                a, b = judge.meant(before), judge.meant(after)
                if a and b and judge.differ(a, b, shared(a, b), 12) is not None:
                    open_holes.remove(name)
        if not open_holes:
            break
    assert open_holes == set()
