"""`ports.SourceReader`: columns, content versions and reads of files as they come."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.file_sources import FileSources
from mlproj.diagnostics import ProjectError, Span
from mlproj.ports import EngineError, SourceError, SourceSpec
from mlproj.state import Column, Fingerprints, SourceNode

CENSUS = "age,education.num,w\"q\n1,2,x\n2,3,it's\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pro ject [1] d'é"
    folder.mkdir()
    return folder


@pytest.fixture
def sources(root: Path) -> FileSources:
    return FileSources(root, root / "target" / "cache")


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(1)
    yield made
    made.close()


def write(root: Path, name: str, content: str | bytes) -> Path:
    """A file that is old enough for its hash to be cached."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def columns_of(types: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=type_name) for name, type_name in types.items())


def spec(path: str, file_format: str = "csv", types: Mapping[str, str] | None = None, **options: Any) -> SourceSpec:
    return SourceSpec("census", path, file_format, options, None if types is None else columns_of(types))


def node(path: str, types: Mapping[str, str], **options: Any) -> SourceNode:
    kind = path.rpartition(".")[2]
    return SourceNode.model_validate({
        "id": "source:census", "name": "census", "span": Span("sources/census.yml"), "path": path, "format": kind,
        "fingerprints": Fingerprints(local="", deep="", metadata=""), "options": options, "columns": columns_of(types),
    })  # fmt: skip


def at(path: str) -> SourceNode:
    """A source of whatever stands at a path."""
    return node("x.csv", {}).model_copy(update={"path": path})


def read(engine: DuckDBEngine, sources: FileSources, source: SourceNode) -> list[tuple[Any, ...]]:
    query = f"select * from {sources.relation(source)}"
    assert engine.describe(query) == source.columns
    return engine.rows(query)


def sniffed(sources: FileSources, path: str, file_format: str = "csv", **options: Any) -> dict[str, str]:
    return {c.name: c.type for c in sources.columns(spec(path, file_format, **options))}


def refused(sources: FileSources, source: SourceSpec) -> SourceError:
    with pytest.raises(SourceError) as caught:
        sources.columns(source)
    return caught.value


def explained(engine: DuckDBEngine, sources: FileSources, source: SourceNode) -> tuple[str, str | None]:
    with pytest.raises(EngineError) as caught:
        engine.rows(f"select * from {sources.relation(source)}")
    return sources.explain_read_error(source, caught.value)


# --- columns


def test_declared_columns_need_no_file(sources: FileSources) -> None:
    types = {"age": "BIGINT", "education.num": "DOUBLE"}
    assert sources.columns(spec("absent.csv", types=types)) == columns_of(types)


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (CENSUS, {}, {"age": "BIGINT", "education.num": "BIGINT", 'w"q': "VARCHAR"}),
        ("age,w\n", {}, {"age": "VARCHAR", "w": "VARCHAR"}),
        ("only\nx\n", {}, {"only": "VARCHAR"}),
        (b"\xef\xbb\xbfage,b\n1,2\n", {}, {"age": "BIGINT", "b": "BIGINT"}),
        ("age,b\r\n1,x\r\n", {}, {"age": "BIGINT", "b": "VARCHAR"}),
        ("age;b\n1;2,5\n", {"decimal_separator": ","}, {"age": "BIGINT", "b": "DOUBLE"}),
        ("age,b\n?,1\n2,?\n", {"nullstr": "?"}, {"age": "BIGINT", "b": "BIGINT"}),
        ("age,b\n?,1\nNA,?\n3,4\n", {"nullstr": ["?", "NA"]}, {"age": "BIGINT", "b": "BIGINT"}),
        ("1,2\n3,4\n", {"header": False, "names": ["x", "y"]}, {"x": "BIGINT", "y": "BIGINT"}),
        ("größe,b\n1,caf\xe9\n".encode("latin-1"), {"encoding": "latin-1"}, {"größe": "BIGINT", "b": "VARCHAR"}),
        ("age,b\n1,é\n".encode("utf-16"), {"encoding": "utf-16"}, {"age": "BIGINT", "b": "VARCHAR"}),
    ],
)
def test_columns_of_csv(
    root: Path, sources: FileSources, content: str | bytes, options: dict[str, Any], expected: dict[str, str]
) -> None:
    write(root, "data/a.csv", content)
    assert sniffed(sources, "data/a.csv", **options) == expected


def test_types_hold_for_the_last_row_too(root: Path, sources: FileSources) -> None:
    write(root, "a.csv", "k\n" + "1\n" * 50_000 + "x\n")
    assert sniffed(sources, "a.csv") == {"k": "VARCHAR"}


