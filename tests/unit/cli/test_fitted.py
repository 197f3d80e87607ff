"""What transformations learnt, as `show` prints it."""

from __future__ import annotations

from mlproj.cli.render.fitted import fitted_rows


def test_a_row_per_step_with_long_lists_cut() -> None:
    statistics = {
        "chains": {
            "age": [{"name": "winsorize", "args": {"lower": 0.01, "upper": 0.95}}, {"name": "log", "args": {}}],
            "job": [{"name": "label_encoder", "args": {}}],
        },
        "values": {
            "age": [{"lower": 17.0, "upper": None}, {}],
            "job": [{"values": ["a", "b", "c", "d", "e"], "texts": ["a", "b", "c", "d", "e"]}],
        },
    }  # fmt: skip
    assert [tuple(row.values()) for row in fitted_rows(statistics)] == [
        ("age", "winsorize(lower: 0.01, upper: 0.95)", "lower 17, upper none"),
        ("age", "log", "–"),
        ("job", "label_encoder", "values [a, b, c, d, … 1 more]"),
    ]
