"""Plan → results: the only package that acts. One module per kind of step."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["Adapters", "BuildOptions", "RunResults", "apply"]

if TYPE_CHECKING:
    from mlproj.executor.adapters import Adapters
    from mlproj.executor.build import BuildOptions, apply
    from mlproj.executor.results import RunResults

_HOMES = {"Adapters": "adapters", "BuildOptions": "build", "RunResults": "results", "apply": "build"}


def __getattr__(name: str) -> Any:
    # Lazy: a plan asks for what a killed build left, and does not act.
    if name in _HOMES:
        return getattr(import_module(f"mlproj.executor.{_HOMES[name]}"), name)
    raise AttributeError(name)
