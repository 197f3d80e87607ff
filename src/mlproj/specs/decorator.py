"""How a function in `transformations/*.py` says that it is one; mlproj reads the decorator without running the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])


@overload
def transformation(function: F, /) -> F: ...


@overload
def transformation(
    *, takes: str = "DOUBLE", returns: str = "DOUBLE", statistics: Mapping[str, str] | None = None
) -> Callable[[F], F]: ...


def transformation(
    function: F | None = None,
    /,
    *,
    takes: str = "DOUBLE",
    returns: str = "DOUBLE",
    statistics: Mapping[str, str] | None = None,
) -> F | Callable[[F], F]:
    """Make a function a transformation of the project: an array of values to an array as long.

    `takes` and `returns` are DuckDB's types; `statistics` are SQL aggregates over `x`, of the training split, each a
    parameter of the function. Its other parameters are arguments, which views give.
    """
    del takes, returns, statistics  # read from the text
    return function if function is not None else lambda decorated: decorated
