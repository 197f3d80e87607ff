"""What `ports.Trainer` promises, asked of the fake, of scikit-learn and of xgboost."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlproj.adapters.library_warnings import library_warnings
from mlproj.adapters.sklearn_trainer import SklearnTrainer
from mlproj.adapters.skops_file import canonical, dump_estimator, load_estimator
from mlproj.adapters.trainers import trainer_for
from mlproj.adapters.training_checks import warnings_told
from mlproj.adapters.xgboost_trainer import XGBoostTrainer
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.ports import Fitted, Trainer
from mlproj.state import EstimatorInfo, ModelNode
from tests.contracts.fake_training import FrequencyTrainer
from tests.contracts.nouns import model as any_model

LOGISTIC = "sklearn.linear_model.LogisticRegression"
FOREST = "sklearn.ensemble.RandomForestClassifier"
BOOSTED = "xgboost.XGBClassifier"
ROWS = 60
CLASSIFIERS: list[tuple[str, dict[str, Any]]] = [
    (LOGISTIC, {}),
    (FOREST, {"n_estimators": 4}),
    ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 3}),
    ("sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 3}),
    ("sklearn.ensemble.BaggingClassifier", {"n_estimators": 3}),
    ("sklearn.svm.SVC", {}),
    ("sklearn.svm.LinearSVC", {}),
    ("sklearn.neighbors.KNeighborsClassifier", {}),
    ("sklearn.neural_network.MLPClassifier", {"max_iter": 3}),
    ("sklearn.naive_bayes.GaussianNB", {}),
    ("sklearn.tree.DecisionTreeClassifier", {}),
    ("sklearn.calibration.CalibratedClassifierCV", {}),
    (BOOSTED, {"n_estimators": 3, "subsample": 0.8, "n_jobs": 1}),
    ("xgboost.XGBRFClassifier", {"n_estimators": 3, "n_jobs": 1}),
    (BOOSTED, {"n_estimators": 3, "booster": "dart", "n_jobs": 1}),
]
REGRESSORS: list[tuple[str, dict[str, Any]]] = [
    ("sklearn.linear_model.LinearRegression", {}),
    ("sklearn.linear_model.Ridge", {}),
    ("sklearn.ensemble.RandomForestRegressor", {"n_estimators": 4}),
    ("sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 3}),
    ("sklearn.cross_decomposition.PLSRegression", {"n_components": 1}),
    ("xgboost.XGBRegressor", {"n_estimators": 3, "n_jobs": 1}),
]
SEEDLESS = {"KNeighborsClassifier", "GaussianNB", "CalibratedClassifierCV", "LinearRegression", "PLSRegression"}
FAKE = "memory.Frequency"


def node(estimator: str, params: dict[str, Any] | None = None, task: str = "classifier") -> ModelNode:
    return any_model().model_copy(update={"estimator": estimator, "params": params or {}, "task": task, "seed": 7})


def info(model: ModelNode) -> EstimatorInfo:
    seed = None if model.estimator.rpartition(".")[2] in SEEDLESS else "random_state"
    return EstimatorInfo(
        path=model.estimator, task=model.task, params=(), seed_param=seed, library="scikit-learn", library_version="1.9"
    )


def trainer(path: str, root: Path | None = None) -> Trainer:
    return FrequencyTrainer() if path == FAKE else trainer_for(path, root)


def features(rows: int = ROWS) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(rows, 2)), columns=["age", "education<=HS [größe]"])
    return frame.assign(hours=np.arange(rows) % 7)


def labels(kind: str) -> pd.Series[Any]:
    high = features()["age"] > 0
    return {
        "bool": high,
        "int": high.astype("int64") + 1,
        "text": pd.Series(np.where(high, "yes", "no")),
        "three": pd.Series(["low", "mid", "high"] * (ROWS // 3)),
        "double": high.astype("float64"),
    }[kind]


def fit(path: str, params: dict[str, Any] | None = None, label: str = "int") -> Fitted:
    quick = {FOREST: {"n_estimators": 5}, BOOSTED: {"n_estimators": 5, "n_jobs": 1}}
    model = node(path, {**quick.get(path, {}), **(params or {})})
    return trainer(path).fit(model, info(model), features(), labels(label))


def refusal(path: str, rows: pd.DataFrame, label: pd.Series[Any], **params: Any) -> Diagnostic:
    model = node(path, params)
    with pytest.raises(ProjectError) as error:
        trainer(path).fit(model, info(model), rows, label)
    assert error.value.exit_code == 1
    return error.value.diagnostics[0]


# ------------------------------------------------------------------------------------------------------ the contract


@pytest.mark.parametrize("path", [FAKE, LOGISTIC, FOREST, BOOSTED])
def test_rows_that_weigh_nothing_are_as_if_they_were_not_there(path: str) -> None:
    quick: dict[str, dict[str, Any]] = {FOREST: {"n_estimators": 5, "bootstrap": False}, BOOSTED: {"n_estimators": 5}}
    model, weight = node(path, quick.get(path)), features()["hours"].map(lambda hours: float(hours < 4))
    kept = weight > 0
    weighed = trainer(path).fit(model, info(model), features(), labels("int"), weight)
    without = trainer(path).fit(model, info(model), features()[kept], labels("int")[kept])

    found = [trainer(path).predict(fitted, features()).probabilities for fitted in (weighed, without)]
    np.testing.assert_allclose(*found, atol=0.02)
    plain = trainer(path).predict(trainer(path).fit(model, info(model), features(), labels("int")), features())
    assert not np.allclose(found[0], plain.probabilities, atol=1e-6)


def test_an_estimator_that_takes_no_weights_is_told_so() -> None:
    model = node("sklearn.neighbors.KNeighborsClassifier")
    with pytest.raises(ProjectError) as error:
        trainer(model.estimator).fit(model, info(model), features(), labels("int"), features()["hours"] * 1.0)
    assert error.value.diagnostics[0].code == "E605"
    assert "KNeighborsClassifier takes no sample weights" in error.value.diagnostics[0].message


@pytest.mark.parametrize("kind", ["bool", "int", "text", "three", "double"])
@pytest.mark.parametrize("path", [FAKE, LOGISTIC, FOREST, BOOSTED])
def test_predictions_are_in_the_labels_own_values(path: str, kind: str) -> None:
    fitted = fit(path, label=kind)
    values = sorted(labels(kind).unique())
    assert list(fitted.classes or ()) == values
    assert {type(c) for c in fitted.classes or ()} <= {bool, int, str, float}
    predictions = trainer(path).predict(fitted, features())
    assert set(predictions.labels.tolist()) <= set(values)
    assert predictions.classes == fitted.classes
    assert predictions.probabilities is not None
    assert predictions.probabilities.shape == (ROWS, len(values))
    assert predictions.probabilities.dtype == np.float64
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1.0, rtol=1e-5)
    highest = np.asarray(fitted.classes)[predictions.probabilities.argmax(axis=1)]
    assert (highest == predictions.labels).mean() > 0.95


@pytest.mark.parametrize(("path", "params"), [(FAKE, {}), *CLASSIFIERS], ids=str)
def test_saved_classifier_predicts_the_same(path: str, params: dict[str, Any]) -> None:
    fitted = fit(path, params, "text")
    files = trainer(path).save(fitted)
    loaded = trainer(path).load(node(path, params), files, fitted.classes)
    before, after = (trainer(path).predict(f, features()) for f in (fitted, loaded))
    assert after.labels.tolist() == before.labels.tolist()
    for one, other in ((before.probabilities, after.probabilities), (before.scores, after.scores)):
        assert one is other is None or np.array_equal(one, other)  # type: ignore[arg-type]


@pytest.mark.parametrize(("path", "params"), [(FAKE, {}), *REGRESSORS], ids=str)
def test_saved_regressor_predicts_the_same(path: str, params: dict[str, Any]) -> None:
    model = node(path, params, "regressor")
    fitted = trainer(path).fit(model, info(model), features(), features()["age"] * 3)
    assert fitted.classes is None
    loaded = trainer(path).load(model, trainer(path).save(fitted), None)
    before, after = (trainer(path).predict(f, features()) for f in (fitted, loaded))
    assert before.labels.shape == (ROWS,)
    assert before.labels.dtype == np.float64
    assert before.probabilities is None
    assert np.array_equal(before.labels, after.labels)


@pytest.mark.parametrize(("path", "params"), [(FAKE, {}), *CLASSIFIERS], ids=str)
def test_same_data_and_seed_give_the_same_bytes(path: str, params: dict[str, Any]) -> None:
    first, second = (trainer(path).save(fit(path, params)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("path", [FAKE, LOGISTIC, BOOSTED])
def test_no_rows_give_no_predictions(path: str) -> None:
    predictions = trainer(path).predict(fit(path, label="text"), features(0))
    assert predictions.labels.shape == (0,)
    assert predictions.probabilities is not None
    assert predictions.probabilities.shape == (0, 2)


@pytest.mark.parametrize("path", [FAKE, LOGISTIC, BOOSTED])
def test_no_rows_to_train_on(path: str) -> None:
    assert refusal(path, features(0), labels("int").head(0)).code == "E606"


@pytest.mark.parametrize("path", [FAKE, LOGISTIC, BOOSTED])
def test_one_class_only(path: str) -> None:
    found = refusal(path, features(), pd.Series(["yes"] * ROWS))
    assert (found.code, found.message) == ("E607", "the label has one class only in the training split")
    assert found.hint == "every row has 'yes'"
    assert found.node == "model:income_model@1"


@pytest.mark.parametrize("path", [FAKE, LOGISTIC, BOOSTED])
@pytest.mark.parametrize("content", [None, b"", b"no model", b"PK\x03\x04 half a zip", b"{L\x00"])
def test_what_is_no_model_is_refused(path: str, content: bytes | None) -> None:
    names = trainer(path).save(fit(path))
    files = {} if content is None else dict.fromkeys(names, content)
    with pytest.raises(ProjectError) as error:
        trainer(path).load(node(path), files, (0, 1))
    assert (error.value.diagnostics[0].code, error.value.exit_code) == ("E609", 1)


# --------------------------------------------------------------------------------------------------------- libraries


@pytest.mark.parametrize(
    ("path", "params", "words"),
    [
        (
            LOGISTIC,
            {"C": -1},
            "The 'C' parameter of LogisticRegression must be a float in the range (0.0, inf]. Got -1 instead",
        ),
        (LOGISTIC, {"no_such": 1}, "LogisticRegression.__init__() got an unexpected keyword argument 'no_such'"),
        (BOOSTED, {"objective": "foo"}, "Unknown objective function: `foo`"),
        (BOOSTED, {"max_depth": -3}, "value -3 for Parameter max_depth should be greater equal to 0"),
        ("no_such_library.Model", {}, "No module named 'no_such_library'"),
    ],
)  # fmt: skip
def test_failure_is_told_in_the_librarys_first_sentence(path: str, params: dict[str, Any], words: str) -> None:
    found = refusal(path, features(), labels("int"), **params)
    assert (found.code, found.message) == ("E605", f"training income_model@1 failed: {words}")
    assert found.span is not None


@pytest.mark.parametrize("path", [LOGISTIC, BOOSTED])
def test_classifier_of_a_continuous_label(path: str) -> None:
    found = refusal(path, features(), features()["age"])
    assert found.code == "E605"
    assert "continuous" in found.message


def test_missing_values_that_an_estimator_cannot_take_name_the_cure() -> None:
    rows = features()
    rows.loc[3, "age"] = np.nan
    found = refusal(LOGISTIC, rows, labels("int"))
    assert found.message == "training income_model@1 failed: Input X contains NaN"
    assert found.hint == "add impute_median or another imputer to the view's transformations for age"


@pytest.mark.parametrize("path", [LOGISTIC, BOOSTED])
def test_infinite_values_name_the_column(path: str) -> None:
    rows = features()
    rows.loc[3, "age"] = np.inf
    found = refusal(path, rows, labels("int"))
    assert (found.code, found.hint) == ("E605", "there are infinite values in age: cap or filter them")


@pytest.mark.parametrize("path", [BOOSTED, "sklearn.ensemble.HistGradientBoostingClassifier"])
def test_missing_values_that_an_estimator_takes_are_left_to_it(path: str) -> None:
    model = node(path)
    rows = features()
    rows.loc[rows.index % 3 == 0, "age"] = np.nan
    fitted = trainer(path).fit(model, info(model), rows, labels("int"))
    # Of rows without one value in a column, pandas makes objects.
    assert trainer(path).predict(fitted, rows.head(5).assign(age=None)).labels.shape == (5,)


def test_feature_without_any_value_is_left_to_xgboost_and_named_where_it_fails() -> None:
    rows = features().assign(nothing=None)
    model = node(BOOSTED)
    assert XGBoostTrainer().fit(model, info(model), rows, labels("int")).classes == (1, 2)
    found = refusal("sklearn.ensemble.HistGradientBoostingClassifier", rows, labels("int"))
    assert found.code == "E605"
    assert (found.hint or "").startswith("there is not one value in nothing: leave it out")


def test_prediction_that_fails_is_an_error_with_the_cure() -> None:
    with pytest.raises(ProjectError) as error:
        SklearnTrainer().predict(fit(LOGISTIC), features().replace({"age": {features()["age"][0]: np.nan}}))
    found = error.value.diagnostics[0]
    assert (found.code, error.value.exit_code) == ("E619", 1)
    assert found.message == f"{LOGISTIC} cannot predict: Input X contains NaN"
    assert "impute_median" in (found.hint or "")


@pytest.mark.parametrize("path", [LOGISTIC, BOOSTED])
def test_no_value_of_a_hidden_column_is_quoted(path: str) -> None:
    model = node(path).model_copy(update={"pii": ("age",), "label": "age"})
    rows = features().astype(object)
    rows.loc[3, "age"] = "hush"
    with pytest.raises(ProjectError) as error:
        trainer(path).fit(model, info(model), rows, labels("int"))
    assert "hush" not in error.value.diagnostics[0].message
    assert "marked pii (age)" in error.value.diagnostics[0].message

    fitted = trainer(path).fit(model, info(model), features(), labels("int"))
    with pytest.raises(ProjectError) as error:
        trainer(path).predict(fitted, features().assign(age="hush"))
    assert "hush" not in error.value.diagnostics[0].message

    with pytest.raises(ProjectError) as error:
        trainer(path).fit(model, info(model), features(), labels("int").map(lambda _label: 4711))
    assert error.value.diagnostics[0].hint == "every row has the same"


def test_what_is_wrong_with_parameters_is_told_beside_hidden_columns() -> None:
    model = node(LOGISTIC, {"C": -1}).model_copy(update={"pii": ("age",)})
    with pytest.raises(ProjectError, match="The 'C' parameter"):
        SklearnTrainer().fit(model, info(model), features(), labels("int"))


def test_warnings_about_values_are_cut_beside_hidden_columns() -> None:
    heard = ["UserWarning: unknown value 'hush'", "ConvergenceWarning: it did not converge"]
    assert warnings_told(heard, ()) == tuple(heard)
    cut = "UserWarning: its words are not shown, since they may hold a value that is marked pii"
    assert warnings_told(heard, ("age",)) == (cut, heard[1])


def test_warnings_are_kept_and_not_given(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        fitted = fit("sklearn.neural_network.MLPClassifier", {"max_iter": 2})
    assert len(fitted.warnings) == 1
    assert fitted.warnings[0].startswith("ConvergenceWarning: Stochastic Optimizer: Maximum iterations (2) reached")
    assert given == []
    assert capfd.readouterr() == ("", "")


def test_each_thread_hears_its_own_warnings_and_the_filters_come_back() -> None:
    heard: dict[int, list[str]] = {}
    everyone = threading.Barrier(8)

    def work(number: int) -> None:
        everyone.wait()
        with library_warnings() as mine:
            for _ in range(50):
                warnings.warn(f"of {number}\nand more", stacklevel=1)
            heard[number] = list(mine)

    before = list(warnings.filters), warnings.showwarning
    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {n: [f"UserWarning: of {n}"] for n in range(8)}
    assert (list(warnings.filters), warnings.showwarning) == before


def test_seed_is_set_where_the_user_set_none() -> None:
    assert fit(FOREST, {"n_estimators": 2}).estimator.random_state == 7
    assert fit(FOREST, {"n_estimators": 2, "random_state": 3}).estimator.random_state == 3
    assert fit(BOOSTED, {"n_estimators": 2}).estimator.random_state == 7


def test_classes_without_probabilities_give_decision_values() -> None:
    predictions = SklearnTrainer().predict(fit("sklearn.svm.LinearSVC"), features())
    assert predictions.probabilities is None
    assert predictions.scores is not None
    assert (predictions.labels == np.where(predictions.scores > 0, 2, 1)).all()


def test_xgboost_bytes_do_not_depend_on_threads() -> None:
    params = {"n_estimators": 20, "subsample": 0.7}
    one, two = (XGBoostTrainer().save(fit(BOOSTED, {**params, "n_jobs": n})) for n in (1, 2))
    assert one == two


def test_xgboost_reads_rows_again_as_it_was_told() -> None:
    params = {"n_estimators": 3, "missing": 0}
    fitted = fit(BOOSTED, params)
    loaded = XGBoostTrainer().load(node(BOOSTED, params), XGBoostTrainer().save(fitted), fitted.classes)
    assert loaded.estimator.missing == 0


def test_feature_names_are_kept() -> None:
    assert list(fit(LOGISTIC).estimator.feature_names_in_) == list(features().columns)


def test_libraries_are_recorded() -> None:
    assert {"scikit-learn", "numpy", "skops"} <= fit(LOGISTIC).libraries.keys()
    assert {"numpy", "pandas"} <= fit(BOOSTED).libraries.keys()


# ------------------------------------------------------------------------------------------------------- skops files

SAME_BYTES = f"""
import hashlib
from tests.contracts.test_trainer import SklearnTrainer, fit
print(hashlib.sha256(SklearnTrainer().save(fit("{FOREST}", {{"n_estimators": 3}}, "text"))["model.skops"]).hexdigest())
"""


def test_same_bytes_in_another_process() -> None:
    here = hashlib.sha256(SklearnTrainer().save(fit(FOREST, {"n_estimators": 3}, "text"))["model.skops"]).hexdigest()
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", SAME_BYTES],
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "99"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == here


def test_file_holds_no_dates_and_no_addresses() -> None:
    content = SklearnTrainer().save(fit(FOREST, {"n_estimators": 2}))["model.skops"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist()[:2] == ["1.npy", "2.npy"]
        schema = json.loads(archive.read("schema.json"))
    assert schema["__id__"] == 1
    assert canonical(content) == content


def test_a_function_is_refused() -> None:
    import skops.io

    content = skops.io.dumps({"do": os.getcwd})
    with pytest.raises(ProjectError) as error:
        load_estimator(content, {LOGISTIC})
    found = error.value.diagnostics[0]
    assert found.code == "E609"
    assert "getcwd" in found.message
    assert "trusted types" in found.message


@pytest.mark.parametrize("name", ["sklearn.datasets.fetch_openml", "sklearn.externals.joblib.Parallel", "sklearn.svm"])
def test_not_everything_of_scikit_learn_is_trusted(name: str) -> None:
    module, _, short = name.rpartition(".")
    schema = {
        "__class__": short, "__module__": module, "__loader__": "ObjectNode", "__id__": 1, "content": None,
        "protocol": 2, "_skops_version": "0.16",
    }  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    with pytest.raises(ProjectError) as error:
        load_estimator(buffer.getvalue(), {LOGISTIC})
    assert error.value.diagnostics[0].code == "E609"
    assert name in error.value.diagnostics[0].message


def test_another_estimator_than_the_models_is_refused() -> None:
    files = SklearnTrainer().save(fit(FOREST, {"n_estimators": 2}))
    with pytest.raises(ProjectError) as error:
        SklearnTrainer().load(node(LOGISTIC), files, (1, 2))
    assert error.value.diagnostics[0].code == "E609"
    assert "RandomForestClassifier" in error.value.diagnostics[0].message


OWN = """
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
class Notes:
    pass
