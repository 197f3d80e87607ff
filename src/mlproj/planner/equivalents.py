"""`equivalent:` in YAML: a change of meaning that the user says is none (versions.md §2)."""

from __future__ import annotations

from collections.abc import Iterator

from mlproj.compiler.manifest import Manifest
from mlproj.diagnostics import Diagnostic
from mlproj.planner.plan import Reason
from mlproj.state import Equivalence, GroupNode, TargetState


def acknowledged(reason: Reason, equivalent: Equivalence | None) -> Reason:
    """The reason as it stands, or, where the acknowledgement is of what was published, as one that breaks nobody.

    The data is computed anew; whether anything below moves is decided by what comes out.
    """
    if equivalent is None or equivalent.of != reason.of:
        return reason
    message = f"{reason.message}; equivalent, because: {equivalent.because}"
    update = {"rule": "equivalent", "change": "stale", "message": message, "because": equivalent.because}
    return reason.model_copy(update=update)


def misdirected(manifest: Manifest, state: TargetState) -> Iterator[Diagnostic]:
    """W501 for every acknowledgement that is needed, and names another fingerprint than the published one."""
    for node_id, published in state.published.items():
        new, old = manifest.nodes.get(node_id), published.node
        if not isinstance(new, GroupNode) or not isinstance(old, GroupNode):
            continue
        before = {f.name: f.computed for f in old.features}
        pairs = [(f.name, f.equivalent, before.get(f.name), f.computed) for f in new.features]
        for what, equivalent, was, now in (*pairs, ("its rows", new.equivalent, old.shape.rows, new.shape.rows)):
            if equivalent and was and was not in {now, equivalent.of}:
                yield Diagnostic(
                    "W501",
                    f"{new.relation}: `equivalent:` of {what} is of {equivalent.of}, and {was} is published",
                    equivalent.span,
                    f"where the values are those of what is published: of: {was}",
                    "warning",
                    node_id,
                )
