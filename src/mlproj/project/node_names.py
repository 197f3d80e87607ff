"""Which nodes a text means: `kind:name@version`, a short form of it, or a label as it is printed."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mlproj.diagnostics import ProjectError, did_you_mean, fail
from mlproj.planner import Change
from mlproj.planner.columns import unlabelled


def matching(ids: Iterable[str], text: str) -> list[str]:
    """Ids that the text may mean: whole, without the kind, without the version, by the name alone, or as printed."""
    name = unlabelled(text)
    return [n for n in ids if name in _forms(n)]


def _forms(node_id: str) -> tuple[str, str, str, str]:
    relation = node_id.partition(":")[2]
    return node_id, relation, relation.partition("@")[0], node_id.partition("@")[0]


def find_id(ids: Collection[str], text: str) -> str:
    """The one node that is meant, of its highest version. Raises E508 where it is none or several."""
    matches = matching(ids, text)
    # A source, a group and a view may share a name: the group is what most people mean.
    matches = [n for n in matches if n.startswith("feature_group:")] or matches
    if len({n.partition("@")[0] for n in matches}) > 1:
        raise fail("E508", f"'{text}' may be {', '.join(matches)}", hint=f"write the kind too, as {matches[-1]}")
    if not matches:
        raise no_node(ids, text)
    return max(matches, key=lambda n: int(n.partition("@")[2] or 0))


def no_node(ids: Collection[str], text: str) -> ProjectError:
    """E508: a text that means no node; the hint names the versions that there are, or what is near."""
    return fail("E508", f"there is no node '{text}'", hint=near(ids, text) or "`mlproj ls` lists the nodes")


def near(ids: Collection[str], text: str) -> str | None:
    """What may have been meant: another version, or another name."""
    name, at, _version = unlabelled(text).partition("@")
    if not at:
        return did_you_mean(text, sorted({form for n in ids for form in _forms(n)}))
    there = sorted((n for n in matching(ids, name) if "@" in n), key=lambda n: (len(n), n))
    if there:
        return f"there is {', '.join(there if ':' in name else dict.fromkeys(n.partition(':')[2] for n in there))}"
    return did_you_mean(text, sorted({form for n in ids for form in _forms(n) if "@" in form}))


def breaking_node(changes: Iterable[Change], ids: Collection[str], text: str) -> str:
    """The node with a breaking change that `--accept-breaking` names. Raises E508 and E511."""
    breaking = [change.node for change in changes if change.change == "breaking"]
    found = matching(breaking, text)
    if len(found) == 1:
        return found[0]
    if found:
        raise fail("E508", f"'{text}' may be {', '.join(found)}", hint=f"write it in full, as {found[-1]}")
    if not matching(ids, text):
        raise no_node(ids, text)
    hint = f"breaking is {', '.join(breaking)}" if breaking else "nothing is breaking: leave --accept-breaking out"
    raise fail("E511", f"'{text}' has no breaking change to accept", hint=hint)
