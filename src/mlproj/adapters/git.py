"""What mlproj asks of git, as the user has it on PATH: which files differ from a revision, and the files of one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlproj.diagnostics import fail

_HINT = "git:REF names a git revision, as git:main"


def changed_files(root: Path, revision: str) -> set[str]:
    """Files below `root` that differ from a revision, untracked ones included. Raises E505."""
    _refuse_option(revision)
    differ = _git(root, "diff", "--name-only", "--relative", revision, "--")
    untracked = _git(root, "ls-files", "--others", "--exclude-standard")
    return {*differ.splitlines(), *untracked.splitlines()}


def check_out(root: Path, revision: str, folder: Path) -> str:
    """Write the files of `root` as of a revision into an empty folder; returns the commit.

    Neither the repository nor its index is touched. Nothing is written where `root` was not there at that revision.
    Raises E505.
    """
    _refuse_option(revision)
    top, _, prefix = _git(root, "rev-parse", "--show-toplevel", "--show-prefix").partition("\n")
    commit = _git(root, "rev-parse", "--verify", f"{revision}^{{commit}}").strip()
    tree = f"{commit}:{prefix.strip()}"
    if not prefix.strip() or _is_tree(root, tree):
        index = {"GIT_INDEX_FILE": str(folder / ".index")}
        # A worktree would leave traces in the repository when it is killed, and an archive leaves `export-ignore` out.
        _git(Path(top), "read-tree", tree, environment=index)
        _git(Path(top), "checkout-index", "--all", "--quiet", f"--prefix={folder}/", environment=index)
        (folder / ".index").unlink()
    return commit


def _refuse_option(revision: str) -> None:
    if revision.startswith("-") or not revision:
        raise fail("E505", f"'{revision}' is no git revision", hint=_HINT)


def _is_tree(root: Path, name: str) -> bool:
    return _run(root, ["cat-file", "-e", name], {}).returncode == 0


def _git(root: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    done = _run(root, arguments, environment or {})
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["git failed"])[0].removeprefix("fatal: ")
        known = "fetch it first: a CI job often has one commit alone (fetch-depth: 0)"
        missing = "Needed a single revision" in reason or "unknown revision" in reason
        revision = next((a for a in arguments[1:] if not a.startswith("--")), "").removesuffix("^{commit}")
        message = f"there is no git revision '{revision}' here" if missing else f"git: {reason}"
        raise fail("E505", message, hint=f"{_HINT}; {known}" if missing else _HINT)
    return done.stdout


def _run(root: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    settings = ("-c", "core.quotepath=off", "-c", "core.sparseCheckout=false")
    command = ["git", "-C", str(root), *settings, *arguments]
    try:
        return subprocess.run(  # noqa: S603  (no shell, and git as the user has it)
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        )
    except OSError as error:
        raise fail("E505", "git is not installed", hint=_HINT) from error
