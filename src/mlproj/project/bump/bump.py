"""`mlproj bump`: the changed definition becomes the next version, and the released one stands again.

What the files would say is loaded, compiled and compared with the state before any of them is written.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlproj.compiler import DoesNotCompile, Manifest
from mlproj.diagnostics import Diagnostic, ProjectError, Span, fail
from mlproj.planner import Asked, Change, diff
from mlproj.project.bump.choice import Numbers, choose, dependants, stem_of, version_of
from mlproj.project.bump.committed import as_committed
from mlproj.project.bump.files import Files
from mlproj.project.bump.items import edited
from mlproj.project.bump.outcome import Bump, Bumped, FileChange
from mlproj.project.bump.references import Moves, sql_text, yaml_edits
from mlproj.project.bump.rewrite import Rewriting, resources
from mlproj.project.left_behind import with_published
from mlproj.state import TargetState

if TYPE_CHECKING:
    from mlproj.loader import LoadedProject
    from mlproj.project.project import Project


def bump(project: Project, name: str, *, with_dependants: bool, dry_run: bool, as_of_date: str) -> Bump:
    """Copy what `name` means to its next version, and put back what was released of it.

    With `with_dependants` the highest version of each group, view and model that refers to it, directly or through
    others, is copied too, and refers to the new one; all other references stay where they are. Raises E508 and E520 to
    E524, and writes nothing where anything is wrong.
    """
    from mlproj.project.planning import make

    plan, state, versions = make(project, Asked(as_of_date=as_of_date))
    before = _Before(project, as_committed(project, state), versions, _manifest(project, state), plan.changes)
    known = {*before.manifest.nodes, *state.published}
    root = choose(name, plan.changes, known, before.manifest, dependants=with_dependants)
    files = Files(project.root)
    return _Bumping(before, files).run(root, with_dependants=with_dependants, dry_run=dry_run)


def _manifest(project: Project, state: TargetState) -> Manifest:
    try:
        return project.manifest
    except DoesNotCompile as error:
        return with_published(error, state) or error.partial


@dataclass(frozen=True)
class _Before:
    """The project as it is."""

    project: Project
    state: TargetState
    versions: Mapping[str, str]
    manifest: Manifest
    changes: tuple[Change, ...]

    def breaks(self, node_id: str) -> bool:
        return any(c.node == node_id and c.change == "breaking" for c in self.changes)


class _Bumping:
    def __init__(self, before: _Before, files: Files) -> None:
        self._before, self._files = before, files
        self._loaded = before.project.files
        self._declared = resources(self._loaded)

    def run(self, root: str, *, with_dependants: bool, dry_run: bool) -> Bump:
        drafts, roots = self._sharing(root)
        chosen = list(roots)
        follow: list[str] = []
        if with_dependants:
            for node_id in dependants(roots, self._before.manifest):
                (chosen if node_id in self._before.state.published else follow).append(node_id)
        numbers = Numbers(self._before.manifest, self._before.state)
        bumped = self._copy({n: numbers.next(n) for n in chosen}, roots, drafts)
        pinned = self._references(bumped, follow)
        self._prove(bumped, (*follow, *drafts))
        if not dry_run:
            self._files.write()
        return Bump(
            project=self._before.manifest.project,
            target=self._before.state.target,
            bumped=bumped,
            pinned=tuple(pinned),
            repointed=(*drafts, *follow),
            files=tuple(
                FileChange.model_validate({"path": p, "change": how}) for p, how in self._files.changed.items()
            ),
            dry_run=dry_run,
            diff=self._files.diff() if dry_run else "",
        )

    def _sharing(self, root: str) -> tuple[list[str], list[str]]:
        """Groups that share the changed SQL file of the root: those never published, and those that it breaks too."""
        published = self._before.state.published.get(root)
        kind, _, relation = root.partition(":")
        path, _ = self._loaded.sql.get(relation, ("", "")) if kind == "feature_group" else ("", "")
        if not path or published is None or published.node.source_text.get("sql") == self._files.text(path):
            return [], [root]
        others = [
            node
            for relation, (other, _) in sorted(self._loaded.sql.items())
            if other == path and (node := f"feature_group:{relation}") != root
        ]
        drafts = [n for n in others if n not in self._before.state.published]
        return drafts, [root, *(n for n in others if self._before.breaks(n))]

    def _copy(self, to: Mapping[str, str], roots: list[str], drafts: list[str]) -> tuple[Bumped, ...]:
        rewriting = Rewriting(self._loaded, self._before.state, self._files)
        bumped = [rewriting.bump(node_id, to[node_id]) for node_id in roots]
        if not rewriting.restores:
            self._refuse_untouched(roots[0])
        for node_id in drafts:
            rewriting.share(node_id)
        bumped += [rewriting.bump(node_id, new) for node_id, new in to.items() if node_id not in roots]
        rewriting.finish()
        return tuple(bumped)

    def _refuse_untouched(self, node_id: str) -> None:
        relation = node_id.partition(":")[2]
        reason = next((r for c in self._before.changes if c.node == node_id for r in c.reasons), None)
        if not self._before.breaks(node_id):
            raise fail("E520", f"{relation} is written as it was published", hint="change it in place, then bump it")
        message = f"{relation} is written as it was published; what breaks it is elsewhere"
        hint = "a macro, a var or something that it reads changed: copy that under another name, and let this stand"
        raise fail("E523", message + (f" ({reason.message})" if reason else ""), span=self._place(node_id), hint=hint)

    def _place(self, node_id: str) -> Span | None:
        return self._declared[node_id].locate(()) if node_id in self._declared else None

    def _references(self, bumped: tuple[Bumped, ...], follow: list[str]) -> list[str]:
        """Move the references of the new versions and of `follow`, and pin all others. Returns who was pinned."""
        highest: dict[tuple[str, str], int] = {}
        for each in bumped:
            kind, _, relation = each.node.partition(":")
            stem = stem_of(each.node)
            declared = [version_of(n) for n in self._declared if stem_of(n) == stem]
            highest[kind, relation.partition("@")[0]] = max(declared)
        moves = Moves(highest, {b.node: b.to for b in bumped}, frozenset((*(b.to for b in bumped), *follow)))
        project = self._tried().files
        paths = {r.path for r in resources(project).values()} | {test.path for test in project.unit_tests}
        for path in sorted(paths):
            text = self._files.text(path)
            edits = yaml_edits(project, path, text, moves)
            if edits:
                self._files.put(path, edited(text, edits))
        pinned = [n for n, r in resources(project).items() if n not in moves.follow and _is_moved(n, r.spec, moves)]
        for relation, (path, _) in sorted(project.sql.items()):
            pinned += self._sql(path, f"feature_group:{relation}", moves)
        for path in project.macros:
            self._sql(path, None, moves)
        return sorted(set(pinned) - moves.follow)

    def _sql(self, path: str, owner: str | None, moves: Moves) -> list[str]:
        text = self._files.text(path)
        new = sql_text(text, owner, moves)
        if new == text:
            return []
        self._files.put(path, new)
        return [owner] if owner else []

    def _tried(self) -> Project:
        """The project as it would be, loaded from a copy. Raises E523 where it does not load."""
        with tempfile.TemporaryDirectory(prefix="mlproj-bump-") as folder:
            self._files.copy_to(Path(folder), (p for p, text in self._loaded.fixtures.items() if text is not None))
            project = self._before.project.at(Path(folder))
            try:
                project.files  # noqa: B018  (loads)
            except ProjectError as error:
                first = error.diagnostics[0]
                message = f"the files would not load after the bump: {first.message} ({first.span})"
                hint = first.hint or "nothing was written: make the version by hand"
                raise fail("E523", message, hint=hint) from error
        return project

    def _prove(self, bumped: tuple[Bumped, ...], others: tuple[str, ...]) -> None:
        """Compile and compare: the released versions stand, the new ones compile, and nobody else breaks."""
        manifest, error = self._compiled(self._tried().files)
        failed = error.failed & {*(b.to for b in bumped), *(b.node for b in bumped), *others} if error else set()
        if failed and error:
            origin = {b.to: b.node for b in bumped}
            raise ProjectError([self._not_compiling(d, origin) for d in error.diagnostics if d.node in failed])
        moved = {b.node: b.to for b in bumped}
        for each in bumped:
            self._check_references(each, manifest, moved)
        changes = diff(manifest, self._before.state, self._before.versions, as_of_date="")
        released = {b.node for b in bumped}
        for change in changes:
            if change.change != "breaking" or any(r.rule == "removed" for r in change.reasons):
                continue
            if change.node in released or not self._before.breaks(change.node):
                relation = change.node.partition(":")[2]
                message = f"{relation} would still break with its released text: {change.reasons[0].message}"
                hint = "a macro, a var or something that it reads changed too: undo that, or keep it under another name"
                raise fail("E523", message, span=self._place(change.node), hint=hint)

    def _compiled(self, loaded: LoadedProject) -> tuple[Manifest, DoesNotCompile | None]:
        from mlproj.project.compilation import compile_in_memory

        try:
            return compile_in_memory(self._before.project.root, loaded, self._before.project.session), None
        except DoesNotCompile as error:
            return with_published(error, self._before.state) or error.partial, error

    def _not_compiling(self, found: Diagnostic, origin: Mapping[str, str]) -> Diagnostic:
        """What is wrong with a copy, told at the definition that it was copied from."""
        node = found.node or ""
        old = origin.get(node, node)
        message = f"{node.partition(':')[2]}, copied from {old.partition(':')[2]}, would not compile: {found.message}"
        hint = f"change {old.partition(':')[2]} in place to fit, then bump again"
        return Diagnostic("E524", message, self._place(old), hint, node=old)

    def _check_references(self, each: Bumped, manifest: Manifest, moved: Mapping[str, str]) -> None:
        was = self._before.manifest.nodes[each.node].depends_on
        now = manifest.nodes[each.to].depends_on
        for parent in was:
            if parent in moved and moved[parent] not in now:
                names = f"{each.node.partition(':')[2]} refers to {parent.partition(':')[2]}"
                message = f"{names} in a way that bump cannot move: through a macro, or a merge"
                hint = "write the reference out in its own definition, then bump again"
                raise fail("E523", message, span=self._place(each.node), hint=hint)


def _is_moved(node_id: str, spec: object, moves: Moves) -> bool:
    """Whether a view or a model has a reference that is pinned."""
    groups = [getattr(spec, "base", None), *(j.group for j in getattr(spec, "joins", ()))]
    views = [getattr(spec, "feature_view", None)]
    return any(moves.reference(node_id, "feature_group", g) for g in groups if g) or any(
        moves.reference(node_id, "feature_view", v) for v in views if v
    )