def test_columns_of_parquet_and_json(root: Path, sources: FileSources, engine: DuckDBEngine) -> None:
    engine.copy_to('select 1::SMALLINT as "a.b", [1] as l', root / "a.parquet", "parquet")
    write(root, "a.json", '[{"age": 1, "b": "x"}, {"age": 2, "b": null}]')
    assert sniffed(sources, "a.parquet", "parquet") == {"a.b": "SMALLINT", "l": "INTEGER[]"}
    assert sniffed(sources, "a.json", "json") == {"age": "BIGINT", "b": "VARCHAR"}


def test_columns_follow_the_content(root: Path, sources: FileSources) -> None:
    write(root, "a.csv", "a\n1\n")
    assert sniffed(sources, "a.csv") == {"a": "BIGINT"}
    write(root, "a.csv", "a\nx\nlonger\n")
    assert sniffed(sources, "a.csv") == {"a": "VARCHAR"}


@pytest.mark.parametrize("damage", [b"", b"{", b"[1, 2]", b'{"x": 1}', b"\xff\xfe"])
def test_a_damaged_cache_is_ignored(root: Path, damage: bytes) -> None:
    path, cache = write(root, "a.csv", "a\n1\n"), root / "target" / "cache"
    first = FileSources(root, cache)
    version = first.version(at("a.csv"))
    assert sniffed(first, "a.csv") == {"a": "BIGINT"}
    assert json.loads((cache / "files.json").read_text(encoding="utf-8"))["a.csv"][0][0] == path.stat().st_size
    for name in ("files.json", "sniff.json"):
        (cache / name).write_bytes(damage)
    again = FileSources(root, cache)
    assert again.version(at("a.csv")) == version
    assert sniffed(again, "a.csv") == {"a": "BIGINT"}


def test_a_cache_that_cannot_be_written_does_no_harm(root: Path) -> None:
    write(root, "a.csv", "a\n1\n")
    write(root, "target", "a file where the folder should be")
    assert sniffed(FileSources(root, root / "target" / "cache"), "a.csv") == {"a": "BIGINT"}


@pytest.mark.parametrize(
    ("path", "code", "message", "hint"),
    [
        ("adult.cvs", "E407", "no file 'adult.cvs'", "did you mean 'adult.csv'?"),
        ("*.tsv", "E407", "no file '*.tsv'", "relative to the project's folder"),
        ("data", "E407", "'data' is a folder", "data/*.csv"),
        ("https://host/x.csv", "E407", "https paths are not read", "copy the file"),
        ("latin.csv", "E407", "it is not UTF-8", "options: {encoding: latin-1}"),
        ("utf16.csv", "E407", "it is not UTF-8", "options: {encoding: utf-16}"),
        ("empty.csv", "E416", "'empty.csv' is empty", "header"),
        ("blank.csv", "E416", "'blank.csv' is empty", "header"),
        ("bom.csv", "E416", "'bom.csv' is empty", "header"),
        ("ragged.csv", "E407", "its lines do not have one number of columns", "null_padding"),
        ("x" * 300 + ".csv", "E407", "File name too long", ""),
    ],
)
def test_files_that_cannot_be_sniffed(
    root: Path, sources: FileSources, path: str, code: str, message: str, hint: str
) -> None:
    (root / "data").mkdir()
    write(root, "adult.csv", CENSUS)
    write(root, "latin.csv", "a\ncaf\xe9\n".encode("latin-1"))
    write(root, "utf16.csv", "a\ncafé\n".encode("utf-16"))
    write(root, "empty.csv", "")
    write(root, "blank.csv", " \n\n")
    write(root, "ragged.csv", "age,b\n1,2\n3,4,5\n")
    write(root, "bom.csv", b"\xef\xbb\xbf")
    error = refused(sources, spec(path))
    assert error.code == code
    assert message in error.message
    assert error.message.startswith("source 'census': ")
    assert hint in (error.hint or "")


