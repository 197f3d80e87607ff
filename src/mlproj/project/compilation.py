"""Compiling with a memory: unchanged inputs give the manifest of last time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.project.inputs import Inputs, cache_dir, memory, read_json, versions, write

if TYPE_CHECKING:
    from mlproj.compiler import Manifest
    from mlproj.loader import LoadedProject
    from mlproj.project.manifest_text import NodeTexts
    from mlproj.project.session import Session
    from mlproj.state import SourceNode


def known_key(inputs: Inputs) -> tuple[str, Any]:
    """The key of the inputs as they stand, and the record of the last compilation, whose key it may equal.

    Another one each time where databases are to be asked: what they would say now, nothing here knows.
    """
    key, record = _key_of_files(inputs)
    return f"{key} at {time.time_ns()}" if isinstance(record, dict) and record.get("asks") else key, record


def _key_of_files(inputs: Inputs) -> tuple[str, Any]:
    record = read_json(_record_path(inputs))
    known = record if isinstance(record, dict) and {"asked", "sources"} <= set(record) else {"asked": [], "sources": []}
    return inputs.key(known["asked"], known["sources"]), record


def cached(inputs: Inputs) -> NodeTexts | None:
    """The compilation of last time, where every input stands."""
    key, record = _key_of_files(inputs)
    if not isinstance(record, dict) or record.get("key") != key or record.get("asks") == "columns":
        return None
    return _remembered(inputs, record)


def compile_and_remember(inputs: Inputs, loaded: LoadedProject, session: Session) -> NodeTexts:
    """Compile, write target/manifest.json and target/compiled, and remember what it depended on."""
    from mlproj.adapters.duckdb_binder import DuckDBBinder
    from mlproj.compiler import Surroundings, compile_project
    from mlproj.compiler.known import KnownGroups
    from mlproj.project.manifest_text import written

    last = read_json(_record_path(inputs))
    same_libraries = isinstance(last, dict) and last.get("versions") == versions()
    before = _remembered(inputs, last) if same_libraries else None
    known = KnownGroups(before.manifest.nodes, last.get("groups", {})) if before else KnownGroups()
    session.estimators.prefetch(m.spec.estimator for m in loaded.models)
    surroundings = Surroundings(DuckDBBinder(), session.sources, session.estimators, inputs.memory, known)
    manifest = compile_project(loaded, surroundings)
    inputs.memory.save()
    found = written(manifest, before)
    write(_manifest_path(inputs), found.text)
    write(inputs.root / "target" / "manifest.json", found.text)
    _write_compiled(inputs.root, manifest, before)
    asked = sorted(inputs.environment.asked)
    from glob import escape

    from mlproj.compiler.connections import filled
    from mlproj.state import SourceNode

    nodes = [n for n in manifest.nodes.values() if isinstance(n, SourceNode)]
    found_paths = {path for n in nodes for path in _watched(filled(n, os.environ, manifest.env_defaults))}
    paths = sorted(found_paths.union(escape(path) for path in loaded.fixtures))
    record = {
        "asked": asked, "sources": paths, "key": inputs.key(asked, paths),
        "asks": _asks(nodes), "groups": known.found, "versions": versions(), "manifest": _hash(found.text),
        "places": found.places,
    }  # fmt: skip
    write(_record_path(inputs), json.dumps(record).encode())
    return found


def _watched(source: SourceNode) -> list[str]:
    """The files that decide what a source is compiled to and what its version is."""
    if source.location is None:
        # A table in a folder has a log, which every change of it adds to.
        logs = {"delta": "_delta_log/*", "iceberg": "metadata/*"}
        return [source.path, *([f"{source.path}/{logs[source.format]}"] if source.format in logs else [])]
    path = source.location.settings.get("path")
    return [path, f"{path}-wal"] if path else []


def _asks(sources: Iterable[SourceNode]) -> str:
    """What has to be asked of databases and stores each time: `columns`, `versions` alone, or nothing."""
    places = [s.location for s in sources if s.location and s.format != "sqlite"]
    if any(place.found for place in places):
        return "columns"
    return "versions" if any(place.version_query or not place.table for place in places) else ""


def compile_in_memory(root: Path, loaded: LoadedProject, session: Session) -> Manifest:
    """The manifest of what may never be written: files as they would be. Remembers nothing. Raises `DoesNotCompile`."""
    from mlproj.adapters.duckdb_binder import DuckDBBinder
    from mlproj.compiler import Surroundings, compile_project

    session.estimators.prefetch(m.spec.estimator for m in loaded.models)
    return compile_project(loaded, Surroundings(DuckDBBinder(), session.sources, session.estimators, memory(root)))


def _remembered(inputs: Inputs, record: Mapping[str, Any]) -> NodeTexts | None:
    """The last manifest, where it is the one that the record speaks of."""
    from mlproj.compiler.manifest import Manifest
    from mlproj.project.manifest_text import NodeTexts

    try:
        text = _manifest_path(inputs).read_bytes()
        if _hash(text) != record.get("manifest"):
            return None
        return NodeTexts(text, Manifest.model_validate_json(text), record.get("places", {}))
    except (OSError, ValueError):
        return None


def _hash(text: bytes) -> str:
    return blake2b(text, digest_size=16).hexdigest()


def _write_compiled(root: Path, manifest: Manifest, before: NodeTexts | None) -> None:
    """The SQL of every group and view; a file that is there stays as it is where its node is the one of last time."""
    from mlproj.state import GroupNode, ViewNode

    folder = root / "target" / "compiled"
    there = {f"{at}/{name}" for at, _, names in os.walk(folder) for name in names if name.endswith(".sql")}
    wanted: set[str] = set()
    for node in manifest.nodes.values():
        if not isinstance(node, GroupNode | ViewNode):
            continue
        texts = {"sql": node.sql}
        if isinstance(node, GroupNode) and node.increment:
            texts["incremental.sql"] = node.increment.sql
        for ending, text in texts.items():
            path = f"{folder}/{node.kind}s/{node.name}.v{node.version}.{ending}"
            wanted.add(path)
            if path not in there or before is None or before.manifest.nodes.get(node.id) is not node:
                write(Path(path), f"{text}\n".encode())
    for path in there - wanted:
        Path(path).unlink()


def _record_path(inputs: Inputs) -> Path:
    return cache_dir(inputs.root) / f"inputs.{inputs.target or 'default'}.json"


def _manifest_path(inputs: Inputs) -> Path:
    return cache_dir(inputs.root) / f"manifest.{inputs.target or 'default'}.json"
