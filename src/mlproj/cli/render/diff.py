"""A difference as text or Markdown: sides, schema, counts, columns, rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from mlproj.cli.render.tables import table, text
from mlproj.cli.render.wrapping import wrapped

if TYPE_CHECKING:
    from mlproj.cli.context import Context

Document = dict[str, Any]
_WHOLE = 1e15
_VALUES = 3
_SHOWN = ("nulls", "distinct", "mean", "std", "min", "p50", "max")
_STATISTICS = ("count", "nulls", "distinct", "min", "max", "mean", "std", "p25", "p50", "p75")


def diff_lines(document: Document, context: Context) -> list[str]:
    """From what was compared down to single rows; columns that did not change are one line."""
    lines = [*_head(document, context), *_columns(document, context), *_sample(document, context)]
    if context.output == "markdown":
        return [_marked_down(line) for line in lines]
    return list(wrapped(lines, context.width))


def _marked_down(line: str) -> str:
    """An indented line as one of a list, and no tag of data taken for one of the page."""
    line = line.replace("<", "&lt;")
    return f"- {line[2:]}" if line.startswith("  ") else line


def side_name(side: Document) -> str:
    """`income@1 in dev as of commit 12`."""
    as_of = f" as of {side['as_of']}" if side["as_of"] else ""
    commit = (
        f" (commit {side['commit']})" if side["commit"] is not None and f"commit {side['commit']}" not in as_of else ""
    )
    return f"{side['name']} in {side['target']}{as_of}{commit}"


def counted(document: Document) -> str:
    """`+3 added, ~2 changed, -1 deleted, 55 as they were`."""
    rows = document["rows"]
    if not document["key"]:
        return f"no common key: {rows['deleted']:,} rows on one side, {rows['added']:,} on the other"
    same = document["new"]["rows"] - rows["added"] - rows["changed"]
    return f"{rows['added']:,} added, {rows['changed']:,} changed, {rows['deleted']:,} deleted, {same:,} as they were"


def _head(document: Document, context: Context) -> Iterator[str]:
    titles = [f"{sign} {side_name(document[side])}: {document[side]['rows']:,} rows" for side, sign in _SIGNS]
    yield from (_strong(title, context) for title in titles)
    yield ""
    by = f" (by {', '.join(document['key'])})" if document["key"] else ""
    yield f"rows     {counted(document)}{by}"
    for word, columns in (("added", document["columns_added"]), ("removed", document["columns_removed"])):
        if columns:
            listed = ", ".join(f"{c['name']} {c['type']}" for c in columns)
            yield f"columns  {word}: {listed}"
    for column in document["columns_retyped"]:
        yield f"columns  {column['name']}: {column['old']} → {column['new']}"


_SIGNS = (("old", "-"), ("new", "+"))


def _columns(document: Document, context: Context) -> Iterator[str]:
    keys = document["key"]
    columns = [c for c in document["columns"] if c["name"] not in keys or c["notes"]]
    moved = [c for c in columns if c["changed"] or c["notes"] or _statistics_differ(c)]
    rows = [[c["name"], c["changed"], number(c["psi"]), *(_both(c, m) for m in _SHOWN)] for c in moved]
    if rows:
        yield ""
        # Half of `12 → 13` says nothing: what does not fit is left out as a whole.
        yield from table(["column", "changed", "psi", *_SHOWN], rows, context, whole=_SHOWN)
    noted = [line for c in moved for line in _notes(c)]
    yield from ["", _strong("moved", context), *noted] if noted else []
    rest = [c["name"] for c in columns if c not in moved and c["old"] and c["new"]]
    if rest:
        yield ""
        yield f"unchanged: {', '.join(rest)}"


def _notes(column: Document) -> Iterator[str]:
    """What moved noticeably, and of texts the most frequent values."""
    if column["notes"]:
        yield f"  {column['name']}: {', '.join(column['notes'])}"
    shares = value_shares(column) if column["changed"] or column["notes"] else []
    if shares:
        yield f"  {column['name']}: {', '.join(f'{label} {was} → {now}' for label, was, now in shares[:_VALUES])}"


def value_shares(column: Document) -> list[tuple[str, str, str]]:
    """The most frequent values of a column that has no mean, and their shares of both sides."""
    bars = column["bars"] if "min" not in (column["new"] or column["old"] or {}) else []
    old, new = (sum(bar[side] for bar in bars) for side in ("old", "new"))
    return [(b["label"], _share(b["old"], old), _share(b["new"], new)) for b in bars]


def _share(count: int, total: int) -> str:
    return f"{count / total:.1%}" if total else "-"


def _statistics_differ(column: Document) -> bool:
    old, new = column["old"], column["new"]
    return bool(old and new and any(old.get(m) != new.get(m) for m in _STATISTICS))


def _both(column: Document, measure: str) -> str:
    """`12`, or `12 → 13` where it moved."""
    old, new = (number((column[side] or {}).get(measure)) for side in ("old", "new"))
    return old if old == new else f"{old or '-'} → {new or '-'}"


def number(value: Any) -> str:
    """A statistic: whole numbers in full, others to six digits."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        return str(int(value))
    return text(value)


def _sample(document: Document, context: Context) -> Iterator[str]:
    for kind in ("changed", "added", "deleted"):
        sample = [row for row in document["sample"] if row["kind"] == kind]
        if not sample:
            continue
        total = document["rows"][kind]
        shown = f"{len(sample)} of {total:,}" if total > len(sample) else f"{total:,}"
        yield ""
        yield _strong(f"{kind} ({shown})", context)
        for row in sample:
            key = ", ".join(f"{name} {_value(value)}" for name, value in row["key"].items())
            values = ", ".join(f"{name} {_value(was)} → {_value(now)}" for name, (was, now) in row["values"].items())
            yield f"  {key}" + (f": {values}" if values else "")


def _value(value: Any) -> str:
    return "null" if value is None else text(value)


def _strong(line: str, context: Context) -> str:
    return f"**{line}**  " if context.output == "markdown" else click.style(line, bold=True)
