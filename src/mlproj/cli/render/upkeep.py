"""What upkeep found and did, as a document and as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlproj.state.garbage import Garbage

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_SHOWN = 5


def gc_document(garbage: Garbage, *, dropped: bool, dry_run: bool) -> dict[str, Any]:
    expired = [
        {"target": e.target, "node": node, "commit": commit} for e in garbage.expired for node, commit in e.commits
    ]
    builds = [{"target": e.target, "build": build} for e in garbage.expired for build in e.builds]
    return {
        "artifact": "gc",
        "version": 1,
        "dry_run": dry_run,
        "dropped": dropped,
        "tables": list(garbage.tables),
        "snapshots": len(garbage.commits),
        "files": garbage.files,
        "bytes": garbage.bytes,
        "merged": garbage.merges,
        "expired": expired,
        "builds": builds,
        "artifacts": len(garbage.artifacts),
        "artifact_bytes": garbage.artifact_bytes,
    }


def gc_lines(garbage: Garbage, *, dropped: bool | None) -> list[str]:
    """What goes, with how much it holds; `dropped` None before it is decided."""
    if garbage.empty:
        return ["nothing to drop: everything there is is needed"]
    head = {None: "nothing needs any more:", True: "dropped:", False: "nothing was dropped; would go:"}[dropped]
    return [head, *(f"  {line}" for line in _facts(garbage))]


def _facts(garbage: Garbage) -> Iterator[str]:
    for expired in garbage.expired:
        by_node: dict[str, list[int]] = {}
        for node, commit in expired.commits:
            by_node.setdefault(node.partition(":")[2], []).append(commit)
        for name, commits in by_node.items():
            yield f"{_count(len(commits), 'commit')} of {name} in {expired.target}: {_listed(commits)}"
        if expired.builds:
            yield f"{_count(len(expired.builds), 'build')} of {expired.target} to roll back to"
    if garbage.tables:
        yield f"{_count(len(garbage.tables), 'table')}: {_listed(garbage.tables)}"
    if garbage.commits:
        yield f"{_count(len(garbage.commits), 'snapshot')} of the lake"
    if garbage.files:
        yield f"{_count(garbage.files, 'file')} of rows, {size(garbage.bytes)}"
    for table, files in garbage.merges.items():
        yield f"{files} small files of {table}, merged into one"
    if garbage.artifacts:
        yield f"{_count(len(garbage.artifacts), 'artifact')}, {size(garbage.artifact_bytes)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(values: Any) -> str:
    shown = ", ".join(str(v) for v in list(values)[:_SHOWN])
    return shown + (f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")


def size(number: int) -> str:
    """Bytes in the unit that fits: 12.3 MB."""
    value, unit = float(number), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{number} bytes" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def forget_lines(document: dict[str, Any]) -> list[str]:
    """What was erased where, and where such rows may still be."""
    names = ", ".join(n.partition(":")[2] for n in document["nodes"])
    if not document["found"]:
        read = f"{document['keys']:,} read"
        return [f"nothing to erase: no row of {names}, at any commit, has these keys ({read})", *_elsewhere(document)]
    done = document["erased"]
    lines = [f"{'erased' if done else 'would erase'} {_count(document['keys'], 'key')} of {names}:"]
    lines += [f"  {_count(rows, 'row')} of {place}" for place, rows in document["rows"].items()]
    if files := document["files"]:
        hold = "held" if done else "holds" if files == 1 else "hold"
        lines.append(f"  {_count(files, 'file')} of the lake {hold} such rows")
    lines.append(f"  commits of {names} before this one, and builds to roll back to")
    lines += [f"  table {table}" for table in document["tables_dropped"]]
    if document["models"]:
        models = ", ".join(document["models"])
        lines.append(f"can be proved no more, and keep no example rows; train them anew: {models}")
    lines += _elsewhere(document)
    return lines if done else [*lines, "nothing was erased"]


def _elsewhere(document: dict[str, Any]) -> Iterator[str]:
    if document["derived"]:
        groups = ", ".join(n.partition(":")[2] for n in document["derived"])
        yield f"computed from it, and left as they are: {groups}. Forget the keys there too, or rebuild and gc"
    for table, rows in document["elsewhere"].items():
        yield f"table {table} of another group holds {_count(rows, 'row')} with such keys"
    if document["sources"]:
        sources = ", ".join(s.partition(":")[2] for s in document["sources"])
        yield f"erase the rows in {sources} as well: the next build that reads them brings them back"
