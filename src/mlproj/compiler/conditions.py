"""A condition that the user writes in YAML, over columns that are known: checked where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mlproj.compiler.bind_errors import bind_hint
from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.render import SqlRenderer
from mlproj.compiler.text import identifier
from mlproj.diagnostics import Collector, Span
from mlproj.ports import BindError

# How relations of the project are called in compiled SQL, which is nothing to write by hand.
_RELATION = re.compile(r'"[^"]*[@:][^"]*"')


@dataclass(frozen=True)
class Conditions:
    """Checks conditions on the rows of `types`, for one node."""

    types: Mapping[str, str]
    node: str
    checker: TypeChecker
    renderer: SqlRenderer
    collector: Collector

    def check(self, label: str, text: str, span: Span, hint: str) -> bool:
        """Whether it is a condition on one row; else E401 or E402, with `hint` where there is no better one."""
        columns = ", ".join(f"null::{kind} as {identifier(name)}" for name, kind in self.types.items())
        rows, private = f"from (select {columns}) as q", self.renderer.private(text)
        other = _RELATION.search(text)
        if other:
            self._refuse("E402", f"{label}: it reads its own row alone, and not {other[0]}", span, hint)
            return False
        # First without the parentheses that it gets where it is used, which it must not close; then with them.
        for before, after in ((f"select 1 {rows} where ", ""), (f"select 1 {rows} where (\n", "\n)")):
            try:
                self.checker.describe(f"{before}{private}{after}", ())
            except BindError as error:
                position = None if error.position is None else error.position - len(before)
                code, message = "E401" if error.syntax else "E402", self.renderer.hide(error.message, text)
                self._refuse(code, f"{label}: {message}", _place(span, text, position), bind_hint(error, {}) or hint)
                return False
        kept = self.checker.describe(f"select (\n{private}\n) as kept {rows}", ())[0].type
        if kept != "BOOLEAN":
            message = f"{label}: a condition is true or false, and this is {kept}"
            self._refuse("E402", message, _place(span, text, 0), "compare it: … > 0")
        return kept == "BOOLEAN"

    def _refuse(self, code: str, message: str, span: Span, hint: str) -> None:
        self.collector.error(code, message, span, hint, self.node)


def _place(span: Span, text: str, position: int | None) -> Span:
    """The character of the condition where it stands on one line, with or without quotes; else its start."""
    quotes = span.length - len(text)
    if position is None or not 0 <= position <= len(text) or quotes not in {0, 2}:
        return span
    return replace(span, column=span.column + quotes // 2 + position, length=1)
