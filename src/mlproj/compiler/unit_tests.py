"""Unit tests: fixtures and expected rows against the columns of what they stand for, as typed SQL."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.increments import this_relation, without_deleted
from mlproj.compiler.render import SqlRenderer
from mlproj.compiler.resolve import Names, split_reference
from mlproj.compiler.text import identifier, literal, one_statement, written
from mlproj.compiler.types import is_float, is_integer, is_numeric, is_temporal, suits
from mlproj.compiler.windows import stored_relation, stored_sql
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader import Loaded, LoadedProject
from mlproj.loader.loaded import Location
from mlproj.loader.project import beside
from mlproj.ports import BindError
from mlproj.specs import UnitTest
from mlproj.specs.unit_test import Given, Rows
from mlproj.state import Column, CompiledUnitTest, Fixture, GroupNode, Node, SourceNode, ViewNode

_THIS = "this"
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class OtherVars:
    """The SQL of groups where vars have other values."""

    loaded: LoadedProject
    names: Names
    checker: TypeChecker
    collector: Collector

    def sql(
        self, node: GroupNode, variables: Mapping[str, object], span: Span, *, increments: bool = False
    ) -> str | None:
        """None with diagnostics where it does not compile, or reads something else."""
        loaded = self.loaded
        renderer = SqlRenderer(
            {**loaded.vars, **variables}, loaded.environment, self.names.ref, self.names.source, loaded.env_defaults
        )
        renderer.add_macros(loaded.macros, self.collector)
        path, text = loaded.sql[node.relation]
        this = this_relation(node.relation) if node.increment is not None else None
        rendered = renderer.render(path, text, node.id, self.collector, this)
        if rendered is None:
            return None
        parents = rendered.parents
        if increments and this is not None:
            rendered = rendered.increment or rendered
            self.checker.declare(this, this, [Column(name=f.name, type=f.type) for f in node.features])
            parents = (*rendered.parents, this)
        if set(rendered.parents) != set(node.depends_on):
            self._refuse("with these vars it reads something else", span)
            return None
        try:
            self.checker.describe(rendered.private_sql, parents)
        except BindError as error:
            self._refuse(f"with these vars: {renderer.hide(error.message, rendered.sql)}", span)
            return None
        spec = next(g.spec for g in loaded.feature_groups if f"{g.spec.name}@{g.spec.version}" == node.relation)
        columns = ", ".join(f"{identifier(f.name)}::{f.type} as {identifier(f.name)}" for f in node.features)
        sql = f"select {columns} from (\n{one_statement(rendered.sql)}\n) as q"
        return sql if increments else without_deleted(sql, spec)

    def _refuse(self, message: str, span: Span) -> None:
        self.collector.error("E440", message, span, "give the vars of mlproj.yml other values of the same kind")


@dataclass(frozen=True)
class UnitTestCompiler:
    """Compiles unit tests of nodes that compiled; `failed` are those that did not, whose tests are left out."""

    names: Names
    nodes: Mapping[str, Node]
    failed: frozenset[str]
    other_vars: OtherVars
    collector: Collector

    def all(self, tests: Sequence[Loaded[UnitTest]]) -> tuple[CompiledUnitTest, ...]:
        """By node and name."""
        found = [compiled for test in tests if (compiled := self._compiled(test))]
        return tuple(sorted(found, key=lambda test: test.id))

    def _compiled(self, test: Loaded[UnitTest]) -> CompiledUnitTest | None:
        """None with diagnostics, or where the node does not compile."""
        node = self._node(test)
        if node is None:
            return None
        before = len(self.collector.errors)
        given = self._given(test, node)
        types = {c.name: c.type for c in (node.features if isinstance(node, GroupNode) else node.columns)}
        columns, expected = self._rows(test, test.spec.expect, ("expect",), types, f"column of {node.relation}")
        if not columns and len(self.collector.errors) == before:
            hint = "name the columns that are compared in a row, or in the header of csv"
            self._refuse("nothing is compared: no column is named", test.locate(("expect",)), hint)
        sql = self._sql(test, node)
        if sql is None or len(self.collector.errors) > before:
            return None
        return CompiledUnitTest(
            id=f"{node.relation}.{test.spec.name}",
            node=node.id,
            description=test.spec.description,
            span=test.locate(("name",)),
            given=given,
            sql=sql,
            columns=columns,
            expected=expected,
            fingerprint=fingerprint("unit_test", [[g.relation, g.sql] for g in given], sql, columns, expected),
        )

    def _node(self, test: Loaded[UnitTest]) -> GroupNode | ViewNode | None:
        kind, _, name = test.spec.node.rpartition(":")
        kinds = [kind] if kind else ["feature_group", "feature_view"]
        tries = [self.names.find(k, *split_reference(name)) for k in kinds]
        found = [node for node, _problem in tries if node]
        span = test.locate(("node",))
        if len(found) > 1:
            self._refuse(f"'{name}' may be {' or '.join(found)}", span, f"write the one that is meant: {found[0]}")
        elif not found:
            message, hint = next((p for _n, p in tries if (p[1] or "").startswith("did you mean")), tries[0][1])
            self.collector.error("E301", message, span, hint)
        node = self.nodes.get(found[0]) if len(found) == 1 else None
        return node if isinstance(node, GroupNode | ViewNode) else None

    def _sql(self, test: Loaded[UnitTest], node: GroupNode | ViewNode) -> str | None:
        standing = next((i for i, given in enumerate(test.spec.given) if given.this), None)
        if standing is not None and not self._has_increments(test, node, ("given", standing, "this")):
            return None
        if not test.spec.vars:
            increment = node.increment if standing is not None and isinstance(node, GroupNode) else None
            return node.sql if increment is None else increment.sql
        if isinstance(node, GroupNode) and node.aggregate is not None:
            self._refuse(
                "vars of a test are for SQL, and this group aggregates", test.locate(("vars",)), "leave them out"
            )
            return None
        if isinstance(node, ViewNode):
            hint = "test the group whose SQL has the variable"
            self._refuse("vars of a test are for the SQL of a group", test.locate(("vars",)), hint)
            return None
        span = test.locate(("vars",))
        return self.other_vars.sql(node, test.spec.vars, span, increments=standing is not None)

    def _has_increments(self, test: Loaded[UnitTest], node: GroupNode | ViewNode, place: Location) -> bool:
        """Whether `this` may be given: the SQL of an incremental group asks for is_incremental()."""
        increment = node.increment if isinstance(node, GroupNode) else None
        if increment is None:
            self._refuse(
                f"{node.relation} is not incremental: nothing stands of it", test.locate(place), "leave it out"
            )
        elif isinstance(node, GroupNode) and increment.sql == (increment.whole or node.sql):
            hint = "test it without `this`: mlproj itself sets the condition on the watermark around it"
            message = f"the SQL of {node.relation} does not ask for is_incremental()"
            self._refuse(message, test.locate(place), hint)
        else:
            return True
        return False

    def _given(self, test: Loaded[UnitTest], node: GroupNode | ViewNode) -> tuple[Fixture, ...]:
        found: dict[str, list[Fixture]] = {}
        before, inputs = len(self.collector.errors), self._inputs(node)
        for index, given in enumerate(test.spec.given):
            place: Location = ("given", index)
            if given.this:
                self._standing(test, node, given, place, found)
                continue
            if given.source is not None:
                target: str | None = f"source:{given.source}" if given.source in self.names.sources else None
                name, known = given.source, self.names.sources
            else:
                target, _problem = self.names.find("feature_group", *split_reference(given.ref or ""))
                name, known = given.ref or "", set(self.names.versions["feature_group"])
            span = test.locate((*place, "source" if given.source is not None else "ref"))
            if target is None or target not in inputs:
                reads = ", ".join(n.removeprefix("feature_group:").replace(":", " ") for n in inputs)
                hint = (did_you_mean(name, known) if target is None else None) or f"it reads {reads}"
                self._refuse(f"{node.relation} does not read '{name}'", span, hint)
            elif target in found:
                self._refuse(f"the rows of '{name}' are given twice", span, "put them together")
            elif target in self.nodes:
                read = self.nodes[target]
                types = _types(read)
                _columns, sql = self._rows(test, given, place, types, f"column of {name}", whole=True)
                relation = target if isinstance(read, SourceNode) else target.partition(":")[2]
                found[target] = [Fixture(relation=relation, sql=sql), *_computed(inputs[target])]
        missing = [n for n in inputs if n not in found and n not in self.failed]
        if missing and len(self.collector.errors) == before:  # else it may be a name that was misspelt
            kind, _, name = missing[0].partition(":")
            word = "source" if kind == "source" else "ref"
            message = f"{node.relation} reads {name}, of which no rows are given"
            self._refuse(message, test.locate(("given",)), f"- {word}: {name}, with rows: […], or rows: [] for none")
        return tuple(fixture for n in (*inputs, _THIS) for fixture in found.get(n, ()))

    def _standing(
        self, test: Loaded[UnitTest], node: GroupNode | ViewNode, given: Given, place: Location,
        found: dict[str, list[Fixture]],
    ) -> None:  # fmt: skip
        """What stands of the group itself."""
        if _THIS in found:
            self._refuse("the rows of `this` are given twice", test.locate((*place, "this")), "put them together")
            return
        _columns, sql = self._rows(test, given, place, _types(node), f"column of {node.relation}", whole=True)
        found[_THIS] = [Fixture(relation=this_relation(node.relation), sql=sql)]

    def _inputs(self, node: GroupNode | ViewNode) -> dict[str, list[GroupNode]]:
        """What rows are given of. Windows that a view reads are computed, of rows of what they aggregate."""
        found: dict[str, list[GroupNode]] = {}
        for parent in node.depends_on:
            computed = self._computed_of(parent) if isinstance(node, ViewNode) else []
            groups = found.setdefault(computed[0].depends_on[0] if computed else parent, [])
            groups += [group for group in computed if group not in groups]
        return found

    def _computed_of(self, node_id: str) -> list[GroupNode]:
        """A group of windows, after those that it aggregates; nothing for any other node."""
        read = self.nodes.get(node_id)
        if not isinstance(read, GroupNode) or read.aggregate is None:
            return []
        return [*self._computed_of(read.depends_on[0]), read]

    def _rows(
        self,
        test: Loaded[UnitTest],
        said: Rows,
        place: Location,
        types: Mapping[str, str],
        what: str,
        *,
        whole: bool = False,
    ) -> tuple[tuple[str, ...], str]:
        """Columns (all of them if `whole`, else those that are named) and the rows as SQL."""
        key = next(form for form in ("rows", "csv", "file") if getattr(said, form) is not None)
        text = self._text(test, said, (*place, key))
        rows = said.rows if said.rows is not None else _read_csv(text, types)
        named = dict.fromkeys(name for row in rows for name in row)
        if key != "rows":
            named = dict.fromkeys(_header(text))
        for name in named:
            if name not in types:
                at = next((i for i, row in enumerate(rows) if name in row), 0)
                span = test.locate((*place, key, at, name) if key == "rows" else (*place, key), key=key == "rows")
                hint = did_you_mean(name, types) or f"there is {', '.join(types)}"
                self._refuse(f"'{name}' is no {what}", span, hint)
        columns = tuple(n for n in types if whole or n in named)
        lines: list[str] = []
        for index, row in enumerate(rows):
            for name, value in row.items():
                if name in types and not _fits(value, types[name]):
                    span = test.locate((*place, key, index, name) if key == "rows" else (*place, key))
                    hint = f"a value is of the column's type, {types[name]}; dates, times and texts stand in quotes"
                    self._refuse(f"{written(value)} is no value for '{name}' of type {types[name]}", span, hint)
            lines.append("select " + ", ".join(_typed(row.get(n), types[n], n) for n in columns))
        empty = "select " + ", ".join(_typed(None, types[n], n) for n in columns) + " where false"
        return columns, "\nunion all\n".join(lines) or empty

    def _text(self, test: Loaded[UnitTest], said: Rows, place: Location) -> str:
        """The rows as csv; E440 where there is no such file."""
        if said.file is None:
            return said.csv or ""
        known = self.other_vars.loaded.fixtures
        text = known.get(beside(test.path, said.file))
        if text is None:
            hint = "a csv file in UTF-8, inside the project; the path is relative to the folder of this file"
            self._refuse(f"there is no file '{said.file}' that can be read", test.locate(place), hint)
        return text or ""

    def _refuse(self, message: str, span: Span, hint: str) -> None:
        self.collector.error("E440", message, span, hint)


def _computed(groups: Sequence[GroupNode]) -> Iterator[Fixture]:
    """Rows of windows, over relations that are given."""
    for group in groups:
        yield Fixture(relation=stored_relation(group), sql=stored_sql(group))
        yield Fixture(relation=group.relation, sql=group.sql)


def _types(node: Node) -> dict[str, str]:
    if isinstance(node, GroupNode):
        return {f.name: f.type for f in node.features}
    return {c.name: c.type for c in node.columns} if isinstance(node, SourceNode | ViewNode) else {}


def _fits(value: Any, type_name: str) -> bool:
    if value is None:
        return True
    if isinstance(value, list):
        return type_name.endswith("]") and all(_fits(item, type_name.rpartition("[")[0]) for item in value)
    if isinstance(value, dict):
        return type_name.startswith(("STRUCT(", "JSON"))
    return suits(value, type_name) or (isinstance(value, str) and not _is_plain(type_name))


def _is_plain(type_name: str) -> bool:
    """A type whose values can be told from others without the engine."""
    return is_numeric(type_name) or is_temporal(type_name) or type_name == "BOOLEAN"


def _typed(value: Any, type_name: str, name: str) -> str:
    return f"cast({_literal(value)} as {type_name}) as {identifier(name)}"


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(str(k))}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    return literal(value)


def _header(text: str) -> list[str]:
    return next(csv.reader(io.StringIO(text.strip())), [])


def _read_csv(text: str, types: Mapping[str, str]) -> Sequence[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(text.strip()), restkey="", restval="")
    return [{name: _value(cell, types.get(name, "VARCHAR")) for name, cell in row.items() if name} for row in rows]


def _value(cell: str, type_name: str) -> Any:
    """What a cell means for a column of this type; left as text where it means nothing."""
    text = cell.strip()
    if not text:
        return None
    if type_name == "BOOLEAN":
        return _BOOLEANS.get(text.lower(), text)
    try:
        if is_integer(type_name):
            return int(text)
        if is_float(type_name) or is_numeric(type_name):
            return float(text)
    except ValueError:
        return text
    return text
