"""What a table has, compared with what its source was compiled with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlproj.compiler.text import identifier
from mlproj.compiler.type_changes import compare_types
from mlproj.diagnostics import did_you_mean
from mlproj.planner.masking import said
from mlproj.ports import EngineError, SourceError
from mlproj.state import Column, SourceNode


class TableError(EngineError):
    """A table that cannot be read as it was compiled, told in the user's words; nothing of it was read."""

    def __init__(self, source: str, told: SourceError) -> None:
        super().__init__(told.message, "Source")
        self.source, self.hint = source, told.hint


def without_values(source: SourceNode, error: EngineError) -> str:
    """The engine's words about reading a source, which quote no value where columns of it are marked pii."""
    return said(error, frozenset(source.pii))


def contract_type(type_name: str) -> str:
    """The type that a column has where nobody declared one: a list of words may grow, and is text."""
    return "VARCHAR" if type_name.startswith("ENUM(") else type_name


def check_contract(
    source: str, table: str, columns: Sequence[Column], actual: Mapping[str, str], *, found: bool
) -> None:
    """Raises `SourceError` E444 where a table lacks columns, or has them of types whose values do not all fit.

    `found` where the columns are those that were there when the project was compiled, and nobody declared them.
    """
    wrong = list(_breaches(columns, actual, found=found))
    if wrong:
        hint = "change the table back, or declare in `columns:` what it has now"
        what = f"source '{source}': {table} is not what was {'found' if found else 'declared'}"
        raise SourceError("E444", f"{what}: {'; '.join(wrong)}", hint)


def select_columns(columns: Sequence[Column], actual: Mapping[str, str], table: str) -> str:
    """SQL of a table expression with exactly these columns; what has its type already is not cast."""
    casts = ((identifier(c.name), "" if actual[c.name] == c.type else f"::{c.type}") for c in columns)
    return f"(select {', '.join(f't.{n}{cast} as {n}' if cast else f't.{n}' for n, cast in casts)} from {table} as t)"


def _breaches(columns: Sequence[Column], actual: Mapping[str, str], *, found: bool) -> Iterator[str]:
    for column in columns:
        there = actual.get(column.name)
        if there is None:
            near = did_you_mean(column.name, actual)
            yield f"it has no column '{column.name}'{f' ({near})' if near else ''}"
        elif not _fits(contract_type(there), column.type):
            yield f"column '{column.name}' is {there}, and was {'' if found else 'declared '}{column.type}"


def _fits(actual: str, declared: str) -> bool:
    """Whether every value of one type is one of the other, or is wanted as text."""
    as_text = declared == "VARCHAR" or (actual, declared) == ("VARCHAR", "JSON")
    return as_text or compare_types(actual, declared) in ("same", "widened")
