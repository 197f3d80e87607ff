"""A view's `filter:`: one condition over the base's columns and the joined features."""

from __future__ import annotations

from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.conditions import Conditions, place_within
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import ConditionMeaning
from mlproj.compiler.notes import warn
from mlproj.compiler.render import SqlRenderer
from mlproj.compiler.view_draft import Draft
from mlproj.compiler.view_node import view_rows
from mlproj.diagnostics import Collector
from mlproj.state import Column


def check_filter(draft: Draft, checker: TypeChecker, renderer: SqlRenderer, collector: Collector) -> None:
    """The joins are ours and bind; what may fail is the user's condition."""
    condition = draft.view.spec.filter
    if not condition:
        return
    conditions = Conditions(view_rows(draft), draft.tables(), draft.node, checker, renderer, collector)
    hint = "it is SQL over the base's columns and the joined features"
    conditions.check("filter", condition, draft.view.locate(("filter",)), hint)


def filter_meaning(draft: Draft, checker: TypeChecker, collector: Collector) -> ConditionMeaning | None:
    """What the condition means and which columns it is made from; None where the view has no filter."""
    condition = draft.view.spec.filter
    if not condition:
        return None
    computed = {f"on demand {feature.fingerprint}": feature.uses for feature in draft.on_demand.values()}
    symbols = {name: f"on demand {feature.fingerprint}" for name, feature in draft.on_demand.items()}
    names = {n: Column(name=symbols.get(n, named.origin), type=named.type) for n, named in draft.names.items()}
    meaning = checker.remembered(
        fingerprint("condition", condition, names), lambda: _read(condition, names, checker).model_dump(mode="json")
    )
    found = ConditionMeaning.model_validate(meaning)
    for note in found.notes:
        place = place_within(draft.view.locate(("filter",)), condition, note.position)
        warn(note, place, draft.node, collector)
    uses = {column for symbol in found.uses for column in computed.get(symbol, (symbol,))}
    return found.model_copy(update={"uses": tuple(sorted(uses))})


def _read(condition: str, names: dict[str, Column], checker: TypeChecker) -> ConditionMeaning:
    from mlproj.compiler.semantics import FunctionNames, condition_meaning

    return condition_meaning(condition, names, FunctionNames(*map(checker.functions, FunctionNames.kinds)))
