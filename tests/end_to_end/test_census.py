"""The example on the real census, where its file is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.command import ask
from tests.end_to_end.conftest import ROOT

CENSUS = ROOT.parent / "shared" / "data" / "adult.csv"


@pytest.mark.skipif(not CENSUS.is_file(), reason="the real census, ../shared/data/adult.csv, is not here")
def test_the_real_census(example: Path) -> None:
    build = ask(example, "--vars", f"census_csv: {CENSUS}", "build")

    assert build.code == 0, build.err
    rows = build.json["results"]
    assert {r["node"]: r["rows"] for r in rows if r["action"] == "materialize"} == {
        "feature_group:income@1": 30_139,
        "feature_group:income@2": 30_139,
    }
    accuracy = {r["node"]: r["metrics"]["test"]["accuracy"] for r in rows if r["action"] == "train"}
    assert accuracy["model:income_model@1"] >= 0.79
    assert accuracy["model:income_model@2"] >= 0.835
    assert accuracy["model:income_model@2"] > accuracy["model:income_model@1"]
    assert ask(example, "--vars", f"census_csv: {CENSUS}", "plan").json["changes"] == []
