"""Tests from the installed command: where a unit test fails, nothing is built; a source may be too old."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.repository import commit
from tests.compilation import write_files

FILES = {
    "mlproj.yml": "name: shop\n",
    "orders.csv": "id,amount,at\n1,5,2020-01-01\n2,-1,2020-01-02\n",
    "all.yml": """\
sources:
  - name: orders
    path: orders.csv
    columns: {id: BIGINT, amount: BIGINT, at: DATE}
    freshness: {column: at, error_after: 1 day}
feature_groups: [{name: orders, primary_key: [id]}]
""",
    "orders.v1.sql": "select id, amount from {{ source('orders') }} where amount > 0\n",
    "tests/orders.yml": """\
unit_tests:
  - name: refunds_are_left_out
    node: orders@1
    given:
      - {source: orders, rows: [{id: 1, amount: 5}, {id: 2, amount: -1}]}
    expect:
      rows: [{id: 1}]
""",
}


def test_a_failing_unit_test_stops_plan_and_build_until_it_is_mended(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "shop", FILES)
    assert mlproj(folder, "build").code == 0
    commit(folder)
    (folder / "orders.v1.sql").write_text("select id, amount from {{ source('orders') }}\n", encoding="utf-8")

    planned, built = ask(folder, "plan"), mlproj(folder, "build", "--accept-breaking", "orders@1", "--because", "x")

    (told,) = [d for d in planned.json["diagnostics"] if d["code"] == "E625"]
    assert told["message"] == "orders@1.refunds_are_left_out: 1 row is not expected: (id: 2)"
    assert (planned.code, built.code) == (1, 1)
    reviewed = ask(folder, "plan", "--against", "git:HEAD")
    assert (reviewed.code, "E625" in [d["code"] for d in reviewed.json["diagnostics"]]) == (1, True)
    assert "E625 orders@1.refunds_are_left_out" in built.err
    tested = mlproj(folder, "test", "--junit", folder / "report.xml")
    assert (tested.code, "✗ test        orders@1 failed" in tested.out) == (1, True)
    assert [failure.get("message") for failure in ET.parse(folder / "report.xml").getroot().iter("failure")] == [
        "the newest at is 2020-01-02: the newest at is at most 1 day old",
        "1 row is not expected: (id: 2)",
    ]
