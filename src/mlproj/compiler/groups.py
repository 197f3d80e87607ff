"""Feature groups: rendered SQL against the declared contract."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mlproj.compiler.about import about, equivalence
from mlproj.compiler.bind_errors import bind_hint, bind_position, column_place, word_hint
from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.data_tests import TestCompiler
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.increments import (
    check_increment, increment_of, joined, lasting, other_columns, this_relation, uses_of, without_deleted,
)  # fmt: skip
from mlproj.compiler.meaning import QueryMeaning, deep_group, shape_of, with_meaning
from mlproj.compiler.notes import warn
from mlproj.compiler.personal import personal_features
from mlproj.compiler.render import Rendered, SqlRenderer
from mlproj.compiler.resolve import Names
from mlproj.compiler.text import identifier, one_statement, written
from mlproj.compiler.types import is_huge, is_moment, suits, unknown_type_hint, why_not_storable
from mlproj.compiler.windows import WindowedGroup
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader import Loaded
from mlproj.ports import BindError
from mlproj.specs import FeatureGroup, FeatureSpec
from mlproj.state import Column, CompiledTest, Feature, Fingerprints, GroupNode, Increment

_NAME = re.compile(r"^[^\W\d]\w*$")


@dataclass(frozen=True)
class _Increments:
    """The query that gives the rows to add, and what it means; in it `this` is what stands."""

    sql: str
    meaning: QueryMeaning
    this: str = ""


@dataclass(frozen=True)
class GroupCompiler:
    """Compiles groups in dependency order; `deep_columns` are the deep fingerprints of all columns so far, by symbol.

    `relations` says how each source and group is written in SQL, by name; `current_version` pins names to versions;
    `marked` are the symbols of personal data.
    """

    checker: TypeChecker
    renderer: SqlRenderer
    deep_columns: Mapping[str, str]
    marked: Collection[str]
    memo: MutableMapping[str, Any]
    collector: Collector
    relations: Mapping[str, str]
    current_version: Mapping[str, int]
    names: Names

    def compile(
        self,
        group: Loaded[FeatureGroup],
        rendered: Rendered,
        sql_path: str,
        sql_text: str,
        windows: WindowedGroup | None = None,
    ) -> GroupNode | None:
        """The node, or None with diagnostics. Of `windows` the SQL is ours, and stands in no file."""
        spec = group.spec
        node = f"feature_group:{spec.name}@{spec.version}"
        sql = one_statement(rendered.sql)
        if windows is None:
            actual, meaning = self._bind(node, rendered, sql_path, sql_text, sql)
        else:
            actual, meaning = windows.columns, windows.meaning
        if actual is None or meaning is None:
            return None
        place = windows.place if windows else partial(column_place, sql_path, sql_text)
        self._check_names(actual, place, node)
        features = self._contract(group, actual, place, node)
        features = windows.described(features) if windows else features
        self._check_keys(group, {f.name: f.type for f in features}, node)
        check_increment(group, {f.name: f.type for f in features}, node, self.collector)
        increments = self._increments(node, rendered, sql_path, sql_text, actual, features)
        self._check_view(group, rendered, node)
        types = {f.name: f.type for f in features}
        asked = TestCompiler(group, types, node, self.checker, self.renderer, self.collector)
        tests = tuple(asked.compile(self.names))
        if node in self.collector.poisoned:
            return None
        sql = _with_casts(sql, actual, features)
        both = _Increments(sql, meaning) if increments is None else increments
        found = self._node(group, node, rendered, sql_path, sql_text, sql, features, meaning, both, tests)
        return found if windows is None else windows.completed(found)

    def _check_view(self, group: Loaded[FeatureGroup], rendered: Rendered, node: str) -> None:
        """E421: what everybody reads through a view has to be pinned, and no secret."""
        if group.spec.materialized != "view":
            return
        place, name = group.locate(("materialized",)), group.spec.name
        if any(parent.startswith("source:") for parent in rendered.parents):
            message = f"'{name}' is a view over a source, whose rows nothing pins"
            hint = "read groups with ref(), or use `materialized: table`"
            self.collector.error("E421", message, place, hint, node)
        elif rendered.sql != rendered.private_sql:
            message = f"'{name}' is a view with a value of the environment in its text, which everybody could read"
            hint = "use var() for what is no secret, or `materialized: table`"
            self.collector.error("E421", message, place, hint, node)

    def _bind(
        self, node: str, rendered: Rendered, sql_path: str, sql_text: str, sql: str, this: str | None = None
    ) -> tuple[tuple[Column, ...] | None, QueryMeaning | None]:
        """With `this`, a relation that the checker knows by its own name, it is the SQL of increments."""
        parents = (*rendered.parents, *([this] if this else []))
        try:
            # Not cut at its end: only one statement with nothing but comments behind it may be cut.
            columns = self.checker.describe(rendered.private_sql, parents)
        except BindError as error:
            self._bind_error(error, rendered, node, sql_path, sql_text, this)
            return None, None
        meaning = self._meaning(parents, sql, columns)
        before = len(rendered.sql) - len(rendered.sql.lstrip())
        for note in meaning.notes:
            position = None if note.position is None else note.position + before
            warn(note, self._place(sql_path, sql_text, position, this), node, self.collector)
        return columns, meaning

    def _increments(
        self,
        node: str,
        rendered: Rendered,
        sql_path: str,
        sql_text: str,
        actual: Sequence[Column],
        features: Sequence[Feature],
    ) -> _Increments | None:
        """The query of the increments, where it is another one: it has to give the same columns."""
        if rendered.increment is None or node in self.collector.poisoned:
            return None
        this = this_relation(node.partition(":")[2])
        self.checker.declare(this, this, [Column(name=f.name, type=f.type) for f in features])
        sql = one_statement(rendered.increment.sql)
        columns, meaning = self._bind(node, rendered.increment, sql_path, sql_text, sql, this)
        if columns is None or meaning is None:
            return None
        other = other_columns(actual, columns)
        if other:
            hint = "both have to give the same columns, of the same types"
            self.collector.error("E435", f"where is_incremental() is true, {other}", Span(sql_path), hint, node)
        return _Increments(_with_casts(sql, columns, features), meaning, this) if other is None else None

    def _place(self, sql_path: str, sql_text: str, position: int | None, this: str | None) -> Span:
        """The place in the user's file of a character of the public SQL."""
        if position is None:
            return Span(sql_path)
        return self.renderer.locate(sql_path, sql_text, position, public=True, this=this)

    def _meaning(self, parents: Sequence[str], sql: str, columns: tuple[Column, ...]) -> QueryMeaning:
        key = fingerprint("meaning", self.checker.key(sql, parents))
        if key not in self.memo:
            from mlproj.compiler.semantics import FunctionNames, query_meaning

            functions = FunctionNames(*(self.checker.functions(kind) for kind in FunctionNames.kinds))
            found = query_meaning(sql, self.checker.relations(parents), functions, columns)
            self.memo[key] = found.model_dump(mode="json")
        return QueryMeaning.model_validate(self.memo[key])

    def _bind_error(
        self, error: BindError, rendered: Rendered, node: str, sql_path: str, sql_text: str, this: str | None
    ) -> None:
        span, position = Span(sql_path), bind_position(error, rendered.private_sql)
        if position is not None:
            span = self.renderer.locate(sql_path, sql_text, position, this=this)
        hint = bind_hint(error, self.relations) or word_hint(error, rendered.private_sql)
        if hint is None:
            hint = "SQL is read in DuckDB's dialect" if error.syntax else "see docs/errors.md#e402"
        code, message = "E401" if error.syntax else "E402", self.renderer.hide(error.message, rendered.sql)
        self.collector.error(code, message, span, hint, node)

    def _check_names(self, actual: Sequence[Column], place: Callable[[str], Span], node: str) -> None:
        counts = Counter(column.name.casefold() for column in actual)
        twice = [c.name for i, c in enumerate(actual) if c.name.casefold() in {a.name.casefold() for a in actual[:i]}]
        if twice:
            several = f"columns of the same name: {', '.join(twice)}"
            message = f"{counts[twice[0].casefold()]} columns are called '{twice[0]}'" if len(twice) == 1 else several
            hint = "name each once, with `as` where needed; SQL does not tell capitals apart"
            self.collector.error("E406", message, place(twice[0]), hint, node)
        for column in actual:
            if not _NAME.match(column.name):
                self._unusable_name(column.name, place(column.name), node)

    def _unusable_name(self, name: str, place: Span, node: str) -> None:
        message, hint = f"a column has no name: {name}", "give it one with `as`"
        if "(" not in name and name.strip():
            new = re.sub(r"\W+", "_", name).strip("_")
            new = new if _NAME.match(new) else f"feature_{new}"
            message = f"a feature's name has letters, digits and underscores, unlike '{name}'"
            hint = f"rename it: {identifier(name)} as {new}"
        self.collector.error("E418", message, place, hint, node)

    def _contract(
        self, group: Loaded[FeatureGroup], actual: Sequence[Column], place: Callable[[str], Span], node: str
    ) -> tuple[Feature, ...]:
        """Features in contract order: as declared, then those that the YAML leaves out, as inferred."""
        columns = {c.name: c.type for c in actual}
        features: list[Feature] = []
        for index, declared in enumerate(group.spec.features):
            if declared.name in {f.name for f in features}:
                message, span = (
                    f"feature '{declared.name}' is declared twice",
                    group.locate(("features", index, "name")),
                )
                self.collector.error("E303", message, span, "keep one of them", node)
            elif declared.name not in columns:
                self.collector.error(
                    "E403",
                    f"feature '{declared.name}' is declared, but {_giver(group)} does not give it",
                    group.locate(("features", index, "name")),
                    did_you_mean(declared.name, columns) or f"{_giver(group)} gives {', '.join(columns)}",
                    node,
                )
            else:
                feature = self._declared_feature(group, index, declared, columns[declared.name], node)
                features.append(feature)
        listed = {f.name for f in group.spec.features}
        for name, type_name in columns.items():
            if name not in listed:
                self._check_storable(name, type_name, partial(place, name), node)
                features.append(
                    Feature(
                        name=name,
                        type=type_name,
                        nullable=_nullable(group.spec, name, None),
                        declared=False,
                        span=group.locate(("features",)),
                    )
                )
        return tuple(features)

    def _declared_feature(
        self, group: Loaded[FeatureGroup], index: int, spec: FeatureSpec, actual: str, node: str
    ) -> Feature:
        place = ("features", index)
        wanted = actual
        if spec.type is not None:
            wanted = self._type_name(spec.type, lambda: group.locate((*place, "type")), node) or actual
        if wanted != actual and not (
            is_huge(actual) and why_not_storable(wanted) is None and wanted.startswith(("BIGINT", "DECIMAL"))
        ):
            self.collector.error(
                "E404",
                f"feature '{spec.name}' is declared {wanted}, but {_giver(group)} gives {actual}",
                group.locate((*place, "type")),
                ("" if group.spec.aggregate else f"cast in the SQL: {spec.name}::{wanted}, or ")
                + f"write `type: {'BIGINT' if is_huge(actual) else actual}`",
                node,
            )
        self._check_storable(spec.name, wanted, lambda: group.locate((*place, "name")), node)
        if spec.default is not None and not suits(spec.default, wanted):
            self.collector.error(
                "E420",
                f"the default {written(spec.default)} of '{spec.name}' is not of type {wanted}",
                group.locate((*place, "default")),
                "write a value of the feature's own type",
                node,
            )
        return Feature(
            name=spec.name,
            type=wanted,
            nullable=_nullable(group.spec, spec.name, spec.nullable),
            description=spec.description,
            default=spec.default,
            renamed_from=spec.renamed_from,
            equivalent=equivalence(spec.equivalent, partial(group.locate, (*place, "equivalent", "of"))),
            tags=tuple(spec.tags),
            span=group.locate(place),
        )

    def _type_name(self, text: str, span: Callable[[], Span], node: str) -> str | None:
        try:
            return self.checker.normalise_type(text)
        except BindError:
            self.collector.error("E413", f"unknown type '{text}'", span(), unknown_type_hint(text), node)
            return None

    def _check_storable(self, name: str, type_name: str, span: Callable[[], Span], node: str) -> None:
        problem = why_not_storable(type_name)
        if problem:
            self.collector.error("E405", f"'{name}' has type {type_name}, which {problem[0]}", span(), problem[1], node)

    def _check_keys(self, group: Loaded[FeatureGroup], types: dict[str, str], node: str) -> None:
        spec = group.spec
        named: list[tuple[tuple[str | int, ...], str]] = [
            (("primary_key", i), n) for i, n in enumerate(spec.primary_key)
        ]
        named += [(("partition_by", i), n) for i, n in enumerate(spec.partition_by)]
        named += [((role,), name) for role in ("event_time", "created_time") if (name := getattr(spec, role))]
        for place, name in named:
            if name not in types:
                self.collector.error(
                    "E412",
                    f"{place[0]} '{name}' is no column of this group",
                    group.locate(place),
                    did_you_mean(name, types) or f"its columns are {', '.join(types)}",
                    node,
                )
            elif place[0] in ("event_time", "created_time") and not is_moment(types[name]):
                self.collector.error(
                    "E419",
                    f"{place[0]} '{name}' has type {types[name]}",
                    group.locate(place),
                    f"cast it in the SQL: {name}::TIMESTAMP or {name}::DATE",
                    node,
                )

    def _node(
        self,
        group: Loaded[FeatureGroup],
        node: str,
        rendered: Rendered,
        sql_path: str,
        sql_text: str,
        sql: str,
        features: tuple[Feature, ...],
        meaning: QueryMeaning,
        increments: _Increments,
        tests: tuple[Any, ...],
    ) -> GroupNode:
        spec = group.spec
        uses = uses_of(meaning, increments.meaning, increments.this)
        meaning = lasting(joined(meaning, increments.meaning, increments.this), spec)
        increment = increment_of(spec, meaning.columns, sql, increments.sql, increments.meaning.rows, uses)
        keys = [spec.primary_key, spec.event_time, spec.created_time, spec.partition_by, spec.materialized]
        shape = shape_of(meaning, self.deep_columns)
        features = with_meaning(features, meaning, shape, self.deep_columns)
        local = fingerprint("feature_group", shape.rows, sorted([f.name, f.computed, f.type] for f in features), keys)
        deep = deep_group(local, shape, features)
        current = self.current_version.get(spec.name) == spec.version
        pii = personal_features(group, features, self.marked, self.collector, node)
        metadata = _metadata(spec, features, tests, increment, pii, current=current)
        found = GroupNode(
            id=node,
            **about(group, sql=sql_text),
            depends_on=rendered.parents,
            fingerprints=Fingerprints(local=local, deep=deep, metadata=metadata),
            primary_key=tuple(spec.primary_key), event_time=spec.event_time, created_time=spec.created_time,
            partition_by=tuple(spec.partition_by), materialized=spec.materialized, increment=increment,
            online=spec.online, sql_path=sql_path, sql=without_deleted(sql, spec), features=features, shape=shape,
            tests=tests, deprecated_after=spec.deprecated_after, current=current, pii=pii,
            equivalent=equivalence(spec.equivalent, partial(group.locate, ("equivalent", "of"))),
        )  # fmt: skip
        return found.model_copy(update={"unique_key": True}) if found.counts_on_key else found


