"""mlproj.yml: the project, its vars, and the target that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from yaml.nodes import MappingNode, Node, ScalarNode

from mlproj.version import __version__
from mlproj.diagnostics import Collector, Span, did_you_mean, fail
from mlproj.loader.discover import PROJECT_FILE, Folder, read_text
from mlproj.loader.strings import Strings
from mlproj.loader.validate import Validator
from mlproj.loader.version_range import satisfies
from mlproj.loader.yaml_file import YamlFile, compose, empty_mapping
from mlproj.loader.yaml_values import TooManyNodes, Values
from mlproj.specs import ProjectSpec, Target

_RESOURCES = {"sources", "feature_groups", "feature_views", "models"}


@dataclass(frozen=True)
class ProjectFile:
    """What mlproj.yml gave: `spec` and `target` are None where it has errors, `strings` renders the other files."""

    spec: ProjectSpec | None
    target_name: str
    target: Target | None
    variables: dict[str, object]
    strings: Strings
    locate: Callable[..., Span] = lambda *_place, **_key: Span(PROJECT_FILE)


def read_project_file(
    folder: Folder,
    wanted: str | None,
    overrides: Mapping[str, object],
    environment: Mapping[str, str],
    collector: Collector,
) -> ProjectFile:
    """Read mlproj.yml for the target `wanted`; `overrides` are `--vars`. Raises `ProjectError` E101."""
    root = folder.root
    if not (root / PROJECT_FILE).is_file():
        hint = f"make a project with: mlproj init {root.name or 'DIR'}; or name its folder with --project-dir"
        if (root / "mlproj.yaml").is_file():
            hint = f"rename mlproj.yaml to {PROJECT_FILE}"
        raise fail("E101", f"no {PROJECT_FILE} in this folder", hint=hint)
    text = read_text(folder, PROJECT_FILE, collector)
    file = None if text is None else compose(PROJECT_FILE, text, collector)
    if file is None:
        return ProjectFile(None, "", None, {}, Strings(None, environment))
    reader = _Reader(file, wanted, overrides, environment, collector)
    try:
        return reader.read()
    except TooManyNodes:
        collector.error("E108", "aliases stand for too much data", file.start())
        return reader.unreadable()


class _Reader:
    """Reads the parts of mlproj.yml in the order in which they need each other: vars, then all else, targets last."""

    def __init__(
        self,
        file: YamlFile,
        wanted: str | None,
        overrides: Mapping[str, object],
        environment: Mapping[str, str],
        collector: Collector,
    ) -> None:
        self._file = file
        self._wanted = wanted
        self._overrides = overrides
        self._collector = collector
        self._strings = Strings(None, environment)
        self._variables: dict[str, object] = dict(overrides)
        self._values = Values(file, self._strings, collector)

    def unreadable(self) -> ProjectFile:
        return ProjectFile(None, "", None, {}, self._strings.with_vars(None))

    def read(self) -> ProjectFile:
        root = self._file.root
        if root is None:
            root = empty_mapping()
        if not isinstance(root, MappingNode):
            message = "expected a mapping at the top level, with name, vars, targets"
            self._collector.error("E107", message, self._file.start())
            return self.unreadable()
        if not self._values.is_allowed(root):
            return self.unreadable()
        pairs = self._values.pairs(root)
        data = self._data(pairs)
        spec = self._spec(data, root, pairs)
        name = self._wanted or str(data.get("default_target", "dev"))
        if spec is None:
            return ProjectFile(None, name, None, self._variables, self._strings)
        target = spec.targets.get(name)
        if target is None:
            self._unknown_target(name, spec, pairs)
        locate = partial(self._file.places.locate, ())
        return ProjectFile(spec, name, target, {**spec.vars, **self._overrides}, self._strings, locate)

    def _data(self, pairs: dict[str, tuple[Node, Node]]) -> dict[str, object]:
        data: dict[str, object] = {}
        if "vars" in pairs:
            data["vars"] = self._vars(pairs["vars"][1])
        self._strings = self._strings.with_vars(self._variables)
        values = self._values = self._rest(self._values)
        for name, (_, node) in pairs.items():
            if name not in {"vars", "targets", "<<"}:
                data[name] = values.read(node)
        if "targets" in pairs:
            default = self._wanted or str(data.get("default_target", "dev"))
            data["targets"] = self._targets(pairs["targets"][1], default)
        return data

    def _rest(self, before: Values) -> Values:
        """A reader that knows the vars, and what was reported so far."""
        values = Values(self._file, self._strings, self._collector)
        values.reported |= before.reported
        return values

    def _vars(self, node: Node) -> object:
        """Vars may use those written above them, and `--vars`, which win."""
        if not isinstance(node, MappingNode):
            return self._values.read(node)
        written: dict[str, object] = {}
        pairs = self._values.pairs(node)
        for name, (_, value) in pairs.items():
            if name == "<<":
                continue
            if name in self._overrides:
                written[name] = None
                continue
            strings = self._strings.with_vars(dict(self._variables), frozenset(pairs) - written.keys())
            values = Values(self._file, strings, self._collector)
            written[name] = self._variables[name] = values.read(value)
            self._values.reported |= values.reported
        return written

    def _targets(self, node: Node, wanted: str) -> object:
        """Targets that are not wanted now may name environment variables that are not set here."""
        if not isinstance(node, MappingNode):
            return self._values.read(node)
        targets: dict[str, object] = {}
        for name, (_, value) in self._values.pairs(node).items():
            if name == "<<":
                continue
            values = Values(self._file, self._strings.as_private(), self._collector, lenient=name != wanted)
            target = values.read(value)
            targets[name] = {} if target is None and isinstance(value, ScalarNode) else target
            self._values.reported |= values.reported
        return targets

    def _spec(self, data: dict[str, object], root: Node, pairs: dict[str, tuple[Node, Node]]) -> ProjectSpec | None:
        resources = sorted(_RESOURCES & data.keys())
        for name in resources:
            hint, span = f"put {name} into another file, as {name}/{name}.yml", self._file.span(pairs[name][0])
            self._collector.error("E203", f"unknown key '{name}' at the top level", span, hint)
        rest = {name: value for name, value in data.items() if name not in resources}
        version_fits = self._version_fits(data.get("mlproj_version"), pairs)
        spec = Validator(self._file, self._values.reported, self._collector).validate(ProjectSpec, rest, root, "")
        return spec if version_fits and not resources else None

    def _version_fits(self, wanted: object, pairs: dict[str, tuple[Node, Node]]) -> bool:
        if not isinstance(wanted, str) or id(pairs["mlproj_version"][1]) in self._values.reported:
            return True
        node = pairs["mlproj_version"][1]
        span = self._file.span(node)
        try:
            if satisfies(__version__, wanted):
                return True
        except ValueError:
            hint = "write it like '>=0.3,<0.5'; the comparisons are >=, <=, >, <, == and !="
            self._collector.error("E204", f"mlproj_version: '{node.value}' is no range of versions", span, hint)
            return False
        message = f"this is mlproj {__version__}, and the project asks for {node.value}"
        self._collector.error("E207", message, span, f"pip install 'mlproj{node.value}'")
        return False

    def _unknown_target(self, name: str, spec: ProjectSpec, pairs: dict[str, tuple[Node, Node]]) -> None:
        known = f"known targets: {', '.join(spec.targets)}" if spec.targets else "declare it under targets"
        near = did_you_mean(name, spec.targets)
        hint = f"{near} {known}" if near else known
        if self._wanted:
            self._collector.error("E205", f"unknown target '{name}'", None, hint)
        elif "default_target" in pairs:
            node = pairs["default_target"][1]
            self._collector.error("E205", f"default_target: unknown target '{node.value}'", self._file.span(node), hint)
        else:
            span = self._file.span(pairs["targets"][0])
            hint = f"name one of them: default_target: {next(iter(spec.targets), 'dev')}"
            self._collector.error("E205", "targets: 'dev', which is the default, is not among them", span, hint)
