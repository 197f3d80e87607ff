"""A text and what it means, or why it is compared as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlglot import exp

from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import ColumnMeaning, ConditionMeaning, Note, QueryMeaning
from mlproj.compiler.semantics.expressions import Expressions, Place
from mlproj.compiler.semantics.block import Result
from mlproj.compiler.semantics.functions import FunctionNames
from mlproj.compiler.semantics.parse import let_go, parse
from mlproj.compiler.semantics.reader import Reader
from mlproj.compiler.semantics.scope import Item, Scope, unknown_column
from mlproj.compiler.semantics.scope import Column as Named
from mlproj.compiler.semantics.value import ATOM, NotUnderstood, Value, digest
from mlproj.compiler.text import plain_text, without_comments
from mlproj.state import Column


def query_meaning(
    sql: str, relations: Mapping[str, Sequence[Column]], functions: FunctionNames, outputs: Sequence[Column]
) -> QueryMeaning:
    """What a query means. `relations` are the columns of what it reads, by relation name (`income@1`, `source:census`).

    `outputs` are its columns as the engine binds them.
    """
    known = {
        name.lower(): [(column.name.lower(), f"{name}.{column.name}", column.type) for column in columns]
        for name, columns in relations.items()
    }
    reader = Reader(functions, known, expands="columns" in sql.lower())
    tree = None
    try:
        # Between the words of `group by` the parser takes no comments; blanks keep the places of all else.
        tree = parse(without_comments(sql))
        if not isinstance(tree, exp.Query | exp.Pivot):
            raise NotUnderstood("not a SELECT")
        result = reader.query(tree, Place(0, {}), None, lambda: False)
        columns = _columns(result, outputs)
    except NotUnderstood as error:
        return _as_text(sql, error.what, error.position, relations, outputs)
    except RecursionError:
        return _as_text(sql, "an expression nested this deeply", None, relations, outputs)
    finally:
        if tree is not None:
            let_go(tree)
    notes = tuple(_placed(note, sql) for note in reader.notes)
    return QueryMeaning(
        rows=fingerprint("rows", result.rows), row_text=result.text, row_uses=tuple(sorted(result.uses)),
        columns=columns, notes=notes,
    )  # fmt: skip


def condition_meaning(sql: str, columns: Mapping[str, Column], functions: FunctionNames) -> ConditionMeaning:
    """What a condition means; `columns` by the names they have here: symbol and type of each."""
    known = []
    for name, column in columns.items():
        key, own = digest("column", column.name), frozenset((column.name,))
        known.append(Named(name.lower(), Value(key, name, own, column.type, column=True, rank=ATOM)))
    reader = Reader(functions, {})
    before = "select (\n"
    try:
        tree = parse(f"{before}{without_comments(sql)}\n)")
        value = Expressions(reader, Scope([Item(None, known)]).lookup, Place(0, {})).value(tree.expressions[0])
    except (NotUnderstood, RecursionError) as error:
        what = error.what if isinstance(error, NotUnderstood) else "an expression nested this deeply"
        uses = tuple(sorted(column.name for column in columns.values()))
        position = error.position if isinstance(error, NotUnderstood) else None
        note = _placed(Note(kind="not_understood", what=what, position=position), sql, len(before))
        return ConditionMeaning(fingerprint=fingerprint("text", plain_text(sql)), uses=uses, notes=(note,))
    notes = tuple(_placed(note, sql, len(before)) for note in reader.notes)
    return ConditionMeaning(
        fingerprint=fingerprint("condition", value.key), uses=tuple(sorted(value.uses)), notes=notes
    )


def _columns(result: Result, outputs: Sequence[Column]) -> dict[str, ColumnMeaning]:
    """The columns under the names that the engine gives them. A table whose columns we do not know gives the rest."""
    columns: list[Named] = []
    for column in result.columns:
        missing = len(outputs) - len(result.columns) + 1
        names = (
            [output.name.lower() for output in outputs[len(columns) : len(columns) + missing]] if column.rest else []
        )
        columns += [Named(name, unknown_column(column.value, name)) for name in names] if column.rest else [column]
    if len(columns) != len(outputs) or sum(column.rest for column in result.columns) > 1:
        raise NotUnderstood(f"{len(outputs)} columns, of which {len(columns)} were found")
    found = {}
    for column, output in zip(columns, outputs, strict=True):
        if column.name is not None and column.name != output.name.lower():
            raise NotUnderstood(f"the column '{output.name}'")
        value = column.value.bare
        found[output.name] = ColumnMeaning(
            computed=fingerprint("column", value.key), expression=value.text, uses=tuple(sorted(value.uses))
        )
    return found


def _as_text(
    sql: str, why: str, position: int | None, relations: Mapping[str, Sequence[Column]], outputs: Sequence[Column]
) -> QueryMeaning:
    """The whole text, and everything that it may read."""
    rows = fingerprint("text", plain_text(sql))
    uses = [f"{relation}.{column.name}" for relation, columns in relations.items() for column in columns]
    symbols = tuple(sorted([*uses, *(f"{relation}.*" for relation in relations)]))
    columns = {c.name: ColumnMeaning(computed=fingerprint("text", c.name, rows), uses=symbols) for c in outputs}
    note = Note(kind="not_understood", what=why, position=position)
    return QueryMeaning(rows=rows, row_text=plain_text(sql), row_uses=symbols, columns=columns, notes=(note,))


def _placed(note: Note, sql: str, before: int = 0) -> Note:
    """A note with its place in `sql`, of which the tree counts `before` more; a word may have to be looked for."""
    if note.position is not None:
        return note.model_copy(update={"position": max(note.position - before, 0)})
    found = re.search(rf"(?<!\w)(?:table)?{re.escape(note.what.split(' ')[0])}", without_comments(sql), re.IGNORECASE)
    return note.model_copy(update={"position": found.start()}) if found else note
