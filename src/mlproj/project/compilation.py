"""Compiling with a memory: unchanged inputs give the manifest of last time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.project.inputs import RecordingEnvironment, cache_dir, input_key, read_json, versions, write_text

if TYPE_CHECKING:
    from mlproj.compiler import Manifest
    from mlproj.compiler.known import KnownGroups
    from mlproj.loader import LoadedProject
    from mlproj.project.session import Session


def known_key(root: Path, target: str | None, variables: Mapping[str, Any]) -> tuple[str, Any]:
    """The key of the inputs as they stand, and the record of the last compilation, whose key it may equal."""
    record = read_json(_record_path(root, target))
    known = record if isinstance(record, dict) and {"asked", "sources"} <= set(record) else {"asked": [], "sources": []}
    return input_key(root, target, variables, known["asked"], known["sources"]), record


def cached_manifest(root: Path, target: str | None, variables: Mapping[str, Any]) -> Manifest | None:
    """The manifest of last time, where every input stands."""
    from mlproj.compiler.manifest import Manifest

    key, record = known_key(root, target, variables)
    if not isinstance(record, dict) or record.get("key") != key:
        return None
    try:
        return Manifest.model_validate_json(_manifest_path(root, target).read_bytes())
    except (OSError, ValueError):
        return None


def compile_and_remember(
    root: Path,
    target: str | None,
    variables: Mapping[str, Any],
    loaded: LoadedProject,
    environment: RecordingEnvironment,
    session: Session,
) -> Manifest:
    """Compile, write target/manifest.json and target/compiled, and remember what it depended on."""
    from mlproj.adapters.duckdb_binder import DuckDBBinder
    from mlproj.compiler import Surroundings, compile_project

    memo = known_meanings(root, session.estimators.versions())
    before, known = len(memo), _known_groups(root, target)
    session.estimators.prefetch(m.spec.estimator for m in loaded.models)
    surroundings = Surroundings(DuckDBBinder(), session.sources, session.estimators, memo, known)
    manifest = compile_project(loaded, surroundings)
    if len(memo) != before:
        write_text(_memo_path(root), json.dumps(memo, separators=(",", ":"), sort_keys=True))
    text = manifest.model_dump_json()
    write_text(_manifest_path(root, target), text)
    write_text(root / "target" / "manifest.json", text)
    _write_compiled(root, manifest)
    asked = sorted(environment.asked)
    from mlproj.loader.environment import fill_environment
    from mlproj.state import SourceNode

    paths = sorted(
        fill_environment(n.path, os.environ, manifest.env_defaults)
        for n in manifest.nodes.values()
        if isinstance(n, SourceNode)
    )
    record = {
        "asked": asked, "sources": paths, "key": input_key(root, target, variables, asked, paths),
        "groups": known.found, "versions": versions(), "manifest": _hash(text.encode()),
    }  # fmt: skip
    write_text(_record_path(root, target), json.dumps(record))
    return manifest


def compile_in_memory(root: Path, loaded: LoadedProject, session: Session) -> Manifest:
    """The manifest of what may never be written: files as they would be. Remembers nothing. Raises `DoesNotCompile`."""
    from mlproj.adapters.duckdb_binder import DuckDBBinder
    from mlproj.compiler import Surroundings, compile_project

    session.estimators.prefetch(m.spec.estimator for m in loaded.models)
    surroundings = Surroundings(
        DuckDBBinder(), session.sources, session.estimators, known_meanings(root, session.estimators.versions())
    )
    return compile_project(loaded, surroundings)


def _known_groups(root: Path, target: str | None) -> KnownGroups:
    """The groups of the last manifest, where it is the one that the record speaks of."""
    from mlproj.compiler.known import KnownGroups
    from mlproj.compiler.manifest import Manifest

    record = read_json(_record_path(root, target))
    if not isinstance(record, dict) or record.get("versions") != versions():
        return KnownGroups()
    try:
        text = _manifest_path(root, target).read_bytes()
        if _hash(text) != record.get("manifest"):
            return KnownGroups()
        return KnownGroups(Manifest.model_validate_json(text).nodes, record.get("groups", {}))
    except (OSError, ValueError):
        return KnownGroups()


def _hash(text: bytes) -> str:
    return blake2b(text, digest_size=16).hexdigest()


def known_meanings(root: Path, versions: Mapping[str, str]) -> dict[str, Any]:
    """What earlier compilations found out, by content: whoever compiles adds to it."""
    memo = read_json(_memo_path(root))
    return memo if isinstance(memo, dict) and memo.get("versions") == versions else {"versions": versions}


def _memo_path(root: Path) -> Path:
    return cache_dir(root) / "compile.json"


def _write_compiled(root: Path, manifest: Manifest) -> None:
    from mlproj.state import GroupNode, ViewNode

    folder = root / "target" / "compiled"
    wanted: dict[Path, str] = {}
    for node in manifest.nodes.values():
        if isinstance(node, GroupNode | ViewNode):
            wanted[folder / f"{node.kind}s" / f"{node.name}.v{node.version}.sql"] = node.sql + "\n"
    for path in set(folder.rglob("*.sql")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        write_text(path, text)


def _record_path(root: Path, target: str | None) -> Path:
    return cache_dir(root) / f"inputs.{target or 'default'}.json"


def _manifest_path(root: Path, target: str | None) -> Path:
    return cache_dir(root) / f"manifest.{target or 'default'}.json"
