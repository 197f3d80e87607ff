"""Equal fingerprints, equal results, on many random pairs of queries: the long run of tests/property/test_soundness.py.

python benchmarks/soundness.py --pairs 100000 --seed 1
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.property.sql.soundness import Judge, Tally, tally


def main() -> int:
    """Judge so many pairs, print what came of it; exit 1 where one is a counter-example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--edits", action="store_true", help="a line for each kind of edit")
    options = parser.parse_args()
    start = time.monotonic()
    found = tally(Judge(options.seed), options.seed, options.pairs, report=lambda text: print(text, "\n", flush=True))
    print(f"{found.pairs} pairs, seed {options.seed}, {time.monotonic() - start:.0f} s")
    print(f"{found.equal} ({found.equal / found.pairs:.1%}) with equal rows and {found.columns} equal columns,")
    print(f"{found.lively} of them gave rows; {found.rows_only} with equal rows and no column in common")
    print(f"{sum(found.texts.values())} compared as text; {len(found.counter_examples)} counter-examples")
    if options.edits:
        by_edit(found)
    return 1 if found.counter_examples else 0


def by_edit(found: Tally) -> None:
    """How often each kind of edit came, and how often it left the fingerprints equal."""
    for name, count in found.by_edit.most_common():
        print(f"  {name:24} {count:6} {found.by_edit_equal[name] / count:6.1%} equal")
    for what, count in found.texts.most_common(10):
        print(f"  text: {count:6} {what[:90]}")


if __name__ == "__main__":
    sys.exit(main())
