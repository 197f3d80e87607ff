"""The Python API and the composition root."""

from typing import TYPE_CHECKING, Any

__all__ = ["Project"]

if TYPE_CHECKING:
    from mlproj.project.project import Project


def __getattr__(name: str) -> Any:
    # Lazy: an unchanged plan is answered from target/cache without importing what Project needs.
    if name == "Project":
        from mlproj.project.project import Project

        return Project
    raise AttributeError(name)
