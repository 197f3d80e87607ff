"""A project's functions in Python: in the engine and one row at a time they give the same; what fails is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mlproj.adapters.duckdb_binder import DuckDBBinder
from mlproj.adapters.duckdb_engine import DuckDBEngine
from mlproj.adapters.own_functions import EngineFunctions, OwnFunctionFailed, OwnCode
from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.transformations import Evaluator, apply_sql, compile_chain
from mlproj.compiler.transformations.fitting import Training, fit_stage_sql, learnt
from mlproj.compiler.transformations.own import OwnFunctions
from mlproj.diagnostics import Collector, ProjectError, Span
from mlproj.loader.python_file import python_transformations
from mlproj.ports import EngineError
from mlproj.specs import Transformation
from mlproj.state import Column, FittedStatistics

FILE = """
import numpy as np
from mlproj import transformation

@transformation(statistics={"mean": "avg(x)", "high": "quantile_cont(x, upto)"})
def squash(x, mean, high, *, upto: float = 1.0, power=1):
    return np.where(np.isnan(x), np.nan, np.minimum(x, high) - mean) ** power

@transformation(takes="VARCHAR", returns="BIGINT")
def letters(x, letter: str):
    return np.array([None if v is None else v.count(letter) for v in x], dtype=object)

@transformation(takes="DATE", returns="BOOLEAN")
def first(x):
    return x == x.astype("datetime64[M]").astype(x.dtype)

@transformation(returns="VARCHAR")
def sign(x):
    return np.where(x < 0, "minus", "plus")

@transformation
def whole(x):
    return x.sum()

@transformation(returns="BIGINT")
def halves(x):
    return x / 2

@transformation
def fails(x):
    raise KeyError("no such thing")
"""
CHECKER = TypeChecker(DuckDBBinder(), {})


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    found = DuckDBEngine(threads=2)
    yield found
    found.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "transformations").mkdir()
    (tmp_path / "transformations" / "a.py").write_text(FILE, encoding="utf-8")
    return tmp_path


def fitted(root: Path, engine: DuckDBEngine, step: Any, type_name: str, values: list[Any]) -> FittedStatistics:
    collector = Collector()
    own = OwnFunctions(python_transformations("transformations/a.py", FILE, collector), CHECKER, collector)
    written = Transformation.model_validate(step)
    chain = compile_chain([written], "x", type_name, lambda _i: Span("v.yml"), "v", collector, own)
    assert chain, collector.errors
    rows = ", ".join(f"({i}, 'training', {v})" for i, v in enumerate(values))
    engine.create_table("t", f"select i, split, x::{type_name} as x from (values {rows}) as v(i, split, x)")
    EngineFunctions(root, engine).provide({"x": chain})
    found = FittedStatistics(chains={"x": chain}, values={"x": ()})
    sql, wanted = fit_stage_sql(found.chains, {"x": type_name}, found, 0, "t", Training(None, "0"))
    return learnt(found.chains, 0, found, wanted, engine.rows(sql)[0] if sql else ())


def both(root: Path, engine: DuckDBEngine, step: Any, type_name: str, values: list[Any]) -> list[Any]:
    statistics = fitted(root, engine, step, type_name, values)
    found = [x for _i, x in engine.rows(f"{apply_sql([('x', type_name)], statistics, 't', ['i'])} order by i")]
    raw = [x for (x,) in engine.rows("select x from t order by i")]
    online = Evaluator([Column(name="x", type=type_name)], statistics, OwnCode(root))
    assert online.columns({"x": raw})["x"] == found
    assert [online.row({"x": x})["x"] for x in raw] == found
    return found


def test_numbers_with_statistics_and_arguments(root: Path, engine: DuckDBEngine) -> None:
    values = ["1", "null", "'nan'::DOUBLE", "3", "'inf'::DOUBLE"]
    assert both(root, engine, "squash", "DOUBLE", values) == [-1.0, None, None, 1.0, 1.0]
    assert both(root, engine, {"squash": {"upto": 0.5, "power": 2}}, "BIGINT", ["1", "3"]) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("step", "type_name", "values", "expected"),
    [
        ({"letters": {"letter": "ä"}}, "VARCHAR", ["'äbä'", "null", "''"], [2, None, 0]),
        ("first", "DATE", ["'2026-01-01'", "'2026-01-02'"], [True, False]),
        ("sign", "DECIMAL(9,2)", ["-1.5", "2"], ["minus", "plus"]),
    ],
)  # fmt: skip
def test_types(root: Path, engine: DuckDBEngine, step: Any, type_name: str, values: list[Any], expected: Any) -> None:
    assert both(root, engine, step, type_name, values) == expected


def test_many_rows_go_through_in_parts(root: Path, engine: DuckDBEngine) -> None:
    values = [str(i) for i in range(5000)]
    assert sum(both(root, engine, "squash", "DOUBLE", values)) == pytest.approx(0)


@pytest.mark.parametrize(
    ("name", "said"),
    [("whole", "each value makes one"), ("halves", "no whole number"), ("fails", "KeyError: 'no such thing'")],
)
def test_what_a_function_does_wrong_is_said(root: Path, engine: DuckDBEngine, name: str, said: str) -> None:
    statistics = fitted(root, engine, name, "DOUBLE", ["1", "2"])
    with pytest.raises(EngineError) as error:
        engine.rows(apply_sql([("x", "DOUBLE")], statistics, "t"))
    assert error.value.message.startswith(f"transformation '{name}' in transformations/a.py: ")
    assert said in error.value.message
    with pytest.raises(OwnFunctionFailed, match=said):
        Evaluator([Column(name="x", type="DOUBLE")], statistics, OwnCode(root)).columns({"x": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FILE.replace("x < 0", "x <= 0"), "computes something else now"), ("", "is not there any more"),
        ("raise ImportError('no such library')\n" + FILE, "does not run: ImportError: no such library"),
        (None, "cannot be read"),
    ],
)  # fmt: skip
def test_another_file_is_refused(root: Path, engine: DuckDBEngine, text: str | None, said: str) -> None:
    statistics = fitted(root, engine, "sign", "DOUBLE", ["1"])
    path = root / "transformations" / "a.py"
    path.write_text(text, encoding="utf-8") if text is not None else path.unlink()
    for make in (
        lambda: EngineFunctions(root, engine).provide(statistics.chains),
        lambda: Evaluator([Column(name="x", type="DOUBLE")], statistics, OwnCode(root)),
    ):
        with pytest.raises(ProjectError) as error:
            make()
        assert error.value.diagnostics[0].code == "E621"
        assert said in error.value.diagnostics[0].message


def test_dates_are_numpys(root: Path, engine: DuckDBEngine) -> None:
    online = Evaluator(
        [Column(name="x", type="DATE")], fitted(root, engine, "first", "DATE", ["'2026-01-01'"]), OwnCode(root)
    )
    assert online.row({"x": date(2026, 2, 1)}) == {"x": True}
    assert online.row({"x": "2026-02-03"}) == {"x": False}
