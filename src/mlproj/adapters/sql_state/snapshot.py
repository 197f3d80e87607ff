"""The queries of a reader, over one connection that sees one moment.

They are SQL text for SQLite's own driver: importing SQLAlchemy takes longer than reading a thousand nodes, and `plan`
reads on every run. The contract suite runs every one of them against the migrated tables.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from pydantic import JsonValue, TypeAdapter
from pydantic_core import from_json

from mlproj.state import (
    BuildRecord,
    Commit,
    Evaluation,
    Event,
    JournalStep,
    Made,
    ModelManifest,
    ModelVersion,
    Publication,
    Published,
    TargetState,
    Trained,
    TrainingDataset,
)
from mlproj.state.published import KnownNodes

_DETAIL: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])

# As bytes, which nobody has to decode.
_PUBLISHED = "select node, cast(published_json as blob) from published where target = ? order by node"

_NEWEST_DATASETS = """
select view, dataset_json from training_datasets
where target = :target and (view, number) in (
  select view, coalesce((select number from pointers p where p.target = :target and p.node = view), max(number))
  from training_datasets where target = :target group by view)
order by view
"""

_DATASETS = "select dataset_json from training_datasets where target = ? and view = ? order by number"

# Registered in the target, or taken over from another.
_VISIBLE = """(v.target = :target or v.name || '@' || v.version || '.' || v.run in (
  select subject from events where target = :target and what = 'model_adopted'))"""

_VERSIONS = """
select v.name, v.version, v.run, v.target, v.manifest_hash, v.build_id, v.created_at, v.manifest_json, e.evaluation_json
from model_versions v join evaluations e on e.seq = (
  select max(seq) from evaluations l where l.name = v.name and l.version = v.version and l.run = v.run)
where """

_ALIEN = "v.target = :other and not " + _VISIBLE

_ONLY_NAME = " and v.name = :name "

_ONLY_NEWEST = f""" and (v.name, v.version, v.run) in (
  select name, version, coalesce(
    (select number from pointers p where p.target = :target and p.node = 'model:' || name || '@' || version), max(run))
  from model_versions v where {_VISIBLE} group by name, version) """

_NEWEST_ALIEN = """ and v.run = (
  select max(run) from model_versions n where n.target = v.target and n.name = v.name and n.version = v.version) """

_IN_ORDER = " order by v.name, v.version, v.run"

# A version's manifest is long; who asks what stands on a feature needs a line of it.
_TRAINED = f"""
select v.name, v.version, v.run, json_extract(v.manifest_json, '$.model.id', '$.view', '$.training_dataset',
  '$.model.label', '$.inputs', '$.outputs[0].type'), exists (select 1 from evaluations e where e.name = v.name
  and e.version = v.version and e.run = v.run and e.status = 'passed')
from model_versions v where {_VISIBLE} order by v.name, v.version, v.run
"""

_ALIASES = "select name, alias, version, run from aliases where target = ? order by name, alias"

_FOREIGN_TABLES = """
select "table" from published where target <> :target and "table" is not null
  and coalesce(json_extract(published_json, '$.owner'), target) <> :target
union select "table" from training_datasets where target <> :target
order by 1
"""

_HISTORY = """
select node, "commit", "table", rows, build_id, author, message, at, added, changed, deleted, kind, expired from commits
where target = ? and node = ? order by seq
"""

_ALL_COMMITS = """
select node, "commit", "table", rows, build_id, author, message, at, added, changed, deleted, kind, expired from commits
where target = ? order by seq
"""

_ALL_DATASETS = "select dataset_json from training_datasets where target = ? order by view, number"

_BUILDS = """
select id, target, status, author, started_at, ended_at from builds where target = ? order by seq desc limit ?
"""

_STEPS = "select step_json from steps where build_id = ? order by position"

# What builds made since the node was last published, and did not publish themselves. The newest build decides.
_KEPT = """
select s.node, s.step_json, max(b.seq) from builds b join steps s on s.build_id = b.id
where b.target = :target and b.status <> 'ok' and s.action in ('materialize', 'merge', 'append', 'train_data')
  and s.status in ('ok', 'reused', 'pending', 'failed') and s.step_json like '%"made":{%'
  and b.seq > coalesce((select o.seq from published p join builds o on o.id = p.build_id
    where p.target = :target and p.node = s.node), 0)
group by s.node
order by s.node
"""

_OTHERS = "select distinct target from published where target <> ? order by target"

# Where the rows are the same there is nothing to take over.
_ALIEN_PUBLISHED = """
select o.node, o.published_json from published o left join published m on m.target = :target and m.node = o.node
where o.target = :other and (o.node like 'model:%' or o.node like 'feature_group:%' and (
  m.node is null or o."table" is null or m."table" is not o."table" or m."commit" is not o."commit"))