@pytest.mark.parametrize(("name", "content"), [("a.parquet", b"hello"), ("a.json", b'{"age": 1')])
def test_files_of_another_format(root: Path, sources: FileSources, name: str, content: bytes) -> None:
    write(root, name, content)
    error = refused(sources, spec(name, name.rpartition(".")[2]))
    assert error.code == "E407"
    assert str(root) not in error.message


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"nulstr": "?"}, "no option 'nulstr'", "did you mean 'nullstr'?"),
        ({"qqq": 1}, "no option 'qqq'", "nullstr"),
        ({"dtypes": ["BIGINT"]}, "'dtypes' is for mlproj", "columns:"),
        ({"rejects_table": "x"}, "'rejects_table' is for mlproj", "leave it out"),
        ({"header": "yes"}, "takes true or false", ""),
        ({"skip": True}, "takes a whole number", ""),
        ({"delim": 1}, "takes a text", ""),
        ({"force_not_null": "a"}, "takes a list of texts", ""),
        ({"encoding": "cp1252"}, "does not support the encoding", "latin-1"),
    ],
)
def test_options_are_checked(
    root: Path, sources: FileSources, options: dict[str, Any], message: str, hint: str
) -> None:
    write(root, "a.csv", CENSUS)
    error = refused(sources, spec("a.csv", **options))
    assert error.code == "E415"
    assert message in error.message
    assert hint in (error.hint or "")


def test_options_are_checked_without_a_file(sources: FileSources) -> None:
    assert refused(sources, spec("absent.csv", types={"a": "BIGINT"}, nulstr="?")).code == "E415"
    assert refused(sources, spec("absent.json", "json", types={"a": "BIGINT"}, delim=";")).code == "E415"
    assert refused(sources, spec("absent.parquet", "parquet", types={"a": "BIGINT"}, header=True)).code == "E415"


# --- versions


def test_a_version_follows_content_and_names(root: Path, sources: FileSources) -> None:
    assert sources.version(at("a.csv")) == sources.version(at("d/*.csv")) == "missing"
    assert sources.size(at("a.csv")) == 0
    write(root, "a.csv", "a\n1\n")
    first = sources.version(at("a.csv"))
    assert first.startswith("src1:")
    write(root, "a.csv", "a\n2\n")
    (root / "a.csv").touch()
    second = sources.version(at("a.csv"))
    assert second != first
    write(root, "a.csv", "a\n1\n")
    assert sources.version(at("a.csv")) == first
    write(root, "d/x.csv", "a\n1\n")
    one = sources.version(at("d/*.csv"))
    write(root, "d/sub/y.csv", "a\n1\n")
    assert sources.version(at("d/*.csv")) == one
    assert sources.version(at("d/**/*.csv")) != one
    assert sources.size(at("d/**/*.csv")) == 8


def test_a_version_is_the_same_elsewhere(root: Path, sources: FileSources, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for folder in (root, other):
        write(folder, "data/a.csv", CENSUS)
        write(folder, "data/b.csv", CENSUS)
    there = FileSources(other, other / "cache")
    for path in ("data/a.csv", "data/*.csv"):
        assert sources.version(at(path)) == there.version(at(path))
        assert sources.version(at(str(root / path).replace("[1]", "[[]1]"))) == there.version(at(path))
        assert sources.version(at(f"../other/{path}")) == there.version(at(path))


def test_an_edit_within_the_clocks_resolution_is_seen(root: Path, sources: FileSources) -> None:
    path = root / "a.csv"
    path.write_text("a\n1\n", encoding="utf-8")
    stamp = path.stat().st_mtime_ns
    first = sources.version(at("a.csv"))
    path.write_text("a\n2\n", encoding="utf-8")
    os.utime(path, ns=(stamp, stamp))
    assert sources.version(at("a.csv")) != first


def test_an_unchanged_file_is_not_read_again(root: Path, sources: FileSources, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "a.csv", CENSUS)
    version = sources.version(at("a.csv"))
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("read again"))
    assert FileSources(root, root / "target" / "cache").version(at("a.csv")) == version


def test_a_path_that_cannot_be_looked_at_is_a_diagnostic(sources: FileSources) -> None:
    for ask in (sources.version, sources.size):
        with pytest.raises(ProjectError) as caught:
            ask(at("x" * 300 + ".csv"))
        assert caught.value.diagnostics[0].code == "E407"


# --- reading


def test_reads_exactly_the_compiled_columns(root: Path, sources: FileSources, engine: DuckDBEngine) -> None:
    write(root, "a.csv", CENSUS)
    source = node("a.csv", {'w"q': "VARCHAR", "education.num": "DECIMAL(4,2)"})
    assert read(engine, sources, source) == [("x", Decimal("2.00")), ("it's", Decimal("3.00"))]


