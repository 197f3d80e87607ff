"""Files → specs with spans. The only pass that reads the project's folder."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["Loaded", "LoadedProject", "load"]

if TYPE_CHECKING:
    from mlproj.loader.loaded import Loaded, LoadedProject
    from mlproj.loader.project import load

_HOMES = {"Loaded": "loaded", "LoadedProject": "loaded", "load": "project"}


def __getattr__(name: str) -> Any:
    # Lazy: the key of the inputs needs no more than the list of files.
    if name in _HOMES:
        return getattr(import_module(f"mlproj.loader.{_HOMES[name]}"), name)
    raise AttributeError(name)
