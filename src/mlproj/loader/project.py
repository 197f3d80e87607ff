"""A project's folder → `LoadedProject`, or every error that its files have."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.loader.discover import PROJECT_FILE, ProjectFiles, find_files, read_text
from mlproj.loader.loaded import Loaded, LoadedProject
from mlproj.loader.lock import read_lock
from mlproj.loader.project_spec import read_project_file
from mlproj.loader.strings import Strings, has_jinja
from mlproj.loader.validate import Validator
from mlproj.loader.yaml_file import YamlFile, compose, locate, written
from mlproj.loader.yaml_values import TooManyNodes, Values
from mlproj.specs import FeatureGroup, FeatureView, Model, OwnTransformation, Source

_Spec = FeatureGroup | FeatureView | Model | OwnTransformation | Source
_KINDS: Final[dict[str, type[_Spec]]] = {
    "sources": Source,
    "feature_groups": FeatureGroup,
    "transformations": OwnTransformation,
    "feature_views": FeatureView,
    "models": Model,
}


def load(
    root: Path,
    *,
    target: str | None = None,
    vars: Mapping[str, object] | None = None,  # noqa: A002  (the name of the option)
    environment: Mapping[str, str],
    resources: bool = True,
    locked: bool = True,
) -> LoadedProject:
    """Load the project in `root` for one target; `vars` override the project's. Without `resources`, mlproj.yml alone;
    with `locked` false, whatever mlproj.lock says.

    Raises `ProjectError` with every E1xx, E2xx, E303, E306 and E307 of all files, sorted by place.
    """
    collector = Collector()
    project = read_project_file(root, target, vars or {}, environment, collector)
    files = find_files(root) if resources else ProjectFiles((), ())
    found = _Resources(root, files, project.strings, collector)
    for path in files.yaml:
        if path != PROJECT_FILE:
            found.read(path)
    for path in files.python:
        found.read_python(path)
    macros = found.macros()
    lock = read_lock(root, environment, collector) if resources and locked else None
    collector.raise_if_errors()
    assert project.spec is not None and project.target is not None  # noqa: PT018  (else there was an error)
    return LoadedProject(
        spec=project.spec,
        target_name=project.target_name,
        target=project.target,
        vars=project.variables,
        environment=environment,
        env_defaults=project.strings.defaults,
        sources=tuple(found.found["sources"]),
        feature_groups=tuple(found.found["feature_groups"]),
        feature_views=tuple(found.found["feature_views"]),
        models=tuple(found.found["models"]),
        transformations=tuple(found.found["transformations"]),
        sql=found.sql,
        exact=found.exact,
        macros=macros,
        warnings=tuple(collector.warnings),
        locate=project.locate,
        lock=lock,
    )


class _Resources:
    """Gathers the resources of all files, and the SQL of the feature groups."""

    def __init__(self, root: Path, files: ProjectFiles, strings: Strings, collector: Collector) -> None:
        self._root = root
        self._strings = strings
        self._collector = collector
        self._sql_paths = frozenset(files.sql)
        self._sql_texts: dict[str, str | None] = {}
        self._places: dict[tuple[str, str], tuple[str, Span]] = {}
        self.found: dict[str, list[Loaded[Any]]] = {kind: [] for kind in _KINDS}
        self.sql: dict[str, tuple[str, str]] = {}
        self.exact: dict[str, str] = {}

    def read(self, path: str) -> None:
        text = read_text(self._root, path, self._collector)
        file = None if text is None else compose(path, text, self._collector)
        if file is None or file.root is None or _is_null(file.root):
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
                    self._kind(file, values, name, node)
                elif name != "<<":
                    hint = did_you_mean(name, _KINDS) or f"known here: {', '.join(_KINDS)}"
                    self._collector.error("E203", f"unknown key '{name}' at the top level", file.span(key), hint)
        except TooManyNodes:
            self._collector.error("E108", "aliases stand for too much data", file.start(), "write the values out")

    def read_python(self, path: str) -> None:
        from mlproj.loader.python_file import python_transformations

        text = read_text(self._root, path, self._collector)
        for function in python_transformations(path, text or "", self._collector):
            self._refuse_twice("transformations", function.spec.name, function.locate(("name",)))
            self.found["transformations"].append(function)

    def _kind(self, file: YamlFile, values: Values, kind: str, node: Node) -> None:
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
                self._resource(file, values, (kind, index), item)
            else:
                hint = f"write it as '- name: …', with the keys of {kind}"
                self._collector.error("E107", f"{kind}[{index}]: expected a mapping", file.span(item), hint)

    def _resource(self, file: YamlFile, values: Values, place: tuple[str, int], node: MappingNode) -> None:
        kind, index = place
        before = len(values.reported)
        data = values.read(node)
        spec = Validator(file, values.reported, self._collector).validate(_KINDS[kind], data, node, f"{kind}[{index}]")
        if spec is None or len(values.reported) > before:
            return
        self._unique(kind, spec, file, node)
        find = partial(file.places.locate, place)
        start = (node.start_mark.line, node.start_mark.column)
        self.found[kind].append(Loaded(spec, file.path, written(file.text, node), find, start))
        if isinstance(spec, FeatureGroup):
            self._group_sql(spec, file, node)

    def _unique(self, kind: str, spec: _Spec, file: YamlFile, node: MappingNode) -> None:
        """E303. SQL tells no upper from lower case, so names must differ in more than that."""
        identity = spec.name if isinstance(spec, Source | OwnTransformation) else f"{spec.name}@{spec.version}"
        self._refuse_twice(kind, identity, locate(file.path, node, ("name",)), _is_literal(node, "name", "version"))

    def _refuse_twice(self, kind: str, identity: str, span: Span, literal: bool = True) -> None:
        first = self._places.setdefault((kind, identity.casefold()), (identity, span))
        if first[1] is span:
            return
        what = kind.removesuffix("s").replace("_", " ")
        shown = f"{what} '{identity}'" if literal else f"this {what}"
        message = f"{shown} is declared twice; the first is at {first[1]}"
        hint = "give one of them another name"
        if identity != first[0]:
            message = f"{shown} differs from the one at {first[1]} only in upper and lower case"
        elif kind not in ("sources", "transformations"):
            hint = "give one of them another name, or another version"
        self._collector.error("E303", message, span, hint)

    def _group_sql(self, group: FeatureGroup, file: YamlFile, node: MappingNode) -> None:
        name = group.sql or f"{group.name}.v{group.version}.sql"
        folder = posixpath.dirname(file.path)
        path = posixpath.normpath(posixpath.join(folder, name))
        if path in self._sql_paths:
            text = self.sql_text(path)
            if text is not None:
                self.sql[f"{group.name}@{group.version}"] = (path, text)
            return
        span = locate(file.path, node, ("sql" if group.sql else "name",))
        if not _is_literal(node, "name", "version", "sql"):  # what was rendered may come from the environment
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
            text = read_text(self._root, path, self._collector)
            # As Jinja does: what line ends a file has must not change what it means.
            self._sql_texts[path] = text and text.replace("\r\n", "\n").replace("\r", "\n")
            if text and "\r" in text:
                self.exact[path] = text
        return self._sql_texts[path]


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag.endswith(":null")


def _is_literal(node: MappingNode, *keys: str) -> bool:
    """Whether what is written under these keys holds no Jinja."""
    return not any(
        isinstance(value, ScalarNode) and key.value in keys and has_jinja(value.value) for key, value in node.value
    )
