"""Which nodes a text means: `kind:name@version`, or a short form of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mlproj.diagnostics import did_you_mean, fail
from mlproj.planner import Change


def matching(ids: Iterable[str], text: str) -> list[str]:
    """Ids that the text may mean: whole, without the kind, without the version, or by the name alone."""
    return [
        n for n in ids if text in (n, n.partition(":")[2], n.partition(":")[2].partition("@")[0], n.partition("@")[0])
    ]


def breaking_node(changes: Iterable[Change], ids: Collection[str], text: str) -> str:
    """The node with a breaking change that `--accept-breaking` names. Raises E508 and E511."""
    breaking = [change.node for change in changes if change.change == "breaking"]
    found = matching(breaking, text)
    if len(found) == 1:
        return found[0]
    if found:
        raise fail("E508", f"'{text}' may be {', '.join(found)}", hint=f"write it in full, as {found[-1]}")
    if not matching(ids, text):
        known = sorted({*ids, *(n.partition(":")[2] for n in ids)})
        raise fail(
            "E508", f"there is no node '{text}'", hint=did_you_mean(text, known) or "`mlproj ls` lists the nodes"
        )
    hint = f"breaking is {', '.join(breaking)}" if breaking else "nothing is breaking: leave --accept-breaking out"
    raise fail("E511", f"'{text}' has no breaking change to accept", hint=hint)
