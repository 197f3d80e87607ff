"""mlproj.lock: the versions of the libraries that models are trained with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlproj.specs.base import Spec


class Lock(Spec):
    """Exact versions by library, as `mlproj lock` writes them."""

    libraries: dict[str, Annotated[str, Field(min_length=1)]] = {}
