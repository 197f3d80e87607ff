"""mlproj: a declarative compiler for machine-learning projects."""

from typing import TYPE_CHECKING, Any

from mlproj.version import __version__

__all__ = ["Project", "__version__"]

if TYPE_CHECKING:
    from mlproj.project import Project


def __getattr__(name: str) -> Any:
    # Lazy, so that `mlproj --help` does not pay for what Project needs.
    if name == "Project":
        from mlproj.project import Project

        return Project
    raise AttributeError(name)
