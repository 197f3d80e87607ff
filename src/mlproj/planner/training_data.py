"""When a training dataset is still the one that would be made."""

from __future__ import annotations

from collections.abc import Mapping

from mlproj.compiler.fingerprints import fingerprint
from mlproj.state import Published, TrainingDataset, ViewNode


def view_digests(view: ViewNode, published: Mapping[str, Published]) -> dict[str, str | None]:
    """The digest of every column that a view reads, as last published; None where nobody took one."""
    found: dict[str, str | None] = {}
    for source in view.reads:
        relation, _, column = source.rpartition(".")
        row = published.get(f"feature_group:{relation}")
        found[source] = row.column_digests.get(column) if row else None
    return found


def dataset_fingerprint(view: ViewNode, digests: Mapping[str, str | None]) -> str:
    """What decides a training dataset: the view, its split, and the values of the columns that it reads.

    How these are computed counts for nothing where they come out the same.
    """
    return fingerprint("training_dataset", view.fingerprints.local, view.split, dict(digests))


def why_remake(
    view: ViewNode, dataset: TrainingDataset | None, published: Mapping[str, Published], moved: set[str]
) -> tuple[str, str] | None:
    """(rule, message) where a training dataset has to be made, None where the newest still holds.

    `moved` holds the groups whose rows may come out otherwise, because their sources moved.
    """
    if dataset is None:
        return "new", "there is no training dataset yet"
    row = published.get(view.id)
    old = row.node if row else None
    if isinstance(old, ViewNode) and old.split != view.split:
        return "split_changed", "the split changed"
    if isinstance(old, ViewNode) and old.fingerprints.deep != view.fingerprints.deep:
        return "definition_changed", "what the view reads is defined otherwise"
    groups = sorted(group.partition(":")[2] for group in view.depends_on if group in moved)
    if groups:
        return "data_changed", f"the rows of {', '.join(groups)} may change"
    if dataset.fingerprint != dataset_fingerprint(view, view_digests(view, published)):
        return "data_changed", "it was made from other data than is published now"
    return None
