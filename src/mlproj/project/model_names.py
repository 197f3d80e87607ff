"""Which model version a reference means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlproj.diagnostics import did_you_mean, fail
from mlproj.state import ModelVersion

if TYPE_CHECKING:
    from mlproj.project.project import Project


def resolve_model(project: Project, reference: str, *, champion: bool = True) -> ModelVersion:
    """The version that a reference means; never silently version 1. Raises E507.

    Without a version it is the champion where that is asked for, else the newest that passed; what a rollback took
    back has to be named.
    """
    name, _, rest = reference.removeprefix("model:").partition("@")
    versions = project.models(name)
    if not versions:
        known = sorted({v.name for v in project.models()})
        raise fail(
            "E507",
            f"no version of a model '{name}' is registered in target '{project.target_name}'",
            hint=did_you_mean(name, known) or "train it: mlproj build",
            exit_code=1,
        )
    by_id = {v.id: v for v in versions}
    state = project.state()
    alias = state.aliases.get(f"{name}@{rest or 'champion'}")
    if alias in by_id and (rest or champion):
        return by_id[alias or ""]
    if f"{name}@{rest}" in by_id:
        return by_id[f"{name}@{rest}"]
    current = {v.name + f"@{v.version}": v.run for v in state.model_versions.values()}
    standing = [v for v in versions if v.run <= current.get(f"{v.name}@{v.version}", 0)]
    passed = [v for v in standing if v.status == "passed" and (not rest or str(v.version) == rest)]
    if not passed:
        ran = [v.id for v in versions if not rest or str(v.version) == rest]
        message = (
            f"no version of {reference} passed its tests: {', '.join(ran)} failed"
            if ran
            else f"there is no {reference}"
        )
        raise fail("E507", message, hint=f"registered: {', '.join(by_id)}", exit_code=1)
    return max(passed, key=lambda v: (v.created_at, v.version, v.run))
