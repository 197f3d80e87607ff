"""A small project in memory: written from dictionaries, compiled in process, published as a target holds it."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.adapters.file_sources import FileSources
from mlproj.compiler import Surroundings, compile_project
from mlproj.compiler.manifest import Manifest
from mlproj.loader import load
from mlproj.planner import Change, Options, Plan, accept, diff, make_plan
from mlproj.planner.inputs import reads_key
from mlproj.planner.training_data import dataset_fingerprint, view_digests
from mlproj.state import (
    EstimatorInfo,
    GroupNode,
    ModelNode,
    ModelVersion,
    Published,
    SignatureField,
    TargetState,
    ViewNode,
)
from tests.contracts import nouns

GROUP, VIEW, MODEL = "feature_group:income@1", "feature_view:income@1", "model:income_model@1"
TODAY = "2026-06-01"
COLUMNS = {"id": "BIGINT", "age": "BIGINT", "pay": "DOUBLE", "city": "VARCHAR", "seen": "TIMESTAMP", "rich": "BOOLEAN"}
SQL = "select id, age, pay, city, seen, rich from {{ source('people') }}"

_memo: dict[str, Any] = {}


class Estimators:
    """`ports.EstimatorCatalog` that takes every class for a classifier; `library_version` is what is installed."""

    def __init__(self, library_version: str = "1.9.0") -> None:
        self._version = library_version

    def describe(self, path: str) -> EstimatorInfo:
        return EstimatorInfo(
            path=path,
            task="classifier",
            params=("C", "max_iter", "n_estimators"),
            seed_param="random_state",
            library="xgboost" if path.startswith("xgboost.") else "scikit-learn",
            library_version=self._version,
        )

    def prefetch(self, paths: Iterable[str]) -> None:
        """Nothing to fetch."""

    def versions(self) -> dict[str, str]:
        return {"scikit-learn": self._version}


def feature(name: str, type_name: str | None = None, **rest: Any) -> dict[str, Any]:
    return {"name": name, **({"type": type_name} if type_name else {}), **rest}


def group(name: str = "income", version: int = 1, **rest: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "primary_key": ["id"], **rest}


def view(name: str = "income", version: int = 1, **rest: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "base": "income@1", "features": ["age", "pay"], "label": "rich"} | rest


def model(name: str = "income_model", version: int = 1, **rest: Any) -> dict[str, Any]:
    estimator = "sklearn.linear_model.LogisticRegression"
    return {"name": name, "version": version, "feature_view": "income@1", "estimator": estimator} | rest


@dataclass(frozen=True)
class SmallProject:
    """One source `people`; `sql` maps `name@version` of each group to its query (`SQL` where it is left out)."""

    groups: Sequence[Mapping[str, Any]] = (group(),)
    views: Sequence[Mapping[str, Any]] = ()
    models: Sequence[Mapping[str, Any]] = ()
    sql: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)
    library_version: str = "1.9.0"

    def write(self, root: Path) -> None:
        """The project's files; JSON is YAML."""
        documents = {
            "mlproj.yml": {"name": "small"},
            "sources.yml": {"sources": [{"name": "people", "path": "people.csv", "columns": dict(self.columns)}]},
            "groups.yml": {"feature_groups": copy.deepcopy(list(self.groups))},
            "views.yml": {"feature_views": copy.deepcopy(list(self.views))},
            "models.yml": {"models": copy.deepcopy(list(self.models))},
        }
        root.mkdir(parents=True, exist_ok=True)
        for path, document in documents.items():
            (root / path).write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
        for old in root.glob("*.sql"):
            old.unlink()
        for spec in self.groups:
            text = self.sql.get(f"{spec['name']}@{spec['version']}", SQL)
            (root / f"{spec['name']}.v{spec['version']}.sql").write_text(text, encoding="utf-8")

    def compiled(self) -> Manifest:
        """Raises `ProjectError`."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            self.write(root)
            sources = FileSources(root, root / "cache")
            surroundings = Surroundings(DuckDBBinder(), sources, Estimators(self.library_version), _memo)
            return compile_project(load(root, environment={}), surroundings)


def published(manifest: Manifest, null_counts: Mapping[str, int] | None = None, data: str = "d1") -> TargetState:
    """What a target holds after a build of it: every column has digest `data`, every source content version v1."""
    rows = {n: _row(n, manifest, null_counts or {}, data) for n in manifest.order if not n.startswith("source:")}
    datasets = {
        n: nouns.training_dataset(1, dataset_fingerprint(v, view_digests(v, rows)), n)
        for n, v in manifest.nodes.items()
        if isinstance(v, ViewNode)
    }
    versions = {n: _version(m, manifest) for n, m in manifest.nodes.items() if isinstance(m, ModelNode)}
    return TargetState(
        target="dev",
        published=rows,
        training_datasets={n: d.model_copy(update={"digest": "d"}) for n, d in datasets.items()},
        model_versions=versions,
        trained=tuple(version.trained for version in versions.values()),
    )


def _row(node_id: str, manifest: Manifest, null_counts: Mapping[str, int], data: str) -> Published:
    node = manifest.nodes[node_id]
    common = {"node": node, "build_id": "b1", "published_at": nouns.AT}
    if not isinstance(node, GroupNode):
        return Published(**common)
    return Published(
        **common,
        table=None if node.materialized == "view" else f"{node.name}__v{node.version}__abc",
        commit=1,
        rows=3,
        digest=data,
        column_digests=dict.fromkeys([*(f.name for f in node.features), *_read_by_sql(node_id, manifest)], data),
        null_counts=dict(null_counts),
        source_versions=dict.fromkeys(manifest.sources_below(node_id), "v1"),
        inputs={p: data for p in node.depends_on if not p.startswith("source:")},
    )


def _read_by_sql(node_id: str, manifest: Manifest) -> list[str]:
    readers = (manifest.nodes[n] for n in manifest.children()[node_id])
    return [reads_key(reader, node_id) for reader in readers if isinstance(reader, GroupNode)]


def _version(node: ModelNode, manifest: Manifest) -> ModelVersion:
    view = manifest.view(node.feature_view)
    inputs = tuple(SignatureField(name=c.name, type=c.type) for c in view.of_role("feature"))
    record = nouns.manifest(node).model_copy(update={"inputs": inputs, "view": view.id})
    return ModelVersion(
        name=node.name,
        version=node.version,
        run=1,
        target="dev",
        manifest_hash="h1",
        manifest=record,
        evaluation=nouns.evaluation(),
        build_id="b1",
        created_at=nouns.AT,
    )


def changes(
    before: SmallProject,
    after: SmallProject,
    *,
    null_counts: Mapping[str, int] | None = None,
    as_of_date: str = TODAY,
    source_version: str = "v1",
    accepted: Mapping[str, str] | None = None,
) -> dict[str, Change]:
    """What changed, by node id, between a published project and the one in the files."""
    state = published(before.compiled(), null_counts)
    versions = {"source:people": source_version}
    found = accept(diff(after.compiled(), state, versions, as_of_date=as_of_date), accepted or {})
    return {change.node: change for change in found}


def verdicts(before: SmallProject, after: SmallProject, node: str = GROUP, **options: Any) -> set[tuple[str, ...]]:
    """(rule, feature or "", verdict) of every reason of one node."""
    change = changes(before, after, **options).get(node)
    return {(r.rule, r.feature or "", r.change) for r in change.reasons} if change else set()


def plan_of(after: SmallProject, state: TargetState, source_version: str = "v1", **options: Any) -> Plan:
    """The plan of a project against a state."""
    manifest = after.compiled()
    found = diff(manifest, state, {"source:people": source_version}, as_of_date=TODAY)
    return make_plan(found, manifest, state, Options(**{"target": "dev", "as_of_date": TODAY, **options}))
