"""What every trainer looks at before and after a library is called: the data, and the library's own words."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlproj.adapters.library_warnings import library_warnings
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.ports import Fitted
from mlproj.state import ModelNode

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# xgboost puts the time and its own source line in front: `[12:30:01] /src/objective.cc:27: `
_NATIVE_PREFIX = re.compile(r"^\[\d\d:\d\d:\d\d\] \S+:\d+: ")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")

# Of parameters, resources and how the fit went: they speak of no value.
_OF_NO_VALUE = frozenset((
    "InvalidParameterError", "ImportError", "ModuleNotFoundError", "MemoryError", "ConvergenceWarning",
    "FutureWarning", "DeprecationWarning",
))  # fmt: skip
_HUSHED = "its words are not shown, since they may hold a value that is marked pii"


def numeric(features: pd.DataFrame) -> pd.DataFrame:
    """Columns without one number in them come as objects; estimators want numbers, and NaN for what is missing."""
    other = [c for c, kind in features.dtypes.items() if kind.kind not in "iuf"]
    return features.astype(dict.fromkeys(other, "float64")) if other else features


def check_training_data(model: ModelNode, label: pd.Series[Any]) -> None:
    """Raises E606 where there is no row, E607 where a classifier would see one class only."""
    if not len(label):
        hint = "look at the view's filter, joins and split"
        raise _failure(model, "E606", f"{model.relation} has no training row with a label", hint)
    if model.task == "classifier" and label.nunique() < 2:
        value = label.iloc[0]
        hint = f"every row has {value!r}" if isinstance(value, str) else f"every row has {value}"
        hint = "every row has the same" if model.label in model.pii else hint
        raise _failure(model, "E607", "the label has one class only in the training split", hint)


def weighed(model: ModelNode, estimator: Any, weights: pd.Series[float] | None) -> dict[str, Any]:
    """What `fit` takes beside rows and labels. Raises E605 where rows weigh something and it takes no weights."""
    if weights is None:
        return {}
    taken = inspect.signature(estimator.fit).parameters
    if "sample_weight" not in taken and not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
        name = model.estimator.rpartition(".")[2]
        hint = f"train {name} on a view without `sample_weight:`, or take another estimator"
        raise _failure(model, "E605", f"training {model.relation} failed: {name} takes no sample weights", hint)
    return {"sample_weight": weights.to_numpy(dtype="float64")}


@contextmanager
def failures_of(model: ModelNode, features: pd.DataFrame, hidden: Collection[str] = ()) -> Iterator[list[str]]:
    """Around a fit: an exception becomes E605 with the library's first sentence; yields the warnings it gave.

    Where it reads `hidden` columns, of the words of an exception that may quote a value only its kind is told.
    """
    with library_warnings() as heard:
        try:
            yield heard
        except ProjectError:
            raise
        except Exception as error:
            message = f"training {model.relation} failed: {_told(error, hidden)}"
            raise _failure(model, "E605", message, _cure(str(error), features)) from error


@contextmanager
def failures_of_predicting(fitted: Fitted, features: pd.DataFrame) -> Iterator[None]:
    """Around a prediction: an exception becomes E619 with the library's first sentence; warnings are dropped."""
    with library_warnings():
        try:
            yield
        except Exception as error:
            message = f"{fitted.path} cannot predict: {_told(error, fitted.hidden)}"
            raise ProjectError([Diagnostic("E619", message, None, _cure(str(error), features))], exit_code=1) from error


def warnings_told(heard: Iterable[str], hidden: Collection[str]) -> tuple[str, ...]:
    """Warnings without words that may quote a value, where there are `hidden` columns."""
    if not hidden:
        return tuple(heard)
    kinds = ((text.partition(":")[0], text) for text in heard)
    return tuple(dict.fromkeys(text if kind in _OF_NO_VALUE else f"{kind}: {_HUSHED}" for kind, text in kinds))


def _told(error: BaseException, hidden: Collection[str]) -> str:
    name = type(error).__name__
    if not hidden or name in _OF_NO_VALUE:
        return first_sentence(error)
    return f"{name}; {_HUSHED} ({', '.join(sorted(hidden))})"


def first_sentence(error: BaseException) -> str:
    """The library's own words, without its prefixes and its page-long advice."""
    line = next((part.strip() for part in str(error).splitlines() if part.strip()), type(error).__name__)
    sentences = _SENTENCE_END.split(_NATIVE_PREFIX.sub("", line))
    # scikit-learn: `The 'C' parameter must be a float in the range (0.0, inf]. Got -1 instead.`
    kept = sentences[: 2 if len(sentences) > 1 and sentences[1].startswith("Got ") else 1]
    return " ".join(kept).rstrip(".")


def plain_classes(values: np.ndarray[Any, Any] | Sequence[Any]) -> tuple[Any, ...]:
    """Class labels as Python's own str, int, float and bool."""
    return tuple(v.item() if hasattr(v, "item") else v for v in values)


def _cure(message: str, features: pd.DataFrame) -> str | None:
    import numpy as np

    void = [str(c) for c in features.columns if len(features) and features[c].isna().all()]
    if void:
        return f"there is not one value in {_listed(void)}: leave it out of the view, or look at where it comes from"
    empty = [str(c) for c in features.columns if features[c].isna().any()]
    if empty and re.search(r"\bNaN\b|\bnull\b|missing values", message):
        return f"add impute_median or another imputer to the view's transformations for {_listed(empty)}"
    if re.search(r"\binf(inity)?\b", message):
        infinite = [str(c) for c in features.columns if not np.isfinite(features[c].fillna(0)).all()]
        return f"there are infinite values in {_listed(infinite)}: cap or filter them" if infinite else None
    return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _failure(model: ModelNode, code: str, message: str, hint: str | None) -> ProjectError:
    return ProjectError([Diagnostic(code, message, model.span, hint, node=model.id)], exit_code=1)
