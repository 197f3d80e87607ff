"""What helps where the lake fails depends on whether one of its files is gone."""

from __future__ import annotations

import pytest

from mlproj.executor.lost_file import RESTORE, hint_of
from mlproj.ports import EngineError

FILE = "/p/.mlproj/lake/mlproj_data/income__v1__1e89/ducklake-01a2.parquet"


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        (f'Cannot open file "{FILE}": No such file or directory', True),
        (f"File '{FILE}' too small to be a Parquet file", True),
        (f'Could not write file "{FILE}": No space left on device', False),
        ('Cannot open file "/p/people.csv": No such file or directory', False),
        ("Could not convert string 'x' to INT64", False),
    ],
)
def test_only_a_backup_brings_back_what_is_gone(message: str, lost: bool) -> None:
    assert hint_of(EngineError(message), "try again") == (RESTORE if lost else "try again")
