"""Progress of a build: drawn on a terminal, plain lines in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlproj.cli.render.results import short_name, step_line

if TYPE_CHECKING:
    from mlproj.cli.context import Context
    from mlproj.diagnostics import Diagnostic
    from mlproj.state import StepResult


class Watcher:
    """Told of every step as it ends. `console` is rich's where a person watches, None in a pipe."""

    def __init__(self, context: Context, console: Any = None) -> None:
        self._context, self._console = context, console
        self._failures: list[Diagnostic] = []
        self._published: list[StepResult] = []

    def step(self, result: StepResult) -> None:
        # Skipped steps are counted in the summary; a line for each would bury what failed.
        if result.status == "skipped":
            return
        # What is published is published at once.
        if result.action == "publish" and result.status == "ok":
            self._published.append(result)
            return
        self.tell_publication()
        self._tell(step_line(result, color=False), failed=result.status == "failed")

    def tell_publication(self) -> None:
        """One line for all nodes that were published."""
        if self._published:
            count, seconds = len(self._published), sum(r.seconds for r in self._published)
            name = short_name(self._published[0].node) if count == 1 else f"{count} nodes"
            self._published = []
            self._tell(f"✓ publish     {name}  {seconds:.2f} s", failed=False)

    def _tell(self, line: str, *, failed: bool) -> None:
        if self._console is None:
            self._context.say(line)
            return
        import textwrap

        from rich.text import Text

        first, *rest = textwrap.wrap(line, self._console.width, subsequent_indent=" " * 14, break_on_hyphens=False)
        mark = "red" if failed else "blue" if first.startswith("=") else "green"
        self._console.print(Text.assemble((first[:1], mark), "\n".join([first[1:], *rest])), soft_wrap=True)

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
    watcher.tell_publication()
    watcher.tell_failures()
