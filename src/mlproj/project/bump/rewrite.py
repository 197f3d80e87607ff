"""Definitions copied to their next version and put back as they were released, in the texts of their files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from yaml.nodes import MappingNode, ScalarNode

from mlproj.diagnostics import Collector, Span, fail
from mlproj.loader import Loaded, LoadedProject
from mlproj.loader.strings import has_jinja
from mlproj.loader.yaml_file import compose, entry
from mlproj.project.bump.choice import version_of
from mlproj.project.bump.files import Files
from mlproj.project.bump.items import Edit, Item, copy, edited, find_item, insertion, put_back, set_value
from mlproj.project.bump.outcome import Bumped
from mlproj.state import GroupNode, TargetState

KEYS = {"feature_group": "feature_groups", "feature_view": "feature_views", "model": "models"}


def resources(project: LoadedProject) -> dict[str, Loaded[Any]]:
    """Every versioned resource by node id."""
    by_kind: dict[str, Iterable[Loaded[Any]]] = {
        "feature_group": project.feature_groups,
        "feature_view": project.feature_views,
        "model": project.models,
    }
    return {f"{kind}:{r.spec.name}@{r.spec.version}": r for kind, found in by_kind.items() for r in found}


class Rewriting:
    """Gathers edits of files as they were loaded, and makes them with `finish`."""

    def __init__(self, project: LoadedProject, state: TargetState, files: Files) -> None:
        self._project, self._state, self._files = project, state, files
        self._resources = resources(project)
        self._edits: dict[str, list[Edit]] = {}
        self._copies: dict[tuple[str, int], tuple[Item, list[str]]] = {}
        self._new_sql: dict[str, str] = {}  # the file of the released version → that of the new one
        self.restores = False  # whether anything of what was released has changed

    def bump(self, node_id: str, to: str) -> Bumped:
        """Raises E522 where nothing was released, E523 where the files are in the way."""
        resource = self._resources[node_id]
        released = self._released(node_id, resource)
        item = self._item(node_id, resource)
        start, end = item.extent
        restored = put_back(item, released["yaml"])
        if restored != item.text[start:end]:
            self.restores = True
            self._edits.setdefault(resource.path, []).append((start, end, restored))
        rename, sql_path = None, None
        if "sql" in released:
            if node_id.partition(":")[2] in self._project.sql:
                rename, sql_path = self._sql(node_id, to, item, released)
            else:
                self._restore_released(resource, released)
        text = copy(item, version_of(to), version_of(node_id), rename)
        last = self._last_of_name(node_id, item, resource.path)
        self._copies.setdefault((resource.path, last.extent[1]), (last, []))[1].append(text)
        return Bumped(node=node_id, to=to, path=resource.path, sql_path=sql_path)

    def share(self, node_id: str) -> None:
        """Let a group that was never published read the new file of the SQL that it shares with a bumped one."""
        resource = self._resources[node_id]
        path = self._project.sql[node_id.partition(":")[2]][0]
        new = posixpath.relpath(self._new_sql[path], posixpath.dirname(resource.path) or ".")
        edits = set_value(self._item(node_id, resource), "sql", new, ("version", "name"))
        self._edits.setdefault(resource.path, []).extend(edits)

    def finish(self) -> None:
        for (path, _), (item, copies) in self._copies.items():
            place, text = insertion(item, copies)
            self._edits.setdefault(path, []).append((place, place, text))
        for path, edits in self._edits.items():
            self._files.put(path, edited(self._files.text(path), edits))

    def _released(self, node_id: str, resource: Loaded[Any]) -> Mapping[str, str]:
        published = self._state.published.get(node_id)
        relation = node_id.partition(":")[2]
        if published is None:
            message = f"{relation} was never published in target '{self._state.target}': nobody reads it yet"
            raise fail("E522", message, span=resource.locate(()), hint="change it as you like, no bump is needed")
        texts = published.node.source_text
        of_sql = isinstance(published.node, GroupNode) and published.node.aggregate is None
        if "yaml" not in texts or (of_sql and "sql" not in texts):
            message = (
                f"the state of target '{self._state.target}' does not hold the text that {relation} was built from"
            )
            raise fail("E522", message, span=resource.locate(()), hint="put it back by hand, from version control")
        return texts

    def _item(self, node_id: str, resource: Loaded[Any]) -> Item:
        kind = node_id.partition(":")[0]
        item = find_item(resource.path, self._files.text(resource.path), KEYS[kind], resource)
        if item is None:
            relation = node_id.partition(":")[2]
            message = f"{relation} cannot be copied: its list is written with an alias"
            raise fail("E523", message, span=resource.locate(()), hint="write the list out")
        return item

    def _last_of_name(self, node_id: str, item: Item, path: str) -> Item:
        """The last version of that name in the same list: the copy stands after it."""
        found = item
        stem = node_id.rpartition("@")[0]
        for other, resource in self._resources.items():
            if other.rpartition("@")[0] == stem and resource.path == path:
                there = find_item(path, item.text, KEYS[stem.partition(":")[0]], resource)
                if there and there.extent > found.extent:
                    found = there
        return found

    def _sql(
        self, node_id: str, to: str, item: Item, released: Mapping[str, str]
    ) -> tuple[Callable[[str], str] | None, str]:
        """How the copy names its SQL file (None: not at all), and that file; puts the released one back."""
        relation, old, new = node_id.partition(":")[2], version_of(node_id), version_of(to)
        resource = self._resources[node_id]
        folder = posixpath.dirname(resource.path)
        path = self._project.sql[relation][0]
        name = item.scalar("sql")
        before = _released_name(released["yaml"], name)
        if before == name:
            self._restore_sql(path, released["sql"])
        else:
            self._restore_elsewhere(before, folder, relation, released["sql"], resource.locate(("sql",)))
            if name is not None:  # the copy keeps the file that it names
                return None, path
        if path in self._new_sql:
            shared = posixpath.relpath(self._new_sql[path], folder or ".")
            return (lambda _inner: shared), self._new_sql[path]
        if name is None:
            found = posixpath.join(folder, f"{resource.spec.name}.v{new}.sql")
        else:
            found = posixpath.join(posixpath.dirname(path), _next_name(posixpath.basename(path), old, new))
        if self._files.exists(found):
            hint = "bump writes the changed query there: move that file away first"
            raise fail("E523", f"{found} is there already", span=resource.locate(()), hint=hint)
        self._files.copy(path, found)
        self._new_sql[path] = found
        return (None if name is None else lambda inner: _next_path(inner, old, new)), found

    def _restore_released(self, resource: Loaded[Any], released: Mapping[str, str]) -> None:
        """Put the SQL back of a group that has none any more: it aggregates now."""
        spec, folder = resource.spec, posixpath.dirname(resource.path)
        name = _released_name(released["yaml"], None)
        place = resource.locate(())
        self._restore_elsewhere(name, folder, f"{spec.name}@{spec.version}", released["sql"], place)

    def _restore_sql(self, path: str, text: str) -> None:
        if path not in self._new_sql and self._files.text(path) != text:
            self.restores = True
            self._files.put(path, text)

    def _restore_elsewhere(self, name: str | None, folder: str, relation: str, text: str, span: Span) -> None:
        """Put the SQL back where the released version had it."""
        if name is not None and has_jinja(name):
            hint = "put the released `sql:` back by hand"
            raise fail(
                "E523", f"{relation}: its SQL file had another name, which comes from Jinja", span=span, hint=hint
            )
        stem, _, version = relation.partition("@")
        path = posixpath.normpath(posixpath.join(folder, name or f"{stem}.v{version}.sql"))
        if self._files.exists(path) and self._files.text(path) != text:
            hint = "put it back by hand, or move it away"
            raise fail("E523", f"{path} is there, and not as {relation} was released with it", span=span, hint=hint)
        self.restores = True
        if not self._files.exists(path):
            self._files.put(path, text)


def _released_name(released: str, now: str | None) -> str | None:
    """What the released item had under `sql:`; an item that merges others has it as it is now."""
    file = compose("", released, Collector())
    if file is None or not isinstance(file.root, MappingNode):
        return now
    found = entry(file.root, "sql")
    return str(found[1].value) if found and isinstance(found[1], ScalarNode) else None


def _next_path(path: str, old: int, new: int) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + _next_name(name, old, new)


def _next_name(name: str, old: int, new: int) -> str:
    """`income.v1.sql` → `income.v2.sql`, `shared.sql` → `shared.v2.sql`."""
    marks = list(re.finditer(rf"(?<![^\W_])v{old}(?!\d)", name))
    if marks:
        return f"{name[: marks[-1].start()]}v{new}{name[marks[-1].end() :]}"
    return f"{name.removesuffix('.sql')}.v{new}.sql"
