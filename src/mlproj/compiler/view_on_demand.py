"""Features of a view that are computed when they are asked for, from what comes with a request."""

from __future__ import annotations

from mlproj.compiler.bind_errors import bind_hint
from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.expression import expression_meaning, is_one_value, row_of
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.notes import warn
from mlproj.compiler.text import identifier
from mlproj.compiler.transformations.own_function import on_demand_sql, out_of_place
from mlproj.compiler.type_changes import compare_types
from mlproj.compiler.types import is_category, is_numeric, unknown_type_hint
from mlproj.compiler.view_draft import Draft, Named
from mlproj.diagnostics import Collector, did_you_mean
from mlproj.ports import BindError
from mlproj.specs.feature_view import OnDemand as Declared
from mlproj.state import Column, OnDemand

_HINT = "it is SQL over its inputs"


def add_on_demand(draft: Draft, checker: TypeChecker, collector: Collector) -> None:
    """Every declared feature after those of the base and the joins; E427 and E310 for what does not hold."""
    for index, declared in enumerate(draft.view.spec.on_demand):
        said = len(collector)
        taken = next((name for name in draft.wanted if name.casefold() == declared.name.casefold()), None)
        if taken:
            where = draft.view.locate(("on_demand", index, "name"))
            collector.error("E310", f"the view has '{taken}' already", where, "give it another name", draft.node)
        inputs = _inputs(draft, index, declared, checker, collector)
        if len(collector) == said:
            _add(draft, index, declared, inputs, checker, collector)


def _inputs(draft: Draft, index: int, declared: Declared, checker: TypeChecker, collector: Collector) -> dict[str, str]:
    """Inputs with their types as the engine spells them; each is a column of the base that its type can hold."""
    found: dict[str, str] = {}
    columns = {f.name: f.type for f in draft.base.features}
    for name, text in declared.inputs.items():
        place = ("on_demand", index, "inputs", name)
        try:
            found[name] = checker.normalise_type(text)
        except BindError:
            message = f"{declared.name}: unknown type '{text}'"
            collector.error("E427", message, draft.view.locate(place), unknown_type_hint(text), draft.node)
            continue
        if name not in columns:
            hint = did_you_mean(name, columns) or f"it has {', '.join(columns)}"
            message = f"{declared.name}: there is nothing to train on: {draft.base.relation} has no column '{name}'"
            collector.error("E427", message, draft.view.locate(place, key=True), hint, draft.node)
        elif not _holds(found[name], columns[name]):
            message = f"{declared.name}: '{name}' of {draft.base.relation} is {columns[name]}, not {found[name]}"
            hint = f"write {name}: {columns[name]}, or cast the column in its group"
            collector.error("E427", message, draft.view.locate(place), hint, draft.node)
    return found


def _holds(declared: str, column: str) -> bool:
    """Numbers of all types are taken as doubles; else every value of the column has to be one of the input's."""
    return compare_types(column, declared) in ("same", "widened") or (declared == "DOUBLE" and is_numeric(column))


def _add(
    draft: Draft, index: int, declared: Declared, inputs: dict[str, str], checker: TypeChecker, collector: Collector
) -> None:
    place = draft.view.locate(("on_demand", index, "sql"))
    columns = [Column(name=name, type=type_name) for name, type_name in inputs.items()]
    if problem := out_of_place(declared.sql):
        collector.error("E427", f"{declared.name}: the sql {problem}", place, _HINT, draft.node)
        return
    made = OnDemand(sql=declared.sql, inputs=inputs, fingerprint="")
    try:
        kind = checker.describe(f"select\n{declared.sql}\n{row_of(columns)}", [])
        checker.describe(is_one_value(on_demand_sql(made, {name: identifier(name) for name in inputs}), columns), [])
    except BindError as error:
        hint = bind_hint(error, {}) or _HINT
        collector.error("E427", f"{declared.name}: {error.message}", place, hint, draft.node)
        return
    if len(kind) != 1 or not (is_category(kind[0].type) or is_numeric(kind[0].type)):
        what = f"{kind[0].type}, which is no feature" if len(kind) == 1 else f"{len(kind)} values"
        collector.error("E427", f"{declared.name}: it makes {what}", place, "cast it: (…)::DOUBLE", draft.node)
        return
    meaning = expression_meaning(declared.sql, {c.name: c for c in columns}, checker)
    for note in meaning.notes:
        warn(note, place, draft.node, collector)
    base = draft.base.relation
    draft.on_demand[declared.name] = made.model_copy(
        update={
            "fingerprint": fingerprint("on demand", meaning.fingerprint, inputs, kind[0].type),
            "uses": tuple(f"{base}.{name}" for name in inputs),
        }
    )
    sql = on_demand_sql(made, {name: f"b.{identifier(name)}" for name in inputs})
    draft.names = {n: named for n, named in draft.names.items() if n.casefold() != declared.name.casefold()}
    draft.names[declared.name] = Named(sql, kind[0].type, f"{base}.{next(iter(inputs))}")
    draft.wanted[declared.name] = "feature"
