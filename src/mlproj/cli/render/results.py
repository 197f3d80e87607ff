"""Results of a build as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mlproj.executor import RunResults
    from mlproj.state import StepResult

_SIGNS = {
    "ok": ("✓", "green"),
    "reused": ("=", "blue"),
    "failed": ("✗", "red"),
    "skipped": ("-", "yellow"),
    "pending": ("·", "white"),
}
_MAKING = ("materialize", "train_data")


def short_name(node: str) -> str:
    """`income@1`; a view says that it is one, as groups often have its name."""
    kind, _, name = node.partition(":")
    return f"{name} (view)" if kind == "feature_view" else name


def step_line(result: StepResult, *, color: bool) -> str:
    """One step that ended, in one line."""
    # Not above: an unchanged plan borrows names from here, and imports no state.
    from mlproj.state.runs import ROW_ACTIONS

    sign, tone = _SIGNS[result.status]
    name = result.model_version or short_name(result.node)
    facts = [f"{result.rows:,} rows"] if result.rows is not None and result.action in ROW_ACTIONS else []
    facts += [result.message] if result.message else []
    if result.metrics:
        split = "test" if "test" in result.metrics else "training"
        values = [f"{metric} {value:.4f}" for metric, value in result.metrics.get(split, {}).items()]
        facts += [f"{split} {', '.join(values)}"] if values else []
    facts += [f"warning: {warning}" for warning in result.warnings]
    mark = click.style(sign, fg=tone) if color else sign
    status = "" if result.status == "ok" else f" {result.status}"
    return f"{mark} {result.action:<11} {name}{status}  {', '.join(facts)}".rstrip() + f"  {result.seconds:.2f} s"


def result_lines(results: RunResults, *, every: bool = False) -> list[str]:
    """The outcome in a few lines; with `every`, a line for each step first."""
    summary = results.summary
    lines = [step_line(r, color=True) for r in results.results] if every else []
    if not results.results:
        return ["nothing to do" if not every else "no tests"]
    counts = ", ".join(f"{count} {name}" for name, count in summary.items() if count)
    tone = "green" if results.status == "ok" else "red"
    lines.append(
        click.style(f"{results.status}: {counts}", fg=tone) + (f"  (build {results.build})" if results.build else "")
    )
    if (
        results.status == "failed"
        and not every
        and any(r.action == "publish" and r.status == "skipped" for r in results.results)
    ):
        lines.append("nothing was published: what stood before still stands")
        kept = "what succeeded is kept: " if _keeps_rows(results) else ""
        lines.append(f"{kept}mend what failed, and `mlproj retry` does {'the rest' if kept else 'it all'}")
    return lines


def _keeps_rows(results: RunResults) -> bool:
    """Whether a build that published nothing made rows that the next one need not make again."""
    failed = {r.node for r in results.results if r.status == "failed"}
    made = {r.node for r in results.results if r.action in _MAKING and r.status in {"ok", "reused"}}
    return bool(made - failed)
