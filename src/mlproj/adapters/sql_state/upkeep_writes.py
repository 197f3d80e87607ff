"""The statements of upkeep, each within a transaction that holds the write lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from pydantic import JsonValue
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from mlproj.adapters.sql_state import tables
from mlproj.adapters.sql_state.snapshot import Snapshot
from mlproj.adapters.sql_state.writes import log_event
from mlproj.planner.standing import carried_over
from mlproj.state import Event, TrainingDataset
from mlproj.state.garbage import Expired, Forgotten


def expire(connection: Connection, expired: Expired, event: Event) -> None:
    commits = tables.commits.c
    for node, commit in expired.commits:
        where = (commits.target == expired.target, commits.node == node, commits.commit == commit)
        connection.execute(update(tables.commits).where(*where).values(expired=True))
    _drop_publications(connection, expired.target, {*expired.builds})
    log_event(connection, event)


def forget(connection: Connection, forgotten: Forgotten, event: Event) -> None:
    """A model's manifest loses its rows and keeps its hash: that it cannot be proved any more is the truth."""
    target, c = forgotten.target, tables.commits.c
    older = (c.target == target, c.node.in_(forgotten.nodes), c.commit < forgotten.commit)
    connection.execute(update(tables.commits).where(*older).values(expired=True))
    for dataset in forgotten.datasets:
        d = tables.training_datasets.c
        where = (d.target == target, d.view == dataset.view, d.number == dataset.number)
        values = {"commit": dataset.commit, "dataset_json": dataset.model_dump_json()}
        connection.execute(update(tables.training_datasets).where(*where).values(values))
    for name in forgotten.gone:
        view, _, number = name.rpartition("/td")
        d = tables.training_datasets.c
        gone = (d.target == target, d.view == f"feature_view:{view}", d.number == int(number))
        connection.execute(delete(tables.training_datasets).where(*gone))
    for model in forgotten.models:
        name, _, rest = model.partition("@")
        version, _, run = rest.partition(".")
        m = tables.model_versions.c
        one = (m.name == name, m.version == int(version), m.run == int(run))
        empty = func.json_set(m.manifest_json, "$.input_example", func.json("[]"), "$.golden", func.json("[]"))
        connection.execute(update(tables.model_versions).where(*one).values(manifest_json=empty))
    _forget_kept(connection, forgotten)
    row = {"id": forgotten.build, "target": target, "status": "ok", "author": event.who}
    began = insert(tables.builds).values(row | {"started_at": event.at, "ended_at": event.at})
    connection.execute(began.on_conflict_do_nothing())
    p = tables.publications.c
    last = select(p.seq).where(p.target == target, p.build_id == forgotten.build).scalar_subquery()
    older_builds = connection.scalars(select(p.build_id).where(p.target == target, p.seq < last))
    _drop_publications(connection, target, {*older_builds})
    log_event(connection, event)


def _drop_publications(connection: Connection, target: str, builds: set[str]) -> None:
    """The next record that stays takes over what they published: what stood is all records, folded.

    Training datasets are taken over as they are now, without what was forgotten of them. The newest record stays.
    """
    snapshot = Snapshot(_raw(connection))
    log, p = snapshot.publications(target), tables.publications.c
    builds -= {record.build_id for record in log[-1:]}
    if not builds:
        return
    datasets = snapshot.all_datasets(target)
    for record in carried_over(log, builds, snapshot.events(target)):
        now = {v: _as_it_is(d, datasets) for v, d in record.training_datasets.items()}
        whole = record.model_copy(update={"training_datasets": {v: d for v, d in now.items() if d is not None}})
        one = (p.target == target, p.build_id == record.build_id)
        connection.execute(update(tables.publications).where(*one).values(record=whole.model_dump_json()))
    connection.execute(delete(tables.publications).where(p.target == target, p.build_id.in_(builds)))


def _raw(connection: Connection) -> sqlite3.Connection:
    """The driver's own: it reads within the same transaction."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _as_it_is(dataset: JsonValue, there: Sequence[TrainingDataset]) -> JsonValue:
    """The dataset of that number, or where it is gone the newest before it."""
    was = TrainingDataset.model_validate(dataset)
    found = [d for d in there if d.view == was.view and d.number <= was.number]
    return max(found, key=lambda d: d.number).model_dump(mode="json") if found else None


def _forget_kept(connection: Connection, forgotten: Forgotten) -> None:
    """What failed builds noted of rows that they had made."""
    s, b = tables.steps.c, tables.builds.c
    builds = select(b.id).where(b.target == forgotten.target)
    where = (s.node.in_((*forgotten.nodes, *forgotten.views)), s.build_id.in_(builds))
    connection.execute(update(tables.steps).where(*where).values(step_json=func.json_remove(s.step_json, "$.made")))
