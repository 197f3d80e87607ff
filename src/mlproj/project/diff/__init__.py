"""Two states of the same data side by side: commits, times, versions, targets, training datasets."""

from mlproj.project.diff.compare import compare
from mlproj.project.diff.difference import Bar, ColumnDiff, Difference, DiffSide, SampledRow
from mlproj.project.diff.sides import sides_of

__all__ = ["Bar", "ColumnDiff", "DiffSide", "Difference", "SampledRow", "compare", "sides_of"]
