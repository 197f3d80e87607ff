"""The split of every row of a view, as SQL (features.md §5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from mlproj.compiler.text import identifier, identifiers, literal
from mlproj.compiler.transformations.hashing import below_sql, unit_sql
from mlproj.state import SplitRule

SPLITS = ("training", "validation", "test")


def split_sql(split: SplitRule) -> str:
    """SQL of the split's name for a row; null for a row in a gap, or without a time, which belongs to none.

    By hash: u < test, u < test + validation, else training. u is the stable hash of the row's key with the split's
    seed, so that it depends on nothing else.
    """
    if split.by == "time":
        return _by_time(split)
    seed, key = str(split.seed), [identifier(name) for name in split.key]
    if split.stratify:
        return _stratified(split, unit_sql(seed, key))
    cases = f"when {below_sql(seed, key, split.test)} then 'test' " if split.test else ""
    if split.validation:
        cases += f"when {below_sql(seed, key, split.test + split.validation)} then 'validation' "
    return f"case {cases}else 'training' end" if cases else "'training'"


def divided_sql(split: SplitRule, rows: str) -> str:
    """A query of all columns of the query `rows`, and `split`."""
    return f"select *, {split_sql(split)} as split from (\n{rows}\n) as v"


def leaves_rows_out(split: SplitRule) -> bool:
    """Whether there may be rows that belong to no split, or are left out of training."""
    return split.by == "time" or split.downsample is not None


def left_out_sql(split: SplitRule, relation: str) -> tuple[list[str], str]:
    """Reasons, and a query of how many rows of a divided relation are left out for each.

    Down-sampling gives two: the training rows of the class, and those of them that go.
    """
    counted: dict[str, str] = {}
    if split.by == "time":
        time = identifier(split.time or "")
        counted["in the gap"] = f"split is null and epoch_us({time}) is not null"
        counted["without a time"] = f"split is null and epoch_us({time}) is null"
    if split.downsample:
        counted["of the class"] = _of_class(split)
        counted["down-sampled"] = f"not {_sampled(split)}"
    counts = ", ".join(f"count(*) filter (where {condition})" for condition in counted.values())
    return list(counted), f"select {counts} from {relation}"


def folded_sql(split: SplitRule, relation: str) -> str:
    """A query of the rows that are in a split, and `fold` where there are folds: a number for the training rows."""
    conditions = ["split is not null"] if split.by == "time" else []
    conditions += [_sampled(split)] if split.downsample else []
    kept = f"{relation} as s" + (f" where {' and '.join(conditions)}" if conditions else "")
    if split.folds is None:
        return f"select * from {kept}"
    # A seed of its own: the first folds would be empty otherwise, whose rows are in the test split.
    u = unit_sql(f"fold {split.seed}", map(identifier, split.key))
    fold = f"floor({u} * {split.folds})"
    if split.stratify:
        place = f"row_number() over (partition by split, {identifier(split.stratify)} {_ranked(split, u)})"
        fold = f"({place} - 1) % {split.folds}"
    return f"select *, case when split = 'training' then ({fold})::INTEGER end as fold from {kept}"


def _of_class(split: SplitRule) -> str:
    """Whether a row is one of the training rows that are sampled; never null."""
    rule = split.downsample
    assert rule is not None
    of_class = f"{identifier(rule.label)}::VARCHAR is not distinct from {literal(rule.value)}"
    return f"(split is not distinct from 'training' and {of_class})"


def _sampled(split: SplitRule) -> str:
    """Whether a row stays: it is of another class or split, or its own hash, of another seed, is below the share."""
    assert split.downsample is not None
    kept = below_sql(f"downsample {split.seed}", map(identifier, split.rows), split.downsample.keep)
    return f"(not {_of_class(split)} or {kept})"


def _ranked(split: SplitRule, u: str) -> str:
    """Rows of one key are ranked by what tells them apart, so that the order of rows counts for nothing."""
    return f"order by {u}, {identifiers(split.rows or split.key)}"


def _stratified(split: SplitRule, u: str) -> str:
    """The first rows of each class by u: as many as its share comes to, to the nearest whole number."""
    label = identifier(split.stratify or "")
    place = f"row_number() over (partition by {label} {_ranked(split, u)})"
    count = f"count(*) over (partition by {label})"
    shares = [(split.test, "test"), (split.test + split.validation if split.validation else 0.0, "validation")]
    cases = "".join(f"when {place} <= round({count} * {literal(s)}) then '{name}' " for s, name in shares if s)
    return f"case {cases}else 'training' end" if cases else "'training'"


def _by_time(split: SplitRule) -> str:
    """From the begin of a split on rows are in it; closer than the gap before the begin they are in none."""
    at = f"epoch_us({identifier(split.time or '')})"
    cases = f"when {at} is null then null "
    for name, begin in _begins(split, at):
        cases += f"when {at} >= {begin} then '{name}' "
        if split.gap:
            cases += f"when {at} >= {begin} - {split.gap} then null "
    return f"case {cases}else 'training' end"


def _begins(split: SplitRule, at: str) -> Iterator[tuple[str, str]]:
    """Test and validation, the later one first, with SQL of their begin in microseconds since 1970."""
    if split.test_from or split.validation_from:
        for name, moment in (("test", split.test_from), ("validation", split.validation_from)):
            if moment:
                since = datetime.fromisoformat(moment).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
                yield name, str((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)
        return
    span = f"(max({at}) over () - min({at}) over ())"
    for name, share in (("test", split.test), ("validation", split.validation)):
        if share:
            whole = split.test + share if name == "validation" else share
            yield name, f"(max({at}) over () - (round({span} * {literal(whole)}))::BIGINT)"
