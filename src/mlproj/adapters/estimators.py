"""Estimators' signatures, read in a child process: planning imports no machine-learning library."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlproj.state import EstimatorInfo

_FORMAT = 1
_PROBE = Path(__file__).with_name("estimator_probe.py")
_TIMEOUT_SECONDS = 120
_CANONICAL = {"xgboost-cpu": "xgboost"}


class ChildProcessEstimators:
    """What constructors take, kept in `<cache_dir>/estimators.json` by import path and version of the library.

    A project's own classes are found in `root`; their version is a hash of their module's code.
    """

    def __init__(self, cache_dir: Path, root: Path) -> None:
        self._file = cache_dir / "estimators.json"
        self._root = root
        self._known: dict[str, EstimatorInfo | LookupError] = {}

    def describe(self, path: str) -> EstimatorInfo:
        """Raises `LookupError` (message, hint or None) where there is no such class, or it is no estimator."""
        self.prefetch([path])
        found = self._known[path]
        if isinstance(found, LookupError):
            raise LookupError(*found.args)  # noqa: TRY004 - the port says so
        return found

    def prefetch(self, paths: Iterable[str]) -> None:
        """Read all that are not known yet in one child process: importing scikit-learn takes more than a second."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self._known]
        self._known |= {p: info for p in wanted if (info := _still_valid(p, self._cached.get(p))) is not None}
        unknown = [path for path in wanted if path not in self._known]
        if not unknown:
            return
        answers = _probe(unknown, self._root)
        for path in unknown:
            self._known[path] = _info(path, answers[path])
        self._remember({p: answers[p] for p in unknown if not isinstance(self._known[p], LookupError)})

    def versions(self) -> dict[str, str]:
        """Versions of scikit-learn, xgboost and duckdb, without importing them."""
        wanted = {"scikit-learn": ("scikit-learn",), "xgboost": ("xgboost", "xgboost-cpu"), "duckdb": ("duckdb",)}
        found = {name: next(filter(None, map(_version, options)), None) for name, options in wanted.items()}
        return {name: number for name, number in found.items() if number}

    @cached_property
    def _cached(self) -> dict[str, Any]:
        return _read_cache(self._file)

    def _remember(self, answers: Mapping[str, Any]) -> None:
        if not answers:
            return
        # Read again: another process may have added to it since.
        estimators = _read_cache(self._file) | {p: a | {"library_version": _current(a)} for p, a in answers.items()}
        self._cached.update(estimators)
        text = json.dumps({"format": _FORMAT, "estimators": estimators}, indent=1, sort_keys=True)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".estimators", dir=self._file.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(self._file)
        except OSError:
            return  # a cache that cannot be written costs time, nothing else


def _read_cache(path: Path) -> dict[str, Any]:
    """Empty where there is none that can be read."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return {}
    estimators = content.get("estimators")
    return estimators if isinstance(estimators, dict) else {}


def _still_valid(path: str, entry: Any) -> EstimatorInfo | None:
    try:
        found = _info(path, entry) if entry["library_version"] == _current(entry) else None
    except (KeyError, TypeError, ValueError):
        return None  # a damaged entry is read anew
    return found if isinstance(found, EstimatorInfo) else None


def _info(path: str, answer: Mapping[str, Any]) -> EstimatorInfo | LookupError:
    if "error" in answer:
        return LookupError(*answer["error"])
    distribution = answer["distribution"]
    return EstimatorInfo(
        path=path,
        task=answer["task"],
        params=tuple(answer["params"]),
        open_params=answer["open_params"],
        seed_param=answer["seed_param"],
        library=_CANONICAL.get(distribution, distribution) if distribution else path.partition(".")[0],
        library_version=_current(answer),
    )


def _current(answer: Mapping[str, Any]) -> str:
    """The version that the entry's library has now; of code that no distribution brought, a hash of its text."""
    if answer["distribution"]:
        return _version(answer["distribution"]) or ""
    if not answer["origin"]:
        return "builtin"
    origin = Path(answer["origin"])
    digest = hashlib.sha256()
    for file in sorted(origin.rglob("*.py")) if origin.is_dir() else [origin]:
        digest.update(file.relative_to(origin.parent).as_posix().encode() + b"\0")
        digest.update(file.read_bytes() if file.is_file() else b"")
    return f"local-{digest.hexdigest()[:12]}"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _probe(paths: list[str], root: Path) -> dict[str, Any]:
    """One child for all; where a module takes the whole child down with it, one for each."""
    # -P: the script's own folder is no place to import from. -B: planning writes nothing beside the user's code.
    command = [sys.executable, "-P", "-B", "-W", "ignore", "-X", "utf8", str(_PROBE)]
    request = json.dumps({"root": str(root.resolve()), "paths": paths})
    try:
        child = subprocess.run(  # noqa: S603 - our own script; what it imports is what training would import
            command, input=request, capture_output=True, encoding="utf-8", errors="replace",
            timeout=_TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
        answers = _answers(child.stdout)
        if answers.keys() >= set(paths):
            return answers
        reason = next(reversed(child.stderr.strip().splitlines()), "") or f"Python ended with {child.returncode}"
    except subprocess.TimeoutExpired:
        reason = f"importing it took more than {_TIMEOUT_SECONDS} s"
    if len(paths) == 1:
        return {paths[0]: {"error": [f"{paths[0]} could not be read: {reason}", None]}}
    return {path: _probe([path], root)[path] for path in paths}


def _answers(text: str) -> dict[str, Any]:
    """Empty where the child ended before it could answer."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
