from __future__ import annotations

import pytest

from mlproj.adapters.source_errors import Header, encoding_hint, explain_read_error
from mlproj.diagnostics import Span
from mlproj.ports import EngineError
from mlproj.state import Column, Fingerprints, SourceNode

CAST = """CSV Error on Line: 8
Original Line: ?,x
Error when converting column "{column}". Could not convert string "{value}" to 'BIGINT'

Column age is being converted as type BIGINT

  file = {file}
  delimiter = , (Auto-Detected)
"""


def source(path: str = "data/adult.csv", name: str = "age") -> SourceNode:
    return SourceNode(
        id="source:census", name="census", span=Span("a.yml"), path=path, format="csv",
        fingerprints=Fingerprints(local="", deep="", metadata=""), columns=(Column(name=name, type="BIGINT"),),
    )  # fmt: skip


def error(column: str = "age", value: str = "?", file: str = "/home/me/data/adult.csv") -> EngineError:
    return EngineError("CSV Error on Line: 8", "Conversion", CAST.format(column=column, value=value, file=file))


def test_the_word_for_missing_becomes_an_option() -> None:
    assert explain_read_error(source(), error()) == (
        "source 'census': column 'age': could not convert '?' to BIGINT at line 8", 'options: {nullstr: "?"}',
    )  # fmt: skip


def test_a_value_that_is_marked_pii_is_not_quoted() -> None:
    marked = source().model_copy(update={"pii": ("age",)})

    message, hint = explain_read_error(marked, error(value="17 years"))

    assert message.endswith("column 'age': a value, not shown since it is marked pii, is not of its type at line 8")
    assert "17" not in message + (hint or "")


@pytest.mark.parametrize("value", ["17 years", "a'b", 'x"y'])
def test_another_value_asks_for_cleaning(value: str) -> None:
    message, hint = explain_read_error(source(name="a.b"), error("a.b", value))
    assert f"column 'a.b': could not convert '{value}' to BIGINT" in message
    assert 'try_cast("a.b" as' in (hint or "")


@pytest.mark.parametrize(
    ("path", "file", "is_mine"),
    [
        ("data/adult.csv", "/x/data/adult.csv", True),
        ("../../data/adult.csv", "/x/adult.csv", True),
        ("data/*.csv", "/x/data/adult.csv", True),
        ("data/**/*.csv", "/x/data/a/b/adult.csv", True),
        ("__MLPROJ_ENV_DATA__/adult.csv", "/x/adult.csv", True),
        ("__MLPROJ_ENV_FILE__", "/x/adult.csv", True),
        ("data [1].csv", "/x/data [[]1].csv", True),
        ("data/other.csv", "/x/data/adult.csv", False),
        ("data/*.tsv", "/x/data/adult.csv", False),
    ],
)
def test_only_its_own_files_are_its_errors(path: str, file: str, is_mine: bool) -> None:
    assert bool(explain_read_error(source(path), error(file=file))[0]) is is_mine


def test_a_missing_column_with_and_without_the_header() -> None:
    said = EngineError("x", "Binder", 'COLUMN_TYPES error: Columns with names: "age" do not exist in the CSV File')
    assert "no column 'age'" in explain_read_error(source(), said)[0]
    assert explain_read_error(source(), said, Header("adult.csv", ("ag", "b")))[1] == "did you mean 'ag'? it has ag, b"
    message, hint = explain_read_error(source("*.csv"), said, Header("2.csv", ("x",), alone=False))
    assert "'2.csv' has no column 'age'" in message
    assert "union_by_name" in (hint or "")
    assert explain_read_error(source(name="other"), said) == ("", None)
    assert explain_read_error(source(), said, Header("adult.csv", ("age",))) == ("", None)


@pytest.mark.parametrize("text", ["", "boom", "Could not convert string 'x' to INT64", "Overflow in addition"])
def test_anything_else_is_left_alone(text: str) -> None:
    assert explain_read_error(source(), EngineError(text)) == ("", None)


def test_encodings_by_their_mark() -> None:
    assert encoding_hint(b"\xff\xfe") == encoding_hint(b"\xfe\xff") == "options: {encoding: utf-16}"
    assert encoding_hint(b"ca") == encoding_hint(b"") == "options: {encoding: latin-1}"
