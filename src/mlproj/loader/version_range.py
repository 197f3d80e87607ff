"""Version ranges like `>=0.3,<0.5`, for `mlproj_version`."""

from __future__ import annotations

import operator
import re
from itertools import zip_longest

_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)\s*")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def satisfies(version: str, wanted: str) -> bool:
    """Whether `version` lies in the range; of a pre-release only the numbers count. Raises ValueError for no range."""
    release = _RELEASE.match(version)
    clauses = [_CLAUSE.fullmatch(part) for part in wanted.split(",")]
    if release is None or not all(clauses):
        raise ValueError(wanted)
    return all(_holds(release[0], clause[1], clause[2]) for clause in clauses if clause)


def _holds(version: str, comparison: str, bound: str) -> bool:
    pairs = list(zip_longest(_numbers(version), _numbers(bound), fillvalue=0))
    return bool(_COMPARE[comparison]([mine for mine, _ in pairs], [its for _, its in pairs]))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
