"""A project's own transformations at work: its Python as functions of the engine, and both kinds for a few rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.adapters.duckdb_error import CONFIG, SESSION
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.text import identifier
from mlproj.compiler.transformations.chain import function_of
from mlproj.compiler.transformations.online import Calculate
from mlproj.compiler.transformations.own_function import on_demand_sql, python_name
from mlproj.diagnostics import Collector, Span, fail
from mlproj.loader.python_file import python_transformations
from mlproj.state import OnDemand, OwnFunction, Step

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from mlproj.adapters.duckdb_engine import DuckDBEngine


class OwnCode:
    """`compiler.transformations.online.OwnCode`: SQL in one connection in memory, Python as it is.

    Safe to call from several threads.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open: DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    def step(self, step: Step, statistics: Mapping[str, Any]) -> Calculate:
        assert step.own is not None
        if step.own.kind == "python":
            return self._python(step, step.own, statistics)
        expression = function_of(step).apply("x", step.args, statistics)[0][1]
        calculate = self._of_rows(expression, {"x": step.own.takes})
        return lambda values: calculate([(value,) for value in values])

    def on_demand(self, feature: OnDemand) -> Calculate:
        return self._of_rows(on_demand_sql(feature, {i: identifier(i) for i in feature.inputs}), feature.inputs)

    def _of_rows(self, expression: str, types: Mapping[str, str]) -> Calculate:
        columns = ", ".join(f"unnest(?::{type_name}[]) as {identifier(name)}" for name, type_name in types.items())
        # A list keeps its order; of no rows it is null.
        query = f'select list({expression} order by "mlproj row") from (select {columns}, unnest(?) as "mlproj row")'

        def calculate(rows: Sequence[Any]) -> list[Any]:
            given = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in types]
            with self._lock:
                row = self._connection().execute(query, [*given, list(range(len(rows)))]).fetchone()
            return list(row[0] or []) if row else []

        return calculate

    def _python(self, step: Step, own: OwnFunction, statistics: Mapping[str, Any]) -> Calculate:
        function = loaded(self._root, own)

        def calculate(values: Sequence[Any]) -> list[Any]:
            return _called(function, own, _array(own.takes, values), {**statistics, **step.args})

        return calculate

    def _connection(self) -> DuckDBPyConnection:
        if self._open is None:
            import duckdb

            self._open = duckdb.connect(config={**CONFIG, "threads": "1", "enable_external_access": "false"})
            self._open.execute(SESSION)
        return self._open


class EngineFunctions:
    """Makes functions in Python callable in the engine's SQL, when somebody needs them."""

    def __init__(self, root: Path, engine: DuckDBEngine) -> None:
        self._root, self._engine = root, engine
        self._known: set[str] = set()
        self._database: object = None
        self._lock = threading.Lock()

    def provide(self, chains: Mapping[str, Sequence[Step]]) -> None:
        """Those that chains call. Raises E621 where their file is not what it was, or does not run."""
        with self._lock:
            if self._database is not self._engine.database():  # another after it was closed
                self._database, self._known = self._engine.database(), set()
            for step in _python_steps(chains):
                name = python_name(step.own)
                if name not in self._known:
                    self._create(name, step, step.own)
                    self._known.add(name)

    def _create(self, name: str, step: Step, own: OwnFunction) -> None:
        function, names = loaded(self._root, own), list(own.statistics)

        def call(*columns: Any) -> Any:  # the engine looks its annotations up
            import pyarrow as pa

            x, *learnt = columns
            if not len(x):
                return pa.array([], type=_arrow_type(own.returns))
            given = {n: column[0].as_py() for n, column in zip(names, learnt, strict=True)}
            values = _array(own.takes, x if own.takes == "DOUBLE" else x.to_pylist())
            return pa.array(_called(function, own, values, {**given, **step.args}), type=_arrow_type(own.returns))

        parameters = [own.takes, *own.types.values()]
        _with_parameters(call, ["x", *names])
        self._engine.cursor().create_function(  # type: ignore[call-overload]
            name, call, parameters, own.returns, type="arrow", null_handling="special"
        )


