"""A view's `filter:`: one condition over the base's columns and the joined features."""

from __future__ import annotations

from dataclasses import replace

from mlproj.compiler.bind_errors import bind_hint
from mlproj.compiler.checker import TypeChecker
from mlproj.compiler.fingerprints import fingerprint
from mlproj.compiler.meaning import ConditionMeaning
from mlproj.compiler.notes import warn
from mlproj.compiler.render import SqlRenderer
from mlproj.compiler.view_draft import Draft
from mlproj.compiler.view_node import view_rows
from mlproj.diagnostics import Collector, Span
from mlproj.ports import BindError
from mlproj.state import Column


def check_filter(draft: Draft, checker: TypeChecker, renderer: SqlRenderer, collector: Collector) -> None:
    """The joins are ours and bind; what may fail is the user's condition."""
    condition = draft.view.spec.filter
    if not condition:
        return
    rows, private = view_rows(draft), renderer.private(condition)
    # First without the parentheses that it gets in the view's SQL, which it must not close; then with them.
    for before, after in ((f"select 1\n{rows}\nwhere ", ""), (f"select 1\n{rows}\nwhere (\n", "\n)")):
        try:
            checker.describe(f"{before}{private}{after}", draft.parents())
        except BindError as error:
            position = None if error.position is None else error.position - len(before)
            hint = bind_hint(error, {}) or "it is SQL over the base's columns and the joined features"
            code, message = "E401" if error.syntax else "E402", renderer.hide(error.message, condition)
            collector.error(code, f"filter: {message}", _place(draft, condition, position), hint, draft.node)
            return
    kept = checker.describe(f"select (\n{private}\n) as kept\n{rows}", draft.parents())[0].type
    if kept != "BOOLEAN":
        message = f"filter: a condition is true or false, and this is {kept}"
        collector.error("E402", message, _place(draft, condition, 0), "compare it: … > 0", draft.node)


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
        warn(note, _place(draft, condition, note.position), draft.node, collector)
    uses = {column for symbol in found.uses for column in computed.get(symbol, (symbol,))}
    return found.model_copy(update={"uses": tuple(sorted(uses))})


def _read(condition: str, names: dict[str, Column], checker: TypeChecker) -> ConditionMeaning:
    from mlproj.compiler.semantics import FunctionNames, condition_meaning

    return condition_meaning(condition, names, FunctionNames(*map(checker.functions, FunctionNames.kinds)))


def _place(draft: Draft, condition: str, position: int | None) -> Span:
    """The character of the condition where it stands on one line, with or without quotes; else its start."""
    span = draft.view.locate(("filter",))
    quotes = span.length - len(condition)
    if position is None or not 0 <= position <= len(condition) or quotes not in {0, 2}:
        return span
    return replace(span, column=span.column + quotes // 2 + position, length=1)
