"""Tracebacks of `--debug`: every frame and cause, and no value of a column that is marked pii."""

from __future__ import annotations

from mlproj.cli.render.trace import trace
from mlproj.diagnostics import ProjectError, fail


def failed() -> ProjectError:
    try:
        try:
            int("hush")
        except ValueError as error:
            raise fail("E602", "a value cannot be converted") from error
    except ProjectError as error:
        return error
    raise AssertionError


def test_causes_come_first() -> None:
    told = trace(failed(), frozenset())

    assert told.index("ValueError: invalid literal for int() with base 10: 'hush'") < told.index("ProjectError: E602")
    assert told.count("in failed") == 2


def test_words_that_may_quote_a_value_are_left_out() -> None:
    told = trace(failed(), {"city"})

    assert "hush'" not in told
    assert "ValueError: (its words are not shown" in told
    assert told.endswith("ProjectError: E602 a value cannot be converted")
