"""Sources: declared columns as they stand, others from the file, through the reader that is handed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.connections import filled_location, location_of
from mlproj.compiler.data_test_sql import freshness
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.types import is_moment, unknown_type_hint
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader import Loaded, LoadedProject
from mlproj.loader.environment import fill_environment
from mlproj.ports import BindError, SourceError, SourceReader, SourceSpec
from mlproj.specs import Source
from mlproj.state import Column, CompiledTest, Fingerprints, SourceNode

_SUFFIXES = {
    "csv": "csv", "tsv": "csv", "txt": "csv", "parquet": "parquet", "pq": "parquet",
    "json": "json", "jsonl": "json", "ndjson": "json",
}  # fmt: skip
_COMPRESSION = (".gz", ".zst", ".bz2")


def compile_source(
    source: Loaded[Source], checker: TypeChecker, reader: SourceReader, loaded: LoadedProject, collector: Collector
) -> SourceNode | None:
    """The node, or None with diagnostics."""
    spec, node = source.spec, f"source:{source.spec.name}"
    location, written = location_of(source, loaded, collector), spec.path or ""
    if node in collector.poisoned:
        return None
    file_format = location.settings["type"] if location and location.table else spec.format or _format_of(written)
    if file_format is None:
        collector.error(
            "E417",
            f"cannot tell the format of '{written}'",
            source.locate(("path",)),
            "say `format: csv`, `parquet`, `json`, `delta` or `iceberg`",
            node,
        )
        return None
    declared = _declared(source, checker, node, collector)
    if node in collector.poisoned:
        return None
    try:
        path = fill_environment(written, loaded.environment, loaded.env_defaults)
        place = location and filled_location(location, loaded.environment, loaded.env_defaults)
        columns = reader.columns(SourceSpec(spec.name, path, file_format, spec.options, declared, place))
    except SourceError as error:
        collector.error(
            error.code,
            error.message,
            _place(source, error),
            error.hint,
            node,
        )
        return None
    _check_marked(source, columns, node, collector)
    tests = tuple(_freshness(source, columns, node, collector))
    if node in collector.poisoned:
        return None
    # Of the columns as a set: a file is read by name, and in which order YAML lists them means nothing.
    own = fingerprint("source", spec.name, sorted([c.name, c.type] for c in columns), file_format, spec.options)
    return SourceNode(
        id=node, name=spec.name, description=spec.description, owner=spec.owner, tags=tuple(spec.tags),
        span=source.locate(()), path=written, format=cast(Any, file_format), location=location,
        options=cast(dict[str, Any], spec.options), columns=columns, source_text={"yaml": source.text},
        fingerprints=Fingerprints(local=own, deep=own, metadata=_metadata(spec, tests)), pii=tuple(spec.pii),
        tests=tests,
    )  # fmt: skip


def _metadata(spec: Source, tests: Sequence[CompiledTest]) -> str:
    marked = [sorted(spec.pii)] if spec.pii else []
    return fingerprint(spec.description, spec.owner, spec.tags, *marked, *(test.terms for test in tests))


def _check_marked(source: Loaded[Source], columns: Sequence[Column], node: str, collector: Collector) -> None:
    names = [column.name for column in columns]
    for index, name in enumerate(source.spec.pii):
        if name not in names:
            hint = did_you_mean(name, names) or f"its columns are {', '.join(names)}"
            message = f"pii '{name}' is no column of this source"
            collector.error("E412", message, source.locate(("pii", index)), hint, node)


def _freshness(
    source: Loaded[Source], columns: Sequence[Column], node: str, collector: Collector
) -> Iterator[CompiledTest]:
    """The test that `freshness:` asks for."""
    bounds, types = source.spec.freshness, {c.name: c.type for c in columns}
    if bounds is None:
        return
    name = bounds.column or ""
    span = source.locate(("freshness", "column"))
    if name not in types:
        message = f"freshness: '{name}' is no column of the source" if name else "freshness needs a column"
        hint = did_you_mean(name, types) or f"name one that says when a row came: of {', '.join(types)}"
        collector.error("E414", message, span, hint, node)
    elif not is_moment(types[name]):
        message = f"freshness does not suit '{name}' of type {types[name]}"
        collector.error("E414", message, span, f"declare it so: columns: {{{name}: TIMESTAMP}}", node)
    else:
        found = freshness(name, types[name], bounds.warn_after, bounds.error_after)
        yield CompiledTest(
            id=f"{source.spec.name}.freshness", description=found.description, failures=found.failures, rows="",
            span=source.locate(("freshness",)), found=found.found, clock=True, error_if="> 1",
        )  # fmt: skip


def source_columns(node: SourceNode) -> Iterator[tuple[str, str]]:
    """(symbol, deep fingerprint) of every column, and of the rows as `source:name.*`.

    Never of path or content, which have a version of their own.
    """
    yield f"{node.id}.*", fingerprint("rows", node.name, node.format, node.options)
    for column in node.columns:
        yield f"{node.id}.{column.name}", fingerprint("column", node.name, column.name, node.format, node.options)


def _declared(
    source: Loaded[Source], checker: TypeChecker, node: str, collector: Collector
) -> tuple[Column, ...] | None:
    if source.spec.columns is None:
        return None
    found: list[Column] = []
    for name, type_name in source.spec.columns.items():
        try:
            found.append(Column(name=name, type=checker.normalise_type(type_name)))
        except BindError:
            collector.error(
                "E413",
                f"unknown type '{type_name}'",
                source.locate(("columns", name)),
                unknown_type_hint(type_name),
                node,
            )
    return tuple(found)


def _place(source: Loaded[Source], error: SourceError) -> Span:
    """The option that the error speaks of, or the path or table."""
    if error.code != "E415":
        return source.locate(("table",) if source.spec.table else ("path",))
    named = next((option for option in source.spec.options if f"'{option}'" in error.message), None)
    return source.locate(("options", named), key=True) if named else source.locate(("options",))


def _format_of(path: str) -> str | None:
    name = path.lower()
    for ending in _COMPRESSION:
        name = name.removesuffix(ending)
    return _SUFFIXES.get(name.rpartition(".")[2])