@pytest.mark.parametrize(
    ("content", "types", "options", "expected"),
    [
        ("age,b\n?,x\n2,?\n", {"age": "BIGINT", "b": "VARCHAR"}, {"nullstr": "?"}, [(None, "x"), (2, None)]),
        ("1,2\n3,4\n", {"x": "BIGINT", "y": "DOUBLE"}, {"header": False}, [(1, 2.0), (3, 4.0)]),
        ("1,2\n3,4\n", {"y": "BIGINT"}, {"names": ["x", "y"]}, [(2,), (4,)]),
        (b"\xef\xbb\xbfage,b\r\n1,2\r\n", {"age": "INTEGER"}, {}, [(1,)]),
        ("age\n", {"age": "BIGINT"}, {}, []),
        ("b\ncaf\xe9\n".encode("latin-1"), {"b": "VARCHAR"}, {"encoding": "latin-1"}, [("café",)]),
        ("a,a b,it's\n1,2,3\n", {"it's": "BIGINT", "a b": "TINYINT"}, {}, [(3, 2)]),
        ("a|b\n1|'x|y'\n", {"b": "VARCHAR"}, {"delim": "|", "quote": "'"}, [("x|y",)]),
        ("l;d\n[1, 2];2020-01-31\n", {"l": "INTEGER[]", "d": "DATE"}, {"delim": ";"}, None),
    ],
)
def test_reads_csv(
    root: Path, sources: FileSources, engine: DuckDBEngine, content: str | bytes, types: dict[str, str],
    options: dict[str, Any], expected: list[tuple[Any, ...]] | None,
) -> None:  # fmt: skip
    write(root, "d [2]/a.csv", content)
    found = read(engine, sources, node("d [2]/a.csv", types, **options))
    assert found == expected if expected is not None else len(found) == 1


def test_no_line_is_passed_over(root: Path, sources: FileSources, engine: DuckDBEngine) -> None:
    """The engine by itself would take `3,4,5` for the header, and give one row."""
    write(root, "a.csv", "age,b\n1,2\n3,4,5\n1,2,3\n")
    with pytest.raises(EngineError):
        read(engine, sources, node("a.csv", {"age": "BIGINT"}))
    assert sniffed(sources, "a.csv", skip=2) == {"3": "BIGINT", "4": "BIGINT", "5": "BIGINT"}


def test_reads_globs_and_absolute_paths(root: Path, sources: FileSources, engine: DuckDBEngine) -> None:
    for number in range(3):
        write(root, f"d/{number}.csv", f"k\n{number}\n")
    assert sorted(read(engine, sources, node("d/*.csv", {"k": "BIGINT"}))) == [(0,), (1,), (2,)]
    assert read(engine, sources, node(str(root / "d" / "1.csv"), {"k": "BIGINT"})) == [(1,)]


def test_reads_parquet_and_json_in_the_declared_types(root: Path, sources: FileSources, engine: DuckDBEngine) -> None:
    engine.copy_to("select 1::SMALLINT as a, 'x' as b", root / "a.parquet", "parquet")
    write(root, "a.json", '{"a": 1, "b": "x"}\n{"a": 2}\n')
    assert read(engine, sources, node("a.parquet", {"b": "VARCHAR", "a": "DOUBLE"})) == [("x", 1.0)]
    assert read(engine, sources, node("a.json", {"b": "VARCHAR", "a": "DOUBLE"})) == [("x", 1.0), (None, 2.0)]


# --- failing reads, explained


@pytest.mark.parametrize(
    ("content", "type_name", "message", "hint"),
    [
        ("age,b\n1,x\n?,y\n", "BIGINT", "column 'age': could not convert '?' to BIGINT at line 3", '{nullstr: "?"}'),
        ("age\n1\n ?\n", "DOUBLE", "column 'age': could not convert ' ?' to DOUBLE at line 3", '{nullstr: " ?"}'),
        ("age\n1\nold\n", "BIGINT", "column 'age': could not convert 'old' to BIGINT at line 3", "try_cast(age as"),
        ("ag,b\n1,2\n", "BIGINT", "'a.csv' has no column 'age'", "did you mean 'ag'? it has ag, b"),
        ("x,y\n1,2\n", "BIGINT", "'a.csv' has no column 'age'", "it has x, y"),
        ("", "BIGINT", "'a.csv' is empty", "neither rows nor a header"),
        ("age\ncaf\xe9\n".encode("latin-1"), "VARCHAR", "'a.csv' is not UTF-8 (line 2)", "latin-1"),
        ("age,b\n1,2\n3,4,5\n", "BIGINT", "its lines do not have one number of columns", "null_padding"),
    ],
)
def test_failing_csv_is_explained(
    root: Path, sources: FileSources, engine: DuckDBEngine, content: str | bytes, type_name: str, message: str,
    hint: str,
) -> None:  # fmt: skip
    write(root, "a.csv", content)
    said, cure = explained(engine, sources, node("a.csv", {"age": type_name}))
    assert said.startswith("source 'census': ")
    assert message in said
    assert hint in (cure or "")
    assert str(root) not in said + (cure or "")


