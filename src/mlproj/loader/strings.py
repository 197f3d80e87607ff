"""Jinja in the strings of YAML files: `{{ var('x') }}` and `{{ env_var('X', 'default') }}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined
from jinja2.sandbox import SandboxedEnvironment

from mlproj.diagnostics import did_you_mean
from mlproj.loader.environment import fill_environment, leaks, shown, tagged

_ONE_EXPRESSION = re.compile(r"\s*\{\{-?((?:(?!\{\{|\}\}|\{%|%\}).)*?)-?\}\}\s*", re.DOTALL)
_WHAT_MAY_STAND = "strings of YAML files may use {{ var('x') }} and {{ env_var('X', 'default') }}"
# What a user's expression may raise while it is evaluated.
_FAILURES = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    message: str
    hint: str | None = None


class NotRendered(Exception):
    """A string that could not be rendered. `problem` is None where the cause is another file's and told there."""

    def __init__(self, problem: Problem | None) -> None:
        self.problem = problem
        super().__init__()


def has_jinja(text: str) -> bool:
    return "{{" in text or "{%" in text


class Strings:
    """Renders strings with `vars` and a snapshot of the environment.

    `vars` is None where mlproj.yml could not be read: then nobody knows what is defined, and nothing is reported.
    Texts of problems never hold what was read from the environment. Where not `private`, neither do the results: they
    hold placeholders, and `defaults` gathers what stands for variables that are not set.
    """

    def __init__(
        self,
        variables: Mapping[str, object] | None,
        environment: Mapping[str, str],
        later: frozenset[str] = frozenset(),
        *,
        private: bool = False,
        defaults: dict[str, str] | None = None,
    ) -> None:
        self.defaults: dict[str, str] = {} if defaults is None else defaults
        self._private = private
        self._used: set[str] = set()
        self._vars = variables
        self._environment = environment
        self._later = later
        self._rendered: dict[str, object] = {}
        self._raw = ""
        finalize = None if private else shown
        self._jinja = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, finalize=finalize)
        self._jinja.globals.update(var=self._var, env_var=self._env_var)

    def with_vars(self, variables: Mapping[str, object] | None, later: frozenset[str] = frozenset()) -> Strings:
        """The same environment with other vars; `later` are those that are declared further down."""
        return Strings(variables, self._environment, later, private=self._private, defaults=self.defaults)

    def as_private(self) -> Strings:
        """The same with the environment's values in the results: for what is used, and never written down."""
        return Strings(self._vars, self._environment, self._later, private=True, defaults=self.defaults)

    def render(self, raw: str) -> object:
        """The string rendered; one lone expression keeps the type of its value.

        Raises `NotRendered` with E306 (bad Jinja) or E307 (a var or environment variable that is not there).
        """
        if raw not in self._rendered:
            self._raw, self._used = raw, set()
            try:
                self._rendered[raw] = self._outcome(self._evaluate(raw))
            except TemplateSyntaxError as error:
                raise NotRendered(Problem("E306", f"bad Jinja: {error.message}", _WHAT_MAY_STAND)) from None
            except _FAILURES as error:
                raise NotRendered(self._failed(error)) from None
        return self._rendered[raw]

    def _outcome(self, value: object) -> object:
        if self._private:
            return fill_environment(value, self._environment, self.defaults) if isinstance(value, str) else value
        value = shown(value)
        for name in self._used:
            if leaks(self._environment[name], str(value)):
                hint = f"write {{{{ env_var('{name}') }}}} on its own, without filters or arithmetic"
                raise NotRendered(Problem("E306", f"the value of env_var '{name}' would show in what is written", hint))
        return value

    def _evaluate(self, raw: str) -> object:
        lone = _ONE_EXPRESSION.fullmatch(raw)
        if lone is None:
            return self._jinja.from_string(raw).render()
        value: Any = self._jinja.compile_expression(lone[1], undefined_to_none=False)()
        if isinstance(value, Undefined):
            str(value)  # raises the error that names what is undefined
        if value is None or isinstance(value, (str, int, float, list, dict)):
            return value
        raise TypeError("the expression gives no value")

    def _failed(self, error: Exception) -> Problem:
        if self._used:  # the error's own text may quote a secret
            return Problem("E306", "bad Jinja: the expression fails", _WHAT_MAY_STAND)
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Problem("E306", f"bad Jinja: {text}", _WHAT_MAY_STAND)

    def _var(self, name: object) -> object:
        if self._vars is None:
            raise NotRendered(None)
        if not isinstance(name, str):
            raise TypeError("var takes a name in quotes")
        if name in self._vars:
            return self._vars[name]
        if not self._is_written(name):
            raise NotRendered(Problem("E307", "var is not defined"))
        hint = did_you_mean(name, self._vars) or f"declare it under vars in mlproj.yml, or give it: --vars '{name}: …'"
        if name in self._later:
            hint = f"vars are read from top to bottom: move '{name}' up"
        raise NotRendered(Problem("E307", f"var '{name}' is not defined", hint))

    def _env_var(self, name: object, *default: object) -> object:
        if not isinstance(name, str):
            raise TypeError("env_var takes a name in quotes")
        if default and isinstance(default[0], str):
            self.defaults[name] = default[0]
        if name in self._environment:
            self._used.add(name)
            return tagged(name, self._environment[name])
        if default:
            return tagged(name, default[0]) if isinstance(default[0], str) else default[0]
        shown = f" '{name}'" if self._is_written(name) else ""
        hint = f"set it, or give a default: env_var('{name}', '…')" if shown else None
        raise NotRendered(Problem("E307", f"environment variable{shown} is not set", hint))

    def _is_written(self, name: object) -> bool:
        """Whether the name stands in the file as it is: a computed one may come from the environment."""
        return f"'{name}'" in self._raw or f'"{name}"' in self._raw
