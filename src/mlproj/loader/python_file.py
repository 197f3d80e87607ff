"""Functions in transformations/*.py, read from their text: nothing of it runs before a build needs it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final

from pydantic import ValidationError

from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader.loaded import Loaded, Location
from mlproj.specs import PythonTransformation

_DECORATOR: Final = "transformation"
_SETTINGS: Final = ("takes", "returns", "statistics")
_TYPES: Final = {"int": "BIGINT", "float": "DOUBLE", "str": "VARCHAR", "bool": "BOOLEAN"}


class _Wrong(Exception):
    """What is wrong with a function, where, and what to write."""

    def __init__(self, node: Any, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.node, self.message, self.hint = node, message, hint


def python_transformations(path: str, text: str, collector: Collector) -> list[Loaded[PythonTransformation]]:
    """Every function under the decorator `transformation`; E426 for what cannot be read."""
    try:
        tree = ast.parse(text, path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 1) or 1
        said = getattr(error, "msg", str(error))
        collector.error("E426", f"this is no Python: {said}", Span(path, line, getattr(error, "offset", 1) or 1))
        return []
    found = []
    for node in tree.body:
        decorator = _decorator(node)
        if decorator is None or not isinstance(node, ast.FunctionDef):
            continue
        try:
            found.append(_function(path, text, tree, node, decorator))
        except _Wrong as wrong:
            collector.error("E426", f"{node.name}: {wrong.message}", _span(path, wrong.node), wrong.hint)
    return found


def _decorator(node: ast.stmt) -> ast.expr | None:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return None
    for decorator in node.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
        if name == _DECORATOR:
            return decorator
    return None


def _function(
    path: str, text: str, tree: ast.Module, node: ast.FunctionDef, decorator: ast.expr
) -> Loaded[PythonTransformation]:
    settings = dict(_settings(decorator))
    statistics = settings.get("statistics") or {}
    arguments = _arguments(node, statistics)
    data = {
        "name": node.name,
        "description": (ast.get_docstring(node) or "").partition("\n")[0],
        **{name: value for name, value in settings.items() if value is not None},
        "args": {name: argument for name, (_place, argument) in arguments.items()},
        "code": code_of(node, tree),
    }
    try:
        spec = PythonTransformation.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise _Wrong(decorator, f"{where}: {first['msg'].lower()}") from error
    places = {name: _span(path, place) for name, (place, _argument) in arguments.items()}

    def locate(location: Location = (), *, key: bool = False) -> Span:  # noqa: ARG001  (as of a file of YAML)
        if location[:1] == ("args",) and len(location) > 1:
            return places.get(str(location[1]), _span(path, node))
        return _span(path, decorator if location[:1] in {(s,) for s in _SETTINGS} else node)

    lines = "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])
    return Loaded(spec, path, lines, locate, (node.lineno - 1, node.col_offset))


def _settings(decorator: ast.expr) -> Iterator[tuple[str, Any]]:
    if not isinstance(decorator, ast.Call):
        return
    if decorator.args:
        raise _Wrong(decorator.args[0], "the decorator takes keywords alone", f"it takes {', '.join(_SETTINGS)}")
    for keyword in decorator.keywords:
        if keyword.arg not in _SETTINGS:
            hint = did_you_mean(keyword.arg or "", _SETTINGS) or f"it takes {', '.join(_SETTINGS)}"
            raise _Wrong(keyword.value, f"unknown setting '{keyword.arg or '**'}' of the decorator", hint)
        try:
            yield keyword.arg, ast.literal_eval(keyword.value)
        except ValueError:
            message = f"{keyword.arg} has to be written out: the file is read, and not run"
            raise _Wrong(keyword.value, message, "write a text, or {'name': 'min(x)'}") from None


def _arguments(node: ast.FunctionDef, statistics: Any) -> dict[str, tuple[ast.arg, dict[str, Any]]]:
    """The parameters that are neither the values nor a statistic: type by annotation, and default."""
    if node.args.vararg or node.args.kwarg:
        raise _Wrong(node.args.vararg or node.args.kwarg, "a transformation names its parameters", "leave out * and **")
    positional = [*node.args.posonlyargs, *node.args.args]
    if not positional:
        raise _Wrong(node, "the first parameter takes the values", f"def {node.name}(x): …")
    defaults: dict[str, ast.expr | None] = dict.fromkeys((p.arg for p in positional), None)
    defaults |= dict(zip([p.arg for p in reversed(positional)], reversed(node.args.defaults), strict=False))
    defaults |= {p.arg: d for p, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)}
    parameters = {p.arg: p for p in [*positional[1:], *node.args.kwonlyargs]}
    missing = [name for name in statistics if name not in parameters]
    if missing:
        raise _Wrong(node, f"the statistic '{missing[0]}' is no parameter", f"def {node.name}(x, {missing[0]}): …")
    return {
        name: (parameter, _argument(parameter, defaults[name]))
        for name, parameter in parameters.items()
        if name not in statistics
    }


def _argument(parameter: ast.arg, default: ast.expr | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if parameter.annotation is not None:
        found["type"] = _TYPES.get(ast.unparse(parameter.annotation))
    if default is not None:
        try:
            found["default"] = ast.literal_eval(default)
        except ValueError:
            message = f"the default of '{parameter.arg}' has to be written out: the file is read, and not run"
            raise _Wrong(default, message) from None
    if not any(value is not None for value in found.values()):
        hint = f"write {parameter.arg}: float, or int, str or bool; or name it under `statistics`"
        raise _Wrong(parameter, f"the argument '{parameter.arg}' needs a type or a default", hint)
    return found


def code_of(node: ast.FunctionDef, tree: ast.Module) -> str:
    """The function and what it uses of its file, in order, without comments, layout, annotations and docstrings."""
    binding: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for name in _bound(statement):
            binding.setdefault(name, []).append(statement)
    needed: dict[ast.stmt, None] = {node: None}
    waiting = [node.name, *_used(node)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for statement in binding.get(name, []):
            if statement not in needed:
                needed[statement] = None
                waiting += _used(statement)
    for statement in needed:
        if isinstance(statement, ast.ImportFrom) and statement.level:
            raise _Wrong(statement, "it imports another file of the project, whose changes nobody would see",
                         "put what it needs into this file")  # fmt: skip
    kept = [statement for statement in tree.body if statement in needed or _acts(statement)]
    return "\n".join(_bare(statement, called=statement is node) for statement in kept)


def _acts(statement: ast.stmt) -> bool:
    """A statement that binds nothing, but does something; a text alone does not."""
    return isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant)


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement of the file gives something to."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    stored = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    inner = [part for part in ast.walk(statement) if isinstance(part, ast.stmt) and part is not statement]
    return stored.union(*(_bound(part) for part in inner))


def _used(statement: ast.stmt) -> list[str]:
    return sorted({n.id for n in ast.walk(statement) if isinstance(n, ast.Name)} - {_DECORATOR})


def _bare(statement: ast.stmt, *, called: bool) -> str:
    """Its text. Of the function that is `called` defaults say nothing: every argument is given."""
    bare = ast.parse(ast.unparse(statement))
    if called and isinstance(bare.body[0], ast.FunctionDef):
        bare.body[0].args.defaults, bare.body[0].args.kw_defaults = [], [None for _ in bare.body[0].args.kwonlyargs]
    for part in ast.walk(bare):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if part.body and ast.get_docstring(part) is not None:
                part.body = part.body[1:] or [ast.Pass()]
            part.decorator_list = [d for d in part.decorator_list if not _is_ours(d)]
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            part.returns = None
        if isinstance(part, ast.arg):
            part.annotation = None
    return ast.unparse(bare)


def _is_ours(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")) == _DECORATOR


def _span(path: str, node: Any) -> Span:
    return Span(path, node.lineno, node.col_offset + 1)
