"""The statements of a store, each within a transaction that holds the write lock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Connection, Table, func, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.sqlite import insert

from mlproj.adapters.sql_state import tables
from mlproj.state import (
    BuildRecord,
    Evaluation,
    Event,
    ModelManifest,
    ModelNode,
    ModelVersion,
    Publication,
    Published,
    RowChanges,
    StepResult,
    TrainingDataset,
)


def begin_build(connection: Connection, build: BuildRecord) -> None:
    builds = tables.builds
    running = (builds.c.target == build.target, builds.c.status == "running")
    connection.execute(update(builds).where(*running).values(status="killed"))
    connection.execute(insert(builds).values(build.model_dump(exclude={"steps"})))
    put_steps(connection, build.id, build.steps)


def put_steps(connection: Connection, build_id: str, results: Sequence[StepResult]) -> None:
    """Update by (node, action); what was not planned comes after what was."""
    if not results:
        return
    c = tables.steps.c
    last = connection.scalar(select(func.max(c.position)).where(c.build_id == build_id))
    start = 0 if last is None else last + 1
    rows = [
        {
            "build_id": build_id,
            "node": result.node,
            "action": result.action,
            "position": position,
            "status": result.status,
            "step_json": result.model_dump_json(),
        }
        for position, result in enumerate(results, start)
    ]
    _upsert(connection, tables.steps, rows, keep=("position",))


def end_build(connection: Connection, build_id: str, status: str, at: str) -> None:
    connection.execute(update(tables.builds).where(tables.builds.c.id == build_id).values(status=status, ended_at=at))


def apply_publication(
    connection: Connection,
    publication: Publication,
    commit: int,
    published: Mapping[str, Published],
    datasets: Iterable[TrainingDataset],
) -> None:
    """Without effect where it was applied before."""
    row = {"target": publication.target, "build_id": publication.build_id, "commit": commit}
    record = insert(tables.publications).values(row | {"record": publication.model_dump_json()})
    if connection.execute(record.on_conflict_do_nothing()).rowcount == 0:
        return
    _put_published(connection, publication.target, published)
    _append_commits(connection, publication, published)
    _append_datasets(connection, publication.target, datasets)
    _remove_published(connection, publication.target, publication.removed)
    _log_publication(connection, publication, commit)
    _make_current(connection, publication)
    for event in publication.events:
        _log(connection, event.target, event.at, event.who, event.what, event.subject, event.detail)


def register_model(
    connection: Connection, target: str, manifest: ModelManifest, manifest_hash: str, evaluation: Evaluation, at: str
) -> ModelVersion:
    """Raises `IntegrityError` where another writer takes the number meanwhile."""
    node, build_id = manifest.model, evaluation.build_id
    version = ModelVersion(
        name=node.name,
        version=node.version,
        run=_next_run(connection, node),
        target=target,
        manifest_hash=manifest_hash,
        manifest=manifest,
        evaluation=evaluation,
        build_id=build_id,
        created_at=at,
    )
    row = version.model_dump(exclude={"manifest", "evaluation"}) | {"manifest_json": manifest.model_dump_json()}
    connection.execute(insert(tables.model_versions).values(row))
    _append_evaluation(connection, version, evaluation)
    _put_model(connection, target, node, build_id, at)
    _forget_pointers(connection, target, [node.id])
    detail: dict[str, JsonValue] = {
        "build_id": build_id,
        "manifest_hash": manifest_hash,
        "status": evaluation.status,
        "definition": node.model_dump(mode="json"),
    }
    _log(connection, target, at, _author(connection, build_id), "model_registered", version.id, detail)
    return version


def add_evaluation(
    connection: Connection, target: str, version: ModelVersion, node: ModelNode, evaluation: Evaluation
) -> None:
    at, build_id = evaluation.at, evaluation.build_id
    _append_evaluation(connection, version, evaluation)
    _put_model(connection, target, node, build_id, at)
    detail: dict[str, JsonValue] = {
        "build_id": build_id,
        "status": evaluation.status,
        "definition": node.model_dump(mode="json"),
    }
    who = _author(connection, build_id)
    if version.target != target and not _is_adopted(connection, target, version.id):
        # From now on it is this target's as well, and the current one, whatever its number.
        _upsert(connection, tables.pointers, [{"target": target, "node": node.id, "number": version.run}])
        _log(connection, target, at, who, "model_adopted", version.id, {**detail, "from": version.target})
    else:
        _log(connection, target, at, who, "model_evaluated", version.id, detail)


def _is_adopted(connection: Connection, target: str, version: str) -> bool:
    c = tables.events.c
    found = select(c.seq).where(c.target == target, c.what == "model_adopted", c.subject == version)
    return connection.execute(found).first() is not None


def _put_published(connection: Connection, target: str, published: Mapping[str, Published]) -> None:
    rows = [
        {
            "target": target,
            "node": id_,
            "build_id": entry.build_id,
            "table": entry.table,
            "commit": entry.commit,
            "published_json": entry.model_dump_json(),
        }
        for id_, entry in published.items()
    ]
    _upsert(connection, tables.published, rows)


def _put_model(connection: Connection, target: str, node: ModelNode, build_id: str, at: str) -> None:
    _put_published(connection, target, {node.id: Published(node=node, build_id=build_id, published_at=at)})


def _append_commits(connection: Connection, publication: Publication, published: Mapping[str, Published]) -> None:
    c = tables.commits.c
    newest = select(func.max(c.seq)).where(c.target == publication.target).group_by(c.node)
    rows_there = connection.execute(select(c.node, c.commit).where(c.seq.in_(newest)))
    last = {row.node: row.commit for row in rows_there}
    rows = [
        {
            "target": publication.target,
            "node": id_,
            "commit": entry.commit,
            "table": entry.table,
            "rows": entry.rows or 0,
            "build_id": publication.build_id,
            "author": publication.author,
            "message": publication.message or f"build {publication.build_id}",
            "at": publication.at,
            **publication.changes.get(id_, RowChanges()).model_dump(),
            "kind": publication.kind,
        }
        for id_, entry in published.items()
        if entry.node.kind == "feature_group" and entry.table is not None and entry.commit not in {None, last.get(id_)}
    ]
    _append_absent(connection, tables.commits, rows)


def _append_datasets(connection: Connection, target: str, datasets: Iterable[TrainingDataset]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "target": target,
            "view": dataset.view,
            "number": dataset.number,
            "fingerprint": dataset.fingerprint,
            "commit": dataset.commit,
            "table": dataset.table,
            "dataset_json": dataset.model_dump_json(),
        }
        for dataset in datasets
    ]
    _append_absent(connection, tables.training_datasets, rows)
    _forget_pointers(connection, target, [row["view"] for row in rows])


def _forget_pointers(connection: Connection, target: str, nodes: Iterable[str]) -> None:
    """The newest is current again."""
    c = tables.pointers.c
    for node in nodes:
        connection.execute(delete_from(tables.pointers).where(c.target == target, c.node == node))


def _make_current(connection: Connection, publication: Publication) -> None:
    """What a rollback made current again: training datasets, model versions, aliases."""
    target = publication.target
    rows = [{"target": target, "node": node, "number": number} for node, number in publication.current.items()]
    _upsert(connection, tables.pointers, rows)
    for alias, to in publication.aliases.items():
        before = _alias(connection, target, alias)
        _set_alias(connection, target, alias, to)
        detail: dict[str, JsonValue] = {"from": before, "to": to, "because": publication.message, "how": "rollback"}
        _log(connection, target, publication.at, publication.author, "alias_moved", alias, detail)


def move_alias(connection: Connection, alias: str, event: Event) -> None:
    """`event.detail["to"]` is the version that the alias means from now on; the log also keeps where it was."""
    to = event.detail.get("to")
    before = _alias(connection, event.target, alias)
    _set_alias(connection, event.target, alias, str(to) if to else None)
    _log(connection, event.target, event.at, event.who, event.what, alias, {**event.detail, "from": before})


def _alias(connection: Connection, target: str, alias: str) -> str | None:
    c = tables.aliases.c
    name, _, label = alias.partition("@")
    where = (c.target == target, c.name == name, c.alias == label)
    row = connection.execute(select(c.version, c.run).where(*where)).first()
    return f"{name}@{row.version}.{row.run}" if row else None


def _set_alias(connection: Connection, target: str, alias: str, to: str | None) -> None:
    c = tables.aliases.c
    name, _, label = alias.partition("@")
    if to is None:
        connection.execute(delete_from(tables.aliases).where(c.target == target, c.name == name, c.alias == label))
        return
    version, run = to.rpartition("@")[2].split(".")
    row = {"target": target, "name": name, "alias": label, "version": int(version), "run": int(run)}
    _upsert(connection, tables.aliases, [row])


def _remove_published(connection: Connection, target: str, ids: Iterable[str]) -> None:
    c = tables.published.c
    for id_ in ids:
        connection.execute(delete_from(tables.published).where(c.target == target, c.node == id_))


def _append_evaluation(connection: Connection, version: ModelVersion, evaluation: Evaluation) -> None:
    row = {"name": version.name, "version": version.version, "run": version.run, "status": evaluation.status}
    connection.execute(insert(tables.evaluations).values(row | {"evaluation_json": evaluation.model_dump_json()}))


def _next_run(connection: Connection, node: ModelNode) -> int:
    c = tables.model_versions.c
    last = connection.scalar(select(func.max(c.run)).where(c.name == node.name, c.version == node.version))
    return (last or 0) + 1


def _author(connection: Connection, build_id: str) -> str:
    """Who started a build; the build's id where that was not written down."""
    author = connection.scalar(select(tables.builds.c.author).where(tables.builds.c.id == build_id))
    return author or build_id


def _log_publication(connection: Connection, publication: Publication, commit: int) -> None:
    detail: dict[str, JsonValue] = {
        "commit": commit,
        "published": [*sorted(publication.published)],
        "training_datasets": [*sorted(publication.training_datasets)],
        "removed": [*sorted(publication.removed)],
    }
    at, who = publication.at, publication.author
    _log(connection, publication.target, at, who, "published", f"build {publication.build_id}", detail)


def log_event(connection: Connection, event: Event) -> None:
    _log(connection, event.target, event.at, event.who, event.what, event.subject, event.detail)


def _log(
    connection: Connection, target: str, at: str, who: str, what: str, subject: str, detail: dict[str, JsonValue]
) -> None:
    row = {"target": target, "at": at, "who": who, "what": what, "subject": subject, "detail": _json(detail)}
    connection.execute(insert(tables.events).values(row))


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]], keep: Iterable[str] = ()) -> None:
    """Write rows by primary key; of those that are there already, the columns `keep` stay as they are."""
    if not rows:
        return
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in {*key, *keep}}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), rows)


def _append_absent(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Write the rows that no unique constraint says are there already."""
    if rows:
        connection.execute(insert(table).on_conflict_do_nothing(), rows)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
