"""Inventory × what targets hold → what nothing needs any more. Whatever is not known to be garbage is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from mlproj.specs.retention import Retention
from mlproj.state import Commit, GroupNode, Publication, Published, TrainingDataset
from mlproj.state.garbage import Expired, Garbage, Holdings, Inventory, LakeCommit, LakeTable, Pin

# One more file than this costs a reader more than rewriting it.
_FEW = 2


def needed(holdings: Holdings, retention: Mapping[str, Retention], default: Retention, now: str) -> frozenset[Pin]:
    """Tables and commits that a target needs; `retention` by group name, `default` for the others and for builds."""
    tables = {(c.node, c.commit): c.table for c in holdings.commits if not c.expired}
    pins = {pin for row in holdings.published.values() for pin in _of_row(row)}
    names = {*holdings.current, *holdings.trained.values()}
    for dataset in holdings.datasets:
        if dataset.name in names:
            pins |= set(_of_dataset(dataset, tables))
    by_node: dict[str, list[Commit]] = {}
    for commit in holdings.commits:
        if not commit.expired:
            by_node.setdefault(commit.node, []).append(commit)
    for node, commits in by_node.items():
        rule = retention.get(node.partition(":")[2].partition("@")[0], default)
        # Of what is published no more there is no current commit that would have to stay.
        kept = _retained([c.at for c in commits], rule, now, least=int(node in holdings.published))
        pins |= {(commits[i].table, commits[i].commit) for i in kept}
    for publication in _retained_states(holdings, default, now):
        pins |= set(publication)
    return frozenset(pins)


def retained_builds(publications: Sequence[Publication], rule: Retention, now: str) -> set[str]:
    """Builds that a target can be brought back to, by id."""
    return {publications[i].build_id for i in _retained([p.at for p in publications], rule, now)}


def _retained(times: Sequence[str], rule: Retention, now: str, least: int = 1) -> Iterator[int]:
    """Indices of what a rule keeps, of times in ascending order; the last ones are always among them."""
    least = max(rule.commits or 0, least)
    since = datetime.fromisoformat(now) - timedelta(days=rule.days) if rule.days is not None else None
    for index, at in enumerate(times):
        young = since is not None and datetime.fromisoformat(at) >= since
        if young or index >= len(times) - least:
            yield index


def _retained_states(holdings: Holdings, rule: Retention, now: str) -> Iterator[Iterable[Pin]]:
    """For every publication that is kept, all that the target showed after it."""
    tables = {(c.node, c.commit): c.table for c in holdings.commits if not c.expired}
    kept = set(_retained([p.at for p in holdings.publications], rule, now))
    rows: dict[str, Published] = {}
    datasets: dict[str, TrainingDataset] = {}
    for index, publication in enumerate(holdings.publications):
        rows |= {n: Published.model_validate(row) for n, row in publication.published.items()}
        datasets |= {v: TrainingDataset.model_validate(d) for v, d in publication.training_datasets.items()}
        for node in publication.removed:
            rows.pop(node, None)
        for node, number in publication.current.items():
            datasets |= {d.view: d for d in holdings.datasets if d.view == node and d.number == number}
        if index in kept:
            yield [
                *(pin for row in rows.values() for pin in _of_row(row)),
                *(pin for dataset in datasets.values() for pin in _of_dataset(dataset, tables)),
            ]


def _of_row(row: Published) -> Iterator[Pin]:
    if isinstance(row.node, GroupNode) and row.table is not None and row.commit is not None:
        yield row.table, row.commit


def _of_dataset(dataset: TrainingDataset, tables: Mapping[tuple[str, int], str]) -> Iterator[Pin]:
    """Its own rows, and the groups it was made from: it can be made again exactly."""
    yield dataset.table, dataset.commit
    for node, commit in dataset.inputs.items():
        if (node, commit) in tables:
            yield tables[node, commit], commit


def survey(
    inventory: Inventory,
    holdings: Sequence[Holdings],
    pins: Mapping[str, frozenset[Pin]],
    builds: Mapping[str, set[str]],
) -> Garbage:
    """What may go. `pins` and `builds` by target: what each needs, and the builds that it keeps."""
    if not inventory.commits:
        return Garbage()
    all_pins = inventory.pins.union(*pins.values())
    unfinished = {build for h in holdings for build in h.unfinished}
    resumed = {c.id for c in inventory.commits if c.build in unfinished}
    wanted = {table for table, _ in all_pins} | inventory.named
    live = [t for t in inventory.tables if t.end is None]
    dropped = [t for t in live if t.name not in wanted and not _touched(t, inventory, resumed)]
    merges = dict(_merges(inventory, live, all_pins, resumed))
    head = inventory.commits[-1].id
    keep = {c for _, c in all_pins} | resumed | _publications(inventory.commits, builds)
    if not dropped and not merges:
        keep.add(head)
    gone = [c.id for c in inventory.commits if c.id not in keep]
    kept = [c for c in inventory.commits if c.id in keep]
    ids = {t.id for t in dropped}
    floors = {t.id: None if t.id in ids else _floor(t, all_pins, kept, resumed, head) for t in inventory.tables}
    lost = [f for f in inventory.files if _is_lost(f.begin, f.end, f.table in ids, floors.get(f.table), kept)]
    return Garbage(
        tables=tuple(sorted(t.name for t in dropped)),
        commits=tuple(gone),
        floors={t: floor for t, floor in floors.items() if _moves(t, floor, inventory)},
        files=len(lost) + len(inventory.loose),
        bytes=sum(f.bytes for f in lost) + inventory.loose_bytes,
        merges=merges,
        expired=tuple(_expired(h, inventory, floors, keep, builds[h.target]) for h in holdings),
    )


def _touched(table: LakeTable, inventory: Inventory, commits: set[int]) -> bool:
    return table.begin in commits or any(f.table == table.id and f.begin in commits for f in inventory.files)


def _publications(commits: Sequence[LakeCommit], builds: Mapping[str, set[str]]) -> set[int]:
    """Commits that moved views, of builds that are kept: they say what was shown then. The newest brings a state up
    to date that fell behind.
    """
    newest = {c.publishes: c.id for c in commits if c.publishes}
    return {c.id for c in commits if c.publishes and c.build in builds.get(c.publishes, ())} | set(newest.values())


def _floor(
    table: LakeTable, pins: frozenset[Pin], kept: Sequence[LakeCommit], resumed: set[int], head: int
) -> int | None:
    """The first commit at which a table still is there; None where it is at none.

    The catalog is read once per schema version, so that a table is there at all commits of one, or at none.
    """
    alive = [c for c in kept if c.id >= table.begin and (table.end is None or c.id < table.end)]
    own = [c for c in alive if (table.name, c.id) in pins or c.id in resumed]
    if own:
        return min(c.id for c in alive if c.schema_version == own[0].schema_version)
    if table.end is not None:
        return None
    # Named by somebody's view, without a commit: it is read at the newest, also where dropping others makes that.
    return head


def _is_lost(begin: int, end: int | None, dropped: bool, floor: int | None, kept: Sequence[LakeCommit]) -> bool:
    if end is None:
        return dropped
    return floor is None or not any(max(begin, floor) <= c.id < end for c in kept)


def _moves(table_id: int, floor: int | None, inventory: Inventory) -> bool:
    """Whether the catalog has to be told: files that no commit needs are seen from below the floor."""
    table = next(t for t in inventory.tables if t.id == table_id)
    if floor is None:
        return table.end is None or table.begin < table.end
    return table.begin < floor


def _merges(
    inventory: Inventory, live: Sequence[LakeTable], pins: frozenset[Pin], resumed: set[int]
) -> Iterator[tuple[str, int]]:
    """Tables with several small files, of which one commit alone is needed, and none was made after it."""
    for table in live:
        commits = sorted(c for name, c in pins if name == table.name)
        files = [f for f in inventory.files if f.table == table.id and f.end is None]
        small = sum(f.small for f in files)
        newest = max((f.begin for f in files), default=0)
        if small >= _FEW and len(set(commits)) == 1 and newest <= commits[0] and not {f.begin for f in files} & resumed:
            yield table.name, small


def _expired(
    holdings: Holdings, inventory: Inventory, floors: Mapping[int, int | None], keep: set[int], builds: set[str]
) -> Expired:
    """Commits of the state that cannot be read any more, and publications that are not kept."""
    readable: dict[str, list[tuple[int, int | None]]] = {}
    for table in inventory.tables:
        floor = floors.get(table.id)
        if floor is not None:
            readable.setdefault(table.name, []).append((floor, table.end))
    commits = [
        (c.node, c.commit)
        for c in holdings.commits
        if not c.expired
        and not (
            c.commit in keep
            and any(low <= c.commit and (end is None or c.commit < end) for low, end in readable.get(c.table, ()))
        )
    ]
    gone = [p.build_id for p in holdings.publications if p.build_id not in builds]
    return Expired(target=holdings.target, commits=tuple(dict.fromkeys(commits)), builds=tuple(gone))
