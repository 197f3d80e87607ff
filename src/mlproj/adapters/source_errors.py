"""What DuckDB says when reading a file fails, told in terms of the source that the user declared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from mlproj.diagnostics import did_you_mean
from mlproj.ports import EngineError
from mlproj.state import SourceNode

_CSV_CAST = re.compile(r'Error when converting column "(.*?)"\. (.*)', re.DOTALL)
_CSV_LINE = re.compile(r"CSV Error on Line: (\d+)")
_CSV_REASON = re.compile(r"^(?:CSV Error on Line: \d+\n)(?:Original Line: .*\n)?(.+)$", re.MULTILINE)
_CSV_NAMES = re.compile(r"Columns with names: (.+?) do not exist in the CSV File", re.DOTALL)
_NOT_FOUND = re.compile(r'Referenced column "(.*?)" (?:not|was not) found', re.DOTALL)
_NOT_OF_TABLE = re.compile(r'(?:Table|Values list) "file" does not have a column named "(.*?)"\n', re.DOTALL)
_MISMATCH = re.compile(r'Column with name: "(.*?)" is missing')
_NO_FILES = re.compile(r'No files found that match the pattern "(.*?)"', re.DOTALL)
_JSON = re.compile(r'JSON transform error in file "(.*?)", in (?:line|record/value|record) (\d+): (.*)')
_JSON_BROKEN = re.compile(r'Malformed JSON in file "(.*?)", (.*)')
_NO_PARQUET = re.compile(r"(?:^File|at end of file) '(.*?)'(?: too small|$)", re.MULTILINE)
_PARQUET_CAST = re.compile(r"(.*) when casting from source column (\S+)", re.DOTALL)
_CONVERT = re.compile(r"^Could not convert string [\"'](.*)[\"'] to '?(\w[^']*)'?$")
_SNIFFING = re.compile(r'Error when sniffing file "(.*?)"\.')
_QUOTED = re.compile(r"[\"'](.*?)[\"']", re.DOTALL)

# The engine's inner names of types, as its casts give them.
_INNER = {
    "INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INTEGER", "INT64": "BIGINT", "INT128": "HUGEINT",
    "UINT8": "UTINYINT", "UINT16": "USMALLINT", "UINT32": "UINTEGER", "UINT64": "UBIGINT", "BOOL": "BOOLEAN",
}  # fmt: skip
RAGGED = "its lines do not have one number of columns"
RAGGED_HINT = "mend the file, or say how it is written: options: {delim: ',', quote: '\"', null_padding: true}"
_NULL_WORDS = frozenset(
    {"", "?", "-", "--", ".", "na", "n/a", "nan", "nil", "none", "null", "missing", "unknown", "#n/a"}
)


@dataclass(frozen=True)
class Header:
    """The columns that a file really has; `alone` where it is the source's only file."""

    file: str
    columns: tuple[str, ...]
    alone: bool = True


def explain_read_error(source: SourceNode, error: EngineError, header: Header | None = None) -> tuple[str, str | None]:
    """(message, hint) for a read of `source` that failed; the message is empty where the error is about something else.

    `header` is that of the file concerned, where it is known.
    """
    said = error.detail
    if source.format == "csv":
        found = _csv(source, said, header)
    else:
        found = _json(source, said) if source.format == "json" else _parquet(source, said)
    unknown = _one(_NOT_OF_TABLE, said + "\n") or _one(_NOT_FOUND, said)
    found = found or _missing_file(source, said) or _missing_column(source, unknown, header)
    if not found:
        return "", None
    message, hint = found
    return f"source '{source.name}': {message}", hint


def parts_of_only_column(columns: Sequence[str]) -> list[str]:
    """Where no delimiter fits all lines, the engine takes each whole line for one column: what its name was made of."""
    parts = re.split(r"[,;|\t]", columns[0]) if len(columns) == 1 else []
    return parts if len(parts) > 1 else []


def encoding_hint(first_bytes: bytes) -> str:
    """The encoding to try, from the first two bytes of a file that is not UTF-8."""
    return (
        "options: {encoding: utf-16}" if first_bytes in {b"\xff\xfe", b"\xfe\xff"} else "options: {encoding: latin-1}"
    )


def _csv(source: SourceNode, said: str, header: Header | None) -> tuple[str, str | None] | None:
    names = _CSV_NAMES.search(said)
    if names:
        return _missing_column(source, _first_name(names[1], source), header)
    file = re.search(r"^\s*file = (.+)$", said, re.MULTILINE)
    if "Schema mismatch between globbed files" in said:
        return _schema_mismatch(source, said)
    sniffed = _SNIFFING.search(said)
    if sniffed and _is_of(source, sniffed[1]):
        return f"'{_shown(source, sniffed[1])}': {RAGGED}", RAGGED_HINT
    line = _CSV_LINE.search(said)
    if not line or not file or not _is_of(source, file[1]):
        return None
    place = f"line {line[1]}" if _is_single(source) else f"line {line[1]} of {PurePath(file[1]).name}"
    cast = _CSV_CAST.search(said)
    if cast:
        return _bad_value(source, cast[1], cast[2].splitlines()[0], f"at {place}")
    if "not utf-8 encoded" in said or "byte sequence mismatch" in said:
        return f"'{_shown(source, file[1])}' is not UTF-8 ({place})", "options: {encoding: latin-1}, or utf-16"
    reason = _CSV_REASON.search(said)
    text = reason[1].strip() if reason else said.splitlines()[0]
    wrong = "Expected Number of Columns" in said
    hint = "options: {null_padding: true} fills short lines up, {ignore_errors: true} leaves such lines out"
    return f"{text} ({place})", hint if wrong else None


