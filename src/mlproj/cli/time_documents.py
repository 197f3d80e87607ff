"""Answers about the past, as documents: history and diff."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.planner.acceptance import ACCEPTED, EQUIVALENT
from mlproj.diagnostics import fail
from mlproj.project.node_names import find_id, matching
from mlproj.state import Commit

if TYPE_CHECKING:
    from mlproj.project.project import Project

Document = dict[str, Any]

ALIAS_MOVED = "alias_moved"


def history_document(project: Project, text: str | None) -> Document:
    """What happened to a node, oldest first; to the target, newest build first."""
    document: Document = {"artifact": "history", "version": 1}
    if text is None:
        from mlproj.project.build_rollback import gone_builds

        target = project.state().target
        builds, gone = project.session.reader.builds(target), gone_builds(project)
        # The next command that writes puts it down: what says that it runs while nobody writes was killed.
        dead = any(b.status == "running" for b in builds) and not project.session.is_written_to
        entries: list[Document] = [
            {
                "build": b.id,
                "kind": "rollback" if any(s.action == "rollback" for s in b.steps) else "build",
                "status": "killed" if dead and b.status == "running" else b.status,
                "author": b.author,
                "started": b.started_at,
                "steps": len(b.steps),
                "expired": b.id in gone,
            }
            for b in builds
        ]
        return document | {"node": None, "entries": entries}
    node = _with_a_past(project, text)
    events = sorted([*_acceptances(project, node), *_alias_moves(project, node)], key=lambda event: str(event["at"]))
    return document | {"node": node, "entries": _entries(project, node), "events": events}


def _with_a_past(project: Project, text: str) -> str:
    """The node that is meant: one that is declared, or else one that was published once. Raises E508."""
    declared, reader, target = project.manifest.nodes, project.session.reader, project.target_name
    if matching(declared, text):
        return find_id(declared, text)
    past = {
        *(c.node for c in reader.all_commits(target)),
        *(d.view for d in reader.all_datasets(target)),
        *(f"model:{v.name}@{v.version}" for v in reader.model_versions(target)),
        *project.state().published,
    }
    return find_id({*declared, *past}, text)


def _acceptances(project: Project, node: str) -> list[Document]:
    """What somebody let through, and why."""
    return [
        {
            "at": event.at,
            "who": event.who,
            "what": event.what,
            "because": event.detail["because"],
            "rules": event.detail["rules"],
            "features": event.detail["features"],
            "build": event.detail["build_id"],
        }
        for event in project.session.reader.events(project.state().target)
        if event.subject == node and event.what in {ACCEPTED, EQUIVALENT}
    ]


def _alias_moves(project: Project, node: str) -> list[Document]:
    """Where the aliases of a model have been: a promotion or a rollback each."""
    kind, _, relation = node.partition(":")
    if kind != "model":
        return []
    model = relation.partition("@")[0]
    return [
        {
            "at": event.at,
            "who": event.who,
            "what": ALIAS_MOVED,
            "alias": event.subject.partition("@")[2],
            "from": event.detail.get("from"),
            "to": event.detail.get("to"),
            "because": event.detail.get("because") or "",
            "how": event.detail.get("how"),
        }
        for event in project.session.reader.events(project.state().target)
        if event.what == ALIAS_MOVED and event.subject.startswith(f"{model}@")
    ]


def diff_document(
    project: Project, words: Sequence[str], targets: Sequence[str], limit: int, page: Path | None
) -> Document:
    """What differs between two sides; written as a page, too, where one is named. Raises E509 for too many words."""
    from mlproj.project.diff import compare, sides_of

    if len(words) > 3:
        raise fail("E509", "diff compares two things", hint="mlproj diff NODE OLD NEW")
    old, new = sides_of(project, words, targets)
    difference = compare(old, new, project.session.engine, limit)
    if page is not None:
        from mlproj.cli.render.diff_page import diff_page
        from mlproj.project.inputs import write_text

        write_text(page.resolve(), diff_page(difference))
    document: Document = difference.model_dump(mode="json")
    return document


def _entries(project: Project, node: str) -> list[Document]:
    reader, target = project.session.reader, project.target_name
    kind, _, relation = node.partition(":")
    if kind == "feature_group":
        return [_commit(c) for c in reader.history(node, target)]
    if kind == "feature_view":
        return [
            {
                "training_dataset": d.name,
                "at": d.created_at,
                "rows": sum(d.rows.values()),
                "commit": d.commit,
                "build": d.build_id,
            }
            for d in reader.training_datasets(target, node)
        ]
    if kind == "model":
        name, _, version = relation.partition("@")
        return [
            {
                "model_version": v.id,
                "at": v.created_at,
                "status": v.status,
                "training_dataset": v.manifest.training_dataset,
                "build": v.build_id,
            }
            for v in reader.model_versions(target, name)
            if v.version == int(version)
        ]
    raise fail("E508", f"{node} has no history: its files are somebody else's", hint="name a group, a view or a model")


def _commit(commit: Commit) -> Document:
    return {
        "commit": commit.commit,
        "at": commit.at,
        "kind": commit.kind,
        "rows": commit.rows,
        "added": commit.added,
        "changed": commit.changed,
        "deleted": commit.deleted,
        "build": commit.build_id,  # what `rollback --to` takes stands before what a narrow terminal cuts off
        "author": commit.author,
        "message": commit.message,
        "expired": commit.expired,
    }
