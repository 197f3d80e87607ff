"""dbt's selector syntax over nodes: `+x`, `x+`, `2+x`, `@x`, globs, methods; a space unites, a comma intersects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from mlproj.compiler.manifest import Manifest
from mlproj.diagnostics import did_you_mean, fail
from mlproj.planner.columns import unlabelled
from mlproj.planner.plan import Change
from mlproj.state import GroupNode, Node

_TERM = re.compile(r"^(?P<at>@)?(?P<up>\d*\+)?(?P<what>[^+@][^+]*?)(?P<down>\+\d*)?$")
_STATES = {
    "new": {"new"}, "modified": {"breaking", "additive", "metadata"}, "breaking": {"breaking"}, "stale": {"stale"},
}  # fmt: skip
ChangedFiles = Callable[[str], set[str]]


class Selector:
    """Selects node ids of one manifest, and by name or state what is published and no longer in it.

    `changed_files(revision)` gives paths for `git:REF`.
    """

    def __init__(self, manifest: Manifest, changes: Sequence[Change], changed_files: ChangedFiles) -> None:
        self._manifest = manifest
        self._changes = {change.node: change.change for change in changes}
        self._changed_files = changed_files
        self._parents = {n: list(node.depends_on) for n, node in manifest.nodes.items()}
        self._children = manifest.children()
        self._all = {*manifest.nodes, *self._changes}

    def select(self, select: Sequence[str], exclude: Sequence[str]) -> set[str]:
        """All nodes where `select` is empty. Raises E503 for what matches nothing or is not understood."""
        chosen = self._union(select) if select else set(self._all)
        return chosen - self._union(exclude)

    def _union(self, expressions: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for part in " ".join(expressions).split():
            sets = [self._term(term) for term in part.split(",") if term]
            found |= set.intersection(*sets) if sets else set()
        return found

    def _term(self, text: str) -> set[str]:
        match = _TERM.match(text)
        if not match:
            raise fail(
                "E503",
                f"'{text}' is no selector",
                hint="see docs/reference/selectors.md: +x, x+, 2+x, @x, tag:…, path:…, kind:…, state:…",
            )
        found = self._matching(match["what"])
        result = set(found)
        if match["at"]:
            below = self._walk(found, self._children, None)
            return below | self._walk(below, self._parents, None)
        if match["up"]:
            result |= self._walk(found, self._parents, _depth(match["up"].rstrip("+")))
        if match["down"]:
            result |= self._walk(found, self._children, _depth(match["down"].lstrip("+")))
        return result

    def _matching(self, text: str) -> set[str]:
        what = unlabelled(text)
        method, colon, value = what.partition(":")
        nodes = self._manifest.nodes
        if colon and method == "state":
            if value not in _STATES:
                raise fail("E503", f"unknown state '{value}'", hint=f"there is {', '.join(_STATES)}")
            return {n for n in self._all if self._changes.get(n) in _STATES[value]}
        if colon and method == "git":
            files = self._changed_files(value)
            return {n for n, node in nodes.items() if _files(node) & files}
        test = _METHODS.get(method) if colon and method != "kind" else None
        if test is not None:
            found = {n for n, node in nodes.items() if test(node, value)}
        elif colon and method == "kind":
            found = {n for n, node in nodes.items() if node.kind == value}
        else:
            found = {n for n in self._all if _named(n, what)}
        if not found:
            known = sorted({n.partition(":")[2] for n in nodes} | {node.name for node in nodes.values()})
            raise fail(
                "E503",
                f"'{what}' selects nothing",
                hint=did_you_mean(value or what, known) or "`mlproj ls` lists the nodes",
            )
        return found

    def _walk(self, start: set[str], edges: Mapping[str, Sequence[str]], depth: int | None) -> set[str]:
        found, frontier, steps = set(start), set(start), 0
        while frontier and (depth is None or steps < depth):
            frontier = {other for node in frontier for other in edges.get(node, ())} - found
            found |= frontier
            steps += 1
        return found


def _depth(text: str) -> int | None:
    return int(text) if text else None


def _named(node_id: str, pattern: str) -> bool:
    kind, _, relation = node_id.partition(":")
    name = relation.partition("@")[0]
    return any(fnmatchcase(text, pattern) for text in (node_id, relation, name, f"{kind}:{name}"))


def _files(node: Node) -> set[str]:
    return {node.span.path, node.sql_path} if isinstance(node, GroupNode) else {node.span.path}


def _in_path(node: Node, value: str) -> bool:
    return any(
        path == value or path.startswith(value.rstrip("/") + "/") or fnmatchcase(path, value) for path in _files(node)
    )


_METHODS: dict[str, Callable[[Node, str], bool]] = {
    "tag": lambda node, value: any(fnmatchcase(tag, value) for tag in node.tags),
    "owner": lambda node, value: fnmatchcase(node.owner, value),
    "path": _in_path,
    "version": lambda node, value: str(getattr(node, "version", "")) == value,
}
