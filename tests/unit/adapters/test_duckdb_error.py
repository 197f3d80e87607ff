from __future__ import annotations

import json

import pytest

from mlproj.adapters.duckdb_error import read_error, split_candidates


class BinderException(Exception):
    """Named as the engine names it."""


def said(message: str, **more: str) -> BinderException:
    return BinderException(
        "Binder Error: " + json.dumps({"exception_type": "Binder", "exception_message": message, **more})
    )


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ('Referenced column "c" not found!\nCandidate bindings: "a"', 'Referenced column "c" not found'),
        ('Table with name x does not exist!\nDid you mean "y"?', "Table with name x does not exist"),
        ("must appear in GROUP BY.\nEither add it, or not.", "must appear in GROUP BY. Either add it, or not."),
        ("No function f.\n\tCandidate functions:\n\tf(A)\n\tf(B)\n", "No function f.\n  f(A)\n  f(B)"),
        (
            "No function f.\n\tCandidate functions:\n\t1\n\t2\n\t3\n\t4\n\t5",
            "No function f.\n  1\n  2\n  3\n  and 2 more",
        ),
        ("CSV Error on Line: 3\nreason\n\n  file = x.csv\n  delimiter = ,", "CSV Error on Line: 3 reason"),
        ("", ""),
    ],
)
def test_says_the_first_sentence(message: str, plain: str) -> None:
    found = read_error(said(message))
    assert found.message == plain
    assert found.kind == "Binder"
    assert found.detail == message.strip()


def test_position_and_candidates() -> None:
    found = read_error(said("x", position="19", candidates="a,b c"))
    assert (found.position, found.candidates) == (19, ("a", "b c"))
    assert read_error(said("x")).position is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Binder Error: plain text\n\nLINE 1: select", "plain text"),
        ("no prefix: {'x': 1}", "no prefix: {'x': 1}"),
        ('Binder Error: {"other": 1}', '{"other": 1}'),
    ],
)
def test_texts_that_are_no_json(text: str, message: str) -> None:
    assert read_error(BinderException(text)).message == message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        ("f(A, B) -> C,g(DECIMAL(4,2), X) -> Y", ("f(A, B) -> C", "g(DECIMAL(4,2), X) -> Y")),
    ],
)
def test_candidates_are_split_outside_parentheses(text: str, parts: tuple[str, ...]) -> None:
    assert split_candidates(text) == parts
