"""The recipe of fingerprints does not change by itself: an upgrade of the parser must not be a change of features.

Where one of these moves on purpose, the recipe gets another number (`RECIPE` in compiler/fingerprints.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mlproj.compiler.fingerprints import RECIPE
from tests.unit.compiler.meanings import meaning

FOLDER = Path(__file__).parent / "fingerprints"


def test_fingerprints_stand(expect: Callable[[Path, str], None]) -> None:
    queries = [
        query.strip() for query in (FOLDER / "queries.sql").read_text(encoding="utf-8").split(";\n") if query.strip()
    ]
    found = {}
    for query in queries:
        known = meaning(query)
        found[query] = {"rows": known.rows, **{name: column.computed for name, column in known.columns.items()}}

    assert len(found) >= 20
    expect(FOLDER / f"{RECIPE}.json", json.dumps(found, indent=1) + "\n")
