"""mlproj: a declarative compiler for machine-learning projects."""

from typing import TYPE_CHECKING, Any

from mlproj.version import __version__

__all__ = ["Project", "__version__", "transformation"]

if TYPE_CHECKING:
    from mlproj.project import Project
    from mlproj.specs.decorator import transformation


def __getattr__(name: str) -> Any:
    # Lazy, so that `mlproj --help` does not pay for what Project needs.
    if name == "Project":
        from mlproj.project import Project

        return Project
    if name == "transformation":
        from mlproj.specs.decorator import transformation

        return transformation
    raise AttributeError(name)
