"""Files → specs with spans. The only pass that reads the project's folder."""

from mlproj.loader.discover import project_files
from mlproj.loader.loaded import Loaded, LoadedProject
from mlproj.loader.project import load

__all__ = ["Loaded", "LoadedProject", "load", "project_files"]
