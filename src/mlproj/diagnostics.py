"""What mlproj says about bad input: spans, diagnostics, a collector and the one error that carries them.

A diagnostic is data. Only `cli` draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """A place in a file of the project: POSIX path relative to the project's root; line and column count from 1.

    `length` is how many characters the caret underlines (at least 1).
    """

    path: str
    line: int = 1
    column: int = 1
    length: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` has a heading in docs/errors.md; `node` names the node concerned, as `kind:name@version`."""

    code: str
    message: str
    span: Span | None = None
    hint: str | None = None
    severity: Severity = "error"
    node: str | None = None

    def sort_key(self) -> tuple[str, int, int, str, str]:
        place = self.span or Span("", 0, 0)
        return (place.path, place.line, place.column, self.code, self.message)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class ProjectError(Exception):
    """Carries every diagnostic of the phase that failed. `exit_code` follows spec.md §3."""

    def __init__(self, diagnostics: Iterable[Diagnostic], exit_code: int = 2) -> None:
        self.diagnostics = sorted(diagnostics, key=Diagnostic.sort_key)
        self.exit_code = exit_code
        super().__init__("\n".join(f"{d.span or ''} {d.code} {d.message}".strip() for d in self.diagnostics))


class Collector:
    """Gathers the diagnostics of a phase, so that a user sees all of them at once.

    `poisoned` holds the nodes that failed: their dependants are skipped, so that one mistake is told once.
    """

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}
        self.poisoned: set[str] = set()

    def error(
        self, code: str, message: str, span: Span | None = None, hint: str | None = None, node: str | None = None
    ) -> None:
        self.add(Diagnostic(code, message, span, hint, "error", node))

    def warn(
        self, code: str, message: str, span: Span | None = None, hint: str | None = None, node: str | None = None
    ) -> None:
        self.add(Diagnostic(code, message, span, hint, "warning", node))

    def add(self, diagnostic: Diagnostic) -> None:
        self._found[diagnostic] = None
        if diagnostic.node and diagnostic.severity == "error":
            self.poisoned.add(diagnostic.node)

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(sorted(self._found, key=Diagnostic.sort_key))

    @property
    def warnings(self) -> list[Diagnostic]:
        return [d for d in self if d.severity == "warning"]

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self if d.severity == "error"]

    def raise_if_errors(self) -> None:
        """Raise `ProjectError` with everything found so far, warnings included, if there is an error among it."""
        if self.errors:
            raise ProjectError(list(self))


def fail(
    code: str, message: str, *, hint: str | None = None, span: Span | None = None, exit_code: int = 2
) -> ProjectError:
    """A `ProjectError` of one diagnostic, to be raised by the caller."""
    return ProjectError([Diagnostic(code, message, span, hint)], exit_code)


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The hint `did you mean 'x'?`, or None where nothing is near."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(candidates), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else None
