"""Unit tests as compiled: fixtures and expected rows as SQL."""

from __future__ import annotations

from mlproj.diagnostics import Span
from mlproj.state.noun import Noun


class Fixture(Noun):
    """Rows that stand for those of a source or group, whose relation is called so in the SQL that is tested."""

    relation: str
    sql: str


class CompiledUnitTest(Noun):
    """`sql` is what is tested; of its rows the `columns` are compared with those that `expected` gives.

    `fingerprint` is of all that decides the outcome. Texts have placeholders for values of the environment.
    """

    id: str
    node: str
    description: str = ""
    span: Span
    given: tuple[Fixture, ...]
    sql: str
    columns: tuple[str, ...]
    expected: str
    fingerprint: str
