"""A project's folder → `LoadedProject`, or every error that its files have."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader.discover import PROJECT_FILE, Folder, ProjectFiles, read_text
from mlproj.loader.loaded import Loaded, LoadedProject, Location
from mlproj.loader.lock import read_lock
from mlproj.loader.project_spec import read_project_file
from mlproj.loader.remembered import RememberedFiles, Written
from mlproj.loader.strings import Strings
from mlproj.loader.validate import Validator
from mlproj.loader.yaml_file import Places, YamlFile, compose, written
from mlproj.loader.yaml_values import TooManyNodes, Values
from mlproj.specs import FeatureGroup, FeatureView, Model, OwnTransformation, Source, UnitTest
from mlproj.specs.base import Resource

_Spec = FeatureGroup | FeatureView | Model | OwnTransformation | Source | UnitTest
_KINDS: Final[dict[str, type[_Spec]]] = {
    "sources": Source,
    "feature_groups": FeatureGroup,
    "transformations": OwnTransformation,
    "feature_views": FeatureView,
    "models": Model,
    "unit_tests": UnitTest,
}


def load(
    root: Path,
    *,
    target: str | None = None,
    vars: Mapping[str, object] | None = None,  # noqa: A002  (the name of the option)
    environment: Mapping[str, str],
    resources: bool = True,
    locked: bool = True,
    folder: Folder | None = None,
    memory: MutableMapping[str, Any] | None = None,
) -> LoadedProject:
    """Load the project in `root` for one target; `vars` override the project's. Without `resources`, mlproj.yml alone;
    with `locked` false, whatever mlproj.lock says. `folder` is the root as it was read before, if it was; `memory` maps
    contents to what was found in them, and changes no result.

    Raises `ProjectError` with every E1xx, E2xx, E303, E306 and E307 of all files, sorted by place.
    """
    collector = Collector()
    folder = folder or Folder(root)
    project = read_project_file(folder, target, vars or {}, environment, collector)
    files = folder.files if resources else ProjectFiles((), ())
    found = _Resources(folder, files, project.strings, RememberedFiles({} if memory is None else memory), collector)
    for path in files.yaml:
        if path != PROJECT_FILE:
            found.read(path)
    for path in files.python:
        found.read_python(path)
    macros = found.macros()
    lock = read_lock(folder, environment, collector) if resources and locked else None
    collector.raise_if_errors()
    assert project.spec is not None and project.target is not None  # noqa: PT018  (else there was an error)
    return LoadedProject(
        spec=project.spec,
        target_name=project.target_name,
        target=project.target,
        vars=project.variables,
        environment=environment,
        env_defaults=project.strings.defaults,
        sql=found.sql,
        exact=found.exact,
        macros=macros,
        fixtures=found.fixtures,
        warnings=tuple(collector.warnings),
        locate=project.locate,
        lock=lock,
        **{kind: tuple(items) for kind, items in found.found.items()},
    )


class _Resources:
    """Gathers the resources of all files, and the SQL of the feature groups."""

    def __init__(
        self, folder: Folder, files: ProjectFiles, strings: Strings, remembered: RememberedFiles, collector: Collector
    ) -> None:
        self._folder = folder
        self._strings = strings
        self._remembered = remembered
        self._collector = collector
        self._sql_paths = frozenset(files.sql)
        self._sql_texts: dict[str, str | None] = {}
        self._named: dict[tuple[str, str], tuple[str, Callable[[], Span]]] = {}
        self.found: dict[str, list[Loaded[Any]]] = {kind: [] for kind in _KINDS}
        self.sql: dict[str, tuple[str, str]] = {}
        self.exact: dict[str, str] = {}
        self.fixtures: dict[str, str | None] = {}

    def read(self, path: str) -> None:
        text = read_text(self._folder, path, self._collector)
        if text is None:
            return
        known = self._remembered.recall(text)
        if known is not None:
            for written in known:
                self._take(written, _KINDS[written.kind].model_validate(written.data), Places(path, text))
            return
        file, said = compose(path, text, self._collector), len(self._collector)
        if file is None:
            return
        resources = list(self._resources(file))
        if len(self._collector) == said:
            self._remembered.keep(text, [written for written, _ in resources])
        for written, spec in resources:
            self._take(written, spec, file.places)

    def _resources(self, file: YamlFile) -> Iterator[tuple[Written, _Spec]]:
        if file.root is None or _is_null(file.root):
            return
        if not isinstance(file.root, MappingNode):
            message = f"expected a mapping at the top level, with {', '.join(_KINDS)}"
            self._collector.error("E107", message, file.start())
            return
        values = Values(file, self._strings, self._collector)
        if not values.is_allowed(file.root):
            return
        try:
            for name, (key, node) in values.pairs(file.root).items():
                if name in _KINDS:
                    yield from self._kind(file, values, name, node)
                elif name != "<<":
                    hint = did_you_mean(name, _KINDS) or f"known here: {', '.join(_KINDS)}"
                    self._collector.error("E203", f"unknown key '{name}' at the top level", file.span(key), hint)
        except TooManyNodes:
            self._collector.error("E108", "aliases stand for too much data", file.start(), "write the values out")

    def read_python(self, path: str) -> None:
        from mlproj.loader.python_file import python_transformations

        text = read_text(self._folder, path, self._collector)
        for function in python_transformations(path, text or "", self._collector):
            self._refuse_twice("transformations", function.spec.name, partial(function.locate, ("name",)))
            self.found["transformations"].append(function)

    def _kind(self, file: YamlFile, values: Values, kind: str, node: Node) -> Iterator[tuple[Written, _Spec]]:
        if _is_null(node):
            return
        if not isinstance(node, SequenceNode):
            hint = "start each item with '- name: …'"
            self._collector.error("E107", f"{kind}: expected a list", file.span(node), hint)
            return
        if not values.is_allowed(node):
            return
        for index, item in enumerate(node.value):
            if isinstance(item, MappingNode):
                yield from self._resource(file, values, (kind, index), item)
            else:
                hint = f"write it as '- name: …', with the keys of {kind}"
                self._collector.error("E107", f"{kind}[{index}]: expected a mapping", file.span(item), hint)

    def _resource(
        self, file: YamlFile, values: Values, place: tuple[str, int], node: MappingNode
    ) -> Iterator[tuple[Written, _Spec]]:
        kind, index = place
        before = len(values.reported)
        data = values.read(node)
        spec = Validator(file, values.reported, self._collector).validate(_KINDS[kind], data, node, f"{kind}[{index}]")
        if spec is not None and len(values.reported) == before:
            start = (node.start_mark.line, node.start_mark.column)
            yield Written(kind, index, data, written(file.text, node), start), spec

    def _take(self, resource: Written, spec: _Spec, places: Places) -> None:
        place = (resource.kind, resource.index)
        self._unique(resource.kind, spec, places, place)
        find = partial(places.locate, place)
        self.found[resource.kind].append(Loaded(spec, places.path, resource.text, find, resource.start))
        if isinstance(spec, FeatureGroup):
            self._group_sql(spec, places, place)
        elif isinstance(spec, UnitTest):
            for name in {rows.file for rows in (*spec.given, spec.expect) if rows.file}:
                path = beside(places.path, name)
                self.fixtures[path] = self._fixture(path)

    def _fixture(self, path: str) -> str | None:
        if path.startswith(("../", "/")):
            return None
        try:
            return self._folder.content(path).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return None

    def _unique(self, kind: str, spec: _Spec, places: Places, place: Location) -> None:
        """E303. SQL tells no upper from lower case, so names must differ in more than that."""
        identity = f"{spec.name}@{spec.version}" if isinstance(spec, Resource) else spec.name
        find, is_literal = (
            partial(places.locate, place, ("name",)),
            partial(places.is_literal, place, "name", "version"),
        )
        self._refuse_twice(kind, identity, find, is_literal)

    def _refuse_twice(
        self, kind: str, identity: str, find: Callable[[], Span], is_literal: Callable[[], bool] = lambda: True
    ) -> None:
        first = self._named.setdefault((kind, identity.casefold()), (identity, find))
        if first[1] is find:
            return
        span, other = find(), first[1]()
        what = kind.removesuffix("s").replace("_", " ")
        shown = f"{what} '{identity}'" if is_literal() else f"this {what}"
        message = f"{shown} is declared twice; the first is at {other}"
        hint = "give one of them another name"
        if identity != first[0]:
            message = f"{shown} differs from the one at {other} only in upper and lower case"
        elif kind not in ("sources", "transformations", "unit_tests"):
            hint = "give one of them another name, or another version"
        self._collector.error("E303", message, span, hint)

    def _group_sql(self, group: FeatureGroup, places: Places, place: Location) -> None:
        name = group.sql or f"{group.name}.v{group.version}.sql"
        folder = posixpath.dirname(places.path)
        path = beside(places.path, name)
        if group.aggregate is not None:
            self._refuse_both(group, path, places, place)
            return
        if path in self._sql_paths:
            text = self.sql_text(path)
            if text is not None:
                self.sql[f"{group.name}@{group.version}"] = (path, text)
            return
        span = places.locate(place, ("sql" if group.sql else "name",))
        if not places.is_literal(place, "name", "version", "sql"):  # what was rendered may come from the environment
            self._collector.error("E105", "the SQL file of this feature group is not there", span)
        elif path.startswith(("../", "/")) or not path.endswith(".sql"):
            hint = "the path is relative to the folder of this file"
            self._collector.error("E105", f"'{name}' is no .sql file inside the project", span, hint)
        else:
            near = self._similar(name, folder)
            write = "write the query there, or name its file with sql:"
            hint = near if near and group.sql else f"{near} {write}" if near else write
            message = f"no file '{path}' for feature group '{group.name}@{group.version}'"
            self._collector.error("E105", message, span, hint)

    def _refuse_both(self, group: FeatureGroup, path: str, places: Places, place: Location) -> None:
        """E450 where what aggregates has SQL too."""
        if group.sql is None and path not in self._sql_paths:
            return
        span = places.locate(place, ("sql" if group.sql else "aggregate",), key=True)
        literal = places.is_literal(place, "name", "version", "sql")
        message = f"the group has `aggregate:`, and {f'the SQL of {path}' if literal else 'SQL'} too"
        self._collector.error("E450", message, span, "keep one of them: what aggregates has no SQL of its own")

    def _similar(self, name: str, folder: str) -> str | None:
        """The hint that names a file beside it; what all share, the ending, does not make names similar."""
        beside = [posixpath.relpath(path, folder or ".") for path in sorted(self._sql_paths)]
        stem = name.partition(".")[0]
        near = [other for other in beside if "/" not in other and did_you_mean(stem, [other.partition(".")[0]])]
        return did_you_mean(name, near)

    def macros(self) -> dict[str, str]:
        texts = {path: self.sql_text(path) for path in sorted(self._sql_paths) if path.startswith("macros/")}
        return {path: text for path, text in texts.items() if text is not None}

    def sql_text(self, path: str) -> str | None:
        if path not in self._sql_texts:
            text = read_text(self._folder, path, self._collector)
            # As Jinja does: what line ends a file has must not change what it means.
            self._sql_texts[path] = text and text.replace("\r\n", "\n").replace("\r", "\n")
            if text and "\r" in text:
                self.exact[path] = text
        return self._sql_texts[path]


def beside(path: str, name: str) -> str:
    """The path of a file that another one names."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag.endswith(":null")
