"""Transformation functions of feature views, compiled to SQL (features.md §4)."""

from mlproj.compiler.transformations.chain import compile_chain, output_types
from mlproj.compiler.transformations.fitting import apply_sql, statistics_of_row, transformed_columns
from mlproj.compiler.transformations.online import Evaluator, Unsuitable

__all__ = [
    "Evaluator",
    "Unsuitable",
    "apply_sql",
    "compile_chain",
    "output_types",
    "statistics_of_row",
    "transformed_columns",
]