class Own(ClassifierMixin, BaseEstimator):
    def __init__(self, note=False):
        self.note = note
    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inner_.classes_
        self.notes_ = Notes() if self.note else None
        return self
    def predict(self, X):
        return self.inner_.predict(X)
"""


def test_a_projects_own_class_is_trusted_and_what_else_it_holds_is_not(tmp_path: Path) -> None:
    (tmp_path / "own_estimators.py").write_text(OWN)
    own = SklearnTrainer(tmp_path)
    model = node("own_estimators.Own")
    plain = info(model).model_copy(update={"seed_param": None})
    fitted = own.fit(model, plain, features(), labels("text"))
    loaded = own.load(model, own.save(fitted), fitted.classes)
    assert own.predict(loaded, features()).labels.tolist() == own.predict(fitted, features()).labels.tolist()
    noted = model.model_copy(update={"params": {"note": True}})
    with pytest.raises(ProjectError) as error:
        own.save(own.fit(noted, plain, features(), labels("text")))
    assert error.value.diagnostics[0].code == "E609"
    assert "own_estimators.Notes" in error.value.diagnostics[0].message


def test_what_skops_cannot_write_is_told() -> None:
    class Local:
        def __init__(self) -> None:
            self.stream = (n for n in range(3))

    with pytest.raises(ProjectError) as error:
        dump_estimator(Local(), set())
    assert error.value.diagnostics[0].code == "E609"
    assert "without pickle" in error.value.diagnostics[0].message


def test_each_library_has_its_trainer() -> None:
    assert isinstance(trainer_for("xgboost.XGBRegressor"), XGBoostTrainer)
    assert isinstance(trainer_for(LOGISTIC), SklearnTrainer)
    assert isinstance(trainer_for("my_models.Mine"), SklearnTrainer)
