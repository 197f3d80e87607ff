"""`mlproj bump`: the next version of a definition, beside the released one."""

from mlproj.project.bump.bump import bump
from mlproj.project.bump.outcome import Bump, Bumped, FileChange

__all__ = ["Bump", "Bumped", "FileChange", "bump"]