def _with_parameters(function: Callable[..., Any], names: Sequence[str]) -> None:
    """The engine counts them."""
    from inspect import Parameter, Signature

    listed = [Parameter(name, Parameter.POSITIONAL_ONLY) for name in names]
    function.__signature__ = Signature(listed)  # type: ignore[attr-defined]


def loaded(root: Path, own: OwnFunction) -> Callable[..., Any]:
    """The function, from its file, which has to compute what it did. Raises E621."""
    path = root / own.path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _gone(own, "cannot be read") from error
    declared = {f.spec.name: f for f in python_transformations(own.path, text, Collector())}
    if own.function not in declared:
        raise _gone(own, "is not there any more")
    if fingerprint("code", declared[own.function].spec.code) != own.code:
        raise _gone(own, "computes something else now")
    namespace: dict[str, Any] = {"__name__": f"mlproj_transformations.{path.stem}", "__file__": str(path)}
    try:
        exec(compile(text, str(path), "exec"), namespace)  # noqa: S102  (the project's own file, as its build asks)
    except Exception as error:
        message = f"{own.path} does not run: {type(error).__name__}: {error}"
        raise fail("E621", message, span=Span(own.path), exit_code=1) from error
    found: Callable[..., Any] = namespace[own.function]
    return found


def _gone(own: OwnFunction, what: str) -> Exception:
    return fail(
        "E621",
        f"the transformation '{own.function}' {what}, which this was made with",
        hint="put it back, and give what is new a name of its own; or build again",
        span=Span(own.path),
        exit_code=1,
    )


def _python_steps(chains: Mapping[str, Sequence[Step]]) -> Iterable[Any]:
    return (step for chain in chains.values() for step in chain if step.own is not None and step.own.kind == "python")


def _array(takes: str, values: Any) -> np.ndarray[Any, Any]:
    """Numbers with NaN for null, times with NaT, texts with None."""
    import numpy as np

    if takes == "DOUBLE":
        if hasattr(values, "to_numpy"):
            return np.asarray(values.to_numpy(), dtype=np.float64)
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    if takes in ("DATE", "TIMESTAMP"):
        return np.array(list(values), dtype="datetime64[us]")
    found = np.empty(len(values), dtype=object)
    found[:] = list(values)
    return found


def _called(
    function: Callable[..., Any], own: OwnFunction, x: np.ndarray[Any, Any], given: dict[str, Any]
) -> list[Any]:
    """Values as Python has them, null for NaN. Raises `OwnFunctionFailed`."""
    import numpy as np

    try:
        with np.errstate(all="ignore"):
            made = np.asarray(function(x, **given))
    except Exception as error:
        raise OwnFunctionFailed(own, f"{type(error).__name__}: {error}") from error
    if made.shape != x.shape:
        raise OwnFunctionFailed(own, f"it made {made.shape} of {x.shape}, where each value makes one")
    cast = _CASTS[own.returns]
    try:
        return [None if v is None or v != v else cast(v) for v in made.tolist()]  # noqa: PLR0124 - NaN
    except (TypeError, ValueError) as error:
        raise OwnFunctionFailed(own, f"it returns {own.returns}, and made {made.dtype}: {error}") from error


class OwnFunctionFailed(ValueError):
    """What a function of the project's own raised, with its name."""

    def __init__(self, own: OwnFunction, said: str) -> None:
        super().__init__(f"transformation '{own.function}' in {own.path}: {said}")


def _whole(value: Any) -> int:
    if int(value) != value:
        raise ValueError(f"{value} is no whole number")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


_CASTS: dict[str, Callable[[Any], Any]] = {"DOUBLE": float, "BIGINT": _whole, "BOOLEAN": bool, "VARCHAR": _text}


def _arrow_type(returns: str) -> pa.DataType:
    import pyarrow as pa

    return {"DOUBLE": pa.float64(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_(), "VARCHAR": pa.string()}[returns]
