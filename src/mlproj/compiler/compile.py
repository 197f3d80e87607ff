"""The compile pass: every resource of the project to a node of the manifest, all errors at once."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.connections import check_connections
from mlproj.compiler.graph import topological
from mlproj.compiler.groups import GroupCompiler
from mlproj.compiler.increments import this_relation
from mlproj.compiler.known import KnownGroups, group_keys
from mlproj.compiler.lock import check_lock
from mlproj.compiler.manifest import Manifest
from mlproj.compiler.models import compile_model
from mlproj.compiler.personal import personal_symbols
from mlproj.compiler.relationships import check_relationships
from mlproj.compiler.render import Rendered, SqlRenderer
from mlproj.compiler.resolve import Names
from mlproj.compiler.sources import compile_source, source_columns
from mlproj.compiler.transformations.own import OwnFunctions
from mlproj.compiler.unit_tests import OtherVars, UnitTestCompiler
from mlproj.compiler.views import compile_view
from mlproj.compiler.windows import aggregated_node, stored_relation, stored_types, windowed_group
from mlproj.diagnostics import Collector, ProjectError
from mlproj.loader import Loaded, LoadedProject
from mlproj.ports import Binder, EstimatorCatalog, SourceReader
from mlproj.specs import FeatureGroup
from mlproj.state import EstimatorInfo, GroupNode, ModelNode, Node, SourceNode, ViewNode


@dataclass(frozen=True)
class Surroundings:
    """What the pass asks of the world: a type checker, readers of files and of estimators, and a memory of results.

    `memo` maps content hashes to JSON, `known` has the groups of last time; neither changes a result.
    """

    binder: Binder
    sources: SourceReader
    estimators: EstimatorCatalog
    memo: MutableMapping[str, Any]
    known: KnownGroups = field(default_factory=KnownGroups)


class DoesNotCompile(ProjectError):
    """Everything that is wrong. `partial` is the manifest of what compiled, `failed` holds the ids of the rest."""

    def __init__(self, collector: Collector, partial: Manifest) -> None:
        super().__init__(list(collector))
        self.partial, self.failed = partial, frozenset(collector.poisoned)


def compile_project(loaded: LoadedProject, surroundings: Surroundings) -> Manifest:
    """The manifest. Raises `DoesNotCompile`."""
    collector = Collector()
    for warning in loaded.warnings:
        collector.add(warning)
    names = Names(loaded, collector)
    renderer = SqlRenderer(loaded.vars, loaded.environment, names.ref, names.source, loaded.env_defaults)
    renderer.add_macros(loaded.macros, collector)
    checker = TypeChecker(surroundings.binder, surroundings.memo)
    sources = _sources(loaded, checker, surroundings.sources, collector)
    groups = _groups(loaded, checker, surroundings, renderer, names, sources, collector)
    check_relationships(loaded, names, groups, collector)
    views: dict[str, ViewNode] = {}
    own = OwnFunctions(loaded.transformations, checker, collector)
    for view in sorted(loaded.feature_views, key=lambda v: (v.spec.name, v.spec.version)):
        compiled = compile_view(view, names, groups, checker, renderer, collector, own)
        if compiled:
            views[compiled.id] = compiled
    estimators = _estimators(loaded, surroundings.estimators)
    models: dict[str, ModelNode] = {}
    for model in sorted(loaded.models, key=lambda m: (m.spec.name, m.spec.version)):
        compiled_model = compile_model(model, names, views, estimators, loaded.lock, collector)
        if compiled_model:
            models[compiled_model.id] = compiled_model
    check_lock(loaded, [i for i in estimators.values() if isinstance(i, EstimatorInfo)], collector)
    groups = _with_unique_keys(groups, views)
    nodes: dict[str, Node] = {**sources, **groups, **views, **models}
    other_vars = OtherVars(loaded, names, checker, collector)
    tests = UnitTestCompiler(names, nodes, frozenset(collector.poisoned), other_vars, collector)
    unit_tests = tests.all(loaded.unit_tests)
    manifest = Manifest(
        project=loaded.spec.name,
        nodes=dict(sorted(nodes.items())),
        order=(*sorted(sources), *groups, *views, *models),
        env_defaults=dict(sorted(renderer.env_defaults.items())),
        estimators={p: i for p, i in sorted(estimators.items()) if isinstance(i, EstimatorInfo)},
        warnings=tuple(collector.warnings),
        locked=loaded.lock is not None,
        unit_tests=unit_tests,
    )
    if collector.errors:
        raise DoesNotCompile(collector, manifest)
    return manifest


def _sources(
    loaded: LoadedProject, checker: TypeChecker, reader: SourceReader, collector: Collector
) -> dict[str, SourceNode]:
    found: dict[str, SourceNode] = {}
    broken = check_connections(loaded, collector)
    for source in loaded.sources:
        if source.spec.connection in broken:
            collector.poisoned.add(f"source:{source.spec.name}")
            continue
        node = compile_source(source, checker, reader, loaded, collector)
        if node:
            found[node.id] = node
            checker.declare(node.id, node.id, node.columns)
    return found


def _groups(
    loaded: LoadedProject,
    checker: TypeChecker,
    surroundings: Surroundings,
    renderer: SqlRenderer,
    names: Names,
    sources: dict[str, SourceNode],
    collector: Collector,
) -> dict[str, GroupNode]:
    """Groups in dependency order. What hangs on a node that failed is poisoned in silence: one mistake is told once."""
    by_id = {f"feature_group:{g.spec.name}@{g.spec.version}": g for g in loaded.feature_groups}
    rendered = _rendered(by_id, loaded, renderer, names, collector)
    order, cycles = topological({node: r.parents for node, r in rendered.items()})
    for cycle in cycles:
        _refuse_cycle(cycle, loaded, renderer, collector)
    compiled: dict[str, SourceNode | GroupNode] = dict(sources)
    deep_columns = {symbol: deep for node in sources.values() for symbol, deep in source_columns(node)}
    current, known, memo = loaded.spec.current_version, surroundings.known, surroundings.memo
    marked = {symbol for node in sources.values() for symbol in personal_symbols(node)}
    written = _written(loaded)
    compiler = GroupCompiler(checker, renderer, deep_columns, marked, memo, collector, written, current, names)
    groups: dict[str, GroupNode] = {}
    for node_id in order:
        if any(parent not in compiled for parent in rendered[node_id].parents):
            collector.poisoned.add(node_id)
            continue
        declared, said = by_id[node_id], len(collector)
        path, text = loaded.sql.get(node_id.partition(":")[2], (declared.path, ""))
        sql, windows = rendered[node_id], None
        if declared.spec.aggregate is not None:
            windows = windowed_group(declared, node_id, sql, compiled[sql.parents[0]], checker, renderer, collector)
            if windows is None:
                continue
            sql = windows.rendered
        texts = (path, loaded.exact.get(path, text))
        keys = group_keys(declared, sql, texts, checker, compiled, current.get(declared.spec.name))
        group = known.take(node_id, keys, deep_columns)
        if group is None:
            group = compiler.compile(declared, sql, path, text, windows)
            if group and path in loaded.exact:
                group = group.model_copy(update={"source_text": {**group.source_text, "sql": loaded.exact[path]}})
            if group and keys is not None and len(collector) == said:
                known.found[node_id] = keys
        if group:
            groups[node_id] = compiled[node_id] = group
            deep_columns |= {f"{group.relation}.{f.name}": f.deep for f in group.features}
            marked.update(personal_symbols(group))
            deep_columns[f"{group.relation}.*"] = group.shape.deep
            _declare(group, checker)
    return groups


def _written(loaded: LoadedProject) -> dict[str, str]:
    """How each group and source is read in SQL."""
    groups = {g.spec.name: f"{{{{ ref('{g.spec.name}') }}}}" for g in loaded.feature_groups}
    return groups | {s.spec.name: f"{{{{ source('{s.spec.name}') }}}}" for s in loaded.sources}


def _declare(group: GroupNode, checker: TypeChecker) -> None:
    """What may be read of a group: the columns of its contract, and by views the events of its windows."""
    checker.declare(group.id, group.relation, group.features)
    if group.aggregate is not None:
        checker.declare(stored_relation(group), stored_relation(group), stored_types(group))


def _refuse_cycle(cycle: list[str], loaded: LoadedProject, renderer: SqlRenderer, collector: Collector) -> None:
    names = [node.partition(":")[2] for node in cycle]
    message = f"{names[0]} reads itself" if len(cycle) == 2 else f"these groups read each other: {' → '.join(names)}"
    hint = "break the circle: one of them has to read something else"
    group = next(g for g in loaded.feature_groups if f"{g.spec.name}@{g.spec.version}" == names[0])
    place = group.locate(("aggregate", "from"))
    if group.spec.aggregate is None:
        place = renderer.place_of_ref(*loaded.sql[names[0]], names[1])
    collector.error("E304", message, place, hint, cycle[0])


def _rendered(
    by_id: dict[str, Loaded[FeatureGroup]],
    loaded: LoadedProject,
    renderer: SqlRenderer,
    names: Names,
    collector: Collector,
) -> dict[str, Rendered]:
    found: dict[str, Rendered] = {}
    for node in sorted(by_id):
        if by_id[node].spec.aggregate is not None:
            read = aggregated_node(by_id[node], names, node, collector)
            if read is not None:
                found[node] = Rendered("", "", (read,))
            continue
        path, text = loaded.sql[node.partition(":")[2]]
        incremental = by_id[node].spec.materialized == "incremental"
        this = this_relation(node.partition(":")[2]) if incremental else None
        rendered = renderer.render(path, text, node, collector, this)
        if rendered and node not in collector.poisoned:
            found[node] = rendered
    return found


def _estimators(loaded: LoadedProject, catalog: EstimatorCatalog) -> dict[str, EstimatorInfo | LookupError]:
    found: dict[str, EstimatorInfo | LookupError] = {}
    for model in loaded.models:
        path = model.spec.estimator
        if path not in found:
            try:
                found[path] = catalog.describe(path)
            except LookupError as error:
                found[path] = error
    return found


def _with_unique_keys(groups: dict[str, GroupNode], views: dict[str, ViewNode]) -> dict[str, GroupNode]:
    """A duplicate key is an error where a view counts on one row per key.

    Its base and what it joins, without event_time.
    """
    relied_on = {g for view in views.values() for g in view.depends_on if not groups[g].event_time}
    unique = {n: group.counts_on_key or n in relied_on for n, group in groups.items()}
    return {
        n: g if g.unique_key == unique[n] else g.model_copy(update={"unique_key": unique[n]}) for n, g in groups.items()
    }
