"""A difference as one page of HTML that needs nothing else: no network, no script, light and dark, narrow and wide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mlproj.cli.render.diff import counted, number, side_name, value_shares
from mlproj.cli.render.tables import text

if TYPE_CHECKING:
    from jinja2 import Template

    from mlproj.project.diff import Bar, ColumnDiff, Difference

WIDTH, HEIGHT = 320, 96
_STATISTICS = ("count", "nulls", "distinct", "min", "p25", "p50", "p75", "max", "mean", "std")


@dataclass(frozen=True)
class Drawn:
    """One bar in the units of the picture: both sides from the bottom up."""

    x: float
    width: float
    old: float
    new: float
    title: str


def diff_page(difference: Difference) -> str:
    """The page. What comes from data or names is escaped by the template."""
    document = difference.model_dump(mode="json")
    ordered = sorted(difference.columns, key=lambda c: (not c.notes, not c.changed, c.name not in difference.key))
    return _template().render(
        old=side_name(document["old"]),
        new=side_name(document["new"]),
        difference=difference,
        counted=counted(document),
        cards=[_card(column) for column in ordered],
        samples=[(k, [r for r in difference.sample if r.kind == k]) for k in ("changed", "added", "deleted")],
        width=WIDTH,
        height=HEIGHT,
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mlproj.cli.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["value"] = lambda value: "null" if value is None else text(value)
    return environment.get_template("diff.html")


def _card(column: ColumnDiff) -> dict[str, Any]:
    measures = [
        (m, _full(old), _full(new), old != new)
        for m in _STATISTICS
        for old, new in [((column.old or {}).get(m), (column.new or {}).get(m))]
        if old is not None or new is not None
    ]
    shares = value_shares(column.model_dump(mode="json"))
    ends = (column.bars[0].label, column.bars[-1].label) if column.bars and not shares else None
    return {"column": column, "measures": measures, "shares": shares, "bars": drawn(column.bars), "ends": ends}


def drawn(bars: tuple[Bar, ...]) -> list[Drawn]:
    """Bars as shares of their side, so that sides of different size can be laid over each other."""
    old, new = sum(bar.old for bar in bars), sum(bar.new for bar in bars)
    shares = [(bar.old / old if old else 0.0, bar.new / new if new else 0.0) for bar in bars]
    most = max((share for pair in shares for share in pair), default=0.0)
    if not most:
        return []
    step = WIDTH / len(bars)
    return [
        Drawn(
            round(i * step + 1, 1),
            round(step - 2, 1),
            round(HEIGHT * was / most, 1),
            round(HEIGHT * now / most, 1),
            f"{'≤ ' if is_number else ''}{bar.label}: {was:.1%} → {now:.1%}",
        )
        for i, (bar, (was, now)) in enumerate(zip(bars, shares, strict=True))
        for is_number in [_is_number(bar.label)]
    ]


def _full(value: Any) -> str:
    """A statistic with its thousands apart."""
    shown = number(value)
    return f"{int(shown):,}" if shown.removeprefix("-").isdecimal() else shown


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True
