"""What a query means, as fingerprints: the only package that knows sqlglot, imported only where a query is new."""

from __future__ import annotations

from mlproj.compiler.semantics.functions import FunctionNames
from mlproj.compiler.semantics.query import condition_meaning, query_meaning

__all__ = ["FunctionNames", "condition_meaning", "query_meaning"]
