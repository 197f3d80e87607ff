"""From an import path to an estimator, in this process."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlproj.state import EstimatorInfo, ModelNode


def estimator_class(path: str, root: Path | None = None) -> type:
    """The class at `path`; modules beside the project's files are found last. Raises what importing it raises."""
    if root is not None and str(root.resolve()) not in sys.path:
        sys.path.append(str(root.resolve()))
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    if not isinstance(found, type):
        raise TypeError(f"{path} is not a class")
    return found


def new_estimator(cls: type, model: ModelNode, info: EstimatorInfo | None = None) -> Any:
    """An untrained estimator with the model's parameters, and its seed where the user set none."""
    params: dict[str, Any] = dict(model.params)
    if info is not None and info.seed_param:
        params.setdefault(info.seed_param, model.seed)
    return cls(**params)


def library_versions(*names: str) -> dict[str, str]:
    """Versions of the distributions that are installed; `xgboost-cpu` counts as xgboost."""
    found = {}
    for name in names:
        for distribution in (name, "xgboost-cpu") if name == "xgboost" else (name,):
            try:
                found[name] = version(distribution)
                break
            except PackageNotFoundError:
                continue
    return found
