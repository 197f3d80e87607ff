"""What a target held after a build: all publications and the log up to there, folded. Pure.

Everything up to the next build counts: an alias that was moved while a build was the last one stood with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlproj.planner.rollback import Move
from mlproj.state import Event, ModelNode, Publication, Published, TargetState

_VIEW, _MODEL = "feature_view:", "model:"
_REGISTERED = {"model_registered", "model_adopted"}


@dataclass
class Standing:
    """By node id; `datasets` holds numbers of training datasets, `models` runs, `aliases` versions by `name@alias`."""

    published: dict[str, Published] = field(default_factory=dict)
    datasets: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)


def standing(build_id: str, log: Sequence[Publication], events: Sequence[Event]) -> Standing | None:
    """What stood when the build was the last one; None where it published and registered nothing."""
    found, seen = Standing(), False
    publications = {p.build_id: p for p in log}
    for event in events:
        build = _build(event)
        if seen and build not in {None, build_id}:
            break
        seen = seen or build == build_id
        if event.what == "published" and build in publications:
            _publish(found, publications[build])
        elif event.what in {*_REGISTERED, "model_evaluated"}:
            _register(found, event, build or "")
        elif event.what == "alias_moved":
            found.aliases.pop(event.subject, None)
            if event.detail.get("to"):
                found.aliases[event.subject] = str(event.detail["to"])
    return found if seen else None


def _build(event: Event) -> str | None:
    """The build that an event belongs to; None for what happens between builds."""
    if event.what == "published":
        return event.subject.removeprefix("build ")
    if event.what in {*_REGISTERED, "model_evaluated"}:
        return str(event.detail["build_id"])
    return None


def _publish(found: Standing, publication: Publication) -> None:
    found.published |= {n: Published.model_validate(row) for n, row in publication.published.items()}
    for node in publication.removed:
        found.published.pop(node, None)
    for dataset in publication.training_datasets.values():
        assert isinstance(dataset, dict)
        found.datasets[str(dataset["view"])] = int(str(dataset["number"]))
    for node, number in publication.current.items():
        numbers = found.datasets if node.startswith(_VIEW) else found.models
        numbers.pop(node, None)
        if number:
            numbers[node] = number


def _register(found: Standing, event: Event, build_id: str) -> None:
    node = ModelNode.model_validate(event.detail["definition"])
    if event.what in _REGISTERED:
        found.models[node.id] = int(event.subject.rpartition(".")[2])
    found.published[node.id] = Published(node=node, build_id=build_id, published_at=event.at)


def carried_over(log: Sequence[Publication], gone: set[str], events: Sequence[Event]) -> Iterator[Publication]:
    """Records that take over what those before them published, so that these can go: the same stands after each.

    `gone` are ids of builds. Models are registered between publications; what the log says of them stays there.
    """
    publications = {p.build_id: p for p in log}
    carried: Publication | None = None
    for event in events:
        build = _build(event)
        if event.what == "published" and build in publications:
            own = publications[build]
            whole = _absorbed(carried, own) if carried else own
            carried = whole if build in gone else None
            if carried is None and whole is not own:
                yield whole
        elif carried and event.what in {*_REGISTERED, "model_evaluated"}:
            node = ModelNode.model_validate(event.detail["definition"]).id
            carried = _without(carried, node, run=event.what in _REGISTERED)


def _absorbed(older: Publication, newer: Publication) -> Publication:
    kept = {n: row for n, row in older.published.items() if n not in newer.removed}
    current = {n: number for n, number in older.current.items() if n not in newer.training_datasets}
    return newer.model_copy(
        update={
            "published": {**kept, **newer.published},
            "training_datasets": {**older.training_datasets, **newer.training_datasets},
            "removed": tuple(sorted({*older.removed} - newer.published.keys() | {*newer.removed})),
            "current": {**current, **newer.current},
        }
    )


def _without(record: Publication, node: str, *, run: bool) -> Publication:
    """What was registered later decides: nothing that a record says of the model is to come after it."""
    return record.model_copy(
        update={
            "published": {n: row for n, row in record.published.items() if n != node},
            "removed": tuple(n for n in record.removed if n != node),
            "current": {n: number for n, number in record.current.items() if n != node or not run},
        }
    )


@dataclass(frozen=True)
class Difference:
    """What has to move, so that a target holds again what stood: as in a `Publication`, and as told."""

    published: dict[str, Published]
    removed: tuple[str, ...]
    current: dict[str, int]
    aliases: dict[str, str | None]
    moves: tuple[Move, ...]


def difference(state: TargetState, then: Standing) -> Difference:
    """From what a target holds to what stood then."""
    back = {n: row for n, row in then.published.items() if state.published.get(n) != row}
    removed = tuple(sorted(set(state.published) - set(then.published)))
    datasets = {n: d.number for n, d in state.training_datasets.items()}
    models = {n: v.run for n, v in state.model_versions.items()}
    current = {**_numbers(datasets, then.datasets), **_numbers(models, then.models)}
    aliases = {
        a: then.aliases.get(a)
        for a in sorted({*state.aliases, *then.aliases})
        if state.aliases.get(a) != then.aliases.get(a)
    }
    moves = [
        *_data_moves(state.published, back, removed),
        *(_number_move(n, datasets, then.datasets, "td") for n in current if n.startswith(_VIEW)),
        *(_number_move(n, models, then.models, "") for n in current if n.startswith(_MODEL)),
        *(Move(node=a, what="alias", before=state.aliases.get(a), after=to) for a, to in aliases.items()),
    ]
    return Difference(back, removed, current, aliases, tuple(moves))


def _numbers(now: Mapping[str, int], then: Mapping[str, int]) -> dict[str, int]:
    return {n: then.get(n, 0) for n in sorted({*now, *then}) if now.get(n) != then.get(n)}


def _number_move(node: str, now: Mapping[str, int], then: Mapping[str, int], kind: str) -> Move:
    relation = node.partition(":")[2]
    before, after = (
        (f"{relation}/td{numbers[node]}" if kind else f"{relation}.{numbers[node]}") if node in numbers else None
        for numbers in (now, then)
    )
    return Move(node=node, what="training_dataset" if kind else "model_version", before=before, after=after)


def _data_moves(now: Mapping[str, Published], back: Mapping[str, Published], removed: Sequence[str]) -> list[Move]:
    found: list[Move] = []
    for node_id in sorted({*back, *removed}):
        before, after = now.get(node_id), back.get(node_id)
        commits = [str(row.commit) if row and row.commit is not None else None for row in (before, after)]
        if commits[0] != commits[1]:
            found.append(Move(node=node_id, what="commit", before=commits[0], after=commits[1]))
        if before is None or after is None or before.node != after.node:
            of = [f"build {row.build_id}" if row else None for row in (before, after)]
            found.append(Move(node=node_id, what="definition", before=of[0], after=of[1]))
        elif before.held != after.held:
            held = ["held" if row.held else "free" for row in (before, after)]
            found.append(Move(node=node_id, what="hold", before=held[0], after=held[1]))
        elif commits[0] == commits[1]:
            found.append(Move(node=node_id, what="publication", before=before.build_id, after=after.build_id))
    return found
