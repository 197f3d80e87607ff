"""A difference as one page of HTML that needs nothing else: no network, no script, light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from mlproj.cli.render.diff import counted, number, side_name, value_shares
from mlproj.cli.render.tables import text

if TYPE_CHECKING:
    from jinja2 import Template

    from mlproj.project.diff import Bar, ColumnDiff, Difference

WIDTH, HEIGHT = 320, 96
_STATISTICS = ("count", "nulls", "distinct", "min", "p25", "p50", "p75", "max", "mean", "std")


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
    ends = None if shares else _ends(column)
    return {"column": column, "measures": measures, "shares": shares, "paths": drawn(column.bars), "ends": ends}


def drawn(bars: Sequence[Bar]) -> tuple[str, str]:
    """SVG paths of old and new as shares of their side, new in front: sides of different size can be compared."""
    sides = [[bar.old for bar in bars], [bar.new for bar in bars]]
    old, new = ([count / (sum(counts) or 1) for count in counts] for counts in sides)
    most = max([*old, *new], default=0.0)
    return _path(old, most, inset=0.03), _path(new, most, inset=0.3)


def _path(shares: Sequence[float], most: float, *, inset: float) -> str:
    """Bars side by side, each without a part `inset` of its place on the left and on the right."""
    step = WIDTH / max(len(shares), 1)
    return "".join(
        f"M{(i + inset) * step:.0f} {HEIGHT}v-{HEIGHT * share / most:.1f}h{step * (1 - 2 * inset):.0f}V{HEIGHT}z"
        for i, share in enumerate(shares)
        if share
    )


def _ends(column: ColumnDiff) -> tuple[str, str] | None:
    """What stands below the first and the last bar: a histogram's take in all that is beyond them."""
    if len(column.bars) < 2:
        return (column.bars[0].label, "") if column.bars else None
    return f"≤ {column.bars[0].label}", f"> {column.bars[-2].label}"


def _full(value: Any) -> str:
    """A statistic with its thousands apart."""
    shown = number(value)
    return f"{int(shown):,}" if shown.removeprefix("-").isdecimal() else shown
