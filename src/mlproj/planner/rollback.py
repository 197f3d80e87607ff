"""Where a rollback goes and what it moves, from the record of all publications: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

from mlproj.diagnostics import ProjectError, fail
from mlproj.state import Commit, Event, Held, Publication, Published
from mlproj.state.noun import Noun

# Detail of an `alias_moved` event: what moved it. A rollback takes back, everything else goes on.
BACK = "rollback"


class Move(Noun):
    """One thing that a rollback moves; None where it was not there before, or is not afterwards."""

    node: str  # a node's id; of an alias `name@alias`
    what: Literal["commit", "definition", "publication", "hold", "training_dataset", "model_version", "alias"]
    before: str | None = None
    after: str | None = None


class Rollback(Noun):
    """What a rollback does, or with `dry_run` would do.

    `to` is the commit, version or build gone back to, `build` the id of the rollback itself, `commit` the one that it
    made, `rows` how many rows of a group's table it deleted and put back.
    """

    artifact: Literal["rollback"] = "rollback"
    version: Literal[1] = 1
    target: str
    scope: Literal["group", "alias", "build"]
    to: str
    message: str
    dry_run: bool
    build: str | None = None
    commit: int | None = None
    rows: dict[str, int] = {}
    moves: tuple[Move, ...] = ()


def published_at(node_id: str, to: str, log: Sequence[Publication]) -> Published | None:
    """A node as it stood at `to`: a commit of it, a build that published, or a moment; None where it is none of these.

    A moment is ISO text, in UTC where it names no zone.
    """
    known = list(_rows(node_id, log))
    if to.isdecimal():
        return next((row for _p, row in reversed(known) if row and row.commit == int(to)), None)
    if any(p.build_id == to for p in log):
        until = next(i for i, p in enumerate(log) if p.build_id == to)
        return known[until][1]
    moment = _moment(to)
    standing = [row for p, row in known if moment and datetime.fromisoformat(p.at) <= moment]
    return standing[-1] if standing else None


def _rows(node_id: str, log: Iterable[Publication]) -> Iterator[tuple[Publication, Published | None]]:
    """How the node stood after each publication."""
    row: Published | None = None
    for publication in log:
        if node_id in publication.published:
            row = Published.model_validate(publication.published[node_id])
        elif node_id in publication.removed:
            row = None
        yield publication, row


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def group_goal(row: Published, to: str, log: Sequence[Publication], history: Sequence[Commit]) -> Published:
    """The published row that a group's data goes back to. Raises E530, E531."""
    name = row.node.id.partition(":")[2]
    if row.table is None:
        hint = "roll back the groups that it reads, or the whole publication: rollback --build"
        raise fail("E531", f"{name} is a view and has no rows of its own", hint=hint)
    old = published_at(row.node.id, to, log)
    if old is None or old.commit is None:
        known = _ways(row.node.id, log, history)
        hint = f"a commit of `mlproj history {name}` ({known}), a build, or a time as 2026-01-31T12:00"
        raise fail("E530", f"{name} has nothing to go back to at '{to}'", hint=hint)
    if (old.table, old.commit) == (row.table, row.commit):
        raise fail("E530", f"{name} is at commit {old.commit} already", hint=f"its commits: mlproj history {name}")
    if old.node.fingerprints.deep != row.node.fingerprints.deep:
        hint = f"definition and data belong together: mlproj rollback --build {_build_of(row.node.id, old, log)}"
        raise fail("E531", f"commit {old.commit} of {name} was made by another definition", hint=hint)
    if row.held and same_rows(row, old):
        hint = f"there is nothing to do; `mlproj build --resume {name}` ends the hold ({row.held.reason})"
        raise fail("E530", f"{name} has the rows of commit {old.commit} already, and is held", hint=hint)
    return old


def same_rows(row: Published, old: Published) -> bool:
    """Whether a group stands on the rows of old already: going back to them writes nothing."""
    return row.digest is not None and row.digest == old.digest


def _ways(node_id: str, log: Sequence[Publication], history: Sequence[Commit]) -> str:
    """Commits to go back to: what belongs to them is on record, and their rows are there."""
    recorded = {row.commit for _p, row in _rows(node_id, log) if row}
    ways = dict.fromkeys(str(c.commit) for c in history if not c.expired and c.commit in recorded)
    return ", ".join(ways) or "none"


def _build_of(node_id: str, old: Published, log: Sequence[Publication]) -> str:
    """The last build after which the node stood so."""
    found = [p.build_id for p, row in _rows(node_id, log) if row and (row.table, row.commit) == (old.table, old.commit)]
    return found[-1]


def rolled_back(
    row: Published, old: Published, place: tuple[str, int], build_id: str, at: str, reason: str
) -> Published:
    """A group with the rows of old, and all that belongs to these, in a table at a commit; held from now on."""
    return row.model_copy(
        update={
            "table": place[0],
            "commit": place[1],
            "owner": row.owner if place == (row.table, row.commit) else None,
            "rows": old.rows,
            "digest": old.digest,
            "column_digests": old.column_digests,
            "null_counts": old.null_counts,
            "source_versions": old.source_versions,
            "inputs": old.inputs,
            "loaded": old.loaded,
            "build_id": build_id,
            "published_at": at,
            "held": Held(reason=reason, since=build_id),
        }
    )


def alias_goal(alias: str, now: str | None, events: Iterable[Event]) -> str:
    """Where an alias was before it came to where it is: taking back twice goes back twice. Raises E534."""
    trail: list[str] = []
    for event in events:
        if event.what != "alias_moved" or event.subject != alias:
            continue
        to = str(event.detail.get("to") or "")
        if event.detail.get("how") == BACK and to in trail:
            del trail[len(trail) - trail[::-1].index(to) :]
        elif to:
            trail.append(to)
    if now is None:
        raise fail("E534", f"{alias} is not set", hint="set it: mlproj promote MODEL ALIAS")
    earlier = trail[:-1] if trail and trail[-1] == now else trail
    if not earlier:
        raise nowhere(alias, now)
    return earlier[-1]


def nowhere(alias: str, now: str) -> ProjectError:
    """E534: an alias that never was anywhere else."""
    hint = "another version can be named with --to, or promoted: mlproj promote MODEL ALIAS"
    return fail("E534", f"{alias} has never meant anything but {now}", hint=hint)
