from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan

import pytest

from mlproj.diagnostics import Diagnostic
from mlproj.loader import LoadedProject


def _params(loaded: Callable[..., LoadedProject], value: str) -> object:
    text = f"models: [{{name: m, feature_view: v, estimator: a.B, params: {{x: {value}}}}}]\n"
    return loaded({"m.yml": text}).models[0].spec.params["x"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.0e-3", 0.001),
        ("-.inf", -inf),
        ("'1_000'", "1_000"),
        ('"yes"', "yes"),
        ("y", "y"),
        ("1.2.3", "1.2.3"),
        ("2024-01", "2024-01"),
        ("=", "="),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("!!float 5", 5.0),
        ("BIGINT", "BIGINT"),
    ],
)
def test_scalars_are_what_they_look_like(loaded: Callable[..., LoadedProject], written: str, expected: object) -> None:
    value = _params(loaded, written)

    assert value == expected
    assert type(value) is type(expected)


def test_not_a_number_is_a_number(loaded: Callable[..., LoadedProject]) -> None:
    value = _params(loaded, ".nan")

    assert isinstance(value, float)
    assert isnan(value)


def test_keys_are_names_whatever_yaml_makes_of_them(loaded: Callable[..., LoadedProject]) -> None:
    assert _params(loaded, "{on: 1, no: 2, 2024: 3, ~: 4, 1_0: 5, 1.5: 6}") == {
        "on": 1, "no": 2, "2024": 3, "~": 4, "1_0": 5, "1.5": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    "written", ["NO", "off", "1_0", "0777", "0x1f", "1:30", "2024-01-31", "1e5", "!!int abc", "9" * 5000]
)
def test_surprises_are_refused_once(errors: Callable[..., list[Diagnostic]], written: str) -> None:
    text = f"models: [{{name: m, feature_view: v, estimator: a.B, seed: {written}}}]\n"

    assert [error.code for error in errors({"m.yml": text})] == ["E104"]


@pytest.mark.parametrize("depth", [150, 20_000])
def test_depth_does_not_break_the_reader(errors: Callable[..., list[Diagnostic]], depth: int) -> None:
    text = f"sources: [{{name: a, path: {'[' * depth}{']' * depth}}}]\n"

    assert [error.code for error in errors({"s.yml": text})] == ["E102"]
