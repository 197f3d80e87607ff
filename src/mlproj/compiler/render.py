"""Jinja → SQL: sandboxed, with `ref`, `source`, `var`, `env_var`, `is_incremental`, `this` and the project's macros.

References become quoted identifiers (`"income@1"`, `"source:census"`). A value of `env_var` becomes a placeholder in
the public text and stands only in the private one, which nothing writes down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment

from mlproj.compiler.jinja_errors import SEE, jinja_problem
from mlproj.compiler.source_map import offset_span
from mlproj.compiler.text import identifier
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader.environment import fill_environment, hide_environment, leaks, shown, tagged, variable_of

_LITERAL_CALL = re.compile(
    r"""\{\{\s*(?:ref\(\s*(['"])(?P<ref>\w+)\1\s*(?:,\s*(?:version\s*=\s*)?(?P<version>\d+)\s*)?\)"""
    r"""|source\(\s*(['"])(?P<source>\w+)\4\s*\))\s*\}\}"""
)


class RenderError(Exception):
    """A mistake found while rendering; the place is found from the traceback."""

    def __init__(self, code: str, message: str, hint: str | None = None, word: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.word = code, message, hint, word


@dataclass(frozen=True)
class Rendered:
    """`sql` is public (placeholders), `private_sql` what the engine is given.

    `parents` are node ids in order of use. `asks` where it depends on `is_incremental()`: what it is then where that is
    true stands in `increment`.
    """

    sql: str
    private_sql: str
    parents: tuple[str, ...]
    asks: bool = False
    increment: Rendered | None = None


@dataclass
class _Use:
    """What one rendering asked for."""

    parents: dict[str, None] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    asks: bool = False


@dataclass(frozen=True)
class _Incremental:
    """Whether rows are added to what stands, and what that is called in SQL: None where a group is not incremental."""

    now: bool = False
    this: str | None = None


class _This:
    """`{{ this }}`: it is looked up when it is printed."""

    def __init__(self, name: Callable[[], str]) -> None:
        self._name = name

    def __str__(self) -> str:
        return self._name()


class SqlRenderer:
    """Renders the SQL files of one project.

    `resolve_ref(name, version)` and `resolve_source(name)` give node ids, and raise `RenderError` where there is none.
    """

    def __init__(
        self,
        variables: Mapping[str, object],
        environment: Mapping[str, str],
        resolve_ref: Callable[[str, int | None], str],
        resolve_source: Callable[[str], str],
        env_defaults: Mapping[str, str] | None = None,
    ) -> None:
        self._variables, self._environment = variables, environment
        self._resolve_ref, self._resolve_source = resolve_ref, resolve_source
        self._use = _Use()
        self._increment: _Incremental | None = None
        self.env_defaults: dict[str, str] = dict(env_defaults or {})
        self._jinja = SandboxedEnvironment(
            undefined=StrictUndefined,
            finalize=shown,
            keep_trailing_newline=True,
            autoescape=False,
        )
        self._jinja.globals.update(ref=self._ref, source=self._source, var=self._var, env_var=self._env_var)
        self._jinja.globals.update(is_incremental=self._is_incremental, this=_This(self._this))
        self._macros: dict[str, Any] = {}
        self._texts: dict[str, str] = {}

    def add_macros(self, files: Mapping[str, str], collector: Collector) -> None:
        """Make the macros of macros/*.sql callable everywhere, from each other too."""
        parsed: dict[str, nodes.Template] = {}
        homes: dict[str, str] = {}
        for path, text in sorted(files.items()):
            self._texts[path] = text
            tree = self._parse(path, text, collector)
            if tree is None:
                continue
            parsed[path] = tree
            for macro in tree.find_all(nodes.Macro):
                taken = homes.get(macro.name) or ("mlproj itself" if macro.name in self._jinja.globals else None)
                if taken:
                    collector.error(
                        "E303",
                        f"macro '{macro.name}' is already defined in {taken}",
                        Span(path, macro.lineno),
                        "give one of them another name",
                    )
                homes[macro.name] = path
        for name in homes:
            self._jinja.globals.setdefault(name, lambda *a, _name=name, **k: self._macros[_name](*a, **k))
        for path, tree in parsed.items():
            try:
                module = self._template(path, tree).make_module()
            except (RenderError, TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
                self._report(error, path, collector, None)
                continue
            self._macros.update(
                {name: getattr(module, name) for name, home in homes.items() if home == path and hasattr(module, name)}
            )

    def render(self, path: str, text: str, node: str, collector: Collector, this: str | None = None) -> Rendered | None:
        """The SQL of one file, or None with diagnostics. `this` names what stands of an incremental group."""
        found = self._render(path, text, node, collector, _Incremental(this=this))
        if found is None or this is None or not found.asks:
            return found
        second = self._render(path, text, node, collector, _Incremental(now=True, this=this))
        if second is None:
            return None
        parents = tuple(dict.fromkeys((*found.parents, *second.parents)))
        return replace(found, parents=parents, increment=replace(second, parents=parents))

    def _render(
        self, path: str, text: str, node: str, collector: Collector, increment: _Incremental
    ) -> Rendered | None:
        self._use, self._increment = _Use(), increment
        self._texts[path] = text
        try:
            sql = self._render_plain(text)
            if sql is None:
                tree = self._parse(path, text, collector, node)
                if tree is None:
                    return None
                sql = self._template(path, tree).render()
        except (
            RenderError,
            TemplateError,
            TypeError,
            ValueError,
            ArithmeticError,
            LookupError,
            AttributeError,
            RecursionError,
        ) as error:
            self._report(error, path, collector, node)
            return None
        private = self.private(sql)
        for name, value in self._use.env.items():
            if leaks(value, sql):
                collector.error(
                    "E306",
                    f"the value of env_var '{name}' would show in compiled SQL",
                    self._span(path, self._line_of(path, name), name),
                    node=node,
                    hint=f"print it on its own, as {{{{ env_var('{name}') }}}}, without filters or arithmetic",
                )
        return Rendered(sql, private, tuple(self._use.parents), self._use.asks)

    def private(self, sql: str) -> str:
        """The text with placeholders replaced by the environment's values."""
        return fill_environment(sql, self._environment, self.env_defaults)

    def hide(self, message: str, sql: str) -> str:
        """What the engine says of a private text, without the values that `sql`, the public one, does not show."""
        return hide_environment(message, sql, self._environment, self.env_defaults)

    def locate(self, path: str, text: str, position: int, *, public: bool = False, this: str | None = None) -> Span:
        """The place in the user's file of a character of the private (or public) SQL. Renders once more.

        With `this` it is the SQL of an increment.
        """
        from mlproj.compiler.source_map import map_position, marked_template

        self._increment = _Incremental(now=this is not None, this=this)
        try:
            marked = self._jinja.from_string(marked_template(self._jinja, text)).render()
        except (RenderError, TemplateError):
            return Span(path)
        offset = map_position(marked if public else self.private(marked), position)
        return offset_span(path, text, offset)

    def place_of_ref(self, path: str, text: str, relation: str) -> Span:
        """Where a file reads the group `relation` (`income@1`): its `ref()`, or the file where a macro says it."""
        name, _, version = relation.partition("@")
        calls = [
            m
            for m in re.finditer(r"\bref\(\s*(['\"])(\w+)\1\s*(?:,\s*(?:version\s*=\s*)?(\d+))?", text)
            if m[2] == name
        ]
        found = next((m for m in calls if m[3] in (None, version)), None)
        return offset_span(path, text, found.start(2), len(name)) if found else Span(path)

    def _render_plain(self, text: str) -> str | None:
        """Files whose only Jinja is literal `ref` and `source` calls, which most are: ten times faster than Jinja."""
        parts: list[str] = []
        end = 0
        for match in _LITERAL_CALL.finditer(text):
            parts.append(text[end : match.start()])
            version = match["version"]
            parts.append(
                self._source(match["source"])
                if match["source"]
                else self._ref(match["ref"], int(version) if version else None)
            )
            end = match.end()
        parts.append(text[end:])
        rest = "".join(parts[::2])
        if "{{" in rest or "{%" in rest or "{#" in rest:
            self._use = _Use()
            return None
        return "".join(parts)

    def _parse(self, path: str, text: str, collector: Collector, node: str | None = None) -> nodes.Template | None:
        try:
            tree = self._jinja.parse(text, path, path)
        except TemplateSyntaxError as error:
            collector.error(
                "E306",
                f"bad Jinja: {error.message}",
                self._span(path, error.lineno, ""),
                SEE,
                node,
            )
            return None
        ok = True
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in ("ref", "source") and not _has_arguments(call):
                ok = False
                collector.error(
                    "E305",
                    f"the arguments of {call.node.name}() must be literals"
                    if not _is_literal(call)
                    else f"{call.node.name}() takes a name"
                    + (" and a version number" if call.node.name == "ref" else ", and nothing else"),
                    self._span(path, call.lineno, call.node.name),
                    "write {{ ref('name', version=1) }}"
                    if call.node.name == "ref"
                    else "write the name itself: {{ source('name') }}",
                    node,
                )
        return tree if ok else None

    def _template(self, path: str, tree: nodes.Template) -> Template:
        code = self._jinja.compile(tree, path, path)
        return Template.from_code(self._jinja, code, self._jinja.make_globals(None))

    def _report(self, error: Exception, path: str, collector: Collector, node: str | None) -> None:
        place, line, caller = path, 1, 0
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._texts:
                place, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
                caller = line if place == path else caller
            trace = trace.tb_next
        called_from = f" (called from {path}:{caller})" if place != path and caller else ""
        if isinstance(error, RenderError):
            if place == path and line == 1:
                line = self._line_of(path, error.word)
            span = self._span(place, line, error.word)
            collector.error(error.code, f"{error.message}{called_from}", span, error.hint, node)
            return
        text = str(error)
        for name, value in self._use.env.items():
            text = text.replace(value, f"env_var('{name}')") if value else text
        message, hint, word = jinja_problem(error, text, self._jinja.globals)
        collector.error("E306", f"bad Jinja: {message}{called_from}", self._span(place, line, word), hint, node)

    def _line_of(self, path: str, word: str) -> int:
        for number, line in enumerate(self._texts.get(path, "").splitlines(), 1):
            if word and "{" in line and word in line:
                return number
        return 1

    def _span(self, path: str, line: int, word: str) -> Span:
        """The word in a line, in quotes and within Jinja if it stands there so; else the first Jinja of the line."""
        lines = self._texts.get(path, "").splitlines()
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        jinja, quoted = max(text.find("{"), 0), re.escape(word)
        for pattern in (rf"(?<=['\"]){quoted}(?=['\"])", rf"(?<!\w){quoted}(?!\w)", quoted) if word else ():
            found = re.compile(pattern).search(text, jinja)
            if found:
                return Span(path, line, found.start() + 1, len(word))
        return Span(path, line, jinja + 1, 1)

    def _ref(self, name: str, version: int | None = None) -> str:
        node = self._resolve_ref(name, version)
        self._use.parents[node] = None
        return identifier(node.partition(":")[2])

    def _source(self, name: str) -> str:
        node = self._resolve_source(name)
        self._use.parents[node] = None
        return identifier(node)

    def _is_incremental(self) -> bool:
        if self._increment is None:
            raise RenderError(
                "E306", "is_incremental() is asked outside of a macro", "ask within the macro", "is_incremental"
            )
        self._use.asks = True
        return self._increment.now

    def _this(self) -> str:
        if self._increment is None or self._increment.this is None:
            hint = "write `materialized: incremental`"
            raise RenderError("E430", "only an incremental group has a `this`", hint, "this")
        if not self._increment.now:
            raise RenderError(
                "E430",
                "`this` is read where nothing stands yet",
                "read it within {% if is_incremental() %} … {% endif %}: the first build and a full refresh go without",
                "this",
            )
        return identifier(self._increment.this)

    def _var(self, name: str, default: Any = None) -> Any:
        if name in self._variables:
            value = self._variables[name]
            variable = variable_of(value)
            return self._env_var(variable) if variable else value
        if default is not None:
            return default
        raise RenderError(
            "E307",
            f"var '{name}' is not defined",
            did_you_mean(str(name), self._variables)
            or f"declare it under vars in mlproj.yml, or give it: --vars '{name}: …'",
            str(name),
        )

    def _env_var(self, name: str, default: str | None = None) -> str:
        if default is not None:
            self.env_defaults[name] = default
        value = self._environment.get(name, self.env_defaults.get(name))
        if value is None:
            raise RenderError(
                "E307",
                f"environment variable '{name}' is not set",
                f"set it, or give a default: env_var('{name}', '…')",
                name,
            )
        self._use.env[name] = value
        return tagged(name, value)


def _is_literal(call: nodes.Call) -> bool:
    if call.dyn_args is not None or call.dyn_kwargs is not None:
        return False
    values = [*call.args, *(pair.value for pair in call.kwargs)]
    return all(isinstance(value, nodes.Const) for value in values)


def _has_arguments(call: nodes.Call) -> bool:
    """Those that `ref` or `source` takes, as literals."""
    names = ["name", "version"] if isinstance(call.node, nodes.Name) and call.node.name == "ref" else ["name"]
    given = [*zip(names, call.args, strict=False), *((pair.key, pair.value) for pair in call.kwargs)]
    types = {"name": str, "version": int}
    fit = all(isinstance(v, nodes.Const) and k in names and type(v.value) is types[k] for k, v in given)
    if call.dyn_args is not None or call.dyn_kwargs is not None:
        return False
    return fit and len(call.args) <= len(names) and len(dict(given)) == len(given) and "name" in dict(given)
