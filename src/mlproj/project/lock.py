"""Writing mlproj.lock, and refusing to go on where what is installed is something else."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from mlproj.diagnostics import ProjectError, fail

if TYPE_CHECKING:
    from mlproj.project.project import Project


def write_lock(project: Project) -> dict[str, str]:
    """Lock the installed versions of the libraries that models are trained with, whatever was locked before."""
    from mlproj.compiler.lock import is_release
    from mlproj.loader import load
    from mlproj.loader.lock import LOCK_FILE
    from mlproj.project.inputs import write_text

    estimators = project.session.estimators
    loaded = load(
        project.root, target=project.target_name, vars=project.variables, environment=os.environ, locked=False
    )
    paths = list(dict.fromkeys(model.spec.estimator for model in loaded.models))
    estimators.prefetch(paths)
    infos = [estimators.describe(path) for path in paths]
    libraries = dict(sorted((i.library, i.library_version) for i in infos if is_release(i)))
    lines = ["# Written by `mlproj lock`: the versions that models are trained with.", "libraries:"]
    lines += [f'  {name}: "{version}"' for name, version in libraries.items()]
    text = "\n".join(lines if libraries else [lines[0], "libraries: {}"])
    write_text(project.root / LOCK_FILE, f"{text}\n")
    return libraries


def require_lock(project: Project) -> None:
    """Raise E513 where there is no lock, or where what is installed differs from it."""
    manifest = project.manifest
    if not manifest.locked:
        raise fail("E513", "there is no mlproj.lock to hold to", hint="`mlproj lock` writes it: commit it")
    wrong = [replace(w, code="E513", severity="error") for w in manifest.warnings if w.code == "W503"]
    if wrong:
        raise ProjectError(wrong)
