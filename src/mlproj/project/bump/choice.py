"""What is to be bumped: by name, what the plan calls breaking; and, if wanted, what refers to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from mlproj.compiler import Manifest
from mlproj.diagnostics import fail
from mlproj.planner import Change
from mlproj.project.node_names import matching, near
from mlproj.state import TargetState


def choose(
    name: str, changes: Sequence[Change], known: Collection[str], manifest: Manifest, *, dependants: bool
) -> str:
    """The node id that `name` means (`income`, `feature_view:income`, `income@1`).

    Among several of the name it is the breaking one; a version that is named may have changed in any way. Raises E508
    for an unknown name, E520 where nothing changed, E521 where several are breaking and none of them reads the others.
    """
    declared = [n for n in known if not n.startswith("source:")]
    ids = sorted({*matching(declared, name)})
    if not ids:
        hint = near(declared, name) or "name a feature group, a feature view or a model: `mlproj ls` lists them"
        raise fail("E508", f"there is no node '{name}'", hint=hint)
    found = [c for c in changes if c.node in ids and c.change not in ("new", "removed")]
    breaking = [c for c in found if c.change == "breaking"]
    gone = [c for c in breaking if any(r.rule == "removed" for r in c.reasons)]
    candidates = [c.node for c in breaking if c not in gone] or [c.node for c in found if "@" in name and c not in gone]
    if dependants:
        candidates = [n for n in candidates if not _reads_any(n, candidates, manifest)]
    if len(candidates) > 1:
        listed = ", ".join(candidates)
        raise fail("E521", f"several of '{name}' are breaking: {listed}", hint=f"name one: mlproj bump {candidates[0]}")
    if candidates:
        return candidates[0]
    if gone:
        relation = gone[0].node.partition(":")[2]
        hint = f"declare it as version {relation.partition('@')[2]} again, with the change: bump makes the next version"
        raise fail("E520", f"{relation} was published and is declared no more: there is nothing to copy", hint=hint)
    shown = ids[0].partition(":")[2] if len(ids) == 1 else f"'{name}'"
    if found:
        hint = f"to bump it all the same, name the version: mlproj bump {found[0].node}"
    else:
        hint = "change its definition in place first; a version is bumped where `mlproj plan` calls the change breaking"
    raise fail("E520", f"nothing of {shown} is breaking: there is nothing to bump", hint=hint)


def _reads_any(node_id: str, others: Sequence[str], manifest: Manifest) -> bool:
    """Whether a node is downstream of one of the others."""
    waiting, seen = [node_id], {node_id}
    while waiting:
        node = manifest.nodes.get(waiting.pop())
        parents = set(node.depends_on) - seen if node else set()
        seen |= parents
        waiting += parents
    return bool((seen - {node_id}) & set(others))


def dependants(roots: Iterable[str], manifest: Manifest) -> list[str]:
    """What refers to the roots, and to that, in dependency order; of each name the highest version that does."""
    reached: list[str] = []
    for node_id in manifest.order:
        if set(manifest.nodes[node_id].depends_on) & {*roots, *reached} and node_id not in roots:
            reached.append(node_id)
    highest: dict[str, str] = {}
    for node_id in reached:
        stem = stem_of(node_id)
        highest[stem] = max(highest.get(stem, node_id), node_id, key=version_of)
    kept: list[str] = []
    for node_id in reached:
        if highest[stem_of(node_id)] == node_id and set(manifest.nodes[node_id].depends_on) & {*roots, *kept}:
            kept.append(node_id)
    return kept


def stem_of(node_id: str) -> str:
    return node_id.rpartition("@")[0]


def version_of(node_id: str) -> int:
    return int(node_id.rpartition("@")[2])


class Numbers:
    """Hands out the next version of each name: the highest that is declared or was published, plus one."""

    def __init__(self, manifest: Manifest, state: TargetState) -> None:
        self._last: dict[str, int] = {}
        for node_id in (*manifest.nodes, *state.published):
            if not node_id.startswith("source:"):
                stem = stem_of(node_id)
                self._last[stem] = max(self._last.get(stem, 0), version_of(node_id))

    def next(self, node_id: str) -> str:
        """The id of the node's next version."""
        stem = stem_of(node_id)
        self._last[stem] += 1
        return f"{stem}@{self._last[stem]}"
