"""Reading as of then: what a commit or a time means for a group, a view, a training dataset."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from mlproj.compiler.text import identifier
from mlproj.compiler.windows import KEPT
from mlproj.diagnostics import ProjectError, fail
from mlproj.state import Commit, GroupNode, TrainingDataset, ViewNode

if TYPE_CHECKING:
    from mlproj.ports import TimeTravel
    from mlproj.project.project import Project

AsOf = int | str | date
_ALL = 1_000_000
_PINNED = re.compile(r"\bAT \(VERSION => (\d+)\)", re.IGNORECASE)


def moment(value: AsOf) -> int | datetime:
    """A commit's number, or a time with its zone: UTC where none is written, midnight where it is a date alone.

    Raises E506.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    text = str(value).strip()  # as text, what numpy and pandas call a number or a time means the same
    if text.isdecimal():
        return int(text)
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError as error:
        hint = "write a number as `mlproj history NODE` lists them, or a time: 2026-01-31, '2026-01-31 12:00'"
        raise fail("E506", f"'{value}' is neither a commit nor a time", hint=hint) from error


def shown(value: AsOf) -> str:
    """A commit or a time, as messages and titles name it."""
    found = moment(value)
    return f"commit {found}" if isinstance(found, int) else f"{found.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def commit_as_of(project: Project, node: GroupNode, value: AsOf) -> Commit | None:
    """The newest commit of a group's rows then; None where it had none. Raises E506 where its rows are gone."""
    when = _known(project.session.past, value)
    commits = project.session.reader.history(node.id, project.target_name)
    then = [
        commit
        for commit, number in zip(commits, _numbers(project.session.past, commits), strict=True)
        if (number <= when if isinstance(when, int) else _time(commit.at) <= when)
    ]
    if not then:
        return None
    newest = then[-1]
    if newest.expired:
        raise _expired(node.relation, newest.commit, [c.commit for c in commits if not c.expired])
    _refuse_removed(project.session.past, node.relation, [newest.commit])
    return newest


def _numbers(past: TimeTravel, commits: Sequence[Commit]) -> list[int]:
    """From which commit of the lake on each of a group's was what is read: a rollback publishes an old one again."""
    found: list[int] = []
    seen: set[int] = set()
    for commit in commits:
        again = past.published_by(commit.build_id) if commit.commit in seen else None
        found.append(again or commit.commit)
        seen.add(commit.commit)
    return found


def group_as_of(project: Project, node: GroupNode, value: AsOf, *, stored: bool = False) -> str:
    """SQL of a group's rows then: a table's at a commit, a view's as it was published, over its parents of then.

    With `stored` all that a table had, be it no column of a contract.

    Raises E506 where there was nothing yet, or where it is gone.
    """
    lake, past = project.session.lake, project.session.past
    commit = commit_as_of(project, node, value)
    if commit is not None:
        beside = f" exclude ({identifier(KEPT)})" if node.aggregate is not None and not stored else ""
        return f"select *{beside} from {lake.relation(commit.table, commit.commit)}"
    when = _known(past, value)
    if isinstance(when, int):
        _refuse_removed(past, node.relation, [when])
    number = _shown_since(project, node, when) if isinstance(when, int) else _published_at(project, node, when)
    name = f"{node.name}_v{node.version}"
    sql = None if number is None else past.view_at(project.target_name, name, number)
    if sql is None:
        raise _too_early(project, node, value)
    _refuse_removed(past, node.relation, [int(pin) for pin in _PINNED.findall(sql)])
    lake.relation("")
    return sql


def dataset_as_of(project: Project, node: ViewNode, value: AsOf) -> TrainingDataset:
    """The training dataset of a view that was current then: the newest, or the one that a rollback had brought back.

    Raises E506.
    """
    when = _known(project.session.past, value)
    datasets = project.session.reader.training_datasets(project.target_name, node.id)
    place = when if isinstance(when, int) else when.timestamp()
    turns = _turns(project, node.id, datasets, by_commit=isinstance(when, int))
    number = next((turn.number for turn in reversed(turns) if turn.place <= place), 0)
    if number is None:
        message = f"which training dataset of {node.relation} was current at {shown(value)} can no longer be told"
        raise fail("E506", message, hint=f"gc removed the record of a rollback; there are: mlproj history {node.id}")
    if number == 0:
        firsts = [f"its first is {d.name}, of {_said(d.commit, d.created_at)}" for d in datasets[:1]]
        message = f"{node.relation} had no training dataset at {shown(value)}"
        raise fail("E506", message, hint=firsts[0] if firsts else "mlproj build")
    found = next((d for d in datasets if d.number == number), None)
    if found is None:
        message = f"{node.relation}/td{number} can no longer be read: it was forgotten"
        raise fail("E506", message, hint=f"those that are left: mlproj history {node.id}")
    readable_dataset(project, found)
    return found


@dataclass(frozen=True)
class _Turn:
    """From a place on, a commit's number or a time in seconds, a dataset was current; 0: none, None: nobody knows."""

    place: float
    number: int | None


