"""Answers as documents: what `--format json` prints and text is drawn from. Each has `artifact` and `version`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.cli.dataset_document import dataset_facts, named_dataset, shown_dataset
from mlproj.cli.render.data_card import data_card
from mlproj.diagnostics import fail
from mlproj.planner.columns import unlabelled
from mlproj.planner.masking import masked_fitted, masked_record, masked_rows
from mlproj.project.as_of import commit_as_of
from mlproj.project.as_of import shown as as_of_shown
from mlproj.project.catalogue import search
from mlproj.project.handles import FeatureGroup, FeatureView, Model
from mlproj.project.model_names import resolve_model
from mlproj.project.node_names import find_id
from mlproj.project.planning import select_nodes
from mlproj.project.preview import (
    count_rows, hidden_anywhere, hidden_of, plain, preview, reading, source_preview, source_query,
)  # fmt: skip
from mlproj.state import GroupNode, ModelNode, ModelVersion, Node, SourceNode, ViewNode

if TYPE_CHECKING:
    from mlproj.compiler import Manifest
    from mlproj.project.project import Project

Document = dict[str, Any]

# What is told of the rows that are shown; of a view's the rows alone where they are of the past.
_STOOD = ("commit", "rows", "build", "at")


def _document(artifact: str, **content: Any) -> Document:
    return {"artifact": artifact, "version": 1, **content}


def find_node(manifest: Manifest, text: str) -> Node:
    """The node that `kind:name@version` or a short form of it means. Raises E508 where it is none or several."""
    return manifest.nodes[find_id(manifest.nodes, text)]


def nodes_document(project: Project, select: Sequence[str], exclude: Sequence[str]) -> Document:
    """All selected nodes, in dependency order."""
    manifest, state = project.manifest, project.state()
    plan = project.plan()
    chosen = select_nodes(project, plan.changes, select, exclude)
    changes = {c.node: c.change for c in plan.changes}
    nodes = [
        {
            "node": n,
            "kind": node.kind,
            "name": node.name,
            "version": getattr(node, "version", None),
            "description": node.description,
            "owner": node.owner,
            "tags": list(node.tags),
            "path": node.span.path,
            "depends_on": list(node.depends_on),
            "status": changes.get(
                n, "published" if n in state.published else "-" if isinstance(node, SourceNode) else "unpublished"
            ),
        }
        for n in manifest.order
        if n in chosen
        for node in [manifest.nodes[n]]
    ]
    return _document("ls", nodes=nodes)


def compile_document(project: Project, node: str | None) -> Document:
    """How many nodes compiled, or one node's SQL."""
    manifest = project.manifest
    if node is None:
        return _document("compile", nodes=len(manifest.nodes), sql=None)
    found = find_node(manifest, node)
    if not isinstance(found, GroupNode | ViewNode):
        raise fail("E508", f"{found.id} has no SQL", hint="name a feature group or a feature view")
    return _document("compile", node=found.id, nodes=1, sql=found.sql)


def search_document(project: Project, text: str, select: Sequence[str], exclude: Sequence[str]) -> Document:
    """Selected nodes, and their features, that the words are found in, best first."""
    manifest = project.manifest
    chosen = select_nodes(project, project.plan().changes if select or exclude else (), select, exclude)
    matches = [
        {
            "node": m.entry.node.id,
            "feature": m.entry.feature,
            "type": m.entry.type,
            "description": next(iter(m.entry.texts.get("description", ())), ""),
            "owner": m.entry.node.owner,
            "tags": list(m.entry.texts.get("tags", ())),
            "found": {kind: list(texts) for kind, texts in m.found.items()},
        }
        for m in search({n: node for n, node in manifest.nodes.items() if n in chosen}, text)
    ]
    return _document("search", search=text, matches=matches)


