"""init, plan, build, test, and what tests failed for."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlproj.cli.context import (
    Context, acceptance, accepted, backfilling, locking, part, pass_context, resumption, selection, waiting,
)  # fmt: skip

if TYPE_CHECKING:
    from mlproj.executor import RunResults

junit_option = click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also write JUnit XML, for CI."
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Groups computed at once (default: one per core, at most 4).",
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@pass_context
def init(context: Context, folder: Path) -> None:
    """Make a new project that builds as it stands."""
    from mlproj.cli.new_project import create

    written = create(folder)
    document = {"artifact": "init", "version": 1, "folder": str(folder), "files": written}
    next_steps = [f"  cd {shlex.quote(str(folder))}", "  mlproj plan", "  mlproj build"]
    context.answer(document, lambda: [f"{folder}: {len(written)} files", "", *next_steps])


@click.command()
@selection
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Save the plan, for `build FILE`."
)
@click.option("--exit-code", is_flag=True, help="Exit 3 where changes are pending.")
@click.option("--full-refresh", is_flag=True, help="Materialise the selected groups whether they changed or not.")
@click.option("--as-of-date", metavar="D", help="The day that deprecations are judged by (default: today).")
@click.option(
    "--against", metavar="git:REF", help="Compare with another revision of the files, whatever the target holds."
)
@acceptance("with --out it needs --because")
@backfilling
@resumption
@locking
@pass_context
def plan(
    context: Context,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    out: Path | None,
    *,
    exit_code: bool,
    full_refresh: bool,
    as_of_date: str | None,
    against: str | None,
    accept_breaking: tuple[str, ...],
    because: str | None,
    resume: tuple[str, ...],
    start: str | None,
    end: str | None,
    partition: tuple[str, ...],
) -> None:
    """What changed, whether it breaks anyone, and what a build would do."""
    from mlproj.cli.render.plan import plan_lines, save

    if against is not None:
        if out or full_refresh or accept_breaking or resume or start or end or partition:
            raise click.UsageError(
                "a comparison has no steps to save, refresh, accept, resume or backfill: leave out --out,"
                " --full-refresh, --accept-breaking, --resume, --from, --to and --partition"
            )
        compared = context.project.plan(select=select, exclude=exclude, as_of_date=_day(as_of_date), against=against)
        document = compared.model_dump(mode="json")
    else:
        document = context.project.plan_document(
            select=select,
            exclude=exclude,
            full_refresh=full_refresh,
            as_of_date=_day(as_of_date),
            accept_breaking=accepted(accept_breaking, because, kept=out is not None),
            resume=resume,
            backfill=part(start, end, partition),
        )
    context.answer(document, lambda: plan_lines(document, context))
    if out:
        save(out, document)
    breaking = any(change["needs_bump"] for change in document["changes"])
    failing = any(d["code"] == "E625" for d in document["diagnostics"])
    pending = exit_code and document["changes"]
    click.get_current_context().exit(1 if failing else 4 if breaking else 3 if pending else 0)


def _day(text: str | None) -> str | None:
    if text is not None:
        from datetime import date

        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise click.BadParameter(
                f"'{text}' is no date; write it as 2026-01-31", param_hint="--as-of-date"
            ) from None
    return None


@click.command()
@click.argument("planfile", required=False, type=click.Path(path_type=Path, dir_okay=False))
@selection
@threads_option
@click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")
@click.option("--full-refresh", is_flag=True, help="Materialise the selected groups whether they changed or not.")
@acceptance("needs --because")
@backfilling
@resumption
@waiting
@locking
@junit_option
@pass_context
def build(
    context: Context,
    planfile: Path | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    threads: int | None,
    *,
    junit: Path | None,
    fail_fast: bool,
    full_refresh: bool,
    resume: tuple[str, ...],
    start: str | None,
    end: str | None,
    partition: tuple[str, ...],
    wait: float,
    accept_breaking: tuple[str, ...],
    because: str | None,
) -> None:
    """Plan, then apply it: materialise, test, publish, train, register."""
    from mlproj.cli.progress import progress
    from mlproj.cli.render.results import result_lines

    if planfile and select and not planfile.exists():
        raise click.UsageError(f"'{planfile}' is no plan; of several nodes each has a --select of its own")
    if planfile and (select or exclude or full_refresh or accept_breaking or resume or start or end or partition):
        raise click.UsageError("a saved plan is done as it stands: leave out options that would make another plan")
    with progress(context) as watcher:
        results = context.project.build(
            planfile,
            select=select,
            exclude=exclude,
            threads=threads,
            fail_fast=fail_fast,
            full_refresh=full_refresh,
            resume=resume,
            backfill=part(start, end, partition),
            wait=wait,
            accept_breaking=accepted(accept_breaking, because, kept=True),
            progress=watcher.step,
            failed=watcher.failed,
        )
    _write_junit(junit, results)
    context.answer(results.model_dump(mode="json"), lambda: result_lines(results))
    click.get_current_context().exit(1 if results.status == "failed" else 0)


@click.command()
@threads_option
@click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")
@waiting
@acceptance("needs --because")
@pass_context
def retry(
    context: Context,
    threads: int | None,
    *,
    fail_fast: bool,
    wait: float,
    accept_breaking: tuple[str, ...],
    because: str | None,
) -> None:
    """Build what the last build that failed or was killed left undone."""
    from mlproj.cli.progress import progress
    from mlproj.cli.render.results import result_lines

    with progress(context) as watcher:
        results = context.project.retry(
            threads=threads,
            fail_fast=fail_fast,
            wait=wait,
            accept_breaking=accepted(accept_breaking, because, kept=True),
            progress=watcher.step,
            failed=watcher.failed,
        )
    context.answer(
        results.model_dump(mode="json"), lambda: result_lines(results) if results.results else ["nothing to retry"]
    )
    click.get_current_context().exit(1 if results.status == "failed" else 0)


def _write_junit(path: Path | None, results: RunResults) -> None:
    if path:
        from mlproj.cli.render.junit import write_junit

        write_junit(path, results)


@click.command("test")
@selection
@junit_option
@pass_context
def run_tests(context: Context, select: tuple[str, ...], exclude: tuple[str, ...], junit: Path | None) -> None:
    """Run the tests of data and models on what stands, and unit tests."""
    from mlproj.cli.render.results import result_lines

    results = context.project.test(select=select, exclude=exclude, failed=context.complain)
    _write_junit(junit, results)
    context.answer(results.model_dump(mode="json"), lambda: result_lines(results, every=True))
    click.get_current_context().exit(1 if results.status == "failed" else 0)


@click.command()
@click.argument("test", required=False)
@click.option("--limit", type=click.IntRange(0), default=20, metavar="N", help="Rows to show (default: 20).")
@pass_context
def failures(context: Context, test: str | None, limit: int) -> None:
    """Show rows that data tests failed for when they last ran; without TEST, which tests those are."""
    from mlproj.cli.failures_document import failures_document, failures_lines

    document = failures_document(context.project, test, limit)
    context.answer(document, lambda: failures_lines(document, context))


@click.command()
@pass_context
def lock(context: Context) -> None:
    """Write mlproj.lock: the versions of the libraries that models are trained with."""
    from mlproj.project.lock import write_lock

    libraries = write_lock(context.project)
    lines = [f"{name} {version}" for name, version in libraries.items()]
    document = {"artifact": "lock", "version": 1, "libraries": libraries}
    context.answer(document, lambda: lines or ["no model is trained with a library: mlproj.lock is empty"])


COMMANDS = (init, plan, build, retry, run_tests, failures, lock)
