"""A project's own transformation functions: checked where they are declared, and for each type they are used on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlproj.compiler.bind_errors import bind_hint
from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.expression import expression_meaning, is_one_value, row_of
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import Note
from mlproj.compiler.notes import warn
from mlproj.compiler.text import identifier
from mlproj.compiler.transformations.chain import FUNCTIONS, Unfit
from mlproj.compiler.transformations.function import Argument, Function
from mlproj.compiler.transformations.own_function import (
    is_storable,
    out_of_place,
    substituted,
    typed,
    without_infinite,
)
from mlproj.compiler.types import is_float, is_integer, is_numeric, suits, unknown_type_hint
from mlproj.diagnostics import Collector
from mlproj.loader import Loaded
from mlproj.ports import BindError
from mlproj.specs import OwnTransformation, PythonTransformation, TransformationArgument
from mlproj.state import Column, OwnFunction

_Place = tuple[str, ...]
_Declared = Loaded[OwnTransformation] | Loaded[PythonTransformation]
# What a function in Python may take and make: as arrays of numpy, or of objects.
_TAKES, _RETURNS = ("DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"), ("DOUBLE", "BIGINT", "VARCHAR", "BOOLEAN")
# A function that takes none of these takes nothing that a feature could be.
_TRIED = ("DOUBLE", "BIGINT", "VARCHAR", "DATE", "TIMESTAMP", "BOOLEAN")
_WRITTEN: dict[str, tuple[type, ...]] = {"BOOLEAN": (bool,), "VARCHAR": (str,)}


class OwnFunctions:
    """The functions that a project declares, by name; what is wrong with a declaration is E425."""

    def __init__(self, declared: Sequence[_Declared], checker: TypeChecker, collector: Collector) -> None:
        self._checker, self._collector = checker, collector
        self._declared: dict[str, _Declared] = {}
        self._types: dict[str, dict[str, str]] = {}
        self._failed: set[str] = set()
        for found in declared:
            self._declared[found.spec.name] = found
            if not self._declares(found) or not self._takes_something(found):
                self._failed.add(found.spec.name)

    @property
    def names(self) -> list[str]:
        return list(self._declared)

    def failed(self, name: str) -> bool:
        """Whether enough was said of the function where it is declared."""
        return name in self._failed

    def signature(self, name: str) -> Function | None:
        """Its name and arguments, to check those that a view gives; None where there is no such function."""
        if name not in self._declared:
            return None
        spec, types = self._declared[name].spec, self._types.get(name, {})
        arguments = {
            n: Argument(_python_types(types.get(n, "")), a.default, required=a.default is None)
            for n, a in spec.args.items()
        }
        return Function(
            name=name,
            accepts=lambda _type: True,
            wants="",
            output=lambda type_name, _args: type_name,
            apply=lambda _x, _args, _s: [],
            evaluate=lambda _type, _args, _s: lambda value: value,
            arguments=arguments,
            check=lambda _type, args: self._unsuitable(name, args),
        )

    def used_on(self, name: str, type_name: str, args: Mapping[str, Any]) -> OwnFunction:
        """The function for a type, with arguments. Raises `Unfit`."""
        found = self._declared[name]
        own, notes = self._bound(found, type_name, args)
        for key, note in notes:
            warn(note, found.locate(key), f"transformation:{name}", self._collector)
        return own

    def _unsuitable(self, name: str, args: Mapping[str, Any]) -> str | None:
        for argument, value in args.items():
            type_name = self._types[name][argument]
            if not _suits(value, type_name):
                return f"{name}: {argument} cannot be {value!r}, which is no {type_name}"
        return None

    # ------------------------------------------------------------------------------------------------- declarations

    def _declares(self, found: _Declared) -> bool:
        spec, said = found.spec, len(self._collector)
        if spec.name in FUNCTIONS:
            self._error(found, "there is a built-in one of this name", "give yours another name", ("name",))
        for key, names in (("args", spec.args), ("statistics", spec.statistics)):
            for name in names:
                if name.casefold() == "x":
                    self._error(found, "'x' is the feature itself", "give it another name", (key, name), key=True)
                elif key == "statistics" and name.casefold() in {n.casefold() for n in spec.args}:
                    self._error(found, f"'{name}' is an argument too", "give one another name", (key, name), key=True)
        if isinstance(spec, PythonTransformation):
            for key, type_name, known in (("takes", spec.takes, _TAKES), ("returns", spec.returns, _RETURNS)):
                if type_name not in known:
                    self._error(found, f"{key} cannot be '{type_name}'", f"{key} is one of {', '.join(known)}", (key,))
        self._types[spec.name] = {name: self._argument(found, name, a) for name, a in spec.args.items()}
        return len(self._collector) == said

    def _argument(self, found: _Declared, name: str, argument: TransformationArgument) -> str:
        """The type of an argument: as declared, or its default's."""
        if argument.type is None:
            return _type_of(argument.default)
        try:
            type_name = self._checker.normalise_type(argument.type)
        except BindError:
            hint = f"{unknown_type_hint(argument.type)}; a text as default is {{type: VARCHAR, default: …}}"
            self._error(found, f"unknown type '{argument.type}'", hint, ("args", name))
            return "VARCHAR"
        if argument.default is not None and not _suits(argument.default, type_name):
            self._error(found, f"the default of '{name}' is no {type_name}", None, ("args", name))
        return type_name

    def _takes_something(self, found: _Declared) -> bool:
        """Whether the SQL binds for any type that features have; else what is said of the first is said."""
        spec = found.spec
        texts: list[tuple[_Place, str]] = [(("statistics", name), sql) for name, sql in spec.statistics.items()]
        texts += [(("sql",), spec.sql)] if isinstance(spec, OwnTransformation) else []
        for key, sql in texts:
            if problem := out_of_place(sql):
                self._error(found, f"{_shown(key)} {problem}", "it is SQL over x, args and statistics alone", key)
                return False
        args = {name: _example(self._types[spec.name][name], a.default) for name, a in spec.args.items()}
        first: Unfit | None = None
        for type_name in _TRIED if isinstance(spec, OwnTransformation) else (spec.takes,):
            try:
                self._bound(found, type_name, args)
            except Unfit as problem:
                first = first or problem
            else:
                return True
        assert first is not None
        self._error(found, first.message, first.hint, first.key)
        return False

    def _error(self, found: Loaded[Any], message: str, hint: str | None, place: _Place, *, key: bool = False) -> None:
        where = found.locate(place, key=key)
        self._collector.error("E425", f"transformation '{found.spec.name}': {message}", where, hint)

    # ---------------------------------------------------------------------------------------------------- for a type

    def _bound(
        self, found: _Declared, type_name: str, args: Mapping[str, Any]
    ) -> tuple[OwnFunction, list[tuple[_Place, Note]]]:
        spec = found.spec
        given = {name: typed(args[name], self._types[spec.name][name]) for name in spec.args}
        takes = type_name if isinstance(spec, OwnTransformation) else _taken(spec, type_name)
        x = Column(name="x", type=takes)
        statistics = {name: substituted(sql, given) for name, sql in spec.statistics.items()}
        types: dict[str, str] = {}
        learnt: dict[str, Column] = {}
        notes: list[tuple[_Place, Note]] = []
        for name, sql in statistics.items():
            key: _Place = ("statistics", name)
            types[name] = self._aggregate(sql, takes, key)
            meaning = expression_meaning(sql, {"x": x}, self._checker)
            learnt[name] = Column(name=f"statistic {meaning.fingerprint}", type=types[name])
            notes += [(key, note) for note in meaning.notes]
        own = OwnFunction(fingerprint="", takes=takes, returns="", statistics=statistics, types=types)
        if isinstance(spec, PythonTransformation):
            return _python(own, found.path, spec, args, {n: c.name for n, c in learnt.items()}), notes
        sql = substituted(spec.sql, given)
        returns = self._row_wise(sql, [x, *(Column(name=n, type=t) for n, t in types.items())])
        meaning = expression_meaning(sql, {"x": x, **learnt}, self._checker)
        notes += [(("sql",), note) for note in meaning.notes]
        whole = fingerprint("own", takes, returns, meaning.fingerprint, sorted(c.name for c in learnt.values()))
        return own.model_copy(update={"fingerprint": whole, "returns": returns, "sql": sql}), notes

    def _aggregate(self, sql: str, type_name: str, key: _Place) -> str:
        x = without_infinite('"x"', type_name)
        rows = row_of([Column(name="x", type=type_name)])
        (kind,) = self._describe(f"select\n{sql}\n{rows}", key)
        inside = substituted(sql, {"x": f"({x})"})
        self._describe(f"select (\n{inside}\n) as value, count(*) as n {rows}", key, "is no aggregate over x")
        if not is_storable(kind):
            raise Unfit(f"a statistic of type {kind} cannot be kept", "a number, text, time, or a list of these", key)
        return kind

    def _row_wise(self, sql: str, columns: Sequence[Column]) -> str:
        key, rows = ("sql",), row_of(columns)
        (kind,) = self._describe(f"select\n{sql}\n{rows}", key)
        inside = substituted(sql, {c.name: f"({identifier(c.name)})" for c in columns})
        self._describe(is_one_value(inside, columns), key, "is no value of one row")
        if not (is_integer(kind) or is_storable(kind)) or kind.endswith("[]"):
            raise Unfit(f"it makes {kind}, which is no feature", "cast it: (…)::DOUBLE", key)
        return kind

    def _describe(self, sql: str, key: _Place, other: str = "") -> list[str]:
        """The types of a query's columns. Raises `Unfit`, with what is wrong of itself as `other`."""
        try:
            columns = self._checker.describe(sql, [])
        except BindError as error:
            said = f"{_shown(key)} {other}" if other else f"{_shown(key)}: {error.message}"
            raise Unfit(said, bind_hint(error, {}) or "it is SQL over x, args and statistics", key) from error
        if not other and len(columns) != 1:
            raise Unfit(f"{_shown(key)} is one value, and not {len(columns)}", None, key)
        return [column.type for column in columns]


