"""Which rows of a view are frozen, and what they weigh in training."""

from __future__ import annotations

from typing import NamedTuple

from mlproj.compiler.splits import divided_sql, folded_sql, left_out_sql, leaves_rows_out
from mlproj.compiler.text import identifier, literal
from mlproj.compiler.view_split import BALANCED
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.ports import Engine
from mlproj.state import Sampled, ViewNode

WEIGHT = "sample_weight"  # the column of a training dataset


class Division(NamedTuple):
    """How many rows are left out, by reason, and the class that was sampled."""

    left_out: dict[str, int]
    sampled: Sampled | None


def divide(view: ViewNode, rows: str, engine: Engine, table: str, *, stored: bool) -> Division:
    """Make a table, or a view, of the rows that are in a split. Raises E622 where no row is of the sampled class.

    `stored` says whether the base is a table, and not a view that would be computed again.
    """
    split, divided = view.split, divided_sql(view.split, rows)
    if not leaves_rows_out(split):
        create = engine.create_view if looked_at_twice(view, stored=stored) else engine.create_table
        create(table, folded_sql(split, f"(\n{divided}\n)"))
        return Division({}, None)
    whole = f"divided:{view.relation}"
    engine.create_table(whole, divided)
    engine.create_table(table, folded_sql(split, identifier(whole)))
    reasons, sql = left_out_sql(split, identifier(whole))
    counts = dict(zip(reasons, map(int, engine.rows(sql)[0]), strict=True))
    of_class, rule = counts.pop("of the class", 0), split.downsample
    if rule is not None and not of_class:
        message = f"no training row of {view.relation} is of the class {rule.value!r}, which is to be sampled"
        raise _failure(view, message, f"look at the values of '{rule.label}'")
    kept = of_class - counts.get("down-sampled", 0)
    sampled = Sampled(label=rule.label, value=rule.value, rows=of_class, kept=kept) if rule else None
    return Division({reason: count for reason, count in counts.items() if count}, sampled)


def looked_at_twice(view: ViewNode, *, stored: bool) -> bool:
    """Whether rows stay a view: one look at a table is as well done twice; a join, a filter or a rank is not."""
    split = view.split
    ranked = split.by != "hash" or split.stratify or leaves_rows_out(split)
    return stored and not (view.joins or view.filter or ranked)


def weighed(view: ViewNode, engine: Engine, relation: str) -> tuple[str, dict[str, float]]:
    """The relation with its weights as a column, null outside training; and the weight of every class, if balanced.

    Balanced is n / (k * rows of the class), for n training rows with a label and k classes, as scikit-learn has it.
    Raises E622 for weights that are null, negative or not finite.
    """
    weight, label = view.split.weight, view.label
    if weight is None:
        return relation, {}
    training = "split = 'training'" + (f" and {identifier(label)} is not null" if label else "")
    classes: dict[str, float] = {}
    if weight == BALANCED:
        text = f"{identifier(label or '')}::VARCHAR"
        counts = engine.rows(f"select {text}, count(*) from {relation} where {training} group by 1 order by 1")
        total = sum(count for _value, count in counts)
        classes = {str(value): total / (len(counts) * count) for value, count in counts}
        cases = " ".join(f"when {literal(value)} then {literal(w)}" for value, w in classes.items())
        value = f"case {text} {cases} end" if cases else "null::DOUBLE"
    else:
        value = f"{identifier(weight)}::DOUBLE"
        _refuse_weights(view, engine, f"{relation} where {training}", value)
    return f"(select *, case when {training} then {value} end as {WEIGHT} from {relation}) as w", classes


def _refuse_weights(view: ViewNode, engine: Engine, rows: str, value: str) -> None:
    conditions = (f"{value} is null", f"{value} < 0", f"not isfinite({value})", f"{value} > 0")
    counts = ", ".join(f"count(*) filter (where {condition})" for condition in conditions)
    null, negative, infinite, positive = map(int, engine.rows(f"select {counts} from {rows}")[0])
    found = {"null": null, "negative": negative, "not finite": infinite}
    wrong = ", ".join(f"{name} in {count} rows" for name, count in found.items() if count)
    if wrong or not positive:
        message = f"'{view.split.weight}' cannot be what training rows weigh: it is {wrong or 'nowhere above 0'}"
        raise _failure(view, message, "fill it in the group's SQL, or filter these rows")


def _failure(view: ViewNode, message: str, hint: str) -> ProjectError:
    return ProjectError([Diagnostic("E622", message, view.span, hint, node=view.id)], exit_code=1)