def show_document(project: Project, text: str, as_of: str | None, limit: int, *, stats: bool = False) -> Document:
    """A node with a preview of its rows, or with `stats` statistics of them; a model version with its evidence; a
    training dataset with what it keeps.
    """
    text = unlabelled(text)
    if dataset := named_dataset(project, text):
        if as_of is not None:
            raise fail("E506", f"{dataset.name} stays as it was made", hint="leave --as-of out")
        return shown_dataset(project, dataset, stats=stats)
    name, _, rest = text.removeprefix("model:").partition("@")
    if rest and ("." in rest or not rest.isdigit()) and _is_model(project, name):
        return version_document(project, resolve_model(project, f"{name}@{rest}"))
    node = find_node(project.manifest, text)
    if as_of is not None and not isinstance(node, GroupNode | ViewNode):
        raise fail("E506", f"{node.id} has no commits of its own", hint="--as-of is for feature groups and views")
    if isinstance(node, ModelNode):
        if stats:
            raise fail("E508", f"{node.id} has no rows", hint=f"--stats is for what it reads: {node.feature_view}")
        return _model_document(project, node)
    document = _document(
        "show",
        node=node.id,
        description=node.description,
        owner=node.owner,
        tags=list(node.tags),
        path=str(node.span),
        depends_on=list(node.depends_on),
    )
    if stats:
        return document | {"column_statistics": node_statistics(project, node, as_of)}
    if isinstance(node, SourceNode):
        document |= {
            "columns": [c.model_dump() for c in node.columns],
            "preview": source_preview(project, node, limit),
        }
    elif isinstance(node, GroupNode):
        document |= _group(project, node, as_of, limit)
    else:
        document |= _view(project, node, as_of, limit)
    return document


def node_statistics(project: Project, node: SourceNode | GroupNode | ViewNode, as_of: str | None) -> Any:
    """Of a source's files, of a group's rows, of a view's training dataset; None where there are none yet."""
    from mlproj.project.statistics import statistics_of

    if isinstance(node, SourceNode):
        with reading(project, node):
            query = source_query(project, node)
        return None if query is None else statistics_of(project, query, (), frozenset(node.pii), source=node)
    hidden, state = hidden_of(project, node.id), project.state()
    if isinstance(node, GroupNode):
        if node.id not in state.published:
            return None
        group, simple = FeatureGroup(project, node.name, node.version), node.materialized != "view"
        return statistics_of(project, group.query(as_of), node.row_key, hidden, simple=simple)
    if node.id not in state.training_datasets:
        return None
    view = FeatureView(project, node.name, node.version, as_of=as_of)
    return statistics_of(project, view.query(), view.dataset.keys, hidden)


def _is_model(project: Project, name: str) -> bool:
    """Whether a name is that of a model, declared or registered."""
    return f"model:{name}" in {n.partition("@")[0] for n in project.manifest.nodes} or bool(project.models(name))


def _group(project: Project, node: GroupNode, as_of: str | None, limit: int) -> Document:
    features = [
        {
            "name": f.name,
            "type": f.type,
            "nullable": f.nullable,
            "description": f.description,
            "declared": f.declared,
            "tags": list(f.tags),
            "pii": f.name in node.pii or None,
        }
        for f in node.features
    ]
    document: Document = {
        "primary_key": list(node.primary_key),
        "event_time": node.event_time,
        "sql_path": node.sql_path,
        "features": features,
    }
    published = project.state().published.get(node.id)
    if published is None:
        return document | {"published": None, "preview": None}
    handle = FeatureGroup(project, node.name, node.version)
    query, hidden = handle.query(as_of), hidden_of(project, node.id)
    if as_of is None:
        of_now = (published.commit, published.rows, published.build_id, published.published_at)
        document["published"] = dict(zip(_STOOD, of_now, strict=True))
        return document | {"as_of": None, "preview": preview(project, query, limit, hidden)}
    then = commit_as_of(project, node, as_of)
    of_then = (
        (then.commit, then.rows, then.build_id, then.at) if then else (None, count_rows(project, query), None, None)
    )
    document["published"] = dict(zip(_STOOD, of_then, strict=True))
    return document | {"as_of": as_of_shown(as_of), "preview": preview(project, query, limit, hidden)}


def _view(project: Project, node: ViewNode, as_of: str | None, limit: int) -> Document:
    columns = [
        {
            "name": c.name,
            "type": c.type,
            "role": c.role,
            "from": ", ".join(c.sources),
            "transformations": [s.name for s in node.transformations.get(c.name, ())],
        }
        for c in node.columns
    ]
    if node.id not in project.state().training_datasets:
        return {"columns": columns, "training_dataset": None, "preview": None}
    handle, hidden = FeatureView(project, node.name, node.version, as_of=as_of), hidden_of(project, node.id)
    return {
        "columns": columns,
        "as_of": None if as_of is None else as_of_shown(as_of),
        "training_dataset": handle.dataset.name,
        "statistics": masked_fitted(handle.dataset.statistics.model_dump(mode="json"), hidden),
        "preview": preview(project, handle.query(), limit, hidden),
    }


def _model_document(project: Project, node: ModelNode) -> Document:
    document = _document(
        "show",
        node=node.id,
        description=node.description,
        path=str(node.span),
        depends_on=list(node.depends_on),
        estimator=node.estimator,
        params=node.params,
        seed=node.seed,
    )
    versions = [v for v in project.models(node.name) if v.version == node.version]
    return document | {"versions": [_version_row(v, project) for v in versions]}


