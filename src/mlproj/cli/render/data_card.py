"""A training dataset as a data card in Markdown: what it was made from, its rows, and what stands in its columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from mlproj.state import TrainingDataset, ViewNode


def data_card(view: ViewNode, dataset: TrainingDataset, hidden: Collection[str] = ()) -> str:
    """The card; of hidden columns, personal data, no value is shown."""
    return "\n".join(
        [
            f"# Data card: {dataset.name}",
            *_about(view, dataset),
            *_made_from(view, dataset),
            *_rows(dataset),
            *_labels(dataset, hidden),
            *_columns(view, dataset, hidden),
            *_transformations(dataset),
            "",
        ]
    )


def _about(view: ViewNode, dataset: TrainingDataset) -> Iterator[str]:
    if view.description:
        yield from ("", _escaped(view.description))
    facts = {
        "owner": view.owner,
        "tags": ", ".join(view.tags),
        "made at": dataset.created_at,
        "by build": dataset.build_id,
        "digest of all rows": dataset.digest,
    }
    yield ""
    yield from (f"- {name}: {_escaped(value)}" for name, value in facts.items() if value)


def _made_from(view: ViewNode, dataset: TrainingDataset) -> Iterator[str]:
    yield from ("", "## Made from", "")
    rows = [[group.partition(":")[2], commit] for group, commit in dataset.inputs.items()]
    yield from _table(["feature group", "commit of the lake"], rows)
    if view.filter:
        yield from ("", f"Rows that satisfy `{' '.join(view.filter.split())}`.")
    for feature, because in view.leakage.items():
        yield from ("", f"`{feature}` is computed from the label: {_escaped(because)}")


def _rows(dataset: TrainingDataset) -> Iterator[str]:
    total = sum(dataset.rows.values())
    yield from ("", "## Rows", "")
    yield from _table(["split", "rows", "share"], [[s, n, _share(n, total)] for s, n in dataset.rows.items() if n])
    if dataset.left_out:
        yield from ("", "Left out: " + ", ".join(f"{n:,} {reason}" for reason, n in dataset.left_out.items()) + ".")
    if dataset.sampled:
        found = dataset.sampled
        kept = f"{found.kept:,} of {found.rows:,} training rows are kept where `{found.label}` is `{found.value}`"
        yield from ("", f"{kept}: odds against it, times {found.factor:.6g}, are those of all rows.")
    if dataset.weight:
        shown = ", ".join(f"{value} {weight:.6g}" for value, weight in dataset.class_weights.items())
        yield from ("", f"Training rows weigh: {dataset.weight}" + (f" ({shown})." if shown else "."))


def _labels(dataset: TrainingDataset, hidden: Collection[str]) -> Iterator[str]:
    label = dataset.label
    found = {s: columns.get(label or "", {}).get("top") for s, columns in dataset.column_statistics.items()}
    if label is None or label in hidden or not any(found.values()):
        return
    counts: dict[str, dict[str, int]] = {s: dict(top) for s, top in found.items() if isinstance(top, list)}  # type: ignore[arg-type]
    values = sorted({value for top in counts.values() for value in top})
    splits = [s for s in dataset.rows if s in counts]
    yield from ("", f"## Label: {label}", "")
    rows = [[v, *(_share(counts[s].get(v, 0), sum(counts[s].values())) for s in splits)] for v in values]
    yield from _table(["value", *splits], rows)


def _columns(view: ViewNode, dataset: TrainingDataset, hidden: Collection[str]) -> Iterator[str]:
    """As the view gives them, before transformation, in the training split."""
    training = dataset.column_statistics.get("training", {})
    total = dataset.rows.get("training", 0)
    rows = []
    for column in view.columns:
        known, shown = training.get(column.name, {}), column.name not in hidden
        nulls = known.get("nulls")
        measures = [known.get(name) if shown else None for name in ("min", "mean", "p50", "max")]
        rows.append([
            f"`{column.name}`", column.role, column.type, ", ".join(column.sources),
            None if nulls is None else _share(int(str(nulls)), total), known.get("distinct"), *measures,
            _frequent(known.get("top")) if shown else "personal data",
        ])  # fmt: skip
    yield from ("", "## Columns", "", "Before transformation, in the training split.", "")
    names = ["column", "role", "type", "from", "nulls", "distinct", "min", "mean", "median", "max", "most frequent"]
    yield from _table(names, rows)


def _transformations(dataset: TrainingDataset) -> Iterator[str]:
    chains = {name: chain for name, chain in dataset.statistics.chains.items() if chain}
    if chains:
        yield from ("", "## Transformations", "", "Fitted on the training split.", "")
        yield from _table(["column", "steps"], [[f"`{n}`", ", ".join(s.name for s in c)] for n, c in chains.items()])


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    yield from (f"| {' | '.join(_cell(value) for value in row)} |" for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return _escaped(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))


def _frequent(top: Any) -> str:
    return ", ".join(f"{value} ({count:,})" for value, count in (top or [])[:3])


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _escaped(text: str) -> str:
    """Text that stays in its cell and on its line."""
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())