def _turns(project: Project, view: str, datasets: Sequence[TrainingDataset], *, by_commit: bool) -> list[_Turn]:
    """What became current when: datasets as they were made, and what rollbacks brought back."""
    past, reader, target = project.session.past, project.session.reader, project.target_name
    log = reader.publications(target)

    def place(at: str, commit: int | None = None) -> float:
        if not by_commit:
            return _time(at).timestamp()
        # What is gone from the lake came after the last that is there.
        return (past.commit_at(_time(at)) or 0) + 1 if commit is None else commit

    made = [_Turn(place(d.created_at, d.commit), d.number) for d in datasets]
    back = [_Turn(place(p.at, past.published_by(p.build_id)), p.current[view]) for p in log if view in p.current]
    known = {p.build_id for p in log}
    gone = [
        _Turn(place(b.started_at), None)
        for b in reader.builds(target, limit=_ALL)
        if b.id not in known and b.status == "ok" and any((s.node, s.action) == (view, "rollback") for s in b.steps)
    ]
    return sorted([*made, *back, *gone], key=lambda turn: turn.place)


def readable_dataset(project: Project, dataset: TrainingDataset) -> None:
    """Raises E506 where its rows were removed."""
    _refuse_removed(project.session.past, dataset.name, [dataset.commit])


def _known(past: TimeTravel, value: AsOf) -> int | datetime:
    when = moment(value)
    if isinstance(when, int):
        newest = past.newest_commit()
        if newest is None or when > newest:
            raise fail(
                "E506", f"the lake has no commit {when}", hint=f"its newest is {newest}" if newest else "mlproj build"
            )
    return when


def _time(at: str) -> datetime:
    return datetime.fromisoformat(at)


def _said(commit: int, at: str) -> str:
    return f"commit {commit} ({_time(at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"


def _too_early(project: Project, node: GroupNode, value: AsOf) -> ProjectError:
    first = _first_commit(project, node)
    hint = f"its first is {_said(first.commit, first.at)}: mlproj history {node.relation}" if first else "mlproj build"
    when = moment(value)
    others = [t for t in sorted(project.lake_mates) if isinstance(when, int) and _had_rows(project, node, when, t)]
    if others:
        hint = f"{', '.join(others)} had rows then: mlproj --target {others[0]} show {node.relation} --as-of {when}"
    message = f"{node.relation} had no rows yet at {shown(value)}"
    return fail("E506", f"{message} in target '{project.target_name}'" if others else message, hint=hint)


def _had_rows(project: Project, node: GroupNode, commit: int, target: str) -> bool:
    return any(c.commit <= commit for c in _commits_below(project, node, target))


def _shown_since(project: Project, node: GroupNode, commit: int) -> int:
    """From where on a commit was shown. Raises E506 where gc removed that: views still show what was before then."""
    past = project.session.past
    below = (c for c in _commits_below(project, node) if c.commit <= commit)
    newest = max(below, key=lambda c: c.commit, default=None)
    number = past.published_by(newest.build_id) if newest else None
    if number is None and newest and newest.commit == commit:
        message = f"what {node.relation} showed at commit {commit} can no longer be told"
        hint = "gc removed the record of that publication; the groups that it reads may still be there"
        raise fail("E506", message, hint=hint)
    return max(number or 0, past.publication_of(commit))


def _published_at(project: Project, node: GroupNode, when: datetime) -> int | None:
    """The lake's commit then. Commits of state carry the time just before that: what has one was published."""
    past = project.session.past
    written = [c.commit for c in _commits_below(project, node) if _time(c.at) <= when]
    return max((past.commit_at(when) or 0, *(_shown_since(project, node, c) for c in written[-1:]))) or None


def _commits_below(project: Project, node: GroupNode, target: str | None = None) -> list[Commit]:
    """Commits of a group, or of what a view reads, oldest first."""
    own = project.session.reader.history(node.id, target or project.target_name)
    published = project.state().published
    parents = [] if own else [published[n].node for n in node.depends_on if n in published]
    below = [c for parent in parents if isinstance(parent, GroupNode) for c in _commits_below(project, parent, target)]
    return sorted([*own, *below], key=lambda c: c.commit)


def _first_commit(project: Project, node: GroupNode) -> Commit | None:
    """The first commit by which all was there that a group reads."""
    found: dict[str, Commit] = {}
    for commit in _commits_below(project, node):
        found.setdefault(commit.node, commit)
    return max(found.values(), key=lambda c: c.commit, default=None)


def _refuse_removed(past: TimeTravel, name: str, commits: Sequence[int]) -> None:
    gone = [commit for commit in commits if not past.is_there(commit)]
    if gone:
        raise _expired(name, gone[0], [])


def _expired(name: str, commit: int, left: Sequence[int]) -> ProjectError:
    hint = f"those that are left: {', '.join(map(str, left))}" if left else "`mlproj history` says what is left"
    return fail("E506", f"commit {commit} of {name} can no longer be read: its rows were removed for good", hint=hint)
