"""SQL of one value that a user writes in YAML: what it means, and whether it is a value of one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import ConditionMeaning
from mlproj.compiler.text import identifier
from mlproj.state import Column


def row_of(columns: Iterable[Column]) -> str:
    """FROM a row of these columns."""
    values = ", ".join(f"NULL::{c.type} as {identifier(c.name)}" for c in columns)
    return f"from (select {values}) as t"


def is_one_value(sql: str, columns: Iterable[Column]) -> str:
    """A query that binds only for a value of one row: neither an aggregate nor a window."""
    return f"select 1 as one {row_of(columns)} where (\n{sql}\n) is null"


def expression_meaning(sql: str, names: Mapping[str, Column], checker: TypeChecker) -> ConditionMeaning:
    """What an expression over these names means; each stands for the symbol that its column has as a name."""
    known = dict(names)

    def read() -> dict[str, object]:
        from mlproj.compiler.semantics import FunctionNames, condition_meaning

        functions = FunctionNames(*map(checker.functions, FunctionNames.kinds))
        return condition_meaning(sql, known, functions).model_dump(mode="json")

    return ConditionMeaning.model_validate(checker.remembered(fingerprint("condition", sql, known), read))
