"""The example project from a first plan to predictions, as a user goes through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from mlproj import Project
from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.conftest import Built

NODES = [
    "feature_group:income@1",
    "feature_group:income@2",
    "feature_view:income@1",
    "feature_view:income@2",
    "model:income_model@1",
    "model:income_model@2",
]


def test_a_first_plan_lists_everything_as_new(built: Built) -> None:
    plan = built.first_plan.json

    assert built.first_plan.code == 0
    assert (plan["artifact"], plan["version"], plan["project"], plan["target"]) == ("plan", 1, "census", "dev")
    assert {c["node"]: c["change"] for c in plan["changes"]} == dict.fromkeys(NODES, "new")
    assert plan["summary"]["new"] == len(NODES)
    assert plan["summary"]["steps"] == len(plan["steps"])
    assert [s["node"] for s in plan["steps"] if s["action"] == "train"] == NODES[-2:]
    assert all(set(s) == {"action", "node", "reason"} for s in plan["steps"])


def test_exit_code_3_says_that_changes_are_pending(example: Path) -> None:
    assert mlproj(example, "plan", "--exit-code").code == 3
    assert not (example / ".mlproj").exists(), "a plan writes nothing but target/"


def test_build_trains_two_models_better_than_asked(built: Built) -> None:
    results = built.build.json
    trained = {r["model_version"]: r["metrics"]["test"] for r in results["results"] if r["action"] == "train"}

    assert built.build.code == 0
    assert (results["artifact"], results["version"], results["status"]) == ("run_results", 1, "ok")
    assert results["build"]
    assert results["summary"] == {"ok": len(results["results"]), "failed": 0, "skipped": 0, "reused": 0}
    assert trained["income_model@1.1"]["accuracy"] >= 0.75
    assert trained["income_model@2.1"]["accuracy"] >= 0.8


def test_every_row_of_the_results_has_the_published_shape(built: Built) -> None:
    for row in built.build.json["results"]:
        assert {"node", "action", "status", "seconds", "rows", "commit", "message"} <= set(row)
        assert row["status"] == "ok"
        assert row["seconds"] >= 0
        assert bool(row["metrics"]) == bool(row["model_version"]) == (row["action"] == "train")
    rows = {r["node"]: r["rows"] for r in built.build.json["results"] if r["action"] == "materialize"}
    assert set(rows) == set(NODES[:2])
    assert len(set(rows.values())) == 1, "both versions hold the same people"


def test_after_a_build_there_is_nothing_to_do(built_example: Path) -> None:
    plan = ask(built_example, "plan", "--exit-code")
    again = ask(built_example, "build")

    assert plan.code == 0
    assert plan.json["changes"] == plan.json["steps"] == []
    assert again.code == 0
    assert again.json["results"] == []
    assert len(ask(built_example, "models").json["models"]) == 2


def test_artifacts_lie_in_target(built: Built) -> None:
    compiled = {p.relative_to(built.folder / "target" / "compiled").as_posix() for p in built.folder.rglob("*.sql")
                if "compiled" in p.parts}  # fmt: skip

    assert compiled == {f"{kind}/income.v{n}.sql" for kind in ("feature_groups", "feature_views") for n in (1, 2)}
    assert all((built.folder / "target" / f"{name}.json").is_file() for name in ("manifest", "plan", "run_results"))


def test_a_model_version_has_a_card(built: Built) -> None:
    card = ask(built.folder, "show", "income_model@2.1").json

    assert (card["artifact"], card["model_version"], card["status"]) == ("model_version", "income_model@2.1", "passed")
    assert card["estimator"] == "xgboost.XGBClassifier"
    assert card["params"] == {"n_estimators": 200, "max_depth": 4, "learning_rate": 0.1}
    assert [i["name"] for i in card["inputs"]] == [
        "age", "workclass", "education_num", "sex", "capital_gain", "capital_loss", "hours_per_week",
    ]  # fmt: skip
    assert list(card["files"]) == ["model.ubj"]
    assert len(card["files"]["model.ubj"]) == 64
    assert card["training_dataset"].startswith("income@2/td")
    assert set(card["commits"]) == {"feature_group:income@2"}
    assert {"xgboost", "scikit-learn", "numpy"} <= set(card["libraries"])
    assert all(test["passed"] for test in card["tests"])
    assert set(card["metrics"]["test"]) == {"accuracy", "precision", "recall", "roc_auc"}


def test_models_lists_both_with_their_metrics(built: Built) -> None:
    rows = ask(built.folder, "models").json["models"]

    assert [r["model_version"] for r in rows] == ["income_model@1.1", "income_model@2.1"]
    text = mlproj(built.folder, "models").out
    for row in rows:
        assert f"{row['metrics']['test']['accuracy']:.4f}" in text


def test_a_group_shows_its_contract_and_rows_as_of_a_commit(built: Built) -> None:
    commit = ask(built.folder, "history", "income@1").json["entries"][-1]
    card = ask(built.folder, "show", "income@1", "--limit", "3", "--as-of", str(commit["commit"])).json

    assert card["node"] == "feature_group:income@1"
    assert card["published"]["rows"] == commit["rows"]
    assert (commit["author"], commit["build"]) == ("ada", built.build.json["build"])
    assert card["preview"]["columns"] == [f["name"] for f in card["features"]]
    assert len(card["preview"]["rows"]) == 3
    refused = ask(built.folder, "show", "income@1", "--as-of", "9999")
    assert (refused.code, refused.codes) == (2, ["E506"])


def test_as_of_shows_the_rows_of_then(built_shop: Path) -> None:
    before = ask(built_shop, "history", "orders@1").json["entries"][-1]
    source = built_shop / "data" / "orders.csv"
    source.write_text(source.read_text(encoding="utf-8") + "61,1,5.0,1\n", encoding="utf-8")
    assert mlproj(built_shop, "build").code == 0

    then = ask(built_shop, "show", "feature_group:orders@1", "--as-of", str(before["commit"]), "--limit", "100").json
    now = ask(built_shop, "show", "feature_group:orders@1", "--limit", "100").json
    assert (len(then["preview"]["rows"]), len(now["preview"]["rows"])) == (60, 61)
    assert [e["rows"] for e in ask(built_shop, "history", "feature_group:orders@1").json["entries"]] == [60, 61]


def test_views_for_plain_sql_stand_in_the_lake(built: Built) -> None:
    """What the documents promise to consumers: `<target>.income_v1`, and `<target>.income` for the highest."""
    with Project(built.folder) as project:
        lake = project.session.lake
        lake.relation("")
        cursor = project.session.engine.cursor()
        counts = [cursor.sql(f"select count(*) from lake.dev.{v}").fetchone() for v in ("income_v1", "income_v2")]
        newest = [d[0] for d in cursor.sql("select * from lake.dev.income").description]
        assert counts[0] == counts[1]
        assert "fnlwgt" not in newest
        assert {"sex", "workclass"} <= set(newest)


def test_lineage_as_text_json_and_mermaid(built: Built) -> None:
    text = mlproj(built.folder, "lineage", "income@1").out
    document = ask(built.folder, "lineage", "income@1").json
    graph = mlproj(built.folder, "lineage", "income@1", "--mermaid").out
    up = ask(built.folder, "lineage", "model:income_model@1", "--upstream").json

    assert text.index("source:census") < text.index("feature_view:income@1") < text.index("model:income_model@1")
    assert document["nodes"] == [
        "source:census", "feature_group:income@1", "feature_view:income@1", "model:income_model@1",
    ]  # fmt: skip
    assert document["edges"] == [[a, b] for a, b in zip(document["nodes"], document["nodes"][1:], strict=False)]
    assert graph.startswith("graph LR\n")
    assert graph.count("-->") == 3
    assert up["nodes"] == document["nodes"]
    assert ask(built.folder, "lineage", "income@1", "--downstream").json["nodes"] == document["nodes"][1:]


def test_ls_selects_as_dbt_does(built: Built) -> None:
    def listed(*selectors: str) -> set[str]:
        return {n["node"] for n in ask(built.folder, "ls", *(x for s in selectors for x in ("-s", s))).json["nodes"]}

    assert listed() == {"source:census", *NODES}
    assert listed("+income_model@1") == {"source:census", NODES[0], NODES[2], NODES[4]}
    assert listed("kind:model") == set(NODES[4:])
    assert listed("kind:model,income_model@2") == {NODES[5]}
    assert listed("state:modified") == set()


def test_compile_prints_the_sql_that_runs(built: Built) -> None:
    assert "source:census" in ask(built.folder, "compile", "feature_group:income@1").json["sql"]
    assert ask(built.folder, "compile").json["nodes"] == 7


def test_history_of_a_view_a_model_and_the_target(built: Built) -> None:
    build = built.build.json["build"]
    of = {
        node: ask(built.folder, "history", node).json["entries"]
        for node in ("feature_view:income@2", "model:income_model@2")
    }

    assert [e["build"] for e in ask(built.folder, "history").json["entries"]] == [build]
    assert [(e["training_dataset"], e["build"]) for e in of["feature_view:income@2"]] == [("income@2/td1", build)]
    assert [(e["model_version"], e["status"]) for e in of["model:income_model@2"]] == [("income_model@2.1", "passed")]


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_training_data_as_files(built: Built, tmp_path: Path, file_format: str) -> None:
    document = ask(built.folder, "train-data", "income@1", "--out", tmp_path / "out", "--as", file_format).json
    read: Any = {"parquet": pd.read_parquet, "csv": pd.read_csv}[file_format]
    frames = {split: read(tmp_path / "out" / f"{split}.{file_format}") for split in ("training", "test")}

    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"training.{file_format}", f"test.{file_format}"}
    for split, frame in frames.items():
        assert len(frame) == document["rows"][split]
        assert list(frame.columns) == [*document["keys"], *document["features"], document["label"]]
    training = frames["training"][document["features"]]
    assert training.min().tolist() == [0.0] * 6
    assert training.max().tolist() == [1.0] * 6
    assert not set(frames["training"]["person_id"]) & set(frames["test"]["person_id"])


@pytest.mark.parametrize(("source", "target"), [("parquet", "csv"), ("csv", "parquet")])
def test_predict_on_files_agrees_with_python(built: Built, tmp_path: Path, source: str, target: str) -> None:
    with Project(built.folder) as project:
        raw = project.feature_group("income", 2).read().head(50)
        expected = project.model("income_model@2.1").predict(raw)
    given, out = tmp_path / f"people.{source}", tmp_path / f"scored.{target}"
    raw.to_parquet(given) if source == "parquet" else raw.to_csv(given, index=False)

    document = ask(built.folder, "predict", "income_model@2.1", "--input", given, "--out", out).json
    scored = duckdb.sql(f"select * from '{out}'").df()

    assert (document["artifact"], document["rows"]) == ("predictions", 50)
    assert document["model_version"] == "income_model@2.1"
    assert list(scored.columns) == [*raw.columns, "prediction", "probability_0", "probability_1"]
    assert scored["prediction"].tolist() == expected["prediction"].tolist()
    assert scored["probability_1"].tolist() == pytest.approx(expected["probability_1"].tolist(), abs=1e-6)
    assert scored["prediction"].nunique() == 2


def test_predict_applies_the_fitted_transformations(built: Built) -> None:
    """Raw rows through the model give what scikit-learn gives for the stored, scaled rows."""
    with Project(built.folder) as project:
        view = project.feature_view("income", 1)
        _train, x_test, _, y_test = view.train_test_split()
        rows = view.read()
        keys = rows.loc[x_test.index, "person_id"]
        raw = project.feature_group("income", 1).read().set_index("person_id").loc[keys].reset_index()
        model = project.model("income_model@1.1")
        accuracy = model.version.evaluation.metrics["test"]["accuracy"]
        assert (model.predict(raw)["prediction"].to_numpy() == y_test.to_numpy()).mean() == pytest.approx(accuracy)


def test_tests_run_again_on_what_stands(built: Built) -> None:
    results = ask(built.folder, "test")

    assert results.code == 0
    assert [(r["node"], r["action"], r["status"]) for r in results.json["results"]] == [
        (node, "test", "ok") for node in (*NODES[:2], *NODES[4:])
    ]


def test_a_new_project_builds_as_it_stands(tmp_path: Path) -> None:
    made = ask(tmp_path, "init", tmp_path / "new houses")

    assert made.code == 0
    assert {"mlproj.yml", ".gitignore"} <= set(made.json["files"])
    assert (tmp_path / "new houses" / "mlproj.yml").read_text(encoding="utf-8").count("name: new_houses") == 1
    build = ask(tmp_path / "new houses", "build")
    assert build.code == 0, build.err
    assert [r["model_version"] for r in build.json["results"] if r["action"] == "train"] == ["quick_sale@1.1"]
    assert ask(tmp_path / "new houses", "plan").json["changes"] == []
    again = ask(tmp_path, "init", tmp_path / "new houses")
    assert (again.code, again.codes) == (2, ["E109"])


def test_a_saved_plan_is_built_as_it_stands_and_refused_when_stale(shop: Path, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    planned = ask(shop, "plan", "--out", saved)
    assert ask(shop, "build", saved).json["summary"]["ok"] == planned.json["summary"]["steps"]
    stale = ask(shop, "build", saved)
    assert (stale.code, stale.codes) == (2, ["E502"])
