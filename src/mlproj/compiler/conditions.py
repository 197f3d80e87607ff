"""A condition that the user writes in YAML, over columns that are known: checked where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlproj.compiler.bind_errors import bind_hint, is_not_one_query, word_hint
from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.render import SqlRenderer
from mlproj.diagnostics import Collector, Span
from mlproj.ports import BindError

# How relations of the project are called in compiled SQL, which is nothing to write by hand.
RELATION = re.compile(r'"[^"]*[@:][^"]*"')


@dataclass(frozen=True)
class Conditions:
    """Checks conditions on `rows`, a FROM clause that binds over the nodes `tables`, for one node."""

    rows: str
    tables: Sequence[str]
    node: str
    checker: TypeChecker
    renderer: SqlRenderer
    collector: Collector

    def check(self, label: str, text: str, span: Span, hint: str) -> bool:
        """Whether it is a condition on one row; else E401 or E402, with `hint` where there is no better one."""
        rows, private = self.rows, self.renderer.private(text)
        # First without the parentheses that it gets where it is used, which it must not close; then with them.
        for before, after in ((f"select 1\n{rows}\nwhere ", ""), (f"select 1\n{rows}\nwhere (\n", "\n)")):
            try:
                self.checker.describe(f"{before}{private}{after}", self.tables)
            except BindError as error:
                position = None if error.position is None else error.position - len(before)
                code, message = "E401" if error.syntax else "E402", self.renderer.hide(error.message, text)
                better = bind_hint(error, {}) or word_hint(error, f"{before}{private}{after}")
                if is_not_one_query(error):
                    message, better = "more than one statement", hint
                self._refuse(code, f"{label}: {message}", place_within(span, text, position), better or hint)
                return False
        kept = self.checker.describe(f"select (\n{private}\n) as kept\n{rows}", self.tables)[0].type
        if kept != "BOOLEAN":
            message = f"{label}: a condition is true or false, and this is {kept}"
            self._refuse("E402", message, place_within(span, text, 0), "compare it: … > 0")
        return kept == "BOOLEAN"

    def _refuse(self, code: str, message: str, span: Span, hint: str) -> None:
        self.collector.error(code, message, span, hint, self.node)


def place_within(span: Span, text: str, position: int | None) -> Span:
    """The character of the condition where it stands on one line, with or without quotes; else its start."""
    quotes = span.length - len(text)
    if position is None or not 0 <= position <= len(text) or quotes not in {0, 2}:
        return span
    return replace(span, column=span.column + quotes // 2 + position, length=1)