def _bad_value(source: SourceNode, column: str, reason: str, place: str) -> tuple[str, str | None]:
    if column in source.pii:
        hint = f"declare it as VARCHAR in `columns:` and clean it in SQL: try_cast({_sql_name(column)} as …)"
        return f"column '{column}': a value, not shown since it is marked pii, is not of its type {place}", hint
    reason = _CONVERT.sub(r"could not convert '\1' to \2", reason.strip())
    value = re.search(r"could not convert '(.*)' to ", reason) or _QUOTED.search(reason)
    hint = f'options: {{nullstr: "{value[1]}"}}' if value else ""
    if not value or value[1].strip().lower() not in _NULL_WORDS:
        hint = f"declare it as VARCHAR in `columns:` and clean it in SQL: try_cast({_sql_name(column)} as …)"
    return f"column '{column}': {reason} {place}", hint


def _schema_mismatch(source: SourceNode, said: str) -> tuple[str, str | None] | None:
    file = re.search(r"Current file: (.+)", said)
    column = _MISMATCH.search(said)
    if not file or not _is_of(source, file[1]):
        return None
    what = f"has no column '{column[1]}' as the first file" if column else "has other columns than the first file"
    return f"{PurePath(file[1]).name} {what}", "options: {union_by_name: true} fills in nulls"


def _json(source: SourceNode, said: str) -> tuple[str, str | None] | None:
    broken = _JSON_BROKEN.search(said)
    if broken and _is_of(source, broken[1]):
        return f"'{_shown(source, broken[1])}' is not JSON: {broken[2].strip().rstrip('.')}", None
    found = _JSON.search(said)
    if not found or not _is_of(source, found[1]):
        return None
    hint = "declare the column as VARCHAR in `columns:` and clean it in SQL with try_cast"
    reason = "a value, not shown since it may be marked pii, is not of its type" if source.pii else found[3].strip()
    return f"{reason[:1].lower()}{reason[1:]} in record {found[2]} of '{_shown(source, found[1])}'", hint


def _parquet(source: SourceNode, said: str) -> tuple[str, str | None] | None:
    broken = _one(_NO_PARQUET, said)
    if broken and _is_of(source, broken):
        return f"'{_shown(source, broken)}' is not a Parquet file", None
    cast = _PARQUET_CAST.search(said)
    column = next((c for c in source.columns if cast and c.name == cast[2].strip('"')), None)
    if not cast or column is None:
        return None
    # The same words come from a cast in the group's own SQL; only ours goes to the declared type.
    target = re.search(r"to '?([A-Z0-9_]+(?:\([\d,]+\))?)'?$|destination type (\w+)$", cast[1].strip())
    inner = (target[1] or target[2]) if target else ""
    if _INNER.get(inner, inner) != column.type:
        return None
    reason = cast[1].strip().replace(inner, column.type)
    if column.name in source.pii:
        reason = f"a value, not shown since it is marked pii, is not of type {column.type}"
    hint = "declare the type that the file has in `columns:`"
    return f"column '{column.name}': {reason[:1].lower()}{reason[1:]}", hint


def _missing_file(source: SourceNode, said: str) -> tuple[str, str | None] | None:
    pattern = _one(_NO_FILES, said)
    if pattern is None or not _is_of(source, pattern):
        return None
    return f"no file '{source.path}'", "paths are relative to the project's folder"


def _missing_column(source: SourceNode, name: str | None, header: Header | None) -> tuple[str, str | None] | None:
    """Not where the file has the column: then the group's SQL is what misses it."""
    if name is None or name not in {c.name for c in source.columns}:
        return None
    if header is None:
        return (
            f"'{source.path}' has no column '{name}'",
            "its first line must be the header; compare `columns:` with it",
        )
    if name in header.columns:
        return None
    if name in parts_of_only_column(header.columns):
        return f"'{header.file}': {RAGGED}", RAGGED_HINT
    has = f"it has {', '.join(header.columns)}"
    near = did_you_mean(name, header.columns)
    hint = f"{near} {has}" if near else has
    if header.alone:
        return f"'{source.path}' has no column '{name}'", hint
    return f"'{header.file}' has no column '{name}'", f"{hint}; options: {{union_by_name: true}} gives nulls"


def _first_name(quoted: str, source: SourceNode) -> str | None:
    """The names stand in quotes, which they may hold themselves: looked up among those declared."""
    return next((c.name for c in source.columns if f'"{c.name}"' in quoted), None)


def _one(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def _is_of(source: SourceNode, file: str) -> bool:
    """Whether the file that the engine names may be one of the source's."""
    path = re.sub(r"__MLPROJ_ENV_\w+?__", "*", source.path)
    parts = [part for part in PurePath(path).parts if part not in {"..", ".", "**"}]
    last = re.sub(r"\[(.)\]", r"\1", PurePath(file.strip()).name)
    return bool(parts) and (PurePath(file.strip()).match(parts[-1]) or last == parts[-1])


def _is_single(source: SourceNode) -> bool:
    return not re.search(r"[*?\[]|__MLPROJ_ENV_", source.path)


def _shown(source: SourceNode, file: str) -> str:
    return source.path if _is_single(source) else PurePath(file).name


def _sql_name(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