def _metadata(
    spec: FeatureGroup,
    features: Sequence[Feature],
    tests: Sequence[CompiledTest],
    increment: Increment | None,
    pii: Sequence[str],
    *,
    current: bool,
) -> str:
    """The fingerprint of all that decides no row; how rows are added is told by a rule of its own."""
    described = [[f.name, f.description, f.nullable, f.default, f.tags, f.declared] for f in features]
    tested = [[t.id, *t.terms] for t in tests]
    said = [spec.description, spec.owner, spec.tags, spec.online, spec.deprecated_after]
    kept_up = [] if increment is None else [increment.model_dump(mode="json", exclude={"sql", "whole", "uses"})]
    return fingerprint(
        "metadata", *said, described, tested, current, *kept_up, *([["pii", *sorted(pii)]] if pii else [])
    )


def _giver(group: Loaded[FeatureGroup]) -> str:
    """What gives a group's columns, as messages call it."""
    return "the SQL" if group.spec.aggregate is None else "the aggregate"


def _nullable(spec: FeatureGroup, name: str, declared: bool | None) -> bool:
    if declared is not None:
        return declared
    return name not in spec.primary_key and name != spec.event_time


def _with_casts(sql: str, actual: Sequence[Column], features: Sequence[Feature]) -> str:
    """The query, with the casts that the contract asks for around it; a value that does not fit is an error."""
    wanted = {f.name: f.type for f in features}
    if all(wanted[c.name] == c.type for c in actual):
        return sql
    columns = [
        identifier(c.name)
        if wanted[c.name] == c.type
        else f"{identifier(c.name)}::{wanted[c.name]} as {identifier(c.name)}"
        for c in actual
    ]
    return f"select {', '.join(columns)} from (\n{sql}\n) as q"
