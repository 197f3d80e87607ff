"""From names that the user wrote to node ids, with the nearest names where there is none."""

from __future__ import annotations

from collections.abc import Iterable

from mlproj.compiler.render import RenderError
from mlproj.diagnostics import Collector, did_you_mean
from mlproj.loader import Loaded, LoadedProject
from mlproj.specs import FeatureGroup, FeatureView, Model, Source

Versioned = Loaded[FeatureGroup] | Loaded[FeatureView] | Loaded[Model]


class Names:
    """Every name of the project: sources, and versions by kind and name."""

    def __init__(self, loaded: LoadedProject, collector: Collector) -> None:
        self.sources = {s.spec.name for s in loaded.sources}
        self.versions: dict[str, dict[str, list[int]]] = {
            "feature_group": _versions(loaded.feature_groups),
            "feature_view": _versions(loaded.feature_views),
            "model": _versions(loaded.models),
        }
        groups = [g.spec for g in loaded.feature_groups]
        self._keys = {f"feature_group:{g.name}@{g.version}": g.primary_key for g in groups}
        for kind, named in (
            ("source", loaded.sources),
            ("feature group", loaded.feature_groups),
            ("feature view", loaded.feature_views),
            ("model", loaded.models),
        ):
            _refuse_lookalikes(kind, named, collector)
        _refuse_view_clashes(loaded.feature_groups, self.versions["feature_group"], collector)
        resources: list[Versioned] = [*loaded.feature_groups, *loaded.feature_views, *loaded.models]
        for resource in resources:
            _refuse_later_origin(resource, collector)
        self._check_current(loaded, collector)

    def _check_current(self, loaded: LoadedProject, collector: Collector) -> None:
        """`current_version` of mlproj.yml names groups and versions that are declared."""
        for name, version in loaded.spec.current_version.items():
            found, (message, hint) = self.find("feature_group", name, version)
            if found is None:
                at_name = name not in self.versions["feature_group"]
                place = loaded.locate(("current_version", name), key=at_name)
                collector.error("E301", f"current_version: {message}", place, hint)

    def ref(self, name: str, version: int | None = None) -> str:
        """Node id of a feature group, for `ref()` in SQL. Raises `RenderError` E301."""
        if not _are_name_and_version(name, version):
            raise RenderError(
                "E305", "ref() takes a name and a version number", "write {{ ref('name', version=1) }}", "ref"
            )
        found, problem = self.find("feature_group", name, version)
        if found is None:
            message, hint = problem
            stem, _, number = name.partition("@")
            if number.isdecimal() and stem in self.versions["feature_group"]:
                hint = f"the version is an argument of its own: write {{{{ ref('{stem}', version={number}) }}}}"
            if name in self.sources:
                hint = f"'{name}' is a source: write {{{{ source('{name}') }}}}"
            raise RenderError("E301", message, hint, name)
        return found

    def source(self, name: str) -> str:
        """Node id of a source, for `source()` in SQL. Raises `RenderError` E302."""
        if name in self.sources:
            return f"source:{name}"
        hint = did_you_mean(str(name), self.sources)
        if name in self.versions["feature_group"]:
            hint = f"'{name}' is a feature group: write {{{{ ref('{name}') }}}}"
        raise RenderError("E302", f"unknown source '{name}'", hint or "declare it under `sources:`", str(name))

    def sole_key(self, node: str) -> str | None:
        """The primary key of a group, where it is one column."""
        key = self._keys.get(node, [])
        return key[0] if len(key) == 1 else None

    def find(self, kind: str, name: str, version: int | None) -> tuple[str | None, tuple[str, str | None]]:
        """Node id for a name and version (the highest where None), or None with message and hint."""
        label = kind.replace("_", " ")
        versions = self.versions[kind].get(name)
        if versions is None:
            hint = did_you_mean(name, self.versions[kind])
            return None, (f"unknown {label} '{name}'", hint or f"declare it under `{kind}s:`")
        if version is not None and version not in versions:
            known = ", ".join(f"{name}@{v}" for v in versions)
            return None, (f"unknown {label} '{name}@{version}'", f"there is {known}")
        return f"{kind}:{name}@{version or versions[-1]}", ("", None)


def split_reference(reference: str) -> tuple[str, int | None]:
    """`income@1` → ("income", 1); `income` → ("income", None)."""
    name, _, version = reference.partition("@")
    return name, int(version) if version else None


def _are_name_and_version(name: object, version: object) -> bool:
    return isinstance(name, str) and isinstance(version, int | None)


def _versions(resources: Iterable[Versioned]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for resource in resources:
        found.setdefault(resource.spec.name, []).append(resource.spec.version)
    return {name: sorted(versions) for name, versions in found.items()}


def _refuse_view_clashes(
    groups: Iterable[Loaded[FeatureGroup]], versions: dict[str, list[int]], collector: Collector
) -> None:
    """Consumers read the views `<group>` and `<group>_v<n>` of one schema: `income_v1` may not be both."""
    taken = {f"{name}_v{version}".casefold(): f"{name}@{version}" for name, vs in versions.items() for version in vs}
    for group in groups:
        other = taken.get(group.spec.name.casefold())
        if other:
            collector.error(
                "E303",
                f"feature group '{group.spec.name}' has the name under which consumers read {other}",
                group.locate(("name",)),
                "a group's versions are read as <name>_v<version>: give this one another name",
            )


def _refuse_later_origin(resource: Versioned, collector: Collector) -> None:
    """Versions go up: what one was copied from came before it."""
    spec = resource.spec
    if spec.derived_from is not None and spec.derived_from >= spec.version:
        collector.error(
            "E314",
            f"version {spec.version} of '{spec.name}' cannot be derived from version {spec.derived_from}",
            resource.locate(("derived_from",)),
            f"a version is derived from an earlier one: derived_from: {spec.version - 1}"
            if spec.version > 1
            else "leave derived_from out: version 1 is the first",
            f"{_kind(resource)}:{spec.name}@{spec.version}",
        )


def _kind(resource: Versioned) -> str:
    match resource.spec:
        case FeatureGroup():
            return "feature_group"
        case FeatureView():
            return "feature_view"
        case Model():
            return "model"


def _refuse_lookalikes(kind: str, resources: Iterable[Versioned | Loaded[Source]], collector: Collector) -> None:
    """SQL names do not tell capitals apart, so neither may ours."""
    first: dict[str, str] = {}
    for resource in resources:
        name = resource.spec.name
        other = first.setdefault(name.casefold(), name)
        if other != name:
            collector.error(
                "E303",
                f"{kind} '{name}' differs from '{other}' in capitals only",
                resource.locate(("name",)),
                "SQL does not tell them apart: give one of them another name",
            )
