"""What every command is given: the global options, the project they name, and how to answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

if TYPE_CHECKING:
    from mlproj.diagnostics import Diagnostic
    from mlproj.project.project import Project

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Context:
    """Global options. Answers go to stdout, everything else to stderr."""

    project_dir: Path
    target: str | None
    vars_text: str | None
    output: str
    quiet: bool
    debug: bool
    _project: Project | None = field(default=None, repr=False)
    _answers: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # A library that prints would spoil the one JSON document on stdout: it gets stderr instead.
        if self.json:
            sys.stdout.flush()
            self._answers = os.fdopen(os.dup(1), "w", encoding="utf-8", closefd=True)
            os.dup2(2, 1)

    @property
    def project(self) -> Project:
        """Opened once, and closed when the command ends."""
        if self._project is None:
            from mlproj.project.project import Project

            self._project = Project(self.project_dir, target=self.target, vars=self.variables())
        return self._project

    @property
    def hidden(self) -> frozenset[str]:
        """The columns whose values are not printed, of all that is built or declared; of what cannot be known, `*`."""
        if self._project is None:
            return frozenset()
        from mlproj.planner.masking import hidden_columns

        try:
            published = [row.node for row in self._project.state().published.values()]
            return hidden_columns(*published, *self._project.manifest.nodes.values())
        except Exception:  # noqa: BLE001  # while another error is told
            return frozenset("*")

    def close(self) -> None:
        if self._project:
            self._project.close()

    def variables(self) -> dict[str, Any]:
        """`--vars` as a mapping. Raises E206."""
        if not self.vars_text:
            return {}
        import yaml

        from mlproj.diagnostics import fail

        try:
            found = yaml.safe_load(self.vars_text)
        except yaml.YAMLError as error:
            raise fail(
                "E206",
                f"--vars is no YAML: {str(error).splitlines()[0]}",
                hint="--vars 'name: value', or --vars '{a: 1, b: 2}'",
            ) from error
        if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
            raise fail(
                "E206",
                "--vars must be a mapping of names to values",
                hint="--vars 'name: value', or --vars '{a: 1, b: 2}'",
            )
        return found

    @property
    def json(self) -> bool:
        return self.output == "json"

    def say(self, text: str) -> None:
        """Something beside the answer."""
        if not self.quiet:
            click.echo(text, err=True)

    def answer(self, document: dict[str, Any], lines: Callable[[], Sequence[str]]) -> None:
        """The command's answer: one JSON document, or lines of text."""
        if self.json:
            self._answers.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
            self._answers.flush()
        else:
            for line in lines():
                click.echo(line)

    @property
    def width(self) -> int:
        """Columns of the terminal; in a pipe nothing is cut."""
        return _columns(sys.stdout)

    @property
    def terminal(self) -> bool:
        """Whether a person watches: then progress is drawn, otherwise written line by line."""
        return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and not self.quiet and not self.json

    def complain(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Draw diagnostics on stderr."""
        from mlproj.cli.render.diagnostics import draw

        for line in draw(diagnostics, self.project_dir, color=sys.stderr.isatty(), width=_columns(sys.stderr)):
            click.echo(line, err=True)


def _columns(stream: TextIO) -> int:
    import shutil

    return max(shutil.get_terminal_size().columns, 60) if stream.isatty() else 1_000_000


pass_context = click.make_pass_decorator(Context)


def acceptance(reason: str) -> Callable[[F], F]:
    """--accept-breaking NODE, as often as needed, and --because for all of them; `reason` says when that is needed."""

    def decorated(command: F) -> F:
        command = click.option("--because", metavar="TEXT", help="Why; it is kept in history.")(command)
        return click.option(
            "--accept-breaking",
            multiple=True,
            metavar="NODE",
            help=f"Let this node's breaking change through, without another version; {reason}.",
        )(command)

    return decorated


def accepted(nodes: tuple[str, ...], because: str | None, *, kept: bool) -> dict[str, str]:
    """Node → why its breaking change is let through. A reason is needed where the acceptance is `kept`."""
    why = (because or "").strip()
    if nodes and kept and not why:
        raise click.UsageError("--accept-breaking needs --because TEXT: the reason is kept in history")
    if because is not None and not nodes:
        raise click.UsageError("--because says why --accept-breaking: name the node too")
    return dict.fromkeys(nodes, why)


as_of_option = click.option(
    "--as-of", metavar="C", help="As it stood then: a commit of `history`, or a time such as 2026-01-31 12:00 (UTC)."
)


def selection(command: F) -> F:
    """--select and --exclude, each as often as needed."""
    command = click.option(
        "--exclude", "-e", multiple=True, metavar="S", help="Nodes to leave out, in the same syntax."
    )(command)
    return click.option(
        "--select", "-s", multiple=True, metavar="S", help="Nodes, in dbt's syntax: +x, x+, @x, tag:…, state:modified."
    )(command)


def resumption(command: F) -> F:
    """--resume, as often as needed."""
    return click.option(
        "--resume", multiple=True, metavar="NODE", help="Build a group again that is held since it was rolled back."
    )(command)


def backfilling(command: F) -> F:
    """--from and --to, or --partition as often as it has columns."""
    command = click.option(
        "--partition", multiple=True, metavar="COLUMN=VALUE", help="Compute this partition of the selected groups anew."
    )(command)
    command = click.option("--to", "end", metavar="T", help="The first time after that (UTC).")(command)
    return click.option(
        "--from", "start", metavar="T", help="Compute the selected incremental groups anew from this time on."
    )(command)


def part(start: str | None, end: str | None, partition: tuple[str, ...]) -> tuple[str, str] | dict[str, str] | None:
    """What is to be computed anew."""
    if (start is None) != (end is None):
        raise click.UsageError("--from and --to go together; the time of --to is the first that is left alone")
    if start is not None and end is not None:
        if partition:
            raise click.UsageError("a part is a time, by --from and --to, or a --partition: leave one out")
        return start, end
    pairs = [text.partition("=") for text in partition]
    if not all(name and sign for name, sign, _value in pairs):
        raise click.UsageError("--partition is written COLUMN=VALUE, once for each column of partition_by")
    return {name.strip(): value.strip() for name, _sign, value in pairs} or None


def locking(command: F) -> F:
    """--locked, which refuses to go on before anything is done."""
    return click.option(
        "--locked",
        is_flag=True,
        expose_value=False,
        callback=_hold_to_lock,
        help="Refuse where a library is not installed as mlproj.lock says.",
    )(command)


def _hold_to_lock(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # click's way
    if wanted:
        from mlproj.project.lock import require_lock

        require_lock(ctx.obj.project)


def waiting(command: F) -> F:
    """--wait, with seconds or without."""
    return click.option(
        "--wait",
        type=click.FloatRange(0),
        is_flag=False,
        flag_value=3600.0,
        default=0.0,
        metavar="[S]",
        help="Wait for another build to end, at most S seconds (3600).",
    )(command)