def test_failing_globs_name_the_file(root: Path, sources: FileSources, engine: DuckDBEngine) -> None:
    write(root, "d/1.csv", "k,b\n1,1\n")
    write(root, "d/2.csv", "k,b\n?,1\n")
    assert "at line 2 of 2.csv" in explained(engine, sources, node("d/*.csv", {"k": "BIGINT", "b": "BIGINT"}))[0]
    write(root, "d/2.csv", "k\n1\n")
    message, hint = explained(engine, sources, node("d/*.csv", {"k": "BIGINT", "b": "BIGINT"}))
    assert "'2.csv' has no column 'b'" in message
    assert "union_by_name" in (hint or "")
    assert "2.csv has no column 'b'" in explained(engine, sources, node("d/*.csv", {"k": "BIGINT"}))[0]
    nulls = node("d/*.csv", {"k": "BIGINT", "b": "BIGINT"}, union_by_name=True)
    assert sorted(read(engine, sources, nulls), key=str) == [(1, 1), (1, None)]


def test_a_file_that_is_gone_is_explained(sources: FileSources, engine: DuckDBEngine) -> None:
    for name in ("a.csv", "d/*.parquet", "a.json"):
        assert f"no file '{name}'" in explained(engine, sources, node(name, {"age": "BIGINT"}))[0]


@pytest.mark.parametrize(
    ("name", "content", "types", "message"),
    [
        (
            "a.json",
            '{"age": 1}\n{"age": "?"}\n',
            {"age": "BIGINT"},
            'failed to cast value to numerical: "?" in record 2',
        ),
        ("a.json", '{"age": 1', {"age": "BIGINT"}, "'a.json' is not JSON"),
        ("a.parquet", "hello", {"age": "BIGINT"}, "'a.parquet' is not a Parquet file"),
        ("a.parquet", "hello, this is a longer text", {"age": "BIGINT"}, "'a.parquet' is not a Parquet file"),
    ],
)
def test_failing_json_and_parquet_are_explained(
    root: Path, sources: FileSources, engine: DuckDBEngine, name: str, content: str, types: dict[str, str], message: str
) -> None:
    write(root, name, content)
    assert message in explained(engine, sources, node(name, types))[0]


def test_parquet_of_other_types_and_columns(root: Path, sources: FileSources, engine: DuckDBEngine) -> None:
    engine.copy_to("select 'x' as age, 300 as n", root / "a.parquet", "parquet")
    message, hint = explained(engine, sources, node("a.parquet", {"age": "BIGINT"}))
    assert "column 'age': could not convert string 'x' to BIGINT" in message
    assert "columns:" in (hint or "")
    message, hint = explained(engine, sources, node("a.parquet", {"agee": "BIGINT"}))
    assert "'a.parquet' has no column 'agee'" in message
    assert "did you mean 'age'?" in (hint or "")
    assert "column 'n'" in explained(engine, sources, node("a.parquet", {"n": "TINYINT"}))[0]


@pytest.mark.parametrize("sql", ["w::BIGINT", "nocol", "sum(w)", "error('boom')", "1::TINYINT + age * 300::TINYINT"])
def test_failures_of_the_groups_own_sql_are_not_the_sources(
    root: Path, sources: FileSources, engine: DuckDBEngine, sql: str
) -> None:
    write(root, "a.csv", "age,w\n1,x\n")
    source = node("a.csv", {"age": "BIGINT", "w": "VARCHAR"})
    with pytest.raises(EngineError) as caught:
        engine.rows(f"select {sql} from {sources.relation(source)} as s")
    assert sources.explain_read_error(source, caught.value) == ("", None)


def test_failures_of_another_source_are_not_this_ones(root: Path, sources: FileSources, engine: DuckDBEngine) -> None:
    write(root, "a.csv", "age\n1\n")
    write(root, "b.csv", "age\n?\n")
    mine, other = node("a.csv", {"age": "BIGINT"}), node("b.csv", {"age": "BIGINT"})
    with pytest.raises(EngineError) as caught:
        engine.rows(f"select * from {sources.relation(mine)}, {sources.relation(other)}")
    assert sources.explain_read_error(mine, caught.value) == ("", None)
    assert sources.explain_read_error(other, caught.value)[0]
