"""The stable hash: of a row's key for splits and folds, of a value for buckets (features.md §5).

The first 52 bits of md5(seed ‖ canonical JSON array of the values as text): it depends on nothing but the values, not
on other rows, types, threads or the engine's version. The JSON has no blanks, and escapes nothing but quotes,
backslashes and control characters, with hexadecimal digits in capitals.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from hashlib import md5

from mlproj.compiler.text import literal

_TWO_TO_52 = "4503599627370496.0"
_BITS, _DIGITS = 52, 13
_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\u00(..)")


def bits_sql(seed: str, values: Iterable[str]) -> str:
    """SQL of the 52 bits as UBIGINT; `values` are SQL."""
    return f"('0x' || substr({_md5_sql(seed, values)}, 1, {_DIGITS}))::UBIGINT"


def unit_sql(seed: str, values: Iterable[str]) -> str:
    """SQL of the bits as a fraction: at least 0, less than 1."""
    return f"({bits_sql(seed, values)} / {_TWO_TO_52})"


def below_sql(seed: str, values: Iterable[str], share: float) -> str:
    """SQL of whether that fraction is less than a share.

    Digits of one case order as their numbers do, and all 32 come after the first 13 where these are alike: reading them
    as a number takes longer than the hash.
    """
    least = math.ceil(share * 2.0**_BITS)  # exact: a power of two
    return f"({_md5_sql(seed, values)} < {literal(f'{least:0{_DIGITS}x}')})" if least < 2**_BITS else "true"


def _md5_sql(seed: str, values: Iterable[str]) -> str:
    array = ", ".join(f"({value})::VARCHAR" for value in values)
    return f"md5({literal(seed)} || to_json([{array}])::VARCHAR)"


def bits(seed: str, texts: list[str | None]) -> int:
    """The same of values as text."""
    array = json.dumps(texts, separators=(",", ":"), ensure_ascii=False)
    array = _ESCAPED.sub(lambda match: f"{match[1]}\\u00{match[2].upper()}", array)
    return int(md5((seed + array).encode(), usedforsecurity=False).hexdigest()[:13], 16)