def _taken(spec: PythonTransformation, type_name: str) -> str:
    """Numbers of all types are taken as DOUBLE. Raises `Unfit`."""
    if type_name != spec.takes and not (spec.takes == "DOUBLE" and is_numeric(type_name)):
        raise Unfit(f"it takes {spec.takes}", "cast the feature in its group", ("takes",))
    return spec.takes


def _python(
    own: OwnFunction, path: str, spec: PythonTransformation, args: Mapping[str, Any], learnt: Mapping[str, str]
) -> OwnFunction:
    """What it computes is its code, whatever it is called."""
    code = fingerprint("code", spec.code)
    whole = fingerprint("own python", own.takes, spec.returns, code, args, learnt)
    return own.model_copy(
        update={
            "kind": "python", "fingerprint": whole, "returns": spec.returns, "path": path, "function": spec.name,
            "code": code,
        }
    )  # fmt: skip


def _shown(key: _Place) -> str:
    return ".".join(key)


def _suits(value: Any, type_name: str) -> bool:
    """A whole number stands for one with a fraction too."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return suits(float(value) if whole and is_float(type_name) else value, type_name)


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT"
    return "DOUBLE" if isinstance(value, float) else "VARCHAR"


def _python_types(type_name: str) -> tuple[type, ...]:
    """What YAML may give for an argument of this type."""
    return _WRITTEN.get(type_name) or ((int,) if is_integer(type_name) else (int, float, str))


def _example(type_name: str, default: Any) -> Any:
    """A value of the type, to look at a function before anybody has given its arguments."""
    if default is not None:
        return default
    return {"BOOLEAN": True, "VARCHAR": "", "DATE": "2000-01-01", "TIMESTAMP": "2000-01-01", "TIME": "00:00"}.get(
        type_name, 1
    )
