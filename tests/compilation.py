"""Projects compiled in process, with estimators whose signatures no upgrade of a library changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.adapters.file_sources import FileSources
from mlproj.compiler import Manifest, Surroundings, compile_project
from mlproj.loader import load
from mlproj.state import EstimatorInfo

_KNOWN: dict[str, tuple[Literal["classifier", "regressor"], str, str, tuple[str, ...]]] = {
    "sklearn.linear_model.LogisticRegression": (
        "classifier", "scikit-learn", "1.9.1", ("C", "max_iter", "penalty", "random_state"),
    ),
    "sklearn.linear_model.LinearRegression": ("regressor", "scikit-learn", "1.9.1", ("fit_intercept", "positive")),
    "xgboost.XGBClassifier": ("classifier", "xgboost", "3.2.0", ("max_depth", "n_estimators", "random_state")),
}  # fmt: skip


class FixedEstimators:
    """`ports.EstimatorCatalog` of three classes; as in xgboost itself, the last one takes any argument."""

    def describe(self, path: str) -> EstimatorInfo:
        if path not in _KNOWN:
            raise LookupError(f"there is no class {path}", None)
        task, library, version, params = _KNOWN[path]
        return EstimatorInfo(
            path=path,
            task=task,
            params=params,
            open_params=library == "xgboost",
            seed_param="random_state" if "random_state" in params else None,
            library=library,
            library_version=version,
        )

    def versions(self) -> dict[str, str]:
        return {"scikit-learn": "1.9.1", "xgboost": "3.2.0"}


def compile_folder(root: Path, cache: Path, environment: Mapping[str, str] | None = None) -> Manifest:
    """Load and compile the project in `root`. Raises `ProjectError`."""
    loaded = load(root, environment=environment or {})
    return compile_project(loaded, Surroundings(DuckDBBinder(), FileSources(root, cache), FixedEstimators(), {}))


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    """Files by path; mlproj.yml with a name alone where it is not among them."""
    for name, text in {"mlproj.yml": "name: census\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root
