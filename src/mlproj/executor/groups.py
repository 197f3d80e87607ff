"""Materialising feature groups in scratch space."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlproj.compiler.data_test_sql import unique
from mlproj.compiler.text import identifier
from mlproj.diagnostics import Diagnostic, ProjectError, Span
from mlproj.compiler.windows import stored_relation, stored_sql
from mlproj.executor.digests import digests_wanted, whole_digest_sql
from mlproj.executor.lost_file import hint_of
from mlproj.executor.journal import commit_info, journaled
from mlproj.executor.reuse import standing
from mlproj.executor.workspace import GroupOutcome, Workspace, contract_sql
from mlproj.ports import EngineError, TableWrite
from mlproj.state import GroupNode, StepResult
from mlproj.state.runs import Action, StepStatus


def materialise(node: GroupNode, space: Workspace) -> StepResult:
    """Compute the rows of a group, or find that they stand already, or that they are the same as before."""
    started = time.perf_counter()
    inputs = space.inputs_of(node)
    versions = space.versions_below(node)
    found = standing(node, space, inputs, versions)
    if found:
        space.outcomes[node.id] = found[0]
    if found and found[0].digest:
        return result_of(node, "reused", started, space, found[1])
    try:
        outcome = replace(found[0], changed=True) if found else _compute(node, space, inputs, versions)
        outcome = measured(outcome, space)
    except EngineError as error:
        raise explained(node, space, error) from error
    published = space.state.published.get(node.id)
    same = (
        published is not None
        and not space.full_refresh
        and published.digest == outcome.digest
        and published.node.fingerprints.deep == node.fingerprints.deep
    )
    if same and published is not None:
        outcome = replace(outcome, table=published.table, commit=published.commit, owner=published.owner, changed=False)
    space.outcomes[node.id] = outcome
    refuse_trouble(node, outcome.warnings, space)
    said = "the rows came out the same" if same else found[1] if found else ""
    return result_of(node, "reused" if said else "ok", started, space, said, outcome.warnings)


def _compute(node: GroupNode, space: Workspace, inputs: dict[str, str], versions: dict[str, str]) -> GroupOutcome:
    """Make the relation of a group; nothing is known of its rows yet."""
    for parent in node.depends_on:
        space.provide(parent)
    engine, sql = space.adapters.engine, space.fill(stored_sql(node))
    stored = stored_relation(node)
    table = None if node.materialized == "view" else space.table_name(node)
    made = GroupOutcome(node, 0, "", {}, {}, versions, inputs, table, None, changed=True, by=space.build_id)
    if table is None:
        engine.create_view(node.relation, sql)
    elif _too_big(node, space):
        info = commit_info(space, f"write {node.relation}")
        space.intend(node.id, journaled(made, info.message))
        made = replace(made, commit=space.adapters.lake.write([TableWrite(table, sql, node.partition_by)], info))
        engine.create_view(stored, f"select * from {space.adapters.lake.relation(table, made.commit)}")
    else:
        engine.create_table(stored, sql)
    if stored != node.relation:
        engine.create_view(node.relation, contract_sql(node))
    space.made(node.id)
    return made


def _too_big(node: GroupNode, space: Workspace) -> bool:
    sources = [space.manifest.source(s) for s in space.manifest.sources_below(node.id)]
    return sum(space.adapters.sources.size(space.filled(s)) for s in sources) > space.adapters.scratch_limit


def measured(outcome: GroupOutcome, space: Workspace) -> GroupOutcome:
    """Rows, digests, nulls and trouble with keys, in one pass."""
    node = outcome.node
    space.provide(node.id)
    names = [f.name for f in node.features]
    read = digests_wanted(node, space.readers(node.id))
    duplicates = _duplicates_sql(node)
    columns = [
        "count(*)",
        whole_digest_sql(node),
        *read.values(),
        *(f"count(*) - count({identifier(n)})" for n in names),
        duplicates,
    ]
    row = space.adapters.engine.rows(f"select {', '.join(columns)} from {identifier(stored_relation(node))}")[0]
    rows, digest, rest = int(row[0]), str(row[1]), row[2:]
    nulls = dict(zip(names, (int(n) for n in rest[len(read) : -1]), strict=True))
    return replace(
        outcome,
        rows=rows,
        digest=f"{rows}:{digest}",
        column_digests={n: f"{rows}:{d}" for n, d in zip(read, rest[: len(read)], strict=True)},
        null_counts=nulls,
        warnings=tuple(key_warnings(node, rows, nulls, int(rest[-1]))),
        keyed=True,
    )


def _duplicates_sql(node: GroupNode) -> str:
    # With an event_time ties are legal, and the point-in-time join has a rule for them.
    if node.event_time:
        return "0"
    if len(node.primary_key) == 1:
        # What a test counts with a filter, in less time: one column has no part that is null.
        key = identifier(node.primary_key[0])
        return f"count({key}) - count(distinct {key})"
    return unique(node.primary_key).failures


def key_warnings(node: GroupNode, rows: int, nulls: Mapping[str, int], duplicates: int) -> list[str]:
    """What is strange about the rows of a group, in words."""
    found = [] if rows else ["it has no rows"]
    key = node.row_key
    found += [f"{nulls[name]} rows have no {name}, which is part of the key" for name in key if nulls[name]]
    if duplicates:
        found.append(f"{duplicates} rows repeat a key ({', '.join(key)})")
    return found


def refuse_duplicates(node: GroupNode, space: Workspace) -> None:
    """Raises E615 where a group has no usable key and somebody counts on one, if nobody has looked at it yet."""
    outcome = space.outcomes.get(node.id)
    if not node.unique_key or (outcome and outcome.keyed):
        return
    key = node.row_key
    columns = [*(f"count(*) - count({identifier(n)})" for n in key), _duplicates_sql(node)]
    row = space.adapters.engine.rows(f"select {', '.join(columns)} from {identifier(node.relation)}")[0]
    nulls = dict(zip(key, (int(n) for n in row[:-1]), strict=True))
    refuse_trouble(node, key_warnings(node, 1, nulls, int(row[-1])), space)


def refuse_trouble(node: GroupNode, warnings: Sequence[str], space: Workspace) -> None:
    """Raises E615 where a warning is about the key, and somebody counts on one row per key."""
    trouble = [w for w in warnings if "key" in w]
    if node.unique_key and trouble:
        readers = [n.partition(":")[2] for n in space.manifest.children()[node.id] if n.startswith("feature_view:")]
        why = f"views count on one row per key: {', '.join(readers)}" if readers else _own_wish(node)
        raise ProjectError(
            [
                Diagnostic(
                    "E615",
                    f"{node.relation}: {'; '.join(trouble)}",
                    node.span,
                    f"{why}. Make the key unique in {node.sql_path}",
                    node=node.id,
                )
            ],
            exit_code=1,
        )


def _own_wish(node: GroupNode) -> str:
    return "online: true needs one row per key" if node.online else "strategy: merge needs one row per key"


def explained(node: GroupNode, space: Workspace, error: EngineError) -> ProjectError:
    """The engine's error in terms of the file that it is about: a source's, or the group's SQL."""
    for source_id in [p for p in node.depends_on if p.startswith("source:")]:
        source = space.manifest.source(source_id)
        message, hint = space.adapters.explain_read_error(space.filled(source), error)
        if message:
            return ProjectError([Diagnostic("E603", message, source.span, hint, node=node.id)], exit_code=1)
    cure, place = "overflow and bad casts are errors here; try_cast() gives null instead", Span(node.sql_path)
    if node.aggregate is not None:
        cure, place = (
            "a sum or a value does not fit: cast the column in the SQL of a group, and aggregate that",
            node.span,
        )
    hint = hint_of(error, cure if error.kind else None)
    return ProjectError(
        [Diagnostic("E602", f"{node.relation}: {space.said(error, node.id)}", place, hint, node=node.id)],
        exit_code=1,
    )


def result_of(
    node: GroupNode,
    status: StepStatus,
    started: float,
    space: Workspace,
    message: str,
    warnings: tuple[str, ...] = (),
    action: Action = "materialize",
) -> StepResult:
    """How the rows of a group came out."""
    outcome = space.outcomes[node.id]
    return StepResult(
        node=node.id,
        action=action,
        status=status,
        seconds=time.perf_counter() - started,
        rows=outcome.rows,
        commit=outcome.commit,
        message=message,
        warnings=warnings,
    )
