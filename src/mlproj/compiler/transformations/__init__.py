"""Transformation functions of feature views, compiled to SQL (features.md §4)."""

from mlproj.compiler.transformations.chain import compile_chain, output_types
from mlproj.compiler.transformations.fitting import (
    apply_sql,
    fit_stage_sql,
    split_sql,
    statistics_of_row,
    transformed_columns,
)

__all__ = [
    "apply_sql",
    "compile_chain",
    "fit_stage_sql",
    "output_types",
    "split_sql",
    "statistics_of_row",
    "transformed_columns",
]
