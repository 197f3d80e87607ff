"""What mlproj reads of a Python function without running it: what counts as its code, and its signature."""

from __future__ import annotations

from textwrap import dedent

import pytest

from mlproj.diagnostics import Collector
from mlproj.loader.python_file import python_transformations
from mlproj.specs import PythonTransformation

FILE = '''
"""A file."""
import numpy as np
from math import pi, tau
from mlproj import transformation

LOW, HIGH = 0, 1
if LOW:
    STEP = 2
else:
    STEP = 3


class Box:
    size = HIGH


def _inner(x):
    """Says what."""
    return x * STEP  # why


@transformation(statistics={"mean": "avg(x)"}, returns="BIGINT")
def used(x: np.ndarray, mean: float, *, power: float = 2.0, kind="a") -> np.ndarray:
    """Uses it."""
    return np.floor(_inner(x - mean) ** power)


@transformation
def other(x):
    return np.minimum(x, Box.size) + pi
'''


def read(text: str) -> dict[str, PythonTransformation]:
    collector = Collector()
    found = python_transformations("transformations/a.py", dedent(text), collector)
    assert not collector.errors, collector.errors
    return {function.spec.name: function.spec for function in found}


def test_the_signature_is_read() -> None:
    spec = read(FILE)["used"]

    assert (spec.takes, spec.returns, spec.statistics, spec.description) == (
        "DOUBLE", "BIGINT", {"mean": "avg(x)"}, "Uses it.",
    )  # fmt: skip
    assert {name: (a.type, a.default) for name, a in spec.args.items()} == {
        "power": ("DOUBLE", 2.0), "kind": (None, "a"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# why", "# another reason"), ('"""Says what."""', '"""Says more."""'), ('"""A file."""', ""),
        ("x * STEP", "(x*STEP)"), ("x: np.ndarray, mean: float, *,", "x, mean, *,"), ("-> np.ndarray", ""),
        ("@transformation(", "@mlproj.transformation("), ("HIGH\n\n", "LOW\n\n"), (", tau", ""),
        ("power: float = 2.0", "power: float = 3.0"), ("+ pi", "- pi"), ('"""Uses it."""\n', "\n"),
    ],
)  # fmt: skip
def test_what_is_no_change_of_a_function(before: str, after: str) -> None:
    assert before in FILE
    assert read(FILE.replace(before, after))["used"].code == read(FILE)["used"].code


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("x * STEP", "x / STEP", {"used"}), ("STEP = 3", "STEP = 4", {"used"}),
        ("LOW, HIGH = 0", "LOW, HIGH = 9", {"used", "other"}),
        ("size = HIGH", "size = LOW", {"other"}), ("import numpy as np", "import cupy as np", {"used", "other"}),
        ("import pi", "import e as pi", {"other"}), ("np.floor(", "np.ceil(", {"used"}), ("+ pi", "- pi", {"other"}),
        ("class Box", "np.seterr(all='raise')\n\n\nclass Box", {"used", "other"}),
    ],
)  # fmt: skip
def test_a_function_changes_with_what_it_uses(before: str, after: str, changed: set[str]) -> None:
    assert before in FILE
    old, new = read(FILE), read(FILE.replace(before, after))
    assert {name for name in old if old[name].code != new[name].code} == changed


def test_functions_without_the_decorator_are_none() -> None:
    assert read("def f(x):\n    return x\n") == {}
    assert list(read("import mlproj\n\n@mlproj.transformation\ndef f(x):\n    return x\n")) == ["f"]
