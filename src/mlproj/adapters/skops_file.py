"""Estimators as skops files: the same estimator gives the same bytes, and only types we trust come back."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Collection
from typing import Any

from mlproj.diagnostics import ProjectError, fail

NAME = "model.skops"
# Classes below these packages hold what was learnt and do nothing when they are made. The list lives here and is never
# read from an artifact; skops itself trusts numbers, texts, containers, numpy arrays and public estimators.
_TRUSTED_PACKAGES = ("sklearn.", "scipy.sparse.", "numpy.dtype")
_REFUSED_PARTS = frozenset({"externals", "datasets", "tests", "conftest", "_testing"})
_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def dump_estimator(estimator: Any, declared: Collection[str]) -> bytes:
    """The file's bytes. Raises E609 where the estimator holds what could not be loaded again."""
    import skops.io

    try:
        content = canonical(skops.io.dumps(estimator))
    except Exception as error:  # skops raises errors of many kinds for what it cannot write
        hint = "an estimator of your own may hold numbers, texts, numpy arrays and scikit-learn's estimators"
        message = f"{type(estimator).__name__} cannot be stored without pickle: {str(error).splitlines()[0]}"
        raise fail("E609", message, hint=hint, exit_code=1) from error
    _audit(content, declared)
    return content


def load_estimator(content: bytes, declared: Collection[str]) -> Any:
    """The inverse; `declared` are the names of the class that the model's definition states. Raises E609."""
    import skops.io

    trusted = _audit(content, declared)
    try:
        estimator = skops.io.loads(content, trusted=trusted)
    except Exception as error:  # whatever a damaged file or another version of the library makes of it
        raise _unreadable(error) from error
    kind = f"{type(estimator).__module__}.{type(estimator).__name__}"
    if kind not in declared:
        raise fail("E609", f"{NAME} holds a {kind}, the model is a {min(declared)}", exit_code=1)
    return estimator


def canonical(content: bytes) -> bytes:
    """The same file with memory addresses numbered by order of appearance, and with one date for all entries."""
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        schema = json.loads(source.read(_SCHEMA))
        names: dict[str, str] = {}
        _renumber(schema, {}, names)
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as result:
            for old, new in names.items():
                result.writestr(_entry(new), source.read(old))
            result.writestr(_entry(_SCHEMA), json.dumps(schema, separators=(",", ":")))
    return target.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _renumber(node: Any, ids: dict[int, int], files: dict[str, str]) -> None:
    if isinstance(node, list):
        for item in node:
            _renumber(item, ids, files)
    if not isinstance(node, dict):
        return
    # A mapping of the estimator's own has nodes as values, never plain numbers or texts, whatever its keys are.
    if isinstance(node.get("__id__"), int):
        if node.get("__loader__") == "JsonNode":
            del node["__id__"]  # whether two equal numbers are one object is chance, and makes no difference
        else:
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
    if isinstance(node.get("file"), str):
        old = node["file"]
        node["file"] = files.setdefault(old, f"{len(files) + 1}.{old.rpartition('.')[2]}")
    for value in node.values():
        _renumber(value, ids, files)


def _audit(content: bytes, declared: Collection[str]) -> list[str]:
    import skops.io

    try:
        found = skops.io.get_untrusted_types(data=content)
    except Exception as error:  # a damaged file fails in as many ways as there are bytes
        raise _unreadable(error) from error
    refused = sorted(name for name in found if name not in declared and not _trusted(name))
    if refused:
        message = f"{NAME} holds the type {', '.join(refused)}, which is outside mlproj's list of trusted types"
        hint = "an estimator of your own may hold numbers, texts, numpy arrays and scikit-learn's estimators"
        raise fail("E609", message, hint=hint, exit_code=1)
    return list(found)


def _trusted(name: str) -> bool:
    """Classes of the trusted packages: no functions, and nothing that reads files or the network."""
    if not name.startswith(_TRUSTED_PACKAGES) or _REFUSED_PARTS & set(name.split(".")):
        return False
    module, _, short = name.rpartition(".")
    try:
        return isinstance(getattr(importlib.import_module(module), short, None), type)
    except ImportError:
        return False


def _unreadable(error: Exception) -> ProjectError:
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    hint = "it is damaged, or of another version of scikit-learn: train the model again"
    return fail("E609", f"{NAME} cannot be read: {line}", hint=hint, exit_code=1)
