"""What a query means, as data: what `semantics` finds out about a text, and what follows for what stands below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from mlproj.compiler.fingerprints import fingerprint
from mlproj.state import Feature, GroupNode, QueryShape
from mlproj.state.noun import Noun


class ColumnMeaning(Noun):
    """One output column: the fingerprint of its expression, the expression as SQL, and the columns it is made from."""

    computed: str
    expression: str = ""
    uses: tuple[str, ...] = ()


class Note(Noun):
    """Something that a reader of the query should know; `position` counts characters of the SQL from 0.

    `not_understood`: what is named makes any edit of the text count; `not_deterministic`: a function gives another
    value at each run.
    """

    kind: Literal["not_understood", "not_deterministic"]
    what: str
    position: int | None = None


class QueryMeaning(Noun):
    """`columns` by output name, in order; `rows` and `row_uses` decide which rows there are, `row_text` says it.

    In `row_uses`, and in the `uses` of a column that a subquery computes, `income@1.*` stands for the rows of income@1.
    """

    rows: str
    row_text: str = ""
    row_uses: tuple[str, ...] = ()
    columns: dict[str, ColumnMeaning]
    notes: tuple[Note, ...] = ()


class ConditionMeaning(Noun):
    """A condition: its fingerprint, and the columns of other nodes that it is made from."""

    fingerprint: str
    uses: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def deep_fingerprint(local: str, uses: Iterable[str], deep_columns: Mapping[str, str]) -> str:
    """A local fingerprint together with the deep ones of the columns that stand in it as symbols."""
    return fingerprint("deep", local, [[name, deep_columns[name]] for name in sorted(set(uses))])


def shape_of(meaning: QueryMeaning, deep_columns: Mapping[str, str]) -> QueryShape:
    """The row set of a query, down to source columns."""
    deep = deep_fingerprint(meaning.rows, meaning.row_uses, deep_columns)
    return QueryShape(rows=meaning.rows, deep=deep, text=meaning.row_text, uses=meaning.row_uses)


def deep_feature(computed: str, uses: Iterable[str], shape: QueryShape, deep_columns: Mapping[str, str]) -> str:
    """A feature with its row set, down to source columns."""
    return fingerprint("feature", deep_fingerprint(computed, uses, deep_columns), shape.deep)


def deep_group(local: str, shape: QueryShape, features: Iterable[Feature]) -> str:
    """A group with its features and its row set, down to source columns."""
    return fingerprint(local, shape.deep, sorted([f.name, f.deep] for f in features))


def deepened(node: GroupNode, deep_columns: Mapping[str, str]) -> GroupNode:
    """The same group over columns that mean something else further down."""
    deep = deep_fingerprint(node.shape.rows, node.shape.uses, deep_columns)
    shape = node.shape.model_copy(update={"deep": deep})
    features = tuple(
        f.model_copy(update={"deep": deep_feature(f.computed, f.uses, shape, deep_columns)}) for f in node.features
    )
    whole = deep_group(node.fingerprints.local, shape, features)
    fingerprints = node.fingerprints.model_copy(update={"deep": whole})
    return node.model_copy(update={"shape": shape, "features": features, "fingerprints": fingerprints})


def with_meaning(
    features: Sequence[Feature], meaning: QueryMeaning, shape: QueryShape, deep_columns: Mapping[str, str]
) -> tuple[Feature, ...]:
    """Features with their fingerprints, expressions and the columns they are made from."""
    found = []
    for feature in features:
        column = meaning.columns[feature.name]
        update = {
            "computed": column.computed,
            "fingerprint": fingerprint("feature", column.computed, shape.rows),
            "deep": deep_feature(column.computed, column.uses, shape, deep_columns),
            "expression": column.expression,
            "uses": column.uses,
        }
        found.append(feature.model_copy(update=update))
    return tuple(found)
