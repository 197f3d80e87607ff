"""The `mlproj` command: global options, and the promise that no traceback reaches a user."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import click

from mlproj import __version__
from mlproj.cli.context import Context


class Root(click.Group):
    """Turns exceptions into diagnostics and exit codes (spec.md §3), and lists commands in the order of their use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click asks for it
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        from mlproj.diagnostics import ProjectError

        try:
            return super().invoke(ctx)
        except ProjectError as error:
            _report(ctx.obj, error)
            ctx.exit(error.exit_code)
        except (click.exceptions.Exit, click.Abort, KeyboardInterrupt, BrokenPipeError):
            raise
        except click.ClickException as error:
            misuse = _misplaced(error, self) or error
            # click itself tells a person on stderr; a program reads stdout.
            if ctx.params.get("output") == "json":
                _report(ctx.obj or Context(Path(), None, None, "json", quiet=False, debug=False), _misuse(misuse))
            raise misuse from None
        except Exception as error:
            hidden = ctx.obj.hidden if isinstance(ctx.obj, Context) else frozenset()
            if isinstance(ctx.obj, Context) and ctx.obj.debug and not hidden:
                raise
            failure = _outside(error, hidden) or _internal(error, hidden)
            failure.__cause__ = error
            _report(ctx.obj, failure)
            ctx.exit(1)
        finally:
            if isinstance(ctx.obj, Context):
                ctx.obj.close()


def _report(context: Context, error: Any) -> None:
    if context.debug:
        from mlproj.cli.render.trace import trace

        click.echo(trace(error, context.hidden), err=True)
    if context.json:
        document = {"artifact": "diagnostics", "version": 1, "diagnostics": [d.to_json() for d in error.diagnostics]}
        context.answer(document, list)
    else:
        context.complain(error.diagnostics)


def _misplaced(error: click.ClickException, root: click.Group) -> click.ClickException | None:
    """An option of `mlproj` itself that was written after a command, or None."""
    if not isinstance(error, click.NoSuchOption) or error.ctx is None or error.ctx.parent is None:
        return None
    option = next((p for p in root.params if error.option_name in p.opts), None)
    if option is None:
        return None
    value = f" {option.make_metavar(error.ctx)}" if isinstance(option, click.Option) and not option.is_flag else ""
    if isinstance(option.type, click.Choice):
        value = f" {'|'.join(option.type.choices)}"
    name = error.ctx.info_name
    message = f"{error.option_name} stands before the command: mlproj {error.option_name}{value} {name} …"
    return click.UsageError(message, error.ctx)


def _misuse(error: click.ClickException) -> Any:
    from mlproj.diagnostics import fail

    return fail("E509", error.format_message(), hint="mlproj --help, or --help after a command")


def _outside(error: Exception, hidden: frozenset[str]) -> Any:
    """What went wrong outside of mlproj while a command looked at something, or None: files, and the lake."""
    from mlproj.diagnostics import fail
    from mlproj.ports import EngineError

    if isinstance(error, EngineError):
        from mlproj.executor.lost_file import RESTORE
        from mlproj.planner.masking import said

        return fail("E612", f"the lake cannot be read: {said(error, hidden)}", hint=RESTORE)
    if isinstance(error, OSError):
        place = f"'{error.filename}': " if error.filename else ""
        hint = "mlproj writes into target/ and .mlproj/ of the project's folder, and where --out says"
        return fail("E620", f"{place}{error.strerror or error}", hint=hint)
    return None


def _internal(error: Exception, hidden: frozenset[str]) -> Any:
    from mlproj.cli.render.trace import words
    from mlproj.diagnostics import fail

    told = words(error, hidden).splitlines()
    message = f"{type(error).__name__}: {told[0] if told else 'no message'}"
    return fail(
        "E699",
        f"mlproj itself failed: {message}",
        hint="run it again with --debug, and report what it shows",
        exit_code=1,
    )


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--project-dir",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="The project's folder (default: here).",
)
@click.option("--target", metavar="T", help="The target; default_target of mlproj.yml otherwise.")
@click.option("--vars", "vars_text", metavar="YAML", help="Variables that override those of mlproj.yml: 'name: value'.")
@click.option(
    "--format", "output", type=click.Choice(["text", "json", "markdown"]), default="text", help="How to answer."
)
@click.option("--quiet", "-q", is_flag=True, help="No progress, only the answer.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__, "--version", prog_name="mlproj", message="%(prog)s %(version)s")
@click.pass_context
def main(
    ctx: click.Context,
    project_dir: Path,
    target: str | None,
    vars_text: str | None,
    output: str,
    *,
    quiet: bool,
    debug: bool,
) -> None:
    """From a folder of YAML and SQL to registered models: plan what changed, build it, prove it."""
    # A command lives for seconds: most of what it makes stays until the end, and looking through it costs a third.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    ctx.obj = Context(project_dir, target, vars_text, output, quiet, debug)
    # Bytes that are no text come as lone surrogates, which no database takes: a reason is to be kept as it was said.
    odd = next((a for a in sys.argv[1:] if any("\ud800" <= c <= "\udfff" for c in a)), None)
    if odd is not None:
        raise click.UsageError(f"'{odd.encode(errors='replace').decode()}' is no text in UTF-8")


def _register() -> None:
    from mlproj.cli import (
        build_commands,
        look_commands,
        ml_commands,
        rollback_commands,
        time_commands,
        upkeep_commands,
        version_commands,
    )

    modules = (
        build_commands,
        version_commands,
        look_commands,
        time_commands,
        rollback_commands,
        ml_commands,
        upkeep_commands,
    )
    for module in modules:
        for command in module.COMMANDS:
            main.add_command(command)


_register()