order by o.node
"""

_LAST_PUBLICATION = "select build_id from publications where target = ? order by seq desc limit 1"

_APPLIED = "select 1 from publications where target = ? and build_id = ?"

_PUBLICATIONS = "select record from publications where target = ? order by seq"

_EVENTS = "select at, target, who, what, subject, detail from events where target = ? order by seq"


class Snapshot:
    """Answers what `ports.StateReader` asks. Raises pydantic's `ValidationError` where stored JSON is no noun."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def load(self, target: str, known: KnownNodes | None) -> TargetState:
        of_it = {"target": target}
        newest = [_version(row) for row in self._execute(_VERSIONS + _VISIBLE + _ONLY_NEWEST + _IN_ORDER, of_it)]
        datasets = self._execute(_NEWEST_DATASETS, of_it)
        aliases = self._execute(_ALIASES, (target,))
        last = self._execute(_LAST_PUBLICATION, (target,)).fetchone()
        return TargetState(
            target=target,
            published={node: _published(node, text, known) for node, text in self._execute(_PUBLISHED, (target,))},
            training_datasets={view: TrainingDataset.model_validate_json(text) for view, text in datasets},
            model_versions={f"model:{version.name}@{version.version}": version for version in newest},
            trained=tuple(_trained(row) for row in self._execute(_TRAINED, of_it)),
            aliases={f"{name}@{alias}": f"{name}@{version}.{run}" for name, alias, version, run in aliases},
            foreign_tables=tuple(table for (table,) in self._execute(_FOREIGN_TABLES, of_it)),
            last_publication=last[0] if last else None,
            kept=self._kept(of_it),
            neighbours=tuple(self._neighbour(target, other) for (other,) in self._execute(_OTHERS, (target,))),
        )

    def _neighbour(self, target: str, other: str) -> TargetState:
        both = {"target": target, "other": other}
        own = {text for _view, text in self._execute(_NEWEST_DATASETS, {"target": target})}
        datasets = [row for row in self._execute(_NEWEST_DATASETS, {"target": other}) if row[1] not in own]
        newest = [_version(row) for row in self._execute(_VERSIONS + _ALIEN + _NEWEST_ALIEN + _IN_ORDER, both)]
        return TargetState(
            target=other,
            published={n: Published.model_validate_json(text) for n, text in self._execute(_ALIEN_PUBLISHED, both)},
            training_datasets={view: TrainingDataset.model_validate_json(text) for view, text in datasets},
            model_versions={f"model:{version.name}@{version.version}": version for version in newest},
        )

    def history(self, node: str, target: str) -> list[Commit]:
        rows = self._execute(_HISTORY, (target, node))
        return [Commit.model_validate(dict(zip(Commit.model_fields, row, strict=True))) for row in rows]

    def all_commits(self, target: str) -> list[Commit]:
        rows = self._execute(_ALL_COMMITS, (target,))
        return [Commit.model_validate(dict(zip(Commit.model_fields, row, strict=True))) for row in rows]

    def all_datasets(self, target: str) -> list[TrainingDataset]:
        return [TrainingDataset.model_validate_json(text) for (text,) in self._execute(_ALL_DATASETS, (target,))]

    def model_versions(self, target: str, name: str | None = None) -> list[ModelVersion]:
        query = _VERSIONS + _VISIBLE + ("" if name is None else _ONLY_NAME) + _IN_ORDER
        return [_version(row) for row in self._execute(query, {"target": target, "name": name})]

    def training_datasets(self, target: str, view: str) -> list[TrainingDataset]:
        return [TrainingDataset.model_validate_json(text) for (text,) in self._execute(_DATASETS, (target, view))]

    def builds(self, target: str, limit: int) -> list[BuildRecord]:
        names = ("id", "target", "status", "author", "started_at", "ended_at")
        found = [dict(zip(names, row, strict=True)) for row in self._execute(_BUILDS, (target, limit))]
        return [BuildRecord.model_validate(build | {"steps": self._steps(build["id"])}) for build in found]

    def events(self, target: str) -> list[Event]:
        return [
            Event(at=at, target=target, who=who, what=what, subject=subject, detail=_DETAIL.validate_json(detail))
            for at, target, who, what, subject, detail in self._execute(_EVENTS, (target,))
        ]

    def publications(self, target: str) -> list[Publication]:
        return [Publication.model_validate_json(text) for (text,) in self._execute(_PUBLICATIONS, (target,))]

    def applied(self, target: str, build_id: str) -> bool:
        """Whether the publication of a build has reached this state."""
        return self._execute(_APPLIED, (target, build_id)).fetchone() is not None

    def _kept(self, of_it: dict[str, str]) -> dict[str, Made]:
        steps = {node: JournalStep.model_validate_json(text) for node, text, _seq in self._execute(_KEPT, of_it)}
        return {node: step.made for node, step in steps.items() if step.made}

    def _steps(self, build_id: str) -> tuple[JournalStep, ...]:
        return tuple(JournalStep.model_validate_json(text) for (text,) in self._execute(_STEPS, (build_id,)))


def _published(node_id: str, text: bytes, known: KnownNodes | None) -> Published:
    found = known(node_id) if known else None
    if found:
        node, own = found
        head = b'{"node":%b,' % own
        if text.startswith(head):
            return Published.model_validate({**from_json(b"{" + text[len(head) :]), "node": node})
    return Published.model_validate_json(text)


def _trained(row: tuple[Any, ...]) -> Trained:
    name, version, run, line, passed = row
    model, view, dataset, label, inputs, output = json.loads(line)
    return Trained(
        id=f"{name}@{version}.{run}",
        model=model,
        view=view,
        training_dataset=dataset,
        inputs=tuple(field["name"] for field in inputs),
        label=label,
        types=tuple(field["type"] for field in inputs),
        output=output or "",
        passed=bool(passed),
    )


def _version(row: tuple[Any, ...]) -> ModelVersion:
    name, version, run, target, manifest_hash, build_id, created_at, manifest, evaluation = row
    return ModelVersion(
        name=name,
        version=version,
        run=run,
        target=target,
        manifest_hash=manifest_hash,
        manifest=ModelManifest.model_validate_json(manifest),
        evaluation=Evaluation.model_validate_json(evaluation),
        build_id=build_id,
        created_at=created_at,
    )
