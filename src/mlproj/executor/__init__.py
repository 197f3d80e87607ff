"""Plan → results: the only package that acts. One module per kind of step."""

from mlproj.executor.adapters import Adapters
from mlproj.executor.build import BuildOptions, apply
from mlproj.executor.results import RunResults

__all__ = ["Adapters", "BuildOptions", "RunResults", "apply"]
