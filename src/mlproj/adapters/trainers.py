"""Which library trains an estimator."""

from __future__ import annotations

from pathlib import Path

from mlproj.ports import Trainer


def trainer_for(path: str, root: Path | None = None) -> Trainer:
    """The trainer of the class at this import path; `root` is the folder of the project, for classes of its own."""
    if path.partition(".")[0] == "xgboost":
        from mlproj.adapters.xgboost_trainer import XGBoostTrainer

        return XGBoostTrainer()
    from mlproj.adapters.sklearn_trainer import SklearnTrainer

    return SklearnTrainer(root)
