from __future__ import annotations

import pytest

from mlproj.loader.version_range import satisfies


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("0.3.0", ">=0.3,<0.5", True),
        ("0.4.9", ">=0.3,<0.5", True),
        ("0.5.0", ">=0.3,<0.5", False),
        ("0.2.9", ">=0.3,<0.5", False),
        ("0.10", ">0.9", True),
        ("1.0", "==1", True),
        ("1.0.1", "==1", False),
        ("1.0.1", "!=1", True),
        ("1", "<= 1.0.0", True),
        ("0.3.0rc1", ">=0.3", True),
    ],
)
def test_numbers_are_compared_part_by_part(version: str, wanted: str, expected: bool) -> None:
    assert satisfies(version, wanted) is expected


@pytest.mark.parametrize("wanted", ["", "0.3", ">=", ">=0.3,", "~=0.3", ">=0.3 <0.5", ">=a"])
def test_what_is_no_range_is_refused(wanted: str) -> None:
    with pytest.raises(ValueError):
        satisfies("1.0", wanted)
