"""Progress of a build: drawn on a terminal, plain lines in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlproj.cli.render.results import step_line

if TYPE_CHECKING:
    from mlproj.cli.context import Context
    from mlproj.diagnostics import Diagnostic
    from mlproj.state import StepResult


class Watcher:
    """Told of every step as it ends. `console` is rich's where a person watches, None in a pipe."""

    def __init__(self, context: Context, console: Any = None) -> None:
        self._context, self._console = context, console
        self._failures: list[Diagnostic] = []

    def step(self, result: StepResult) -> None:
        # Skipped steps are counted in the summary; a line for each would bury what failed.
        if result.status == "skipped":
            return
        line = step_line(result, color=self._console is not None)
        if self._console is not None:
            from rich.text import Text

            self._console.print(Text.from_ansi(line), soft_wrap=True)
        else:
            self._context.say(line)

    def failed(self, diagnostics: Sequence[Diagnostic]) -> None:
        self._failures.extend(diagnostics)

    def tell_failures(self) -> None:
        if self._failures:
            # A bad source fails every group that reads it: it is told once.
            self._context.complain(list(dict.fromkeys(replace(d, node=None) for d in self._failures)))


@contextmanager
def progress(context: Context) -> Iterator[Watcher]:
    """A watcher; what failed is told at the end, after the lines of the steps."""
    if not context.terminal:
        watcher = Watcher(context)
        yield watcher
    else:
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        watcher = Watcher(context, console)
        with console.status("building …", spinner="dots"):
            yield watcher
    watcher.tell_failures()