def version_document(project: Project, version: ModelVersion) -> Document:
    """Everything about one model version."""
    record = version.manifest
    hidden = hidden_of(project, record.view)
    return _document(
        "model_version",
        model_version=version.id,
        status=version.status,
        description=record.model.description,
        estimator=record.model.estimator,
        params=record.params,
        seed=record.seed,
        view=record.view.partition(":")[2],
        training_dataset=record.training_dataset,
        training_digest=record.training_digest,
        commits=record.inputs_commits,
        metrics=version.evaluation.metrics,
        tests=[t.model_dump() for t in version.evaluation.tests],
        inputs=[s.model_dump() for s in record.inputs],
        outputs=[s.model_dump() for s in record.outputs],
        statistics=masked_fitted(record.statistics.model_dump(mode="json"), hidden),
        libraries=record.libraries,
        platform=record.platform,
        files=record.files,
        manifest=version.manifest_hash,
        build=version.build_id,
        created_at=version.created_at,
        input_example=[masked_record(row, hidden) for row in record.input_example],
    )


def models_document(project: Project, name: str | None) -> Document:
    """Registered versions with their metrics, and the aliases that point to them."""
    versions = project.models(name)
    if name and not versions:
        resolve_model(project, name)
    return _document("models", models=[_version_row(v, project) for v in versions])


def _version_row(version: ModelVersion, project: Project) -> Document:
    state = project.state()
    aliases = sorted(a.partition("@")[2] for a, v in state.aliases.items() if v == version.id)
    current = state.model_versions.get(f"model:{version.name}@{version.version}")
    return {
        "model_version": version.id,
        "status": version.status,
        "taken_back": current is None or version.run > current.run,
        "aliases": aliases,
        "estimator": version.manifest.model.estimator,
        "training_dataset": version.manifest.training_dataset,
        "metrics": version.evaluation.metrics,
        "created_at": version.created_at,
    }


def dataset_document(
    project: Project, view: str, out: Path | None, file_format: str, as_of: str | None = None, *, card: bool = False
) -> Document:
    """A view's current training dataset, or that of then, and the files that it was written to."""
    node = _find_view(project, view)
    handle = FeatureView(project, node.name, node.version, as_of=as_of)
    dataset, hidden = handle.dataset, hidden_of(project, node.id)
    files = {str(path): rows for path, rows in handle.export(out, file_format).items()} if out else {}
    if out and card:
        (out / "card.md").write_text(data_card(handle.node, dataset, hidden), encoding="utf-8")
    return _document("training_dataset", **dataset_facts(dataset, hidden), files=files)


def card_document(project: Project, view: str, as_of: str | None = None) -> Document:
    """The data card of a view's current training dataset, or of that of then."""
    node = _find_view(project, view)
    handle = FeatureView(project, node.name, node.version, as_of=as_of)
    return _document(
        "data_card",
        training_dataset=handle.dataset.name,
        card=data_card(handle.node, handle.dataset, hidden_of(project, node.id)),
    )


def _find_view(project: Project, text: str) -> ViewNode:
    name = unlabelled(text)
    node = find_node(project.manifest, name if name.startswith("feature_view:") else f"feature_view:{name}")
    assert isinstance(node, ViewNode)
    return node


def historical_document(
    project: Project,
    view: str,
    files: tuple[Path, Path, str],
    as_of: str | None,
    memory: str | None,
    *,
    transform: bool,
) -> Document:
    """Observations with the joined features as of their times; `files` are theirs, the folder for both, its format."""
    from mlproj.project.historical import historical_file

    node, (entities, folder, file_format) = _find_view(project, view), files
    handle, target = FeatureView(project, node.name, node.version), folder / f"historical.{file_format}"
    rows, features = historical_file(handle, entities, target, as_of, transform=transform, memory=memory)
    then = None if as_of is None else as_of_shown(as_of)
    return _document("historical", view=node.relation, as_of=then, rows=rows, features=features, out=str(target))


def predict_document(project: Project, model: str, source: Path, out: Path | None) -> Document:
    """Scored rows: where they went, and the first of them."""
    handle = Model(project, model)
    frame, rows = handle.predict_file(source, out)
    head = frame.head(10).astype(object)
    shown = masked_rows(list(frame.columns), list(head.itertuples(index=False)), hidden_anywhere(project))
    preview = {
        "columns": list(frame.columns),
        "rows": [[plain(v.item() if hasattr(v, "item") else v) for v in row] for row in shown],
    }
    return _document(
        "predictions", model_version=handle.version.id, rows=rows, out=str(out) if out else None, preview=preview
    )
