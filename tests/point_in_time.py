"""Views that join two small groups as of a time, compiled, and rows for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

from tests.compilation import compile_folder, write_files

HOUR = 3_600_000_000
_DAY = 24 * HOUR

T = TypeVar("T", bound=Any)


class Types(NamedTuple):
    """Of the base's time, of the group's, and of its created_time."""

    base: str
    time: str
    created: str

    def rounded(self, row: T) -> T:
        """The row with days where its times are dates."""
        kinds = {"at": self.time if hasattr(row, "loaded") else self.base, "loaded": self.created}
        moments = {n: getattr(row, n) for n in kinds if getattr(row, n, None) is not None and kinds[n] == "DATE"}
        found: T = row._replace(**{name: moment // _DAY * _DAY for name, moment in moments.items()})
        return found


def moment(value: int | None, type_name: str) -> str:
    if value is None:
        return f"null::{type_name}"
    made = {
        "TIMESTAMP": f"make_timestamp({value})", "TIMESTAMP WITH TIME ZONE": f"make_timestamptz({value})",
        "TIMESTAMP_NS": f"make_timestamp_ns({value * 1000})", "DATE": f"date '1970-01-01' + {value // _DAY}",
    }  # fmt: skip
    return made[type_name]


def _value(value: Any, type_name: str) -> str:
    return f"null::{type_name}" if value is None else f"'{value}'::{type_name}"


def literal_rows(types: Types, base: Sequence[Any], rows: Sequence[Any]) -> Iterator[str]:
    """Statements that make the tables `base@1` and `f@1`, whose columns are (id, k, place, at), and those of a row."""
    kinds = {"id": "BIGINT", "k": "BIGINT", "place": "VARCHAR", "at": types.base}
    yield _table("base@1", kinds, ((b.id, b.k, b.place, b.at) for b in base))
    kinds = {"who": "BIGINT", "place": "VARCHAR", "at": types.time, "loaded": types.created, "x": "DOUBLE",
             "y": "VARCHAR"}  # fmt: skip
    yield _table("f@1", kinds, rows)


def _table(name: str, types: dict[str, str], rows: Iterable[Sequence[Any]]) -> str:
    moments = {"at", "loaded"}
    selects = [
        "select " + ", ".join(
            f"{moment(v, kind) if column in moments else _value(v, kind)}"
            for v, (column, kind) in zip(row, types.items(), strict=True)
        )
        for row in rows
    ]  # fmt: skip
    made = " union all ".join(selects) or f"select {', '.join(f'null::{kind}' for kind in types.values())} where false"
    named = ", ".join(f'"{column}"' for column in types)
    return f'create or replace table "{name}" as select * from ({made}) as t({named})'


def literal_marks(marks: Sequence[Sequence[Any]]) -> str:
    """A statement that makes the table `g@1`, whose key is a text that rows of the other group bring."""
    return _table("g@1", {"name": "VARCHAR", "at": "TIMESTAMP", "z": "DOUBLE"}, marks)


def compiled_chain(case: Any) -> str:
    """The SQL of the same view with a second join, on `y` of the first."""
    project = _Project()
    view = _view("v", case, project)
    marks = project.group("g", {"name": "VARCHAR", "at": "TIMESTAMP", "z": "DOUBLE"}, primary_key=["name"],
                          event_time="at")  # fmt: skip
    view["joins"].append({"group": f"{marks}@1", "on": {"y": "name"}, "features": ["z"], "type": case.kind})
    return _compiled(project, [view])[0].replace(f'"{marks}@1"', '"g@1"')


def compiled_views(cases: Sequence[Any]) -> dict[Any, str]:
    """The SQL of one view per case, over tables that `literal_rows` makes."""
    project = _Project()
    found = _compiled(project, [_view(f"v{number}", case, project) for number, case in enumerate(cases)])
    return {case: f"select id, x, y from (\n{sql}\n) as v" for case, sql in zip(cases, found, strict=True)}


def _compiled(project: _Project, views: Sequence[dict[str, Any]]) -> list[str]:
    text = yaml.safe_dump({"sources": project.sources, "feature_groups": project.groups, "feature_views": [*views]})
    with tempfile.TemporaryDirectory() as folder:
        root = write_files(Path(folder) / "p", {**project.files, "all.yml": text})
        manifest = compile_folder(root, Path(folder) / "cache")
    found = [manifest.view(f"feature_view:{view['name']}@1").sql for view in views]
    for stem, name in ((stem, name) for name in project.named for stem in ("base", "f") if name.startswith(stem)):
        found = [sql.replace(f'"{name}@1"', f'"{stem}@1"') for sql in found]
    return found


class _Project:
    """Sources and groups, one for each set of types."""

    def __init__(self) -> None:
        self.sources: list[dict[str, Any]] = []
        self.groups: list[dict[str, Any]] = []
        self.files: dict[str, str] = {}
        self.named: dict[str, Any] = {}

    def group(self, stem: str, columns: dict[str, str], **spec: Any) -> str:
        found = next((name for name, content in self.named.items() if content == (columns, spec)), None)
        if found:
            return found
        name = f"{stem}{len(self.named)}"
        self.named[name] = (columns, spec)
        self.sources.append({"name": name, "path": f"{name}.csv", "columns": columns})
        self.files[f"{name}.v1.sql"] = f"select * from {{{{ source('{name}') }}}}"
        self.groups.append({"name": name, **spec})
        return name


def _view(name: str, case: Any, project: _Project) -> dict[str, Any]:
    base = {"id": "BIGINT", "k": "BIGINT", "place": "VARCHAR", "at": case.types.base}
    based = project.group("base", base, primary_key=["id"], **({"event_time": "at"} if case.timed else {}))
    columns = {"who": "BIGINT", "place": "VARCHAR", "at": case.types.time, "loaded": case.types.created, "x": "DOUBLE",
               "y": "VARCHAR"}  # fmt: skip
    features = [{"name": n} for n in ("who", "place", "at", "x", "y")]
    group = project.group(
        "f", columns, primary_key=["who", "place"], event_time="at", features=features,
        **({"created_time": "loaded"} if case.created else {}),
    )  # fmt: skip
    join = {"group": f"{group}@1", "on": {"k": "who", "place": "place"}, "features": ["x", "y"], "type": case.kind}
    if case.max_age is not None:
        join["max_age"] = f"{case.max_age // HOUR} hours"
    if case.known_at:
        join["known_at"] = "loaded"
    return {"name": name, "base": f"{based}@1", "joins": [join]}
