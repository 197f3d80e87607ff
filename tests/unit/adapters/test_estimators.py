"""Estimators are described as data, by a child process, once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mlproj.adapters import estimators as module
from mlproj.adapters.estimators import ChildProcessEstimators

LOGISTIC = "sklearn.linear_model.LogisticRegression"
OWN = """
print("noise on stdout")
import os, sys
os.system("echo more noise")
from sklearn.base import BaseEstimator, ClassifierMixin

class Own(ClassifierMixin, BaseEstimator):
    def __init__(self, depth=1, seed=0, *, width=2):
        self.depth, self.seed, self.width = depth, seed, width
    def fit(self, X, y):
        return self
    def predict(self, X):
        return X

class Open(Own):
    def __init__(self, depth, **kwargs):
        super().__init__(depth, **kwargs)

class Undecided:
    def fit(self, X, y): return self
    def predict(self, X): return X

def function(): pass
"""
# Imports nothing, so that a child that reads it takes a tenth of a second.
LIGHT = """
class Light:
    _estimator_type = "classifier"
    def __init__(self, depth=1, seed=0): pass
    def fit(self, X, y): return self
    def predict(self, X): return X
class Open(Light):
    def __init__(self, depth=1, **kwargs): pass
"""
GOOD = [
    (LOGISTIC, "classifier", "random_state", "scikit-learn"),
    ("sklearn.linear_model.LinearRegression", "regressor", None, "scikit-learn"),
    ("sklearn.ensemble.VotingClassifier", "classifier", None, "scikit-learn"),  # needs an argument
    ("sklearn.svm.SVR", "regressor", None, "scikit-learn"),
    ("xgboost.XGBClassifier", "classifier", "random_state", "xgboost"),
    ("xgboost.XGBRFRegressor", "regressor", "random_state", "xgboost"),
    ("own_estimators.Own", "classifier", "seed", "own_estimators"),
    ("own_estimators.Open", "classifier", None, "own_estimators"),
    ("light.Light", "classifier", "seed", "light"),
]
NEITHER = "is neither a classifier nor a regressor; a model is a classifier or a regressor"
BAD = [
    (
        "sklearn.linear_model.LogisticRegresion",
        "sklearn.linear_model has no class 'LogisticRegresion'",
        "did you mean 'LogisticRegression'?",
    ),
    (
        "sklearn.ensemble.LogisticRegression",
        "sklearn.ensemble has no class 'LogisticRegression'",
        "did you mean 'sklearn.linear_model.LogisticRegression'?",
    ),
    (
        "sklearn.liner_model.Ridge",
        "there is no module 'sklearn.liner_model'",
        "did you mean 'sklearn.linear_model'?",
    ),
    (
        "xgbost.XGBClassifier",
        "there is no module 'xgbost'",
        "did you mean 'xgboost'?",
    ),
    (
        "no_such_library.sub.Model",
        "the library 'no_such_library' is not installed",
        "pip install no_such_library, or put no_such_library.py beside mlproj.yml",
    ),
    (
        "sklearn.linear_model",
        "sklearn.linear_model is not a class",
        None,
    ),
    (
        "own_estimators.function",
        "own_estimators.function is not a class",
        "there is Open, Own, Undecided",
    ),
    (
        "sklearn.preprocessing.StandardScaler",
        "sklearn.preprocessing.StandardScaler is not an estimator: it has no predict method",
        None,
    ),
    (
        "collections.OrderedDict",
        "collections.OrderedDict is not an estimator: it has no fit and no predict method",
        None,
    ),
    (
        "sklearn.cluster.KMeans",
        "sklearn.cluster.KMeans is a clusterer; a model is a classifier or a regressor",
        None,
    ),
    (
        "xgboost.XGBRanker",
        f"xgboost.XGBRanker {NEITHER}",
        None,
    ),
    (
        "own_estimators.Undecided",
        f"own_estimators.Undecided {NEITHER}",
        "a class says so by deriving from sklearn.base.ClassifierMixin or RegressorMixin",
    ),
    (
        "needs_more.Model",
        "importing needs_more failed: module 'no_such_thing' is not installed",
        "pip install no_such_thing",
    ),
    (
        "broken.Model",
        "importing broken failed: ZeroDivisionError: division by zero",
        "needed for broken.Model",
    ),
    (
        "leaves.Model",
        "importing leaves failed: SystemExit: 3",
        "needed for leaves.Model",
    ),
    (
        "crashes.Model",
        "crashes.Model could not be read: last words",
        None,
    ),
]


class Counter:
    """Counts children, and lets them run."""

    def __init__(self) -> None:
        self.children = 0
        self._run = subprocess.run

    def __call__(self, *args: object, **named: object) -> object:
        self.children += 1
        return self._run(*args, **named)  # type: ignore[call-overload]


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter()
    monkeypatch.setattr(module.subprocess, "run", counter)
    return counter


def project(folder: Path) -> Path:
    root = folder / "my project – größe"
    root.mkdir()
    (root / "own_estimators.py").write_text(OWN)
    (root / "light.py").write_text(LIGHT)
    (root / "needs_more.py").write_text("import no_such_thing")
    (root / "broken.py").write_text("1 / 0")
    (root / "leaves.py").write_text("raise SystemExit(3)")
    (root / "crashes.py").write_text("import os\nos.write(2, b'first\\nlast words\\n')\nos._exit(3)")
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("estimators")


@pytest.fixture(scope="module")
def catalog(folder: Path) -> ChildProcessEstimators:
    found = ChildProcessEstimators(folder / "cache", project(folder))
    found.prefetch([path for path, *_ in GOOD])
    found.prefetch([path for path, *_ in BAD if not path.startswith("crashes")])
    return found


@pytest.mark.parametrize(("path", "task", "seed", "library"), GOOD)
def test_estimator_is_described(
    catalog: ChildProcessEstimators, path: str, task: str, seed: str | None, library: str
) -> None:
    info = catalog.describe(path)
    assert (info.path, info.task, info.seed_param, info.library) == (path, task, seed, library)


@pytest.mark.parametrize(("path", "message", "hint"), BAD)
def test_what_is_no_estimator_is_explained(
    catalog: ChildProcessEstimators, path: str, message: str, hint: str | None
) -> None:
    with pytest.raises(LookupError) as error:
        catalog.describe(path)
    assert error.value.args == (message, hint)


def test_parameters_are_the_constructors(catalog: ChildProcessEstimators) -> None:
    assert {"C", "max_iter", "solver"} <= set(catalog.describe(LOGISTIC).params)
    assert catalog.describe("own_estimators.Own").params == ("depth", "seed", "width")
    assert not catalog.describe("own_estimators.Own").open_params


def test_keyword_arguments_leave_the_list_open(catalog: ChildProcessEstimators) -> None:
    info = catalog.describe("own_estimators.Open")
    assert (info.params, info.open_params) == (("depth",), True)


@pytest.mark.parametrize("path", ["xgboost.XGBClassifier", "xgboost.XGBRFRegressor"])
def test_xgboosts_list_is_complete(catalog: ChildProcessEstimators, path: str) -> None:
    info = catalog.describe(path)
    assert {"max_depth", "n_estimators", "learning_rate", "objective", "subsample"} <= set(info.params)
    assert "max_dpeth" not in info.params
    assert "kwargs" not in info.params
    assert not info.open_params


def test_versions_are_those_installed(catalog: ChildProcessEstimators) -> None:
    assert catalog.describe(LOGISTIC).library_version == version("scikit-learn")
    assert catalog.describe("xgboost.XGBClassifier").library_version == catalog.versions()["xgboost"]
    assert catalog.describe("own_estimators.Own").library_version.startswith("local-")
    assert catalog.versions().keys() == {"scikit-learn", "xgboost", "duckdb"}
    assert catalog.versions()["duckdb"] == version("duckdb")


def test_a_module_that_ends_the_child_leaves_the_others(tmp_path: Path) -> None:
    catalog = ChildProcessEstimators(tmp_path / "cache", project(tmp_path))
    catalog.prefetch(["crashes.Model", "light.Light"])
    assert catalog.describe("light.Light").seed_param == "seed"
    with pytest.raises(LookupError, match="last words"):
        catalog.describe("crashes.Model")


def test_one_child_for_all_and_none_when_they_are_known(tmp_path: Path, children: Counter) -> None:
    root = project(tmp_path)
    paths = ["light.Light", "light.Open", "light.Missing"]
    first = ChildProcessEstimators(tmp_path / "cache", root)
    first.prefetch(paths)
    assert children.children == 1
    with pytest.raises(LookupError):
        first.describe("light.Missing")
    again = ChildProcessEstimators(tmp_path / "cache", root)
    again.prefetch(paths[:2])
    assert again.describe(paths[0]) == first.describe(paths[0])
    assert again.describe(paths[1]) == first.describe(paths[1])
    assert children.children == 1
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["estimators.json"]
    assert not list(root.rglob("__pycache__"))


def test_edited_code_is_another_version(tmp_path: Path, children: Counter) -> None:
    root = project(tmp_path)
    before = ChildProcessEstimators(tmp_path / "cache", root).describe("light.Light")
    (root / "light.py").write_text(LIGHT.replace("depth", "tall"))
    after = ChildProcessEstimators(tmp_path / "cache", root).describe("light.Light")
    assert after.params == ("tall", "seed")
    assert after.library_version != before.library_version
    assert children.children == 2


def test_another_version_of_the_library_is_read_anew(
    catalog: ChildProcessEstimators, folder: Path, tmp_path: Path, children: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder / "cache", tmp_path / "cache")
    again = ChildProcessEstimators(tmp_path / "cache", tmp_path).describe(LOGISTIC)
    assert (again, children.children) == (catalog.describe(LOGISTIC), 0)
    monkeypatch.setattr(module, "version", lambda _: "99.0")
    info = ChildProcessEstimators(tmp_path / "cache", tmp_path).describe(LOGISTIC)
    assert (info.library_version, children.children) == ("99.0", 1)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", '{"format": 0}', '{"format": 1, "estimators": []}',
        '{"format": 1, "estimators": {"light.Light": {}}}', '{"format": 1, "estimators": {"light.Light": 3}}',
    ],
)  # fmt: skip
def test_damaged_cache_is_ignored_and_replaced(tmp_path: Path, content: str) -> None:
    root, file = project(tmp_path), tmp_path / "cache" / "estimators.json"
    file.parent.mkdir()
    file.write_text(content)
    assert ChildProcessEstimators(file.parent, root).describe("light.Light").seed_param == "seed"
    assert json.loads(file.read_text())["estimators"]["light.Light"]["task"] == "classifier"


def test_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in its place")
    catalog = ChildProcessEstimators(tmp_path / "cache", project(tmp_path))
    assert catalog.describe("light.Light").task == "classifier"


def test_no_library_is_imported_here(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from mlproj.adapters.estimators import ChildProcessEstimators\n"
        f"c = ChildProcessEstimators(Path({str(tmp_path)!r}), Path({str(tmp_path)!r}))\n"
        "c.versions(); c.describe('sklearn.linear_model.Ridge')\n"
        "print({'sklearn', 'xgboost', 'pandas', 'numpy'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
