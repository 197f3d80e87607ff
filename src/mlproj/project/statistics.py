"""Statistics of every column of what a node gives, to look at: the same that `diff` compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from mlproj.compiler.text import identifier
from mlproj.ports import Engine
from mlproj.project.diff import DiffSide
from mlproj.project.diff import statistics as stats
from mlproj.project.diff.sides import Side
from mlproj.project.preview import reading, unquoted

if TYPE_CHECKING:
    from mlproj.project.project import Project
    from mlproj.state import SourceNode

_ROWS = "show:rows"
_TOP = 5


def statistics_of(
    project: Project,
    query: str,
    key: Sequence[str],
    hidden: frozenset[str],
    *,
    simple: bool = True,
    source: SourceNode | None = None,
) -> list[dict[str, JsonValue]]:
    """A record per column: type, count, nulls, distinct; min, max, mean, std and quartiles of numbers, the first two of
    times; `top` has the most frequent texts with their rows. Of hidden columns there are counts.

    `simple` where reading the query again costs no more than a scan; otherwise its rows are computed once.
    """
    with reading(project, source) if source else unquoted(hidden):
        return _statistics(project, query, key, hidden, simple=simple)


def _statistics(
    project: Project, query: str, key: Sequence[str], hidden: frozenset[str], *, simple: bool
) -> list[dict[str, JsonValue]]:
    engine = project.session.engine
    if simple:
        engine.create_view(_ROWS, query)
    else:
        engine.create_table(_ROWS, query)
    relation = identifier(_ROWS)
    types = {c.name: c.type for c in engine.describe(f"select * from {relation}")}
    rows = int(engine.rows(f"select count(*) from {relation}")[0][0])
    about = DiffSide(name=_ROWS, target=project.target_name, rows=rows)
    side = Side(about, relation, types, tuple(n for n in key if n in types), hidden)
    measured = stats.statistics(side, engine)
    spread = stats.quantiles(side, engine, stats.part(side, side))
    found: list[dict[str, JsonValue]] = []
    for name, values in measured.items():
        quartiles = stats.quartiles(spread[name]) if "mean" in values else {}
        top = _top(side, name, values, engine)
        found.append({"column": name, "type": types[name], **values, **quartiles, **({"top": top} if top else {})})
    return found


def _top(side: Side, name: str, values: dict[str, JsonValue], engine: Engine) -> list[JsonValue]:
    """[value, rows] of the most frequent texts; none where nearly every row has its own."""
    if stats.kind_in(side, name) != "category" or stats.is_identifying(values):
        return []
    bars = stats.top_values(None, side, name, engine)
    others = int(str(values["distinct"])) > len(bars)
    return [[bar.label, bar.new] for bar in (bars[:-1] if others else bars)[:_TOP]]
