"""What is shown of hidden columns, and what of an engine's words."""

from __future__ import annotations

from mlproj.planner.masking import masked_fitted, masked_record, masked_rows, said
from mlproj.ports import EngineError


def test_hidden_values_are_masked_and_the_absence_of_one_is_told() -> None:
    assert masked_rows(["id", "mail"], [(1, "a@b"), (2, None)], {"mail"}) == [(1, "***"), (2, None)]
    assert masked_record({"id": 1, "mail": "a@b"}, {"mail"}) == {"id": 1, "mail": "***"}


def test_what_was_learnt_of_hidden_features_is_masked_and_its_steps_are_not() -> None:
    fitted = {
        "chains": {"age": ["scale"], "city": ["label"]},
        "values": {"age": [{"min": 1}], "city": [{"values": [2]}]},
    }

    found = masked_fitted(fitted, {"city"})

    assert found["chains"] == fitted["chains"]
    assert found["values"] == {"age": [{"min": 1}], "city": [{"values": "***"}]}


def test_words_that_may_hold_a_value_are_not_repeated_where_something_is_hidden() -> None:
    error = EngineError("Could not convert string 'a@b' to INT64", "Conversion")

    assert said(error, ()) == error.message
    assert said(error, {"mail"}).startswith("a value cannot be converted; ")
    assert "a@b" not in said(error, {"mail"})
    assert "mail" in said(error, {"mail"})


def test_errors_that_speak_of_no_value_are_told_as_they_are() -> None:
    assert said(EngineError("Cannot open file 'x'", "IO"), {"mail"}) == "Cannot open file 'x'"
