"""The child process of `estimators.py`: imports estimator classes and says, as JSON, what their constructors take.

Run as a script, so that it imports nothing of mlproj; reads `{"root": …, "paths": […]}` from stdin.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
import os
import pkgutil
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

_INSTALL = {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu", "imblearn": "imbalanced-learn"}


class Unknown(Exception):
    """There is no such estimator: a message, and a hint or None."""


def main() -> None:
    # Imported modules may print. What goes to stdout from here on lands in stderr; the answer has a stream of its own.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        request = json.load(sys.stdin)
        sys.path.append(request["root"])
        json.dump({path: described_or_error(path) for path in request["paths"]}, answer)


def described_or_error(path: str) -> dict[str, Any]:
    try:
        return described(path)
    except Unknown as error:
        return {"error": list(error.args)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a constructor runs any code
        return {"error": [f"{path} could not be read: {type(error).__name__}: {error}", None]}


def described(path: str) -> dict[str, Any]:
    module_name, _, name = path.rpartition(".")
    module = imported(module_name, path)
    cls = getattr(module, name, None)
    if cls is None:
        raise Unknown(f"{module_name} has no class '{name}'", near_class(module, module_name, name))
    if not isinstance(cls, type):
        raise Unknown(f"{path} is not a class", near_class(cls if inspect.ismodule(cls) else module, path, name))
    missing = [method for method in ("fit", "predict") if not callable(getattr(cls, method, None))]
    if missing:
        raise Unknown(f"{path} is not an estimator: it has no {' and no '.join(missing)} method", None)
    instance = default_instance(cls)
    params, open_params = parameters(cls, instance)
    seed = next((p for p in ("random_state", "seed") if p in params), None)
    return {
        "task": task(path, cls, instance),
        "params": params,
        "open_params": open_params,
        "seed_param": seed,
        **library(path.partition(".")[0]),
    }


def imported(module_name: str, path: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name != missing and not module_name.startswith(missing + "."):
            hint = f"pip install {_INSTALL.get(missing, missing)}"
            raise Unknown(f"importing {module_name} failed: module '{missing}' is not installed", hint) from None
        raise Unknown(*no_module(module_name, missing)) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an import runs any code
        reason = f"{type(error).__name__}: {error}"
        raise Unknown(f"importing {module_name} failed: {reason}", f"needed for {path}") from None


def no_module(module_name: str, missing: str) -> tuple[str, str | None]:
    parent_name, _, last = missing.rpartition(".")
    if not parent_name:
        local = sorted({m.name for m in pkgutil.iter_modules([sys.path[-1]])} | {"sklearn", "xgboost"})
        near = get_close_matches(last, local, n=1)
        if near and near != [last]:
            return f"there is no module '{missing}'", f"did you mean '{near[0]}'?"
        hint = f"pip install {_INSTALL.get(missing, missing)}, or put {missing}.py beside mlproj.yml"
        return f"the library '{missing}' is not installed", hint
    parent = importlib.import_module(parent_name)
    names = [m.name for m in pkgutil.iter_modules(getattr(parent, "__path__", []))]
    near = get_close_matches(last, names, n=1)
    rest = module_name.removeprefix(missing)
    return f"there is no module '{missing}'", f"did you mean '{parent_name}.{near[0]}{rest}'?" if near else None


def near_class(module: Any, module_name: str, name: str) -> str | None:
    """A name like it in the same module, or, for scikit-learn, this very class in another."""
    found = {n: getattr(module, n, None) for n in {*dir(module), *getattr(module, "__all__", ())}}
    names = sorted(n for n, c in found.items() if isinstance(c, type) and hasattr(c, "fit") and hasattr(c, "predict"))
    near = get_close_matches(name, names, n=1, cutoff=0.8)
    if near:
        return f"did you mean '{near[0]}'?"
    if module_name.partition(".")[0] != "sklearn":
        return f"there is {', '.join(names)}" if names else None
    from sklearn.utils import all_estimators

    places = {n: f"{c.__module__}.{n}" for n, c in all_estimators(type_filter=["classifier", "regressor"])}
    elsewhere = get_close_matches(name, places, n=1, cutoff=0.8)
    if not elsewhere:
        near = get_close_matches(name, names, n=1)
        return f"did you mean '{near[0]}'?" if near else None
    # `sklearn.linear_model._logistic.LogisticRegression` is offered by `sklearn.linear_model`.
    parts = [part for part in places[elsewhere[0]].split(".") if not part.startswith("_")]
    return f"did you mean '{'.'.join(parts)}'?"


def default_instance(cls: type) -> Any:
    try:
        return cls()
    except Exception:  # noqa: BLE001 - it has required arguments, or wants what is not there; the class has to do
        return None


def parameters(cls: type, instance: Any) -> tuple[list[str], bool]:
    """Names that the constructor takes, and whether it takes any other; xgboost's `get_params` lists them all."""
    kinds = {p.name: p.kind for p in list(inspect.signature(cls.__init__).parameters.values())[1:]}  # type: ignore[misc]
    names = [n for n, k in kinds.items() if k not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)]
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds.values()
    try:
        listed = list(instance.get_params(deep=False))
    except Exception:  # noqa: BLE001 - no instance, or no such method
        listed = []
    complete = bool(listed) and cls.__module__.partition(".")[0] == "xgboost"
    return list(dict.fromkeys([*names, *listed])), takes_any and not complete


def task(path: str, cls: type, instance: Any) -> str:
    # A class whose modules did not import scikit-learn derives from none of its mixins, and need not wait for it.
    base = sys.modules.get("sklearn.base")
    for name in ("classifier", "regressor"):
        if getattr(cls, "_estimator_type", None) == name:
            return name
        if base and issubclass(cls, getattr(base, f"{name.title()}Mixin")):
            return name
        if base and told(getattr(base, f"is_{name}"), instance):
            return name
    kind = kind_of(instance) or "neither a classifier nor a regressor"
    own = path.partition(".")[0] not in _INSTALL
    hint = "a class says so by deriving from sklearn.base.ClassifierMixin or RegressorMixin" if own else None
    raise Unknown(f"{path} is {kind}; a model is a classifier or a regressor", hint)


def told(says: Any, instance: Any) -> bool:
    try:
        return bool(instance is not None and says(instance))
    except Exception:  # noqa: BLE001 - a class without scikit-learn's tags
        return False


def kind_of(instance: Any) -> str | None:
    if "sklearn.base" not in sys.modules:
        return None
    try:
        from sklearn.utils import get_tags

        kind = get_tags(instance).estimator_type
    except Exception:  # noqa: BLE001 - a class without scikit-learn's tags
        return None
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind.replace('_', ' ')}" if kind else None


def library(top: str) -> dict[str, Any]:
    """The distribution that a top-level module comes from; without one, where its code is."""
    found = sorted(set(importlib.metadata.packages_distributions().get(top, [])))
    if found:
        return {"distribution": found[0], "origin": None}
    module = sys.modules[top]
    folders = list(getattr(module, "__path__", []))
    origin = folders[0] if folders else getattr(module, "__file__", None)
    return {"distribution": None, "origin": str(Path(origin).resolve()) if origin else None}


if __name__ == "__main__":
    main()
